import { BigNumber } from "../values/big-number.ts";
import {
  isEqual,
  type Meter,
  memberOf,
  type ObjectBuilder,
  type ObjectValue,
  RegoObject,
  RegoSet,
  sizeOfObject,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { reportConflict } from "./evaluation-error.ts";

/** `source[key]`: a member, an element, of a set the key itself; undefined where there is none. */
export function lookup(source: Value | undefined, key: Value): Value | undefined {
  if (source === undefined || source === null || typeof source !== "object") return undefined;
  // Beyond its elements an array answers with what stands on `Object.prototype`.
  if (Array.isArray(source)) return typeof key === "number" && isIndex(key, source.length) ? source[key] : undefined;
  if (source instanceof RegoSet) return source.has(key) ? key : undefined;
  if (source instanceof BigNumber) return undefined;
  return memberOf(source as ObjectValue, key);
}

function isIndex(key: number, length: number): boolean {
  return key >= 0 && key < length && Number.isInteger(key);
}

/** The member of a document by constant text. */
export function lookupName(source: Value | undefined, name: string): Value | undefined {
  if (source === undefined || source === null || typeof source !== "object" || Array.isArray(source)) return undefined;
  if (source instanceof RegoSet) return source.has(name) ? name : undefined;
  if (source instanceof RegoObject) return source.get(name);
  const document = source as { readonly [key: string]: Value };
  return Object.hasOwn(document, name) ? document[name] : undefined;
}

/** Base data is addressed by text, as paths in files and URLs are. */
export function lookupStored(source: Value | undefined, index: number): Value | undefined {
  const value = lookup(source, index);
  return value === undefined ? lookupName(source, String(index)) : value;
}

export function lookupPath(source: Value | undefined, path: readonly string[]): Value | undefined {
  let value = source;
  for (const name of path) value = lookupName(value, name);
  return value;
}

export function isIterable(value: Value): boolean {
  return value !== null && typeof value === "object" && !(value instanceof BigNumber);
}

/** The keys of a document; with `isOrdered` in Rego's order. Of an array there are none: its indices count. */
export function keysOf(source: Exclude<Value, readonly Value[]> & object, isOrdered: boolean): readonly Value[] {
  if (source instanceof RegoSet) return isOrdered ? source.sorted : source.elements;
  if (source instanceof BigNumber) return [];
  if (source instanceof RegoObject) return isOrdered ? source.sortedKeys : source.keys;
  return isOrdered ? sortedKeysOf(source as ObjectValue) : Object.keys(source);
}

/** `x in xs`: an element of an array or a set, a value of an object; false for what holds none. */
export function isMember(meter: Meter, value: Value, whole: Value): boolean {
  if (whole === null || typeof whole !== "object") return false;
  if (Array.isArray(whole)) {
    meter.spend(whole.length >>> 3);
    for (const item of whole)
      if (item === value || (typeof value === "object" && isEqual(item, value, meter))) return true;
    return false;
  }
  if (whole instanceof RegoSet) return whole.has(value, meter);
  if (whole instanceof BigNumber) return false;
  const keys = keysOf(whole as ObjectValue, false);
  meter.spend(keys.length);
  return keys.some((key) => isEqual(memberOf(whole as ObjectValue, key)!, value, meter));
}

export function hasShape(value: Value, of: "array" | "object", length: number): boolean {
  if (value === null || typeof value !== "object" || value instanceof RegoSet || value instanceof BigNumber)
    return false;
  if (Array.isArray(value)) return of === "array" && value.length === length;
  return of === "object" && sizeOfObject(value as ObjectValue) === length;
}

/** A copy of a document with another value at a path; what is in the way and no object gives way. */
export function replaceAt(
  source: Value | undefined,
  path: readonly string[],
  value: Value,
  spend: (steps: number) => void,
): Value {
  const [name, ...rest] = path;
  spend(1);
  if (name === undefined) return value;
  const copy: Record<string, Value> = Object.create(null);
  const isDocument = source !== null && typeof source === "object" && !Array.isArray(source);
  if (isDocument && !(source instanceof RegoSet) && !(source instanceof RegoObject) && !(source instanceof BigNumber))
    for (const key of Object.keys(source)) copy[key] = (source as { readonly [key: string]: Value })[key]!;
  spend(Object.keys(copy).length);
  copy[name] = replaceAt(copy[name], rest, value, spend);
  return copy;
}

/** Adds a member of an object that a comprehension or a literal makes: one key, one value. */
export function insertOnce(meter: Meter, builder: ObjectBuilder, key: Value, value: Value): void {
  const before = builder.get(key, meter);
  if (before !== undefined && !isEqual(before, value, meter)) reportConflict("keys", undefined);
  builder.set(key, value);
}
