import { basename } from "node:path";
import type { Finding, SourceTree } from "./source-tree.ts";

type Level = "core" | "adapters" | "apps" | "testing";

interface Room {
  /** `core/base`; its package is `@vedette/base`. */
  readonly path: string;
  readonly name: string;
  readonly level: Level;
  readonly purpose: unknown;
  readonly uses: readonly string[];
  /** Packages from outside the house, each with what it saves us. */
  readonly outside: Readonly<Record<string, unknown>>;
}

const MAY_USE: Readonly<Record<Level, readonly Level[]>> = {
  core: ["core"],
  adapters: ["core"],
  apps: ["core", "adapters"],
  testing: ["core", "adapters", "apps", "testing"],
};

/** The one program that is made of other apps. */
const COMPOSED_APPS: Readonly<Record<string, readonly string[]>> = { "apps/cli": ["apps/edge", "apps/control"] };

interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly exports?: object;
  readonly dependencies?: object;
  readonly optionalDependencies?: object;
  readonly devDependencies?: object;
}

/** A room README is read before every first change in the room. */
const README_LINES_MAX = 40;

/** Holds rooms.json, the manifests and the furniture of the rooms against each other (ARCHITECTURE: Rooms, Walls). */
export function checkRooms(tree: SourceTree): Finding[] {
  const rooms = readRooms(tree);
  const onDisk = new Set(tree.files.flatMap((file) => /^(?:core|adapters|apps|testing)\/[^/]+/.exec(file) ?? []));
  const built = rooms.filter(({ path }) => onDisk.has(path));
  return [
    ...checkListed(onDisk, rooms),
    ...rooms.flatMap(checkPlan),
    ...rooms.flatMap((room) => checkDirection(room, rooms)),
    ...checkAcyclic(rooms),
    ...built.flatMap((room) => checkManifest(tree, room)),
    ...built.flatMap((room) => checkReadme(tree, room)),
    ...built.flatMap((room) => checkDoor(tree, room, rooms)),
    ...built.flatMap((room) => checkImports(tree, room)),
  ];
}

/** Rooms by path, as rooms.json lists them. */
export function readRooms(tree: SourceTree): Room[] {
  const listed = JSON.parse(tree.read("rooms.json")) as Record<string, Partial<Room>>;
  return Object.entries(listed).map(([path, { purpose, uses = [], outside = {} }]) => ({
    path,
    name: basename(path),
    level: path.split("/")[0] as Level,
    purpose,
    uses,
    outside,
  }));
}

/** The folders on disk and the rooms in the list are the same, and no two rooms share a name. */
function checkListed(onDisk: ReadonlySet<string>, rooms: readonly Room[]): Finding[] {
  const listed = new Set(rooms.map(({ path }) => path));
  const found: Finding[] = [];
  for (const path of [...onDisk].filter((each) => !listed.has(each)))
    found.push({ rule: "room-listed", file: path, message: "is no room of rooms.json; list it with purpose and uses" });
  for (const path of [...listed].filter((each) => !onDisk.has(each)))
    found.push({ rule: "room-listed", file: "rooms.json", message: `lists ${path}, which has no files` });
  const names = rooms.map(({ name }) => name);
  for (const name of names.filter((each, at) => names.indexOf(each) !== at))
    found.push({ rule: "room-listed", file: "rooms.json", message: `lists two rooms named ${name}` });
  return found;
}

function checkPlan({ path, purpose, outside }: Room): Finding[] {
  const at = { rule: "room-purpose", file: "rooms.json" };
  const found: Finding[] = [];
  if (!isSentence(purpose)) found.push({ ...at, message: `${path} has no purpose` });
  for (const [name, reason] of Object.entries(outside))
    if (!isSentence(reason)) found.push({ ...at, message: `${path} does not say what ${name} saves` });
  return found;
}

function isSentence(text: unknown): boolean {
  return typeof text === "string" && text.trim() !== "";
}

