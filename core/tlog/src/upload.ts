import { err, ok, type Result } from "@vedette/base";
import { type NoteSignature, parseNoteSignatures } from "@vedette/envelope";
import { encodeAddCheckpoint } from "./add-checkpoint.ts";
import { type EntryPackage, encodeAddEntries, PACKAGES_MAX, packageRanges, parseMirrorInfo } from "./add-entries.ts";
import type { UploadError } from "./errors.ts";
import type { LogReader } from "./ports.ts";
import { makeConsistencyProof } from "./proof.ts";
import { makeSubtreeProof } from "./subtree-proof.ts";
import { nodesOfTiles } from "./tile.ts";
import type { TreeHasher } from "./tree-hasher.ts";

/** What a node believes about its mirror. Lost or wrong beliefs cost a round trip, never data: the mirror's answers mend them. */
export interface UploadState {
  /** The size of the checkpoint that the mirror holds as pending. */
  readonly pendingSize: number;
  /** The pending checkpoint this upload aims at; equal to `cosignedSize` when none is under way. */
  readonly target: number;
  readonly nextEntry: number;
  readonly ticket: Uint8Array;
  /** Everything below is stored by the mirror, and signed for. */
  readonly cosignedSize: number;
  /** Answers that brought nothing new, since the last cosignature. */
  readonly conflicts: number;
}

/** One POST: send it, hand the answer to `afterUpload`. */
export interface UploadRequest {
  readonly path: "/add-checkpoint" | "/add-entries";
  readonly contentType: string;
  readonly body: Uint8Array;
  /** The checkpoint this request puts or completes. */
  readonly size: number;
}

export interface UploadAnswer {
  readonly status: number;
  readonly body: string;
}

export interface UploadProgress {
  readonly state: UploadState;
  /** The mirror's signature lines for the checkpoint of that size: verify them before believing in them. */
  readonly cosigned?: { readonly size: number; readonly signatures: readonly NoteSignature[] };
}

/** A body stops after the package that passes this: a slow link then loses at most some seconds to a broken connection. */
const BODY_LENGTH_TARGET = 4_194_304;

/**
 * Answers can cross once or twice when two processes upload; more is a mirror that does not know what it holds. Only a
 * cosignature forgives them: entries stored and forgotten in turn would otherwise look like progress for ever.
 */
const CONFLICTS_MAX = 4;

/** Starts from the size of the last checkpoint that the mirror cosigned, 0 if none. */
export function startUpload(cosignedSize: number): UploadState {
  const ticket = new Uint8Array(0);
  return {
    pendingSize: cosignedSize,
    target: cosignedSize,
    nextEntry: cosignedSize,
    ticket,
    cosignedSize,
    conflicts: 0,
  };
}

/**
 * The next request towards having `latest`, the log's newest signed checkpoint, mirrored; undefined when it is.
 * MIRROR_AHEAD: the mirror names a checkpoint larger than any this log has signed, so the log lost entries or the mirror
 * lies. Whatever a mirror answers, a loop of `planUpload` and `afterUpload` comes to an end.
 */
export function planUpload(
  state: UploadState,
  latest: { readonly size: number; readonly note: string },
  log: LogReader,
  hasher: TreeHasher,
): Result<UploadRequest | undefined, UploadError> {
  const mirrorSize = Math.max(state.pendingSize, state.target);
  if (mirrorSize > latest.size) return err({ code: "MIRROR_AHEAD", mirrorSize, size: latest.size });
  if (state.conflicts > CONFLICTS_MAX) return err({ code: "MIRROR_UNSTEADY", conflicts: state.conflicts });
  if (state.target > state.cosignedSize) return ok(entriesRequest(state, log, hasher));
  if (latest.size <= state.cosignedSize) return ok(undefined);
  return ok(checkpointRequest(state, latest, log, hasher));
}

