import { err, isSameBytes, ok, type Result } from "@vedette/base";
import type { ProofError } from "./errors.ts";
import { makeSubtreeProof, type NodeReader, verifySubtreeConsistency } from "./subtree-proof.ts";
import { HASH_LENGTH, type TreeHasher } from "./tree-hasher.ts";

export interface InclusionClaim {
  readonly index: bigint;
  readonly size: bigint;
  readonly leafHash: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

export interface ConsistencyClaim {
  readonly oldSize: bigint;
  readonly newSize: bigint;
  readonly oldRoot: Uint8Array;
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** RFC 9162 §2.1.3.2. Sizes are uint64 on the wire. */
export function verifyInclusion(claim: InclusionClaim, hasher: TreeHasher): Result<undefined, ProofError> {
  const { index, size, leafHash, root, proof } = claim;
  if (index < 0n || index >= size || leafHash.length !== HASH_LENGTH) return err({ code: "PROOF_RANGE_INVALID" });
  return verifySubtreeConsistency({ start: index, end: index + 1n, size, subtreeRoot: leafHash, root, proof }, hasher);
}

/** RFC 9162 §2.1.4.2: between two trees that are not empty. From size 0 there is nothing to prove and it is refused. */
export function verifyConsistency(claim: ConsistencyClaim, hasher: TreeHasher): Result<undefined, ProofError> {
  const { oldSize, newSize, oldRoot, newRoot, proof } = claim;
  if (oldSize <= 0n) return err({ code: "PROOF_RANGE_INVALID" });
  return verifySubtreeConsistency(
    { start: 0n, end: oldSize, size: newSize, subtreeRoot: oldRoot, root: newRoot, proof },
    hasher,
  );
}

/** tlog-witness `add-checkpoint`: as `verifyConsistency`, but every tree grows out of the empty one by an empty proof. */
export function verifyGrowth(claim: ConsistencyClaim, hasher: TreeHasher): Result<undefined, ProofError> {
  if (claim.oldSize !== 0n) return verifyConsistency(claim, hasher);
  if (claim.proof.length > 0) return err({ code: "PROOF_LENGTH_INVALID", length: claim.proof.length });
  if (claim.newSize > 0n) return ok(undefined);
  return isSameBytes(claim.newRoot, hasher.empty) ? ok(undefined) : err({ code: "PROOF_MISMATCH" });
}

/** PATH(index, D[size]); `index < size`. */
export function makeInclusionProof(
  nodes: NodeReader,
  index: number,
  size: number,
  hasher: TreeHasher,
): readonly Uint8Array[] {
  return makeSubtreeProof(nodes, index, index + 1, size, hasher);
}

/** PROOF(oldSize, D[newSize]); empty when `oldSize` is 0. */
export function makeConsistencyProof(
  nodes: NodeReader,
  oldSize: number,
  newSize: number,
  hasher: TreeHasher,
): readonly Uint8Array[] {
  return oldSize === 0 ? [] : makeSubtreeProof(nodes, 0, oldSize, newSize, hasher);
}
