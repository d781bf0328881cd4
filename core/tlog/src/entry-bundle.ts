import { assert, ByteReader, err, ok, type Result } from "@vedette/base";
import type { BundleError } from "./errors.ts";

/** tlog-tiles prefixes every entry with a uint16. */
export const ENTRY_LENGTH_MAX = 65_535;

const PREFIX_LENGTH = 2;

/** C2SP tlog-tiles, "Log entries": each entry after its big-endian uint16 length. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const entry of entries) {
    assert(entry.length <= ENTRY_LENGTH_MAX, "an entry of a log has at most 65,535 bytes");
    length += PREFIX_LENGTH + entry.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const entry of entries) {
    bytes[at] = entry.length >>> 8;
    bytes[at + 1] = entry.length & 0xff;
    bytes.set(entry, at + PREFIX_LENGTH);
    at += PREFIX_LENGTH + entry.length;
  }
  return bytes;
}

/** Exactly `count` entries and no byte more. The entries are views into `bytes`. */
export function parseBundle(bytes: Uint8Array, count: number): Result<readonly Uint8Array[], BundleError> {
  const reader = new ByteReader(bytes);
  const entries = readWholeEntries(reader, count);
  return entries.length === count && reader.isFinished ? ok(entries) : err({ code: "BUNDLE_MALFORMED", entries });
}

/** At most `count` entries, up to the first that is cut short. */
function readWholeEntries(reader: ByteReader, count: number): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  while (entries.length < count) {
    const entry = reader.sized16();
    if (!reader.isWhole) break;
    entries.push(entry);
  }
  return entries;
}
