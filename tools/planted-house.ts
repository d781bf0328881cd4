import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openSourceTree, type SourceTree } from "./source-tree.ts";

const TOP = dirname(import.meta.dirname);

/** The rules under test are the real ones. */
const CONFIGURATION = [
  ".gitignore",
  ".oxlintrc.json",
  "biome.json",
  "knip.json",
  "tsconfig.base.json",
  "tsconfig.core.json",
  "tsconfig.json",
];

const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "core/base": [],
  "core/policy": ["base"],
  "adapters/runtime": ["base"],
  "adapters/net": ["base"],
  "apps/edge": ["base", "policy", "net"],
  "apps/control": ["base"],
  "apps/cli": ["edge", "control"],
  "testing/fakes": ["base", "runtime"],
};

/** A house in a temporary folder; it goes when its test ends. */
export interface PlantedHouse extends Disposable {
  readonly top: string;
  readonly tree: SourceTree;
}

/** Contents by file; undefined takes the file away. */
export type Changes = Readonly<Record<string, string | undefined>>;

/** A small house in which every wall stands, except where `changes` plants something. */
export function plantHouse(changes: Changes = {}): PlantedHouse {
  const top = mkdtempSync(join(tmpdir(), "vedette-house-"));
  for (const file of CONFIGURATION) cpSync(join(TOP, file), join(top, file));
  for (const [file, text] of Object.entries({ ...wholeHouse(), ...changes })) {
    if (text === undefined) continue;
    mkdirSync(join(top, dirname(file)), { recursive: true });
    writeFileSync(join(top, file), text);
  }
  linkModules(top);
  return {
    top,
    tree: openSourceTree(top),
    [Symbol.dispose]: () => rmSync(top, { recursive: true, force: true }),
  };
}

/** The manifest a room has when it uses these rooms; `extra` changes fields. */
export function manifestOf(room: string, uses: readonly string[], extra: object = {}): string {
  const dependencies = Object.fromEntries(uses.map((name) => [`@vedette/${name}`, "0.1.0"]));
  return toText({
    name: nameOf(room),
    version: "0.1.0",
    private: true,
    type: "module",
    exports: { ".": "./src/index.ts" },
    dependencies,
    ...extra,
  });
}

/** rooms.json of the whole house with these entries changed or, when undefined, missing. */
export function roomsWith(changes: Readonly<Record<string, object | undefined>>): string {
  const entries = Object.entries(ROOMS).map(([room, uses]) => [room, { purpose: "to be tested", uses }]);
  const text = toText({ ...Object.fromEntries(entries), ...changes });
  // As the formatter writes it: short lists on one line.
  return text.replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, items: string) => `[${items.replace(/\s+/g, " ")}]`);
}

function wholeHouse(): Record<string, string> {
  const files: Record<string, string> = {
    "rooms.json": roomsWith({}),
    "package.json": toText({
      name: "house",
      private: true,
      type: "module",
      workspaces: ["core/*", "adapters/*", "apps/*", "testing/*"],
      devDependencies: { typescript: "7.0.2" },
    }),
    "tools/house.ts": "console.log(1);\n",
  };
  for (const [room, uses] of Object.entries(ROOMS)) {
    files[`${room}/package.json`] = manifestOf(room, uses);
    files[`${room}/README.md`] = `# ${room}\n`;
    files[`${room}/src/index.ts`] = doorOf(room, uses);
  }
  return files;
}

/** Every room calls each room it uses, so that nothing in the house is dead. */
function doorOf(room: string, uses: readonly string[]): string {
  const name = room.replace(/^.*\//, "");
  const imports = [...uses].sort().map((used) => `import { ${used} } from "@vedette/${used}";\n`);
  const calls = uses.map((used) => ` + ${used}()`);
  return `${imports.join("")}${uses.length > 0 ? "\n" : ""}export function ${name}(): number {\n  return 1${calls.join("")};\n}\n`;
}

function linkModules(top: string): void {
  mkdirSync(join(top, "node_modules/@vedette"), { recursive: true });
  for (const name of readdirSync(join(TOP, "node_modules")))
    if (name !== "@vedette") symlinkSync(join(TOP, "node_modules", name), join(top, "node_modules", name));
  for (const room of Object.keys(ROOMS)) symlinkSync(join(top, room), join(top, "node_modules", nameOf(room)));
}

function nameOf(room: string): string {
  return room.replace(/^.*\//, "@vedette/");
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
