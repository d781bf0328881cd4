import { ANY, arrayOf, BOOLEAN, functionOf, NUMBER, setOf, tupleOf } from "../types.ts";
import {
  isArray,
  isEqual,
  isObject,
  isScalar,
  isSet,
  kindOf,
  memberOf,
  type RegoSet,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type Builtin, type BuiltinContext, type BuiltinResult, operandFailure } from "./builtin.ts";
import { taking } from "./operands.ts";
import { setDifference, setIntersection, setUnion } from "./set-algebra.ts";

const ARRAY = arrayOf(ANY);
const SET = setOf(ANY);
const SETS = setOf(SET);

/** OPA policy reference, "Arrays" and "Sets", `walk`, and what the compiler makes of `in`. */
export const COLLECTION_BUILTINS: readonly Builtin[] = [
  {
    name: "array.concat",
    type: functionOf([ARRAY, ARRAY], ARRAY),
    run: taking(["array", "array"], (context, a, b) => {
      context.spend(a.length + b.length);
      return a.concat(b);
    }),
  },
  {
    name: "array.slice",
    type: functionOf([ARRAY, NUMBER, NUMBER], ARRAY),
    run: taking(["array", "integer", "integer"], (context, array, start, stop) => {
      const slice = array.slice(Math.max(start, 0), Math.max(stop, 0));
      context.spend(slice.length);
      return slice;
    }),
  },
  {
    name: "array.reverse",
    type: functionOf([ARRAY], ARRAY),
    run: taking(["array"], (context, array) => {
      context.spend(array.length);
      return array.toReversed();
    }),
  },
  {
    name: "array.flatten",
    type: functionOf([ARRAY], ARRAY),
    run: taking(["array"], (context, array) => {
      for (const item of array) context.spend(1 + (isArray(item) ? item.length : 0));
      return array.flat();
    }),
  },
  {
    name: "and",
    infix: "&",
    type: functionOf([SET, SET], SET),
    run: taking(["set", "set"], (context, a, b) => {
      context.spend(Math.min(a.size, b.size));
      return setIntersection(a, b);
    }),
  },
  {
    name: "or",
    infix: "|",
    type: functionOf([SET, SET], SET),
    run: taking(["set", "set"], (context, a, b) => {
      context.spend(a.size + b.size);
      return setUnion(a, b);
    }),
  },
  {
    name: "set_diff",
    type: functionOf([SET, SET], SET),
    run: taking(["set", "set"], (context, a, b) => {
      context.spend(a.size);
      return setDifference(a, b);
    }),
  },
  {
    name: "union",
    type: functionOf([SETS], SET),
    run: taking(["set"], (context, sets) => combine(context, sets, setUnion)),
  },
  {
    name: "intersection",
    type: functionOf([SETS], SET),
    run: taking(["set"], (context, sets) => combine(context, sets, setIntersection)),
  },
  {
    name: "internal.member_2",
    infix: "in",
    type: functionOf([ANY, ANY], BOOLEAN),
    run: taking(["any", "any"], isMember),
  },
  {
    name: "internal.member_3",
    infix: "in",
    type: functionOf([ANY, ANY, ANY], BOOLEAN),
    run: taking(["any", "any", "any"], (context, key, value, collection) => {
      const found = valueAt(collection, key);
      return found !== undefined && isEqual(found, value, context);
    }),
  },
  {
    name: "walk",
    isRelation: true,
    type: functionOf([ANY], tupleOf(ARRAY, ANY)),
    run: taking(["any"], (context, value) => {
      const pairs: Value[] = [];
      walk(context, value, [], pairs);
      return pairs;
    }),
  },
];

function combine(
  context: BuiltinContext,
  sets: RegoSet,
  operation: (a: RegoSet, b: RegoSet) => RegoSet,
): BuiltinResult {
  let combined: RegoSet | undefined;
  for (const set of sets) {
    if (!isSet(set)) return operandFailure(1, "set", kindOf(set));
    context.spend(set.size + (combined?.size ?? 0));
    combined = combined === undefined ? set : operation(combined, set);
  }
  return combined ?? sets;
}

function isMember(context: BuiltinContext, value: Value, collection: Value): boolean {
  if (isSet(collection)) return collection.has(value, context);
  if (isArray(collection)) {
    context.spend(collection.length >>> 3);
    return isScalar(value) ? collection.includes(value) : collection.some((item) => isEqual(item, value, context));
  }
  if (!isObject(collection)) return false;
  const keys = sortedKeysOf(collection);
  context.spend(keys.length);
  return keys.some((key) => isEqual(memberOf(collection, key) as Value, value, context));
}

/** What a reference with this last part names. A set names its elements. */
export function valueAt(collection: Value, key: Value): Value | undefined {
  if (isArray(collection)) return typeof key === "number" ? collection[key] : undefined;
  if (isObject(collection)) return memberOf(collection, key);
  return isSet(collection) && collection.has(key) ? key : undefined;
}

function walk(context: BuiltinContext, value: Value, path: readonly Value[], pairs: Value[]): void {
  context.spend(2 + path.length);
  pairs.push([path, value]);
  if (isArray(value)) for (const [i, item] of value.entries()) walk(context, item, [...path, i], pairs);
  else if (isSet(value)) for (const element of value) walk(context, element, [...path, element], pairs);
  else if (isObject(value))
    for (const key of sortedKeysOf(value)) walk(context, memberOf(value, key) as Value, [...path, key], pairs);
}
