import { AdapterError, hex, type Instant, isSameBytes, type Json, parseInstant, unreachable } from "@vedette/base";
import type { Journal } from "@vedette/journal";
import { decisionsIn, type EventLeaf, type Leaf, parseLeaf } from "@vedette/telemetry";
import { TreeBuilder, type TreeHasher } from "@vedette/tlog";

/** What the sealed state record says of the journal. */
export interface SealedHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export interface ReplayListener {
  /** `isSealed` is false for what lay beyond the seal when the node was down: whoever has the disk could have written it. */
  onEvent(event: EventLeaf, isSealed: boolean): void;
  onTime(at: Instant): void;
}

/** The name of the leaf that a start begins with. Its `sealedSize` says up to where the journal was under the seal. */
export const START_EVENT = "start";
const CHUNK = 1_024;

/**
 * Reads the journal from the first leaf to its head, hashing every entry: stored hashes would vouch for themselves.
 * The journal may be longer than the sealed head, never shorter, and never another one (PROTOCOLS 4.2).
 * Throws `AdapterError` JOURNAL_ROLLBACK or JOURNAL_ALTERED; then nothing of it was told to the listener.
 */
export function replayJournal(
  journal: Journal,
  sealed: SealedHead,
  hasher: TreeHasher,
  listener: ReplayListener,
): void {
  const leaves = readVerified(journal, sealed, hasher);
  const unsealed = unsealedRanges(leaves, sealed.size, journal.head().size);
  for (const { leaf, index } of leaves) {
    for (const at of timesOf(leaf)) listener.onTime(at);
    if (leaf.kind === "event") listener.onEvent(leaf, !unsealed.some(({ from, to }) => index >= from && index < to));
  }
}

interface PlacedLeaf {
  readonly index: number;
  readonly leaf: Leaf;
}

/** Events, and the last leaf of any kind for its time: what a start needs to remember. */
function readVerified(journal: Journal, sealed: SealedHead, hasher: TreeHasher): readonly PlacedLeaf[] {
  const head = journal.head();
  if (head.size < sealed.size) throw rollback(head.size, sealed);
  const tree = new TreeBuilder(hasher);
  const kept: PlacedLeaf[] = [];
  for (let from = 0; from < head.size; from += CHUNK) {
    for (const entry of journal.readEntries(from, Math.min(from + CHUNK, head.size))) {
      const index = tree.size;
      if (index === sealed.size && index > 0 && !isSameBytes(tree.root(), sealed.root))
        throw rollback(head.size, sealed);
      tree.append(hasher.leaf(entry));
      const leaf = parseLeaf(entry);
      if (leaf.ok && (leaf.value.kind === "event" || index === head.size - 1)) kept.push({ index, leaf: leaf.value });
    }
  }
  if (head.size === sealed.size && head.size > 0 && !isSameBytes(tree.root(), sealed.root))
    throw rollback(head.size, sealed);
  if (!isSameBytes(tree.root(), head.root))
    throw new AdapterError(
      "JOURNAL_ALTERED",
      "the journal's entries are not those of its tree; nothing will be issued",
      { size: head.size },
    );
  return kept;
}

function rollback(size: number, sealed: SealedHead): AdapterError {
  const message = "the journal is older than the sealed state, or another one; nothing will be issued";
  return new AdapterError("JOURNAL_ROLLBACK", message, { size, sealedSize: sealed.size, sealedRoot: hex(sealed.root) });
}

/** What every start found beyond the seal, and what this one does. */
function unsealedRanges(
  leaves: readonly PlacedLeaf[],
  sealedSize: number,
  size: number,
): readonly { from: number; to: number }[] {
  const earlier = leaves.flatMap(({ leaf, index }) =>
    leaf.kind === "event" && leaf.name === START_EVENT ? [{ from: numberOf(leaf.facts["sealedSize"]), to: index }] : [],
  );
  return [...earlier, { from: sealedSize, to: size }];
}

function numberOf(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}

function timesOf(leaf: Leaf): readonly Instant[] {
  switch (leaf.kind) {
    case "event":
      return [leaf.at];
    case "summary":
      return [leaf.to];
    case "decision":
    case "decisions":
      return decisionsIn(leaf).flatMap(({ record: { timestamp } }) => {
        const at = typeof timestamp === "string" ? parseInstant(timestamp) : undefined;
        return at?.ok ? [at.value] : [];
      });
    case "gap":
      return [];
    default:
      return unreachable(leaf);
  }
}
