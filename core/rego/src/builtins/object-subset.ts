import {
  isArray,
  isEqual,
  isObject,
  isSet,
  memberOf,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type BuiltinContext, BuiltinFailure } from "./builtin.ts";

/**
 * `object.subset`: members that are collections may be subsets too, elements and items must be equal. An array's part
 * is a run of its items; a set is part of an array that has all its elements.
 */
export function objectSubset(context: BuiltinContext, whole: Value, part: Value): boolean | BuiltinFailure {
  return (
    subset(context, whole, part) ??
    new BuiltinFailure("eval_type_error", "both arguments object.subset must be of the same type or array and set")
  );
}

function subset(context: BuiltinContext, whole: Value, part: Value): boolean | undefined {
  if (isArray(whole) && isSet(part)) return part.elements.every((element) => hasItem(context, whole, element));
  return subsetOfKind(context, whole, part);
}

function subsetOfKind(context: BuiltinContext, whole: Value, part: Value): boolean | undefined {
  if (isObject(whole) && isObject(part)) return hasMembers(context, whole, part);
  if (isSet(whole) && isSet(part)) {
    context.spend(part.size);
    return part.elements.every((element) => whole.has(element));
  }
  return isArray(whole) && isArray(part) ? hasRun(context, whole, part) : undefined;
}

function hasMembers(context: BuiltinContext, whole: ObjectValue, part: ObjectValue): boolean {
  return sortedKeysOf(part).every((key) => {
    context.spend(1);
    const member = memberOf(whole, key);
    if (member === undefined) return false;
    const wanted = memberOf(part, key) as Value;
    return subsetOfKind(context, member, wanted) ?? isEqual(member, wanted);
  });
}

function hasItem(context: BuiltinContext, items: readonly Value[], wanted: Value): boolean {
  context.spend(items.length);
  return items.some((item) => isEqual(item, wanted));
}

function hasRun(context: BuiltinContext, items: readonly Value[], run: readonly Value[]): boolean {
  for (let start = 0; start + run.length <= items.length; start++) {
    const isRun = run.every((wanted, i) => {
      context.spend(1);
      return isEqual(items[start + i] as Value, wanted);
    });
    if (isRun) return true;
  }
  return false;
}
