import {
  assert,
  type ByteReader,
  ByteWriter,
  base64,
  concatBytes,
  err,
  ok,
  parseBase64,
  parseUtf8,
  type Result,
  utf8,
} from "@vedette/base";
import { PROOF_LENGTH_MAX } from "./add-checkpoint.ts";
import { encodeBundle } from "./entry-bundle.ts";
import type { MirrorInfo, WireError } from "./errors.ts";
import { TILE_WIDTH } from "./tile.ts";
import { HASH_LENGTH } from "./tree-hasher.ts";

/** The head of a tlog-mirror `add-entries` body: an upload of the entries [start, end). */
export interface AddEntriesHeader {
  readonly origin: string;
  readonly start: number;
  readonly end: number;
  readonly ticket: Uint8Array;
}

/** The entries [start, end) and the proof that the tree contains the subtree [subtreeStart, end). */
export interface EntryPackage {
  readonly entries: readonly Uint8Array[];
  readonly proof: readonly Uint8Array[];
}

export interface PackageRange {
  /** `start` rounded down to a multiple of 256. */
  readonly subtreeStart: number;
  readonly start: number;
  readonly end: number;
}

/** "clients SHOULD limit each add-entries request to at most 32 entry packages" */
export const PACKAGES_MAX = 32;

/** 17 MiB: the largest single package (256 entries of 65,535 bytes) and its head must fit, or an upload could never go on. */
export const ADD_ENTRIES_LENGTH_MAX = 17_825_792;

/** Ours are empty or the size of a request id; other mirrors may put a signed checkpoint in. */
const TICKET_LENGTH_MAX = 65_535;

/** The canonical sequence of packages for [start, end), aligned at multiples of 256. */
export function* packageRanges(start: number, end: number): Generator<PackageRange> {
  let at = start;
  while (at < end) {
    const subtreeStart = at - (at % TILE_WIDTH);
    const packageEnd = Math.min(end, subtreeStart + TILE_WIDTH);
    yield { subtreeStart, start: at, end: packageEnd };
    at = packageEnd;
  }
}

export function encodeAddEntries(header: AddEntriesHeader, packages: readonly EntryPackage[]): Uint8Array {
  assert(header.ticket.length <= TICKET_LENGTH_MAX, "a ticket has at most 65,535 bytes");
  const head = new ByteWriter()
    .sized16(utf8(header.origin))
    .u64(BigInt(header.start))
    .u64(BigInt(header.end))
    .sized16(header.ticket)
    .finish();
  return concatBytes(head, ...packages.flatMap(packageParts));
}

/** Reads the head and leaves the reader at the first package. */
export function readAddEntriesHeader(reader: ByteReader): Result<AddEntriesHeader, WireError> {
  const origin = parseUtf8(reader.sized16());
  const start = reader.u64();
  const end = reader.u64();
  const ticket = reader.sized16();
  const isSound = reader.isWhole && start <= end && end <= BigInt(Number.MAX_SAFE_INTEGER);
  if (!isSound || !origin.ok) return err({ code: "REQUEST_MALFORMED" });
  return ok({ origin: origin.value, start: Number(start), end: Number(end), ticket });
}

/** Undefined when the body ends within the package; its bytes are then to be discarded. */
export function readPackage(reader: ByteReader, range: PackageRange): EntryPackage | undefined {
  const entries: Uint8Array[] = [];
  for (let i = range.start; i < range.end && reader.isWhole; i++) entries.push(reader.sized16());
  const hashes = reader.u8();
  if (hashes > PROOF_LENGTH_MAX) return undefined;
  const proof = Array.from({ length: hashes }, () => reader.take(HASH_LENGTH));
  return reader.isWhole ? { entries, proof } : undefined;
}

/** `text/x.tlog.mirror-info`: size, next entry and ticket, a line each. */
export function formatMirrorInfo({ size, nextEntry, ticket }: MirrorInfo): string {
  return `${size}\n${nextEntry}\n${base64(ticket)}\n`;
}

export function parseMirrorInfo(body: string): Result<MirrorInfo, WireError> {
  const [, size = "", nextEntry = "", ticket = ""] = MIRROR_INFO.exec(body) ?? [];
  const bytes = parseBase64(ticket);
  const isSound = size !== "" && Number.isSafeInteger(Number(size)) && Number.isSafeInteger(Number(nextEntry));
  if (!isSound || !bytes.ok || bytes.value.length > TICKET_LENGTH_MAX) return err({ code: "MIRROR_INFO_MALFORMED" });
  return ok({ size: Number(size), nextEntry: Number(nextEntry), ticket: bytes.value });
}
const MIRROR_INFO = /^(0|[1-9]\d{0,15})\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/=]*)\n$/;

function packageParts({ entries, proof }: EntryPackage): readonly Uint8Array[] {
  assert(proof.length <= PROOF_LENGTH_MAX, "no tree of ours is deep enough for 64 hashes");
  return [encodeBundle(entries), Uint8Array.of(proof.length), ...proof];
}
