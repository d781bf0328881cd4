import {
  assert,
  type Crypto,
  canonicalJson,
  err,
  hex,
  type Instant,
  isJsonObject,
  type Json,
  type JsonObject,
  ok,
  parseUtf8,
  type Result,
  readJson,
  unreachable,
  utf8,
} from "@vedette/base";
import { ENTRY_LENGTH_MAX } from "@vedette/tlog";
import {
  batchJson,
  decisionJson,
  isCount,
  type NumberedRecord,
  type NumberedText,
  parseBatch,
  toText,
} from "./decision-batch.ts";
import type { LeafError } from "./errors.ts";

/** One entry of a node's journal. Its bytes are for ever (PROTOCOLS 6.1), so fields are added in a new version only. */
export type Leaf = DecisionLeaf | DecisionsLeaf | GapLeaf | SummaryLeaf | EventLeaf;

/** A decision, whole. */
export interface DecisionLeaf extends NumberedRecord {
  readonly kind: "decision";
}

/** Decisions that were given together, each whole: two to `DECISIONS_MAX`, in ascending order of their numbers. */
export interface DecisionsLeaf {
  readonly kind: "decisions";
  readonly decisions: readonly NumberedRecord[];
}

/** After an unclean stop: of the decision numbers `from` to `to`, at most `atMost` have no leaf and no summary. */
export interface GapLeaf {
  readonly kind: "gap";
  readonly from: number;
  readonly to: number;
  readonly atMost: number;
}

/** Denials beyond the budget (PROTOCOLS 6.3): `count` decisions of one principal, numbered from `firstNumber` to `lastNumber`. */
export interface SummaryLeaf {
  readonly kind: "summary";
  /** `*` for all principals beyond those followed one by one. */
  readonly principal: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly count: number;
  readonly firstNumber: number;
  readonly lastNumber: number;
}

/** Something other than a decision happened to the node: activation, enrolment, clock-step, connection-cut, start, stop. */
export interface EventLeaf {
  readonly kind: "event";
  readonly name: string;
  readonly at: Instant;
  readonly facts: JsonObject;
}

interface Form {
  readonly kind: Leaf["kind"];
  readonly version: number;
  readonly byte: number;
}

/**
 * PROTOCOLS 6.1: the first byte of every leaf is its version; readers refuse what they do not know. A kind stays in the version
 * that brought it, so that every leaf has one form.
 */
const FORMS: readonly Form[] = [
  { kind: "decision", version: 1, byte: 1 },
  { kind: "gap", version: 1, byte: 2 },
  { kind: "summary", version: 1, byte: 3 },
  { kind: "event", version: 1, byte: 4 },
  { kind: "decisions", version: 2, byte: 5 },
];
const HEAD_LENGTH = 2;

/**
 * Version, kind, canonical JSON. A decision that would not fit keeps its record except `input`, which becomes
 * `{"sha256", "length", "truncated": true}` over the canonical input: the leaf still says which input was judged.
 * LEAF_TOO_LARGE when even that does not fit; without a leaf there is no decision, so the caller denies.
 */
export function encodeLeaf(leaf: Leaf, crypto: Pick<Crypto, "hash">): Result<Uint8Array, LeafError> {
  switch (leaf.kind) {
    case "decision":
      return encodeDecisions([toText(leaf)], crypto);
    case "decisions":
      return encodeDecisions(leaf.decisions.map(toText), crypto);
    case "gap":
    case "summary":
    case "event": {
      const { kind, ...body } = leaf;
      return fitting(encodeBody(kind, canonicalJson(body as JsonObject)));
    }
    default:
      return unreachable(leaf);
  }
}

/** The leaf of one decision, or of several. */
export function encodeDecisions(
  decisions: readonly NumberedText[],
  crypto: Pick<Crypto, "hash">,
): Result<Uint8Array, LeafError> {
  const [first] = decisions;
  if (first === undefined || decisions.length > 1) return fitting(encodeBody("decisions", batchJson(decisions)));
  const whole = fitting(encodeBody("decision", decisionJson(first)));
  return whole.ok ? whole : fitting(encodeBody("decision", decisionJson(withoutInput(first, crypto))));
}

/** Accepts exactly what `encodeLeaf` makes: known version and kind, canonical JSON, no unknown and no missing field. */
export function parseLeaf(bytes: Uint8Array): Result<Leaf, LeafError> {
  if (bytes.length > ENTRY_LENGTH_MAX)
    return err({ code: "LEAF_TOO_LARGE", length: bytes.length, lengthMax: ENTRY_LENGTH_MAX });
  const [version = 0, kindByte = 0] = bytes;
  if (bytes.length < HEAD_LENGTH) return err({ code: "LEAF_MALFORMED" });
  if (!FORMS.some((form) => form.version === version)) return err({ code: "LEAF_VERSION_UNKNOWN", version });
  const form = FORMS.find((each) => each.version === version && each.byte === kindByte);
  const leaf = form && parseBody(form.kind, bytes.subarray(HEAD_LENGTH));
  return leaf ? ok(leaf) : err({ code: "LEAF_MALFORMED" });
}

