import type { AttestationResult } from "@vedette/attestation";
import { hex, isSameBytes } from "@vedette/base";
import type { MirroredCopy } from "@vedette/journal";
import type { NodeRecord } from "@vedette/store";
import { nodesOfTiles, rangeRoot, type TreeHasher } from "@vedette/tlog";

export type JournalFault = "JOURNAL_ROLLBACK" | "JOURNAL_FORKED" | "JOURNAL_KEY_CHANGED";

/**
 * Whether the journal head inside a node's evidence can be the continuation of what this node showed before: to the
 * verifier at its last attestation, and to the mirror. Undefined when it can. A first enrolment begins a log of its own.
 */
export function judgeJournal(
  result: AttestationResult,
  journalKey: string,
  known: NodeRecord | undefined,
  copy: MirroredCopy | undefined,
  hasher: TreeHasher,
): JournalFault | undefined {
  if (result.purpose === "enrol") return undefined;
  if (known?.journalKey !== journalKey) return "JOURNAL_KEY_CHANGED";
  const { size, root } = result.journal;
  if (size < known.journal.size || size < (copy?.size ?? 0)) return "JOURNAL_ROLLBACK";
  if (size === known.journal.size && size > 0 && hex(root) !== known.journal.root) return "JOURNAL_FORKED";
  if (!copy) return undefined;
  const rootAt = (at: number): Uint8Array =>
    rangeRoot(
      nodesOfTiles((tile) => copy.readTile(tile), at, hasher),
      0,
      at,
      hasher,
    );
  if (size === copy.size && size > 0 && !isSameBytes(rootAt(size), root)) return "JOURNAL_FORKED";
  const { size: attested, root: attestedRoot } = known.journal;
  const isCovered = attested > 0 && attested <= copy.size;
  return isCovered && hex(rootAt(attested)) !== attestedRoot ? "JOURNAL_FORKED" : undefined;
}
