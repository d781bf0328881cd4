import { assert, canonicalJson, isJsonObject, type Json, type JsonObject } from "@vedette/base";

/** A decision's record under the number that names it in its journal. */
export interface NumberedRecord {
  readonly number: number;
  /** OPA decision-log shape; the policy room makes it. */
  readonly record: JsonObject;
}

/**
 * Records of one leaf. The mirror takes 256 leaves at once or none of them: of 64 ordinary records each these are 5 MB, what
 * an upload's body has anyway. With more, the leaf's own costs shrink by less than a tenth.
 */
export const DECISIONS_MAX = 64;

/**
 * `{"decisions":[{"number","record"}, …],"shared":{…}}`, canonical. What all records say alike (who asked, under which
 * policy, when) stands once, in `shared`; a record is its own members and the shared ones.
 */
export function batchJson(decisions: readonly NumberedRecord[]): string {
  const shared = sharedMembers(decisions);
  let text = "";
  for (const { number, record } of decisions)
    text += `${text === "" ? "" : ","}{"number":${number},"record":${canonicalJson(withoutMembers(record, shared))}}`;
  return `{"decisions":[${text}],"shared":${canonicalJson(shared)}}`;
}

/** Two or more whole records in ascending order of their numbers, with nothing written twice; undefined for all else. */
export function parseBatch({ decisions, shared }: JsonObject): readonly NumberedRecord[] | undefined {
  if (!isArray(decisions) || decisions.length > DECISIONS_MAX) return undefined;
  if (shared === undefined || !isJsonObject(shared)) return undefined;
  const whole = decisions.flatMap((each) => wholeRecord(each, shared) ?? []);
  if (whole.length !== decisions.length || !isBatch(whole)) return undefined;
  const isWrittenOnce = Object.keys(sharedMembers(whole)).length === Object.keys(shared).length;
  return isWrittenOnce ? whole : undefined;
}

/** What encoding relies on, and parsing finds out. */
export function assertBatch(decisions: readonly NumberedRecord[]): void {
  assert(isBatch(decisions) && decisions.length <= DECISIONS_MAX, "a batch is of several decisions in ascending order");
}

export function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isBatch(decisions: readonly NumberedRecord[]): boolean {
  return decisions.length > 1 && decisions.every(({ number }, i) => i === 0 || number > decisions[i - 1]!.number);
}

function wholeRecord(value: Json, shared: JsonObject): NumberedRecord | undefined {
  if (!isJsonObject(value) || Object.keys(value).length !== 2) return undefined;
  const { number, record } = value;
  if (!isCount(number) || record === undefined || !isJsonObject(record)) return undefined;
  const isRepeated = Object.keys(record).some((name) => Object.hasOwn(shared, name));
  return isRepeated ? undefined : { number, record: { ...shared, ...record } };
}

function sharedMembers(decisions: readonly NumberedRecord[]): JsonObject {
  const [first] = decisions;
  const members = Object.entries(first?.record ?? {}).filter(([name, value]) =>
    decisions.every(({ record }) => Object.hasOwn(record, name) && isSameJson(record[name], value)),
  );
  return Object.fromEntries(members);
}

function withoutMembers(record: JsonObject, members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !Object.hasOwn(members, name)));
}

function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isArray(a) || isArray(b))
    return isArray(a) && isArray(b) && a.length === b.length && a.every((item, i) => isSameJson(item, b[i]));
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && isSameJson(a[name], b[name]));
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
