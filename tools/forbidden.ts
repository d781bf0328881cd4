import { readRooms } from "./rooms.ts";
import type { Finding, SourceTree } from "./source-tree.ts";

/** What must never be reachable from a room, however many packages lie in between, and why. */
export type Forbidden = readonly { readonly room: string; readonly packages: Readonly<Record<string, string>> }[];

export const FORBIDDEN: Forbidden = [
  forbid("apps/edge", {
    zod: "454 kB in the bundle against 5 kB for valibot",
    kysely: "the control plane's state has no place on an edge node",
    "@vedette/store": "the control plane's state has no place on an edge node",
    "@vedette/control": "an edge node holds no fleet keys and no code that uses them",
  }),
  forbid("core/policy", {
    valibot: "errors in policies need line and column, which only the located parser knows",
  }),
];

function forbid(room: string, packages: Readonly<Record<string, string>>): Forbidden[number] {
  return { room, packages };
}

/** Follows manifests of rooms, then the lock file for packages from outside. */
export function checkForbidden(tree: SourceTree, forbidden: Forbidden = FORBIDDEN): Finding[] {
  const dependencies = dependenciesByPackage(tree);
  return forbidden.flatMap(({ room, packages }) => {
    const wayTo = reachableFrom(nameOf(room), dependencies);
    return Object.entries(packages)
      .filter(([name]) => wayTo.has(name))
      .map(([name, reason]) => ({
        rule: "forbidden-dependency",
        file: `${room}/package.json`,
        message: `reaches ${wayTo.get(name)?.join(" → ")}: ${reason}`,
      }));
  });
}

function nameOf(room: string): string {
  return room.replace(/^.*\//, "@vedette/");
}

function dependenciesByPackage(tree: SourceTree): ReadonlyMap<string, readonly string[]> {
  const lock = tree.has("package-lock.json") ? JSON.parse(tree.read("package-lock.json")) : { packages: {} };
  const found = new Map<string, readonly string[]>();
  for (const [path, entry] of Object.entries<{ dependencies?: object }>(lock.packages))
    found.set(path.replace(/^.*node_modules\//, ""), Object.keys(entry.dependencies ?? {}));
  for (const { path, uses, outside } of readRooms(tree))
    found.set(nameOf(path), [...uses.map((name) => `@vedette/${name}`), ...Object.keys(outside)]);
  return found;
}

/** Every package that can be reached, with one way to it. */
function reachableFrom(start: string, dependencies: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const wayTo = new Map([[start, [start]]]);
  for (const [name, way] of wayTo)
    for (const next of dependencies.get(name) ?? []) if (!wayTo.has(next)) wayTo.set(next, [...way, next]);
  return wayTo;
}
