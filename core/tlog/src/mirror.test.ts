import assert from "node:assert/strict";
import { test } from "node:test";
import { type Crypto, concatBytes, type Result, utf8 } from "@vedette/base";
import { noteSignerOf } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import type { PackageRange } from "./add-entries.ts";
import { signCheckpoint } from "./checkpoint.ts";
import type { MirrorRefusal } from "./errors.ts";
import {
  acceptCheckpoint,
  acceptPackage,
  beginUpload,
  completeUpload,
  EMPTY_MIRRORED_LOG,
  type MirroredLog,
  PENDING_CHECKPOINTS_MAX,
} from "./mirror.ts";
import { refusedAnswer } from "./mirror-answer.ts";
import { makeConsistencyProof } from "./proof.ts";
import { makeSubtreeProof, type NodeReader, rangeRoot } from "./subtree-proof.ts";
import { createTreeHasher } from "./tree-hasher.ts";

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);
const ORIGIN = "node.example/log";
const log = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
const entries = Array.from({ length: 600 }, (_, i) => utf8(`entry ${i}`));
const forked = entries.map((entry, i) => (i === 3 ? utf8("another entry 3") : entry));

test("the first checkpoint needs no proof, the next ones grow out of it", () => {
  const first = value(show(EMPTY_MIRRORED_LOG, 10));
  const second = value(show(first, 300));
  assert.deepEqual(
    second.pending.map(({ size }) => size),
    [10, 300],
  );
  assert.equal(second.nextEntry, 0);
});

test("a checkpoint of another key is untrusted, and one that breaks its own signature too", () => {
  const stranger = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
  const note = signCheckpoint({ origin: ORIGIN, size: 1, root: rootOf(entries, 1) }, stranger);
  const request = { oldSize: 0, proof: [], checkpoint: note };
  assert.equal(status(acceptCheckpoint(EMPTY_MIRRORED_LOG, request, [log.key], crypto, hasher)), 403);
  const broken = { ...request, checkpoint: checkpointOf(entries, 1).replace("\n1\n", "\n2\n") };
  assert.equal(status(acceptCheckpoint(EMPTY_MIRRORED_LOG, broken, [log.key], crypto, hasher)), 403);
  const noNote = { ...request, checkpoint: "no note" };
  assert.equal(status(acceptCheckpoint(EMPTY_MIRRORED_LOG, noNote, [log.key], crypto, hasher)), 400);
});

test("whoever is wrong about the pending size is told it", () => {
  const pending = value(show(EMPTY_MIRRORED_LOG, 10));
  const request = { oldSize: 9, proof: [], checkpoint: checkpointOf(entries, 20) };
  const accepted = acceptCheckpoint(pending, request, [log.key], crypto, hasher);
  assert.deepEqual(accepted, { ok: false, error: { code: "OLD_SIZE_STALE", pendingSize: 10 } });
  const past = { ...request, oldSize: 21 };
  assert.equal(status(acceptCheckpoint(pending, past, [log.key], crypto, hasher)), 400);
});

test("a log that forks is caught at its next checkpoint, whatever it offers as proof", () => {
  const pending = value(show(EMPTY_MIRRORED_LOG, 10));
  const proof = makeConsistencyProof(nodesOf(forked), 10, 300, hasher);
  for (const offered of [proof, [], makeConsistencyProof(nodesOf(entries), 10, 300, hasher)]) {
    const request = { oldSize: 10, proof: offered, checkpoint: checkpointOf(forked, 300) };
    const accepted = acceptCheckpoint(pending, request, [log.key], crypto, hasher);
    assert.deepEqual(accepted, { ok: false, error: { code: "CHECKPOINT_INCONSISTENT" } });
  }
  const sameSize = { oldSize: 10, proof: [], checkpoint: checkpointOf(forked, 10) };
  assert.equal(status(acceptCheckpoint(pending, sameSize, [log.key], crypto, hasher)), 422);
});

test("showing the pending checkpoint again changes nothing", () => {
  const pending = value(show(EMPTY_MIRRORED_LOG, 10));
  assert.equal(value(show(pending, 10)), pending);
});

test("of many checkpoints the last ones stay valid targets", () => {
  let state = EMPTY_MIRRORED_LOG;
  for (let size = 1; size <= PENDING_CHECKPOINTS_MAX + 2; size++) state = value(show(state, size));
  assert.equal(state.pending.length, PENDING_CHECKPOINTS_MAX);
  assert.equal(begin(state, 0, 3).ok, true);
  assert.equal(status(begin(state, 0, 2)), 409);
});

test("an upload aims at a checkpoint the mirror knows, and starts no later than its next entry", () => {
  assert.equal(status(begin(EMPTY_MIRRORED_LOG, 0, 10)), 422);
  const pending = value(show(value(show(EMPTY_MIRRORED_LOG, 10)), 300));
  assert.ok(begin(pending, 0, 10).ok);
  assert.ok(begin(pending, 0, 300).ok);
  assert.deepEqual(info(begin(pending, 0, 11)), { size: 300, nextEntry: 0 });
  assert.deepEqual(info(begin(pending, 1, 300)), { size: 300, nextEntry: 0 });
});