function checkDirection(room: Room, rooms: readonly Room[]): Finding[] {
  return room.uses.flatMap((name) => {
    const used = rooms.find((each) => each.name === name);
    if (!used) return [{ rule: "room-listed", file: "rooms.json", message: `${room.path} uses unknown room ${name}` }];
    const mayUse = MAY_USE[room.level]?.includes(used.level) || COMPOSED_APPS[room.path]?.includes(used.path);
    if (mayUse) return [];
    return [{ rule: "room-direction", file: "rooms.json", message: `${room.path} must not use ${used.path}` }];
  });
}

function checkAcyclic(rooms: readonly Room[]): Finding[] {
  const done = new Set<string>();
  const found: Finding[] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    if (trail.includes(name)) {
      const cycle = [...trail.slice(trail.indexOf(name)), name].join(" → ");
      found.push({ rule: "room-cycle", file: "rooms.json", message: `rooms use each other in a circle: ${cycle}` });
    } else if (!done.has(name)) {
      for (const used of rooms.find((room) => room.name === name)?.uses ?? []) visit(used, [...trail, name]);
      done.add(name);
    }
  };
  for (const { name } of rooms) visit(name, []);
  return found;
}

function checkManifest(tree: SourceTree, room: Room): Finding[] {
  const file = `${room.path}/package.json`;
  if (!tree.has(file)) return [{ rule: "room-manifest", file, message: "is missing" }];
  const manifest = JSON.parse(tree.read(file)) as Manifest;
  const found: Finding[] = [];
  const expect = (field: string, actual: unknown, wanted: unknown): void => {
    const message = `${field} is ${JSON.stringify(actual)}, should be ${JSON.stringify(wanted)}`;
    if (JSON.stringify(actual) !== JSON.stringify(wanted)) found.push({ rule: "room-manifest", file, message });
  };
  expect("name", manifest.name, `@vedette/${room.name}`);
  expect("private", manifest.private, true);
  expect("type", manifest.type, "module");
  expect("exports", manifest.exports, { ".": "./src/index.ts" });
  const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const rooms = dependencies.filter((name) => name.startsWith("@vedette/")).map((name) => basename(name));
  expect("the rooms in dependencies", rooms.sort(), [...room.uses].sort());
  const outside = dependencies.filter((name) => !name.startsWith("@vedette/"));
  expect("the packages in dependencies", outside.sort(), Object.keys(room.outside).sort());
  expect("devDependencies", manifest.devDependencies, undefined);
  return found;
}

function checkReadme(tree: SourceTree, { path }: Room): Finding[] {
  const at = { rule: "room-readme", file: `${path}/README.md` };
  if (!tree.has(at.file)) return [{ ...at, message: "is missing: what I know, what I never do, who calls me" }];
  const lines = tree.read(at.file).trimEnd().split("\n").length;
  return lines > README_LINES_MAX ? [{ ...at, message: `has ${lines} lines, at most ${README_LINES_MAX}` }] : [];
}

/** A program starts at main.ts; tests and benches that no room uses have nothing to open. */
function checkDoor(tree: SourceTree, { path, name, level }: Room, rooms: readonly Room[]): Finding[] {
  if (level === "testing" && !rooms.some(({ uses }) => uses.includes(name))) return [];
  const doors = path in COMPOSED_APPS ? ["index.ts", "main.ts"] : ["index.ts"];
  if (doors.some((door) => tree.has(`${path}/src/${door}`))) return [];
  return [{ rule: "room-door", file: path, message: `has no door: src/${doors.join(" or src/")}` }];
}

/** Biome sees undeclared imports in product rooms; this also sees them in `testing`, where Biome is told to look away. */
function checkImports(tree: SourceTree, { path, uses }: Room): Finding[] {
  return sourcesOf(tree, path).flatMap((file) => {
    const names = new Set(Array.from(tree.read(file).matchAll(/from "@vedette\/([^"/]+)/g), ([, name]) => name ?? ""));
    return [...names]
      .filter((name) => !uses.includes(name))
      .map((name) => ({ rule: "room-imports", file, message: `imports ${name}, which rooms.json does not list here` }));
  });
}

function sourcesOf(tree: SourceTree, path: string): string[] {
  return tree.files.filter(
    (file) => file.startsWith(`${path}/src/`) && file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
}
