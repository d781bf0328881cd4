import { gunzipSync, gzipSync } from "node:zlib";

/** RFC 1952. */
export function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

/** Undefined when the bytes are not gzip or unpack to more than `lengthMax`: a bomb is refused before it is whole. */
export function gunzip(bytes: Uint8Array, lengthMax: number): Uint8Array | undefined {
  try {
    return new Uint8Array(gunzipSync(bytes, { maxOutputLength: lengthMax }));
  } catch {
    // Damaged, truncated or too large: for the caller one and the same refusal.
    return undefined;
  }
}
