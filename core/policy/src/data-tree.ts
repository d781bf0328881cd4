import { err, ok, type Result } from "@vedette/base";
import { isPlainObject, type PlainObject, type Value } from "@vedette/rego";

/** Names of members from the root of `data` down. */
export type DataPath = readonly string[];

export const NO_DATA: PlainObject = Object.freeze(Object.create(null));

/** A root or a data path as bundles write it: `a/b`, with or without slashes around it; empty for all of `data`. */
export function parseDataPath(text: string): DataPath {
  const path = text.replace(/^\/+|\/+$/g, "");
  return path === "" ? [] : path.split("/");
}

export function isWithin(root: DataPath, path: DataPath): boolean {
  return root.length <= path.length && root.every((name, i) => name === path[i]);
}

export function isWithinAny(roots: readonly DataPath[], path: DataPath): boolean {
  return roots.some((root) => isWithin(root, path));
}

/** Two roots that claim the same data; undefined when each has its own. */
export function findOverlap(
  roots: readonly DataPath[],
  others: readonly DataPath[],
): readonly [DataPath, DataPath] | undefined {
  for (const [i, root] of roots.entries())
    for (const other of roots === others ? roots.slice(i + 1) : others)
      if (isWithin(root, other) || isWithin(other, root)) return [root, other];
  return undefined;
}

/** The first path with data that no root permits; what only leads to a root is permitted. */
export function findOutside(data: PlainObject, roots: readonly DataPath[], path: DataPath = []): DataPath | undefined {
  for (const [name, value] of Object.entries(data)) {
    const at = [...path, name];
    if (isWithinAny(roots, at)) continue;
    const leadsToRoot = isPlainObject(value) && roots.some((root) => isWithin(at, root));
    const outside = leadsToRoot ? findOutside(value, roots, at) : at;
    if (outside) return outside;
  }
  return undefined;
}

/** Both, where each value comes from one of them; the error is the path where both have one. */
export function mergeData(a: PlainObject, b: PlainObject, path: DataPath = []): Result<PlainObject, DataPath> {
  const merged: Record<string, Value> = Object.assign(Object.create(null), a);
  for (const [name, value] of Object.entries(b)) {
    const own = merged[name];
    const at = [...path, name];
    if (own === undefined) merged[name] = value;
    else if (isPlainObject(own) && isPlainObject(value)) {
      const inner = mergeData(own, value, at);
      if (!inner.ok) return inner;
      merged[name] = inner.value;
    } else return err(at);
  }
  return ok(merged);
}

/** The value as the only one of a tree. */
export function treeOf(path: DataPath, value: Value): Value {
  return path.reduceRight<Value>((inner, name) => {
    const outer: Record<string, Value> = Object.create(null);
    outer[name] = inner;
    return outer;
  }, value);
}