test("an upload that repeats more than a package is told where to go on", () => {
  const pending = { ...value(show(EMPTY_MIRRORED_LOG, 600)), nextEntry: 500 };
  assert.ok(begin(pending, 244, 600).ok);
  assert.deepEqual(info(begin(pending, 243, 600)), { size: 600, nextEntry: 500 });
});

test("an upload below the mirror checkpoint is too late", () => {
  const pending = { ...value(show(value(show(EMPTY_MIRRORED_LOG, 10)), 300)), nextEntry: 300 };
  const [, target] = pending.pending;
  assert.ok(target);
  const complete = completeUpload(pending, target);
  assert.deepEqual(info(begin(complete, 10, 10)), { size: 300, nextEntry: 300 });
  assert.ok(begin(complete, 300, 300).ok);
});

test("the mirror checkpoint never goes back", () => {
  const pending = value(show(value(show(EMPTY_MIRRORED_LOG, 10)), 300));
  const [small, large] = pending.pending;
  assert.ok(small && large);
  assert.equal(completeUpload(completeUpload(pending, large), small).mirrored, large);
});

test("a package proves itself against the checkpoint, also when its beginning is stored already", () => {
  const pending = value(show(EMPTY_MIRRORED_LOG, 600));
  for (const range of [
    { subtreeStart: 0, start: 0, end: 256 },
    { subtreeStart: 256, start: 300, end: 512 },
    { subtreeStart: 512, start: 512, end: 600 },
  ])
    assert.equal(value(sendPackage(pending, range, entries)).length, range.end - range.start);
});

test("a package with an entry changed, a foreign proof or a wrong beginning is refused whole", () => {
  const pending = value(show(EMPTY_MIRRORED_LOG, 600));
  const range = { subtreeStart: 0, start: 0, end: 256 };
  const unproven = { ok: false, error: { code: "PACKAGE_UNPROVEN", start: 0, end: 256 } };
  assert.deepEqual(sendPackage(pending, range, forked), unproven);
  const other = makeSubtreeProof(nodesOf(entries), 256, 512, 600, hasher);
  assert.deepEqual(sendPackage(pending, range, entries, other), unproven);
  const late = { subtreeStart: 0, start: 4, end: 256 };
  assert.equal(status(sendPackage(pending, late, entries, undefined, forked)), 422);
});

test("every refusal has the status and body that its standard gives it", () => {
  const stale = refusedAnswer({ code: "OLD_SIZE_STALE", pendingSize: 7 });
  assert.deepEqual([stale.status, stale.contentType, stale.body], [409, "text/x.tlog.size", "7\n"]);
  const ticket = new Uint8Array(0);
  const conflict = refusedAnswer({ code: "UPLOAD_CONFLICT", info: { size: 9, nextEntry: 4, ticket } });
  assert.deepEqual(
    [conflict.status, conflict.contentType, conflict.body],
    [409, "text/x.tlog.mirror-info", "9\n4\n\n"],
  );
  assert.equal(refusedAnswer({ code: "LOG_UNKNOWN" }).status, 404);
});

function show(state: MirroredLog, size: number): Result<MirroredLog, MirrorRefusal> {
  const oldSize = state.pending.at(-1)?.size ?? 0;
  const proof = makeConsistencyProof(nodesOf(entries), oldSize, size, hasher);
  return acceptCheckpoint(
    state,
    { oldSize, proof, checkpoint: checkpointOf(entries, size) },
    [log.key],
    crypto,
    hasher,
  );
}

function begin(state: MirroredLog, start: number, end: number) {
  return beginUpload(state, { origin: ORIGIN, start, end, ticket: new Uint8Array(0) });
}

function sendPackage(
  state: MirroredLog,
  range: PackageRange,
  from: readonly Uint8Array[],
  proof = makeSubtreeProof(nodesOf(entries), range.subtreeStart, range.end, 600, hasher),
  stored: readonly Uint8Array[] = entries,
) {
  const upload = value(begin({ ...state, nextEntry: range.start }, range.start, 600));
  const storedHashes = concatBytes(...stored.slice(range.subtreeStart, range.start).map((entry) => hasher.leaf(entry)));
  return acceptPackage(upload, range, { entries: from.slice(range.start, range.end), proof }, storedHashes, hasher);
}

function checkpointOf(all: readonly Uint8Array[], size: number): string {
  return signCheckpoint({ origin: ORIGIN, size, root: rootOf(all, size) }, log);
}

function rootOf(all: readonly Uint8Array[], size: number): Uint8Array {
  return rangeRoot(nodesOf(all), 0, size, hasher);
}

function nodesOf(all: readonly Uint8Array[]): NodeReader {
  const nodes: NodeReader = (height, index) =>
    height === 0
      ? hasher.leaf(all[index] ?? new Uint8Array(0))
      : hasher.node(nodes(height - 1, 2 * index), nodes(height - 1, 2 * index + 1));
  return nodes;
}

function status(result: Result<unknown, MirrorRefusal>): number {
  assert.ok(!result.ok);
  return refusedAnswer(result.error).status;
}

function info(result: Result<unknown, MirrorRefusal>): { size: number; nextEntry: number } {
  assert.ok(!result.ok && result.error.code === "UPLOAD_CONFLICT");
  const { size, nextEntry } = result.error.info;
  return { size, nextEntry };
}

function value<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
