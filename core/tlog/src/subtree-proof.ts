import { err, isSameBytes, ok, type Result } from "@vedette/base";
import type { ProofError } from "./errors.ts";
import type { TreeHasher } from "./tree-hasher.ts";

/** The root of the complete subtree over leaves [index × 2^height, (index + 1) × 2^height). */
export type NodeReader = (height: number, index: number) => Uint8Array;

/** A claim about a subtree [start, end) of a tree: sizes are uint64 on the wire. */
export interface SubtreeClaim {
  readonly start: bigint;
  readonly end: bigint;
  readonly size: bigint;
  readonly subtreeRoot: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * Merkle Tree Certificates (draft-ietf-plants-merkle-tree-certs) §4.4, on which tlog-mirror builds: the tree with `root`
 * contains the subtree with `subtreeRoot`. Inclusion and consistency proofs of RFC 6962 are its two special cases.
 */
export function verifySubtreeConsistency(claim: SubtreeClaim, hasher: TreeHasher): Result<undefined, ProofError> {
  const { start, end, size, subtreeRoot, root, proof } = claim;
  if (!isSubtree(start, end) || end > size) return err({ code: "PROOF_RANGE_INVALID" });
  if (start === end) return verifyEmptySubtree(claim, hasher);
  const hashes = proof.values();
  const rebuilt = rebuild(start, end, size, subtreeRoot, hashes, hasher);
  if (!rebuilt || !hashes.next().done) return err({ code: "PROOF_LENGTH_INVALID", length: proof.length });
  const isProven = isSameBytes(rebuilt.subtree, subtreeRoot) && isSameBytes(rebuilt.tree, root);
  return isProven ? ok(undefined) : err({ code: "PROOF_MISMATCH" });
}

/** SUBTREE_PROOF(start, end, D[size]); `start` and `end` must bound a subtree within `size`. */
export function makeSubtreeProof(
  nodes: NodeReader,
  start: number,
  end: number,
  size: number,
  hasher: TreeHasher,
): readonly Uint8Array[] {
  const siblings: Uint8Array[] = [];
  let [low, high, from] = [0, size, start];
  // SUBTREE_SUBPROOF goes into one side and appends the root of the other: here from the top down, reversed at the end.
  while (low !== from || high !== end) {
    const middle = low + splitOf(high - low);
    siblings.push(end <= middle ? rangeRoot(nodes, middle, high, hasher) : rangeRoot(nodes, low, middle, hasher));
    if (end <= middle) high = middle;
    else {
      low = middle;
      from = Math.max(from, middle);
    }
  }
  // Once a split went through the subtree the verifier no longer knows the root of what is left of it.
  const rest = from === start ? [] : [rangeRoot(nodes, low, high, hasher)];
  return rest.concat(siblings.reverse());
}

/** The root of the tree over leaves [start, end), where the range is a subtree. */
export function rangeRoot(nodes: NodeReader, start: number, end: number, hasher: TreeHasher): Uint8Array {
  const count = end - start;
  if (count === 0) return hasher.empty;
  const split = splitOf(count);
  if (count === 1 || split * 2 === count) return nodes(Math.log2(count), start / count);
  return hasher.node(nodes(Math.log2(split), start / split), rangeRoot(nodes, start + split, end, hasher));
}

interface Rebuilt {
  readonly subtree: Uint8Array;
  readonly tree: Uint8Array;
}

/**
 * Follows SUBTREE_SUBPROOF and puts the hashes it would have taken out back in: the subtree's root and the tree's root,
 * as the proof has them. `known` is the subtree's root while it is still whole, undefined once a split went through it.
 */
function rebuild(
  start: bigint,
  end: bigint,
  size: bigint,
  known: Uint8Array | undefined,
  hashes: Iterator<Uint8Array>,
  hasher: TreeHasher,
): Rebuilt | undefined {
  if (start === 0n && end === size) {
    const hash = known ?? next(hashes);
    return hash && { subtree: hash, tree: hash };
  }
  const middle = largestPowerOfTwoBelow(size);
  const isSplit = start < middle && middle < end;
  const inner =
    end <= middle
      ? rebuild(start, end, middle, known, hashes, hasher)
      : rebuild(
          isSplit ? 0n : start - middle,
          end - middle,
          size - middle,
          isSplit ? undefined : known,
          hashes,
          hasher,
        );
  const sibling = inner && next(hashes);
  if (!inner || !sibling) return undefined;
  return {
    subtree: isSplit ? hasher.node(sibling, inner.subtree) : inner.subtree,
    tree: end <= middle ? hasher.node(inner.tree, sibling) : hasher.node(sibling, inner.tree),
  };
}

/** An empty subtree is consistent with every tree, so nothing is left to prove. */
function verifyEmptySubtree({ subtreeRoot, proof }: SubtreeClaim, hasher: TreeHasher): Result<undefined, ProofError> {
  if (proof.length > 0) return err({ code: "PROOF_LENGTH_INVALID", length: proof.length });
  return isSameBytes(subtreeRoot, hasher.empty) ? ok(undefined) : err({ code: "PROOF_MISMATCH" });
}

/** §4.1: `start` is a multiple of the smallest power of two that holds the subtree. */
function isSubtree(start: bigint, end: bigint): boolean {
  if (start < 0n || end < start) return false;
  return start % (end - start > 1n ? largestPowerOfTwoBelow(end - start) * 2n : 1n) === 0n;
}

function next(hashes: Iterator<Uint8Array>): Uint8Array | undefined {
  const { done, value } = hashes.next();
  return done ? undefined : value;
}

/** The largest power of two smaller than `size` (RFC 6962 §2.1), for `size` of two or more. */
function largestPowerOfTwoBelow(size: bigint): bigint {
  return 1n << BigInt((size - 1n).toString(2).length - 1);
}

function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}
