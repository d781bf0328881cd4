import { type Crypto, concatBytes, err, ok, type Result } from "@vedette/base";
import type { VerifierKey } from "@vedette/envelope";
import type { AddCheckpoint } from "./add-checkpoint.ts";
import type { AddEntriesHeader, EntryPackage, PackageRange } from "./add-entries.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { MirrorRefusal } from "./errors.ts";
import { verifyGrowth } from "./proof.ts";
import { verifySubtreeConsistency } from "./subtree-proof.ts";
import { rootOfHashes, TILE_WIDTH } from "./tile.ts";
import type { TreeHasher } from "./tree-hasher.ts";

/** What a mirror knows about one log (tlog-mirror, "Updating a Mirror"). Entries below `nextEntry` are stored. */
export interface MirroredLog {
  /** Checkpoints that an upload may still aim at, oldest first; the last one is the pending checkpoint. */
  readonly pending: readonly KnownCheckpoint[];
  /** The mirror checkpoint: everything below its size is stored and cosigned. */
  readonly mirrored?: KnownCheckpoint;
  readonly nextEntry: number;
}

/** A checkpoint that its log signed and that is consistent with all before it. */
export interface KnownCheckpoint {
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note, as it came. */
  readonly note: string;
}

/** An upload that may go on: towards a checkpoint the mirror knows. */
export interface Upload {
  readonly target: KnownCheckpoint;
  readonly start: number;
  readonly end: number;
}

export const EMPTY_MIRRORED_LOG: MirroredLog = { pending: [], nextEntry: 0 };

/** "mirrors SHOULD accept any of the last several pending checkpoint values": enough for a checkpoint every few seconds. */
export const PENDING_CHECKPOINTS_MAX = 16;

/** A client that starts at the next entry repeats nothing; one that restarts at its package repeats at most that. */
const EXCESS_ENTRIES_MAX = TILE_WIDTH;

/** `add-checkpoint`: the new state of the log, to be made durable before it is answered. `keys` are the log's own. */
export function acceptCheckpoint(
  log: MirroredLog,
  request: AddCheckpoint,
  keys: readonly VerifierKey[],
  crypto: Pick<Crypto, "verify">,
  hasher: TreeHasher,
): Result<MirroredLog, MirrorRefusal> {
  const opened = openCheckpoint(request.checkpoint, keys, crypto);
  if (!opened.ok && opened.error.code === "CHECKPOINT_MALFORMED") return err({ code: "REQUEST_MALFORMED" });
  if (!opened.ok) return err({ code: "CHECKPOINT_UNTRUSTED" });
  const { size, root } = opened.value;
  const { oldSize, proof } = request;
  const pending = log.pending.at(-1);
  const pendingSize = pending?.size ?? 0;
  if (oldSize > size) return err({ code: "OLD_SIZE_PAST_CHECKPOINT" });
  if (oldSize !== pendingSize) return err({ code: "OLD_SIZE_STALE", pendingSize });
  const claim = {
    oldSize: BigInt(oldSize),
    newSize: BigInt(size),
    oldRoot: pending?.root ?? hasher.empty,
    newRoot: root,
  };
  if (!verifyGrowth({ ...claim, proof }, hasher).ok) return err({ code: "CHECKPOINT_INCONSISTENT" });
  if (pending && pending.size === size) return ok(log);
  const known: KnownCheckpoint = { size, root, note: request.checkpoint };
  return ok({ ...log, pending: [...log.pending, known].slice(-PENDING_CHECKPOINTS_MAX) });
}

/** The head of `add-entries`: may this upload begin? */
export function beginUpload(log: MirroredLog, { start, end }: AddEntriesHeader): Result<Upload, MirrorRefusal> {
  const latest = log.pending.at(-1);
  if (!latest) return err({ code: "CHECKPOINT_NEVER_SEEN" });
  const isMirrored = log.mirrored?.size === end;
  const target = isMirrored ? log.mirrored : log.pending.find(({ size }) => size === end);
  if (!target || end < (log.mirrored?.size ?? 0)) return conflict(log, latest.size);
  if (start > log.nextEntry) return conflict(log, end);
  const excess = Math.min(end, log.nextEntry) - start;
  if (excess > EXCESS_ENTRIES_MAX) return conflict(log, end);
  return ok({ target, start, end });
}

/**
 * One package: its entries are hashed, joined with the leaf hashes already stored for [subtreeStart, start), and the subtree
 * is proven to be part of the target. The answer is the leaf hashes of the package's entries.
 */
export function acceptPackage(
  { target }: Upload,
  range: PackageRange,
  { entries, proof }: EntryPackage,
  storedHashes: Uint8Array,
  hasher: TreeHasher,
): Result<readonly Uint8Array[], MirrorRefusal> {
  const leafHashes = entries.map((entry) => hasher.leaf(entry));
  const subtreeRoot = rootOfHashes(concatBytes(storedHashes, ...leafHashes), hasher);
  const { subtreeStart, start, end } = range;
  const claim = { start: BigInt(subtreeStart), end: BigInt(end), size: BigInt(target.size), root: target.root };
  const proven = verifySubtreeConsistency({ ...claim, subtreeRoot, proof }, hasher);
  return proven.ok ? ok(leafHashes) : err({ code: "PACKAGE_UNPROVEN", start, end });
}

/** Once the entries below the target are stored and its cosigned note is too: the mirror checkpoint moves, never back. */
export function completeUpload(log: MirroredLog, mirrored: KnownCheckpoint): MirroredLog {
  return mirrored.size >= (log.mirrored?.size ?? 0) ? { ...log, mirrored } : log;
}

function conflict(log: MirroredLog, size: number): Result<never, MirrorRefusal> {
  const nextEntry = Math.min(log.nextEntry, size);
  return err({ code: "UPLOAD_CONFLICT", info: { size, nextEntry, ticket: new Uint8Array(0) } });
}
