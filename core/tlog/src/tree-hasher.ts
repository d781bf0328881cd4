import { type Crypto, concatBytes } from "@vedette/base";

/** SHA-256 as RFC 6962 §2.1 uses it: leaves and inner nodes can never be taken for each other. */
export interface TreeHasher {
  /** MTH({}) */
  readonly empty: Uint8Array;
  /** MTH({d}) = SHA-256(0x00 ‖ d) */
  leaf(entry: Uint8Array): Uint8Array;
  /** SHA-256(0x01 ‖ left ‖ right) */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
}

export const HASH_LENGTH = 32;

const LEAF_PREFIX: Uint8Array = Uint8Array.of(0x00);
const NODE_PREFIX = 0x01;

export function createTreeHasher(crypto: Pick<Crypto, "hash">): TreeHasher {
  // One buffer for all inner nodes: hashing is synchronous and the digest is a copy.
  const pair = new Uint8Array(1 + 2 * HASH_LENGTH);
  pair[0] = NODE_PREFIX;
  return {
    empty: crypto.hash("sha256", new Uint8Array(0)),
    leaf: (entry) => crypto.hash("sha256", concatBytes(LEAF_PREFIX, entry)),
    node: (left, right) => {
      pair.set(left, 1);
      pair.set(right, 1 + HASH_LENGTH);
      return crypto.hash("sha256", pair);
    },
  };
}
