import { hash as digest } from "node:crypto";
import { createTreeHasher, HASH_LENGTH, type TreeHasher } from "@vedette/tlog";

/** Enough that a slab is rare, little enough that one hash kept alive keeps only this much with it. */
const HASHES_PER_SLAB = 256;

/**
 * Tree hashing for one thread; the worker cannot be handed a `Crypto`. Hashes are cut from slabs: a buffer of its own for each
 * hash costs more than SHA-256 does (1.1 against 2.8 million a second).
 */
export function createSlabHasher(): TreeHasher {
  let slab = Buffer.allocUnsafeSlow(0);
  let at = 0;
  return createTreeHasher({
    hash: (algorithm, data) => {
      if (at === slab.length) {
        slab = Buffer.allocUnsafeSlow(HASHES_PER_SLAB * HASH_LENGTH);
        at = 0;
      }
      at += slab.write(digest(algorithm, data, "binary"), at, "binary");
      return new Uint8Array(slab.buffer, at - HASH_LENGTH, HASH_LENGTH);
    },
  });
}
