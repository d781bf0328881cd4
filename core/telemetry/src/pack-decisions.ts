import type { Crypto, Result } from "@vedette/base";
import { DECISIONS_MAX, type NumberedText } from "./decision-batch.ts";
import type { LeafError } from "./errors.ts";
import { encodeDecisions } from "./leaf.ts";

/** A leaf, and the numbers of the decisions whose records it holds. */
export interface PackedDecisions {
  readonly numbers: readonly number[];
  readonly leaf: Result<Uint8Array, LeafError>;
}

/**
 * Leaves for decisions that are given together, in ascending order of their numbers. One too large for any leaf, even with
 * its input as a digest, is refused alone.
 */
export function packDecisions(
  decisions: readonly NumberedText[],
  crypto: Pick<Crypto, "hash">,
): readonly PackedDecisions[] {
  const packed: PackedDecisions[] = [];
  for (let from = 0; from < decisions.length; from += DECISIONS_MAX)
    packed.push(...pack(decisions.slice(from, from + DECISIONS_MAX), crypto));
  return packed;
}

/** Those that do not fit into one leaf go into two: records of kilobytes are rare, and one alone always has an answer. */
function pack(decisions: readonly NumberedText[], crypto: Pick<Crypto, "hash">): readonly PackedDecisions[] {
  const leaf = encodeDecisions(decisions, crypto);
  if (leaf.ok || decisions.length === 1) return [{ numbers: decisions.map(({ number }) => number), leaf }];
  const half = decisions.length >> 1;
  return [...pack(decisions.slice(0, half), crypto), ...pack(decisions.slice(half), crypto)];
}
