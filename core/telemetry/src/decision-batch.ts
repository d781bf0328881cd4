import { assert, canonicalJson, isJsonObject, type Json, type JsonObject } from "@vedette/base";
import { type RecordText, recordJson, recordText } from "./record-text.ts";

/** A decision's record under the number that names it in its journal. */
export interface NumberedRecord {
  readonly number: number;
  /** OPA decision-log shape; the policy room makes it. */
  readonly record: JsonObject;
}

/** The same on its way into the journal. */
export interface NumberedText {
  readonly number: number;
  readonly record: RecordText;
}

/**
 * Records of one leaf. The mirror takes 256 leaves at once or none of them: of 64 ordinary records each these are 5 MB, what
 * an upload's body has anyway. With more, the leaf's own costs shrink by less than a tenth.
 */
export const DECISIONS_MAX = 64;

const WHOLE: ReadonlySet<string> = new Set();

/** `{"number","record"}`, canonical. */
export function decisionJson({ number, record }: NumberedText, without: ReadonlySet<string> = WHOLE): string {
  return `{"number":${number},"record":${recordJson(record, without)}}`;
}

/**
 * `{"decisions":[{"number","record"}, …],"shared":{…}}`, canonical. What all records say alike (who asked, under which
 * policy, when) stands once, in `shared`; a record is its own members and the shared ones.
 */
export function batchJson(decisions: readonly NumberedText[]): string {
  assert(isBatch(decisions), "a batch is of several decisions in ascending order");
  const shared = sharedMembers(decisions);
  const names = new Set(Object.keys(shared));
  let text = "";
  for (const decision of decisions) text += `${text === "" ? "" : ","}${decisionJson(decision, names)}`;
  return `{"decisions":[${text}],"shared":${recordJson(shared, WHOLE)}}`;
}

/** Two or more whole records in ascending order of their numbers, with nothing written twice; undefined for all else. */
export function parseBatch({ decisions, shared }: JsonObject): readonly NumberedRecord[] | undefined {
  if (!isArray(decisions) || shared === undefined || !isJsonObject(shared)) return undefined;
  const own = decisions.flatMap((each) => parseOwn(each, shared) ?? []);
  if (own.length !== decisions.length || !isBatch(own) || isSomethingAlike(own)) return undefined;
  return own.map(({ number, record }) => ({ number, record: { ...shared, ...record } }));
}

export function toText({ number, record }: NumberedRecord): NumberedText {
  return { number, record: recordText(record) };
}

export function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isBatch(decisions: readonly { readonly number: number }[]): boolean {
  if (decisions.length < 2 || decisions.length > DECISIONS_MAX) return false;
  return decisions.every(({ number }, i) => i === 0 || number > decisions[i - 1]!.number);
}

/** What a record has besides the shared members. */
function parseOwn(value: Json, shared: JsonObject): NumberedRecord | undefined {
  if (!isJsonObject(value) || Object.keys(value).length !== 2) return undefined;
  const { number, record } = value;
  if (!isCount(number) || record === undefined || !isJsonObject(record)) return undefined;
  return Object.keys(record).some((name) => Object.hasOwn(shared, name)) ? undefined : { number, record };
}

/** Whether a member that all have alike was not shared. */
function isSomethingAlike([first, ...others]: readonly NumberedRecord[]): boolean {
  return Object.entries(first?.record ?? {}).some(([name, value]) => {
    const text = canonicalJson(value);
    return others.every(({ record }) => Object.hasOwn(record, name) && canonicalJson(record[name] ?? null) === text);
  });
}

function sharedMembers(decisions: readonly NumberedText[]): RecordText {
  const [first] = decisions;
  const members = Object.entries(first?.record ?? {}).filter(([name, text]) => haveAll(decisions, name, text));
  return Object.fromEntries(members);
}

function haveAll(decisions: readonly NumberedText[], name: string, text: string): boolean {
  for (const { record } of decisions) if (record[name] !== text || !Object.hasOwn(record, name)) return false;
  return true;
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