export function afterUpload(
  state: UploadState,
  request: UploadRequest,
  answer: UploadAnswer,
): Result<UploadProgress, UploadError> {
  return request.path === "/add-checkpoint"
    ? afterCheckpoint(state, request, answer)
    : afterEntries(state, request, answer);
}

function afterCheckpoint(
  state: UploadState,
  { size }: UploadRequest,
  { status, body }: UploadAnswer,
): Result<UploadProgress, UploadError> {
  if (status === 200) return ok({ state: { ...state, pendingSize: size, target: size } });
  if (status !== 409) return err({ code: "MIRROR_REFUSED", status });
  if (!/^(0|[1-9]\d{0,15})\n$/.test(body)) return err({ code: "MIRROR_UNINTELLIGIBLE", status });
  const pendingSize = Number(body);
  const conflicts = state.conflicts + 1;
  // What is pending but not yet stored comes first; only then a newer checkpoint.
  return ok({ state: { ...state, pendingSize, target: Math.max(pendingSize, state.cosignedSize), conflicts } });
}

function afterEntries(
  state: UploadState,
  { size }: UploadRequest,
  { status, body }: UploadAnswer,
): Result<UploadProgress, UploadError> {
  if (status === 200) {
    const signatures = parseNoteSignatures(body);
    if (!signatures.ok) return err({ code: "MIRROR_UNINTELLIGIBLE", status });
    const nextEntry = Math.max(state.nextEntry, size);
    const cosigned = { size, signatures: signatures.value };
    return ok({ state: { ...state, nextEntry, cosignedSize: size, target: size, conflicts: 0 }, cosigned });
  }
  if (status !== 202 && status !== 409) return err({ code: "MIRROR_REFUSED", status });
  const info = parseMirrorInfo(body);
  if (!info.ok) return err({ code: "MIRROR_UNINTELLIGIBLE", status });
  const { nextEntry, ticket } = info.value;
  if (nextEntry > info.value.size) return err({ code: "MIRROR_UNINTELLIGIBLE", status });
  const hasProgressed = status === 202 && nextEntry > state.nextEntry;
  const conflicts = hasProgressed ? state.conflicts : state.conflicts + 1;
  const pendingSize = Math.max(state.pendingSize, info.value.size);
  // Below what is cosigned there is nothing to complete; the newest checkpoint is shown again instead.
  const target = Math.max(info.value.size, state.cosignedSize);
  return ok({ state: { ...state, pendingSize, target, nextEntry, ticket, conflicts } });
}

function checkpointRequest(
  { pendingSize }: UploadState,
  latest: { readonly size: number; readonly note: string },
  log: LogReader,
  hasher: TreeHasher,
): UploadRequest {
  const nodes = nodesOfTiles((tile) => log.readTile(tile), latest.size, hasher);
  const proof = makeConsistencyProof(nodes, pendingSize, latest.size, hasher);
  const body = encodeAddCheckpoint({ oldSize: pendingSize, proof, checkpoint: latest.note });
  return { path: "/add-checkpoint", contentType: "text/plain; charset=utf-8", body, size: latest.size };
}

function entriesRequest(state: UploadState, log: LogReader, hasher: TreeHasher): UploadRequest {
  const { target, ticket } = state;
  const start = Math.min(state.nextEntry, target);
  const nodes = nodesOfTiles((tile) => log.readTile(tile), target, hasher);
  const packages: EntryPackage[] = [];
  let length = 0;
  for (const range of packageRanges(start, target)) {
    if (packages.length === PACKAGES_MAX || length > BODY_LENGTH_TARGET) break;
    const entries = log.readEntries(range.start, range.end);
    packages.push({ entries, proof: makeSubtreeProof(nodes, range.subtreeStart, range.end, target, hasher) });
    for (const entry of entries) length += entry.length;
  }
  const body = encodeAddEntries({ origin: log.origin, start, end: target, ticket }, packages);
  return { path: "/add-entries", contentType: "application/octet-stream", body, size: target };
}
