import type { Instant } from "@vedette/base";
import { type Address, type FlatNetworks, isInSome } from "./address.ts";
import type { AttributeValue } from "./attribute-place.ts";
import { type Glob, matchesGlob } from "./glob.ts";
import { RESOURCE_ID_LENGTH_MAX } from "./request.ts";

/** Three-valued logic of Kleene, ordered so that `all` is the least and `any` the greatest (PROTOCOLS 5.1). */
export type Truth = 0 | 1 | 2;
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;

export interface ScalarList {
  readonly type: string;
  readonly values: ReadonlySet<unknown>;
}

/** An attribute with more items is not searched: the answer is unknown. */
const ATTRIBUTE_ITEMS_MAX = 1_000;

/** Attributes of different types, and lists, are neither equal nor different. */
export function areEqual(value: AttributeValue | undefined, other: AttributeValue | undefined): Truth {
  if (value === undefined || typeof value === "object" || typeof value !== typeof other) return UNKNOWN;
  return value === other ? TRUE : FALSE;
}

/** Whether `value` is less than `other`; only numbers have an order. */
export function isLess(value: AttributeValue | undefined, other: AttributeValue | undefined): Truth {
  if (typeof value !== "number" || typeof other !== "number") return UNKNOWN;
  return value < other ? TRUE : FALSE;
}

export function isIn(value: AttributeValue | undefined, list: ScalarList): Truth {
  if (list.values.has(value)) return TRUE;
  return typeof value === list.type ? FALSE : UNKNOWN;
}

export function containsAny(value: AttributeValue | undefined, list: ScalarList): Truth {
  const found = countFound(value, list);
  return found === undefined ? UNKNOWN : found > 0 ? TRUE : FALSE;
}

export function containsAll(value: AttributeValue | undefined, list: ScalarList): Truth {
  const found = countFound(value, list);
  return found === undefined ? UNKNOWN : found === list.values.size ? TRUE : FALSE;
}

/** How many of the list's values the attribute holds; undefined when it is no list of that type. */
function countFound(value: AttributeValue | undefined, { type, values }: ScalarList): number | undefined {
  if (!isList(value) || value.length > ATTRIBUTE_ITEMS_MAX) return undefined;
  let found = 0;
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== type) return undefined;
    if (values.has(value[i]) && value.indexOf(value[i]) === i) found++;
  }
  return found;
}

function isList(value: AttributeValue | undefined): value is readonly unknown[] {
  return typeof value === "object";
}

export function startsWith(value: AttributeValue | undefined, prefix: string): Truth {
  if (typeof value !== "string") return UNKNOWN;
  return value.startsWith(prefix) ? TRUE : FALSE;
}

export function endsWith(value: AttributeValue | undefined, suffix: string): Truth {
  if (typeof value !== "string") return UNKNOWN;
  return value.endsWith(suffix) ? TRUE : FALSE;
}

export function fitsGlob(value: AttributeValue | undefined, glob: Glob): Truth {
  if (typeof value !== "string" || value.length > RESOURCE_ID_LENGTH_MAX) return UNKNOWN;
  return matchesGlob(value, glob) ? TRUE : FALSE;
}

export function isInNetworks(address: Address | undefined, networks: FlatNetworks): Truth {
  if (address === undefined) return UNKNOWN;
  return isInSome(address, networks) ? TRUE : FALSE;
}

/** An instant in the future is not fresh: nothing has been seen there yet. */
export function isFresh(at: Instant | undefined, ageMax: number, now: Instant): Truth {
  if (at === undefined) return UNKNOWN;
  const age = now - at;
  return age >= 0 && age <= ageMax ? TRUE : FALSE;
}
