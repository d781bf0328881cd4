import { ANY, anyOf, arrayOf, BOOLEAN, functionOf, objectOf, STRING, setOf, type Type } from "../types.ts";
import {
  isArray,
  isObject,
  isSet,
  memberOf,
  ObjectBuilder,
  type ObjectValue,
  RegoSet,
  sizeOfObject,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";
import { valueAt } from "./collection-builtins.ts";
import { patchJson } from "./json-patch.ts";
import { keepPaths, parsePathTree, removePaths } from "./json-paths.ts";
import { objectSubset } from "./object-subset.ts";
import { elementFailure, operandOneOfFailure, taking } from "./operands.ts";

const OBJECT = objectOf(ANY, ANY);
const COLLECTION = anyOf(arrayOf(ANY), OBJECT, setOf(ANY));
const PATH = anyOf(STRING, arrayOf(ANY));
const PATHS = anyOf(arrayOf(PATH), setOf(PATH));
const PATCH: Type = {
  type: "object",
  static: [
    { key: "op", value: STRING },
    { key: "path", value: ANY },
  ],
  dynamic: { key: ANY, value: ANY },
};

/** OPA policy reference, "Objects" and the builtins on JSON documents in place. */
export const OBJECT_BUILTINS: readonly Builtin[] = [
  {
    name: "object.get",
    type: functionOf([OBJECT, ANY, ANY], ANY),
    run: taking(["object", "any", "any"], get),
  },
  {
    name: "object.keys",
    type: functionOf([OBJECT], setOf(ANY)),
    run: taking(["object"], (context, object) => {
      context.spend(sizeOfObject(object));
      return RegoSet.of(sortedKeysOf(object));
    }),
  },
  {
    name: "object.remove",
    type: functionOf([OBJECT, COLLECTION], OBJECT),
    run: taking(["object", "any"], (context, object, keys) => select(context, object, keys, false)),
  },
  {
    name: "object.filter",
    type: functionOf([OBJECT, COLLECTION], OBJECT),
    run: taking(["object", "any"], (context, object, keys) => select(context, object, keys, true)),
  },
  {
    name: "object.union",
    type: functionOf([OBJECT, OBJECT], OBJECT),
    run: taking(["object", "object"], merge),
  },
  {
    name: "object.union_n",
    type: functionOf([arrayOf(OBJECT)], OBJECT),
    run: taking(["array"], (context, objects) => {
      let merged: ObjectValue = {};
      for (const object of objects) {
        if (!isObject(object)) return elementFailure(1, objects, "object", object);
        merged = merge(context, merged, object);
      }
      return merged;
    }),
  },
  {
    name: "object.subset",
    type: functionOf([COLLECTION, COLLECTION], BOOLEAN),
    run: taking(["any", "any"], objectSubset),
  },
  {
    name: "json.filter",
    type: functionOf([OBJECT, PATHS], OBJECT),
    run: taking(["object", "any"], (context, object, paths) => {
      const tree = parsePathTree(context, paths);
      return tree instanceof BuiltinFailure ? tree : keepPaths(context, object, tree);
    }),
  },
  {
    name: "json.remove",
    type: functionOf([OBJECT, PATHS], OBJECT),
    run: taking(["object", "any"], (context, object, paths) => {
      const tree = parsePathTree(context, paths);
      return tree instanceof BuiltinFailure ? tree : removePaths(context, object, tree);
    }),
  },
  {
    name: "json.patch",
    type: functionOf([ANY, arrayOf(PATCH)], ANY),
    run: taking(["any", "array"], patchJson),
  },
];

/** A key that is an array is a path; to get at a member whose key is an array, wrap it in one more. */
function get(_: BuiltinContext, object: ObjectValue, key: Value, fallback: Value): Value {
  let value: Value | undefined = object;
  for (const part of isArray(key) ? key : [key]) value = value === undefined ? undefined : valueAt(value, part);
  // A member may be null.
  return value === undefined ? fallback : value;
}

function select(context: BuiltinContext, object: ObjectValue, collection: Value, isKept: boolean): BuiltinResult {
  const keys = keysOf(collection);
  if (keys === undefined) return operandOneOfFailure(2, ["object", "set", "array"], collection);
  context.spend(sizeOfObject(object) + keys.size);
  const selected = new ObjectBuilder();
  for (const key of sortedKeysOf(object))
    if (keys.has(key) === isKept) selected.set(key, memberOf(object, key) as Value);
  return selected.build();
}

function keysOf(collection: Value): RegoSet | undefined {
  if (isSet(collection)) return collection;
  if (isArray(collection)) return RegoSet.of(collection);
  return isObject(collection) ? RegoSet.of(sortedKeysOf(collection)) : undefined;
}

/** The right-hand value stands, but where both are objects they are merged. */
function merge(context: BuiltinContext, a: ObjectValue, b: ObjectValue): ObjectValue {
  context.spend(sizeOfObject(a) + sizeOfObject(b));
  const merged = new ObjectBuilder();
  for (const key of sortedKeysOf(a)) merged.set(key, memberOf(a, key) as Value);
  for (const key of sortedKeysOf(b)) {
    const mine = memberOf(a, key);
    const other = memberOf(b, key) as Value;
    merged.set(key, mine !== undefined && isObject(mine) && isObject(other) ? merge(context, mine, other) : other);
  }
  return merged.build();
}