/** The decisions whose records the leaf holds, whatever its kind. */
export function decisionsIn(leaf: Leaf): readonly NumberedRecord[] {
  if (leaf.kind === "decisions") return leaf.decisions;
  return leaf.kind === "decision" ? [{ number: leaf.number, record: leaf.record }] : [];
}

/** How many decision numbers the leaf accounts for; the journal counts them to bound the gap after an unclean stop. */
export function numbersIn(leaf: Leaf): number {
  switch (leaf.kind) {
    case "decision":
      return 1;
    case "decisions":
      return leaf.decisions.length;
    case "summary":
      return leaf.count;
    case "gap":
    case "event":
      return 0;
    default:
      return unreachable(leaf);
  }
}

function encodeBody(kind: Leaf["kind"], body: string): Uint8Array {
  const form = FORMS.find((each) => each.kind === kind);
  assert(form !== undefined, "every kind has a form");
  return utf8(String.fromCharCode(form.version, form.byte) + body);
}

function fitting(bytes: Uint8Array): Result<Uint8Array, LeafError> {
  if (bytes.length <= ENTRY_LENGTH_MAX) return ok(bytes);
  return err({ code: "LEAF_TOO_LARGE", length: bytes.length, lengthMax: ENTRY_LENGTH_MAX });
}

function withoutInput({ number, record }: NumberedText, crypto: Pick<Crypto, "hash">): NumberedText {
  const { input = "null" } = record;
  return { number, record: { ...record, input: canonicalJson(digestOfText(input, crypto)) } };
}

/** What stands for an input that is too large. */
export function digestOf(value: Json, crypto: Pick<Crypto, "hash">): JsonObject {
  return digestOfText(canonicalJson(value), crypto);
}

function digestOfText(text: string, crypto: Pick<Crypto, "hash">): JsonObject {
  const bytes = utf8(text);
  return { sha256: hex(crypto.hash("sha256", bytes)), length: bytes.length, truncated: true };
}

/** One value has one text: anything else could be changed without changing what it says. */
function parseBody(kind: Leaf["kind"], bytes: Uint8Array): Leaf | undefined {
  const text = parseUtf8(bytes);
  if (!text.ok) return undefined;
  try {
    const value: unknown = readJson(text.value);
    return isJsonObject(value) && canonicalJson(value) === text.value ? leafOf(kind, value) : undefined;
  } catch {
    // Not JSON, nested beyond any record, or a string that canonical JSON cannot carry: no leaf in any case.
    return undefined;
  }
}

function leafOf(kind: Leaf["kind"], body: JsonObject): Leaf | undefined {
  switch (kind) {
    case "decision":
      return decisionOf(body);
    case "decisions":
      return decisionsOf(body);
    case "gap":
      return gapOf(body);
    case "summary":
      return summaryOf(body);
    case "event":
      return eventOf(body);
    default:
      return unreachable(kind);
  }
}

function decisionOf(body: JsonObject): DecisionLeaf | undefined {
  const { number, record } = body;
  if (!hasOnly(body, 2) || !isCount(number) || !isJsonObject(record)) return undefined;
  return { kind: "decision", number, record };
}

function decisionsOf(body: JsonObject): DecisionsLeaf | undefined {
  const decisions = hasOnly(body, 2) ? parseBatch(body) : undefined;
  return decisions && { kind: "decisions", decisions };
}

function gapOf(body: JsonObject): GapLeaf | undefined {
  const { from, to, atMost } = body;
  if (!hasOnly(body, 3) || !isCount(from) || !isCount(to) || !isCount(atMost)) return undefined;
  return from <= to && atMost <= to - from + 1 ? { kind: "gap", from, to, atMost } : undefined;
}

function summaryOf(body: JsonObject): SummaryLeaf | undefined {
  const { principal, from, to, count, firstNumber, lastNumber } = body;
  if (!hasOnly(body, 6) || typeof principal !== "string" || !isInstant(from) || !isInstant(to)) return undefined;
  if (!isCount(count) || !isCount(firstNumber) || !isCount(lastNumber)) return undefined;
  if (from > to || count < 1 || count > lastNumber - firstNumber + 1) return undefined;
  return { kind: "summary", principal, from, to, count, firstNumber, lastNumber };
}

function eventOf(body: JsonObject): EventLeaf | undefined {
  const { name, at, facts } = body;
  if (!hasOnly(body, 3) || typeof name !== "string" || !isInstant(at) || !isJsonObject(facts)) return undefined;
  return { kind: "event", name, at, facts };
}

function hasOnly(body: JsonObject, fields: number): boolean {
  return Object.keys(body).length === fields;
}

function isInstant(value: Json | undefined): value is Instant {
  return typeof value === "number" && Number.isSafeInteger(value);
}
