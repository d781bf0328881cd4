import {
  type Crypto,
  canonicalJson,
  instantToString,
  isJsonObject,
  type Json,
  type JsonObject,
  unreachable,
  utf8,
} from "@vedette/base";
import type { NumberedRecord } from "./decision-batch.ts";
import { digestOf, type Leaf } from "./leaf.ts";

/** Where a leaf stands. Both together name it for ever, so that a receiver knows an event it gets twice. */
export interface LeafPlace {
  /** The journal's. */
  readonly origin: string;
  readonly index: number;
}

/** Members of OPA's event ("Decision Logs", "Decision Log Service API") that records may have. */
const MEMBERS: readonly string[] = [
  "labels",
  "trace_id",
  "span_id",
  "bundles",
  "path",
  "query",
  "input",
  "result",
  "erased",
  "masked",
  "requested_by",
  "timestamp",
];
/** Where leaves that are no decisions stand among OPA's paths. */
const JOURNAL_PATH = "vedette/journal";

/**
 * A leaf as events of OPA's decision log, one for each decision. What the record's mask erased is not in the journal either,
 * so it cannot come back here. Gaps, summaries of denials and events of the node are events too: a log without them would look
 * whole.
 */
export function eventsOfLeaf(
  leaf: Leaf,
  place: LeafPlace,
  labels: Readonly<Record<string, string>>,
): readonly JsonObject[] {
  switch (leaf.kind) {
    case "decision":
      return [decisionEvent(leaf, place)];
    case "decisions":
      return leaf.decisions.map((decision) => decisionEvent(decision, place));
    case "gap": {
      const { kind, ...result } = leaf;
      return [journalEvent(kind, result, place, labels)];
    }
    case "summary": {
      const { kind, from, to, ...counted } = leaf;
      const result = { ...counted, from: instantToString(from), to: instantToString(to) };
      return [{ ...journalEvent(kind, result, place, labels), timestamp: result.to }];
    }
    case "event": {
      const { kind, name, at, facts } = leaf;
      return [{ ...journalEvent(kind, { name, facts }, place, labels), timestamp: instantToString(at) }];
    }
    default:
      return unreachable(leaf);
  }
}

/** The event with its input as a digest, for one that does not fit as it is; undefined when that has been done. */
export function withoutInput(event: JsonObject, crypto: Pick<Crypto, "hash">): JsonObject | undefined {
  const { input, erased } = event;
  if (input === undefined || (isJsonObject(input) && input["truncated"] === true)) return undefined;
  return { ...event, input: digestOf(input, crypto), erased: [...listOf(erased), "/input"] };
}

export function encodeEvent(event: JsonObject): Uint8Array {
  return utf8(canonicalJson(event));
}

function decisionEvent({ number, record }: NumberedRecord, { origin }: LeafPlace): JsonObject {
  const known = MEMBERS.filter((name) => record[name] !== undefined);
  const members = Object.fromEntries(known.map((name) => [name, record[name] ?? null]));
  return { ...members, decision_id: `${origin}#${number}`, req_id: number };
}

function journalEvent(
  kind: Leaf["kind"],
  result: JsonObject,
  { origin, index }: LeafPlace,
  labels: Readonly<Record<string, string>>,
): JsonObject {
  return { labels, decision_id: `${origin}@${index}`, path: `${JOURNAL_PATH}/${kind}`, result };
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
