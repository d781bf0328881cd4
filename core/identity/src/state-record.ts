import {
  assert,
  type Crypto,
  canonicalJson,
  err,
  hex,
  type Instant,
  instant,
  milliseconds,
  ok,
  parseHex,
  parseLocatedJson,
  parseUtf8,
  type Random,
  type Result,
  type Secret,
  utf8,
} from "@vedette/base";
import type { StateError } from "./errors.ts";
import { MemberReader } from "./member-reader.ts";
import { openFile, sealFile } from "./sealed-file.ts";
import { SPEND_COUNTERS_MAX, SPEND_KEY_LENGTH_MAX, type SpendCounter, type SpendState } from "./spend-ledger.ts";
import { judgeEpoch } from "./state-write.ts";

/** Everything that must never go backwards (PROTOCOLS 4.2), in one record that is written as a whole. */
export interface StateRecord {
  /** The value that the TPM's counter has, or gets next. */
  readonly epoch: bigint;
  readonly policySequence: number;
  readonly trustVersion: number;
  readonly statusVersion: number;
  readonly timeFloor: Instant;
  readonly spend: SpendState;
  readonly journal: { readonly size: number; readonly root: Uint8Array };
  /** Once true the software attester is out for good (PROTOCOLS 2.8). */
  readonly hasAttestedWithTpm: boolean;
}

export interface OpenedState {
  readonly record: StateRecord;
  /** The record is one ahead of the counter: a write that was cut off before its last step. Increment before anything else. */
  readonly mustIncrement: boolean;
}

const FORMAT_VERSION = 1;
const PURPOSE = "state-record";
/** 1,024 counters with long keys, twice over. */
const LENGTH_MAX = 1_048_576;
const DEPTH_MAX = 4;
const COUNTER_NAME_LENGTH_MAX = 512;
/** SHA-256. */
const ROOT_LENGTH = 32;
const EPOCH_PATTERN = /^(0|[1-9]\d{0,19})$/;
const EPOCH_MAX = 2n ** 64n - 1n;

/** Canonical JSON under the data key; a fresh nonce each time. */
export function sealStateRecord(
  record: StateRecord,
  dataKey: Secret,
  deps: { readonly random: Random; readonly crypto: Crypto },
): Uint8Array {
  const text = canonicalJson({
    formatVersion: FORMAT_VERSION,
    epoch: record.epoch.toString(),
    policySequence: record.policySequence,
    trustVersion: record.trustVersion,
    statusVersion: record.statusVersion,
    timeFloor: record.timeFloor,
    spend: {
      timeFloor: record.spend.timeFloor,
      counters: record.spend.counters.map(({ counter, key, window, opensAt, spent }) => ({
        counter,
        key,
        window,
        opensAt,
        spent,
      })),
    },
    journal: { size: record.journal.size, root: hex(record.journal.root) },
    hasAttestedWithTpm: record.hasAttestedWithTpm,
  });
  const plaintext = utf8(text);
  // INVARIANT: what is sealed can be opened again; a record that cannot would end the node's life at its next start.
  assert(parseRecord(plaintext).ok, "a state record that is sealed reads back");
  return sealFile(PURPOSE, plaintext, dataKey, deps);
}

/**
 * The record, if it is the one that the TPM's counter stands for (PROTOCOLS 4.2). STATE_ROLLBACK: an older copy was put
 * back, or the counter is another one; then nothing may be issued. A missing record beside an existing counter is the
 * same thing, and the caller's to notice.
 */
export function openStateRecord(
  sealed: Uint8Array,
  dataKey: Secret,
  counter: bigint,
  crypto: Crypto,
): Result<OpenedState, StateError> {
  const plaintext = openFile(PURPOSE, sealed, dataKey, crypto);
  if (!plaintext.ok) return plaintext;
  const record = parseRecord(plaintext.value);
  if (!record.ok) return record;
  const { epoch } = record.value;
  const judgement = judgeEpoch(epoch, counter);
  if (judgement === "rollback") return err({ code: "STATE_ROLLBACK", epoch, counter });
  return ok({ record: record.value, mustIncrement: judgement === "must-increment" });
}

function parseRecord(plaintext: Uint8Array): Result<StateRecord, StateError> {
  const text = parseUtf8(plaintext);
  const json = text.ok ? parseLocatedJson(text.value, { length: LENGTH_MAX, depth: DEPTH_MAX }) : text;
  if (!json.ok) return err({ code: "STATE_MALFORMED", at: "" });
  const members = new MemberReader(json.value.value);
  const formatVersion = members.count("formatVersion");
  // Asked first: a later format may well have other members.
  if (members.faultAt === undefined && formatVersion !== FORMAT_VERSION)
    return err({ code: "STATE_FORMAT_UNKNOWN", formatVersion });
  const record = readRecord(members);
  members.finish();
  return members.faultAt === undefined ? ok(record) : err({ code: "STATE_MALFORMED", at: members.faultAt });
}

function readRecord(members: MemberReader): StateRecord {
  return {
    epoch: members.text("epoch", parseEpoch) ?? 0n,
    policySequence: members.count("policySequence"),
    trustVersion: members.count("trustVersion"),
    statusVersion: members.count("statusVersion"),
    timeFloor: instant(members.count("timeFloor")),
    spend: members.object("spend", (spend) => ({
      timeFloor: instant(spend.count("timeFloor")),
      counters: spend.objects("counters", SPEND_COUNTERS_MAX, readCounter),
    })),
    journal: members.object("journal", (journal) => ({
      size: journal.count("size"),
      root: journal.text("root", parseRoot) ?? new Uint8Array(0),
    })),
    hasAttestedWithTpm: members.boolean("hasAttestedWithTpm"),
  };
}

function readCounter(members: MemberReader): SpendCounter {
  const textUpTo = (lengthMax: number) => (text: string) => (text.length <= lengthMax ? text : undefined);
  const window = members.count("window");
  if (window === 0) members.fail("window");
  return {
    counter: members.text("counter", textUpTo(COUNTER_NAME_LENGTH_MAX)) ?? "",
    key: members.text("key", textUpTo(SPEND_KEY_LENGTH_MAX)) ?? "",
    window: milliseconds(window),
    opensAt: instant(members.count("opensAt")),
    spent: members.count("spent"),
  };
}

function parseEpoch(text: string): bigint | undefined {
  const epoch = EPOCH_PATTERN.test(text) ? BigInt(text) : undefined;
  return epoch !== undefined && epoch <= EPOCH_MAX ? epoch : undefined;
}

function parseRoot(text: string): Uint8Array | undefined {
  const root = parseHex(text);
  return root.ok && root.value.length === ROOT_LENGTH ? root.value : undefined;
}
