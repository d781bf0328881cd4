import {
  isArray,
  isObject,
  isSet,
  kindOf,
  memberOf,
  ObjectBuilder,
  type ObjectValue,
  RegoSet,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { elementsOf, operandMeaningFailure, operandOneOfFailure } from "./operands.ts";

/** A path into a document: `"a/b"` with RFC 6901's escapes, or an array of any keys. The empty path is the document. */
export function parsePath(path: Value): readonly Value[] | BuiltinFailure {
  if (isArray(path)) return path;
  if (typeof path === "string")
    return path === "" ? [] : path.replace(LEADING_SLASHES, "").split("/").map(unescapePart);
  return operandMeaningFailure(
    2,
    `must be one of {set, array} containing string paths or array of path segments but got ${kindOf(path)}`,
  );
}

const LEADING_SLASHES: RegExp = /^\/+/;

function unescapePart(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

/**
 * Many paths as one tree: an object at every fork, null where a path ends. A path that another one starts with ends
 * there; the empty path says nothing.
 */
export function parsePathTree(context: BuiltinContext, paths: Value): ObjectValue | BuiltinFailure {
  const elements = elementsOf(paths);
  if (elements === undefined) return operandOneOfFailure(2, ["set", "array"], paths);
  const parsed: (readonly Value[])[] = [];
  for (const element of elements) {
    const path = parsePath(element);
    if (path instanceof BuiltinFailure) return path;
    context.spend(1 + path.length);
    if (path.length > 0) parsed.push(path);
  }
  return treeOf(parsed, 0);
}

function treeOf(paths: readonly (readonly Value[])[], depth: number): ObjectValue {
  const groups: (readonly Value[])[][] = [];
  const groupByKey = new ObjectBuilder();
  for (const path of paths) {
    const key = path[depth] as Value;
    const group = groupByKey.get(key);
    if (group === undefined) groupByKey.set(key, groups.push([path]) - 1);
    else groups[group as number]?.push(path);
  }
  return ObjectBuilder.from(
    groups.map((group) => {
      const hasEnd = group.some((path) => path.length === depth + 1);
      return [group[0]?.[depth] as Value, hasEnd ? null : treeOf(group, depth + 1)] as const;
    }),
  );
}

/** What of a value lies on the paths of a tree. Items of an array are named by their index as a string. */
export function keepPaths(context: BuiltinContext, value: Value, tree: Value): Value {
  return isObject(tree)
    ? select(context, value, (key, child) => keepBelow(context, child, memberOf(tree, key)))
    : value;
}

function keepBelow(context: BuiltinContext, child: Value, tree: Value | undefined): Value | undefined {
  return tree === undefined ? undefined : keepPaths(context, child, tree);
}

/** What of a value does not lie on the paths of a tree; undefined when it is the end of a path itself. */
export function removePaths(context: BuiltinContext, value: Value, tree: Value | undefined): Value | undefined {
  if (tree === undefined) return value;
  return isObject(tree)
    ? select(context, value, (key, child) => removePaths(context, child, memberOf(tree, key)))
    : undefined;
}

/** The collection again, of what `pick` makes of each child, and without those of which it makes nothing. */
function select(context: BuiltinContext, value: Value, pick: (key: Value, child: Value) => Value | undefined): Value {
  if (isArray(value)) {
    context.spend(value.length);
    return value.map((item, i) => pick(String(i), item)).filter((item) => item !== undefined);
  }
  if (isSet(value)) {
    context.spend(value.size);
    return RegoSet.of(
      value.elements.map((element) => pick(element, element)).filter((element) => element !== undefined),
    );
  }
  if (!isObject(value)) return value;
  const selected = new ObjectBuilder();
  for (const key of sortedKeysOf(value)) {
    context.spend(1);
    const child = pick(key, memberOf(value, key) as Value);
    if (child !== undefined) selected.set(key, child);
  }
  return selected.build();
}
