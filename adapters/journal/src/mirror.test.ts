import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { AdapterError, type Crypto, instant, type Result, utf8 } from "@vedette/base";
import { formatNote, noteSignerOf, parseNote, verifyNote } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import {
  afterUpload,
  createTreeHasher,
  encodeAddCheckpoint,
  encodeAddEntries,
  type LogReader,
  makeConsistencyProof,
  makeSubtreeProof,
  nodesOfTiles,
  packageRanges,
  parseMirrorInfo,
  planUpload,
  rangeRoot,
  signCheckpoint,
  startUpload,
  TreeBuilder,
  type UploadState,
  verifyExport,
} from "@vedette/tlog";
import fc from "fast-check";
import { exportLog } from "./export.ts";
import { openJournal } from "./journal.ts";
import { type Mirror, openMirror } from "./mirror.ts";

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);
const ORIGIN = "node.example/log";
const signer = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
const cosigner = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);
const NOW = instant(1_700_000_000_000);

test("a journal travels to the mirror, comes back as an export, and the export passes the audit", async (t) => {
  const folder = setupFolder(t);
  const journal = await openJournal({ path: join(folder, "journal.db"), origin: ORIGIN, gapLeaf: () => utf8("gap") });
  t.after(() => journal.close());
  await Promise.all(Array.from({ length: 9_000 }, (_, i) => journal.append(utf8(`entry ${i}`))));
  const mirror = setupMirror(t, folder);
  const { state, note } = upload(mirror, journal, await journal.checkpoint(signer), startUpload(0));
  assert.equal(state.cosignedSize, 9_000);
  await journal.keepCosigned({ size: 9_000, note });
  const copy = mirror.log(ORIGIN);
  assert.ok(copy?.cosigned);
  assert.equal(copy.cosigned.note, note);
  for (const [name, log] of [
    ["journal", journal],
    ["mirror", copy],
  ] as const) {
    const directory = join(folder, `export-${name}`);
    exportLog(log, { size: 9_000, note }, directory);
    const trust = { logKeys: [signer.key], cosignerKeys: [cosigner.key] };
    const report = value(verifyExport({ read: readerOf(directory) }, trust, crypto));
    assert.deepEqual([report.size, report.cosignedBy], [9_000, [{ name: "mirror.example", at: NOW }]]);
  }
});

test("an upload interrupted anywhere goes on where the mirror is, and nothing is doubled", (t) => {
  const folder = setupFolder(t);
  const log = setupLog(20_000);
  let mirror = openMirror(mirrorOptions(folder));
  let state = startUpload(0);
  let uploads = 0;
  while (state.cosignedSize < 20_000) {
    assert.ok(uploads < 20);
    const request = value(planUpload(state, log.checkpointAt(20_000), log, hasher));
    assert.ok(request);
    const isUpload = request.path === "/add-entries";
    if (isUpload) uploads++;
    // Every third upload breaks off within its body, and the node forgets what it knew.
    const isBroken = isUpload && uploads % 3 === 2;
    const body = isBroken ? request.body.subarray(0, Math.floor(request.body.length * 0.7)) : request.body;
    const answer = isUpload ? mirror.addEntries(body, NOW) : mirror.addCheckpoint(request.body);
    mirror.close();
    mirror = openMirror(mirrorOptions(folder));
    state = isBroken ? startUpload(0) : value(afterUpload(state, request, answer)).state;
  }
  const copy = mirror.log(ORIGIN);
  assert.equal(copy?.size, 20_000);
  assert.deepEqual(copy?.readEntries(0, 20_000), log.readEntries(0, 20_000));
  mirror.close();
});

test("a mirror that lost its file is filled again from the beginning", (t) => {
  const log = setupLog(600);
  const mirror = setupMirror(t, setupFolder(t));
  const { state } = upload(mirror, log, log.checkpointAt(600), startUpload(400));
  assert.equal(state.cosignedSize, 600);
  assert.equal(mirror.log(ORIGIN)?.size, 600);
});

test("a forked log gets no further than the fork, whoever holds its key", (t) => {
  const mirror = setupMirror(t, setupFolder(t));
  const log = setupLog(600);
  upload(mirror, log, log.checkpointAt(300), startUpload(0));
  const fork = setupLog(600, "fork");
  const proof = makeConsistencyProof(nodesOf(fork), 300, 600, hasher);
  const { note } = fork.checkpointAt(600);
  assert.equal(mirror.addCheckpoint(encodeAddCheckpoint({ oldSize: 300, proof, checkpoint: note })).status, 422);
  upload(mirror, log, log.checkpointAt(600), startUpload(300));
  assert.equal(mirror.log(ORIGIN)?.cosigned?.size, 600);
});

test("packages that prove themselves are kept, the first that does not ends the request", (t) => {
  const mirror = setupMirror(t, setupFolder(t));
  const log = setupLog(600);
  mirror.addCheckpoint(encodeAddCheckpoint({ oldSize: 0, proof: [], checkpoint: log.checkpointAt(600).note }));
  const packages = packagesOf(log, 0, 600);
  const forged = packages.map((one, i) => (i === 1 ? { ...one, entries: one.entries.with(7, utf8("forged")) } : one));
  const answer = mirror.addEntries(
    encodeAddEntries({ origin: ORIGIN, start: 0, end: 600, ticket: NO_TICKET }, forged),
    NOW,
  );
  assert.deepEqual([answer.status, answer.refusal?.code], [422, "PACKAGE_UNPROVEN"]);
  assert.equal(mirror.log(ORIGIN)?.size, 256);
  assert.equal(mirror.log(ORIGIN)?.cosigned, undefined);
});

test("a log the mirror does not serve leaves no trace, and neither does noise", (t) => {
  const mirror = setupMirror(t, setupFolder(t));
  const other = noteSignerOf("ed25519", "other.example", generateKey("Ed25519"), crypto);
  const note = signCheckpoint({ origin: "other.example", size: 0, root: hasher.empty }, other);
  assert.equal(mirror.addCheckpoint(encodeAddCheckpoint({ oldSize: 0, proof: [], checkpoint: note })).status, 404);
  const entries = encodeAddEntries({ origin: "other.example", start: 0, end: 1, ticket: NO_TICKET }, []);
  assert.equal(mirror.addEntries(entries, NOW).status, 404);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      assert.ok(mirror.addCheckpoint(noise).status >= 400);
      assert.ok(mirror.addEntries(noise, NOW).status >= 400);
    }),
  );
  assert.deepEqual(mirror.origins(), []);
});

test("what the mirror holds is asked once more before it signs: a damaged copy is not cosigned", (t) => {
  const folder = setupFolder(t);
  const log = setupLog(600);
  const mirror = setupMirror(t, folder);
  upload(mirror, log, log.checkpointAt(512), startUpload(0));
  const database = new DatabaseSync(join(folder, "mirror.db"));
  database.exec("UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 1");
  database.close();
  assert.throws(() => upload(mirror, log, log.checkpointAt(600), startUpload(512)), damaged);
  assert.throws(() => upload(mirror, log, log.checkpointAt(600), startUpload(512)), damaged);
  assert.equal(mirror.log(ORIGIN)?.cosigned?.size, 512);
});

test("the mirror answers as a mirror with three numbers would", (t) => {
  const log = setupLog(1_500);
  const size = fc.integer({ min: 1, max: 1_500 });
  const command = fc.oneof(
    fc.record({ kind: fc.constant("checkpoint" as const), size }),
    fc.record({ kind: fc.constant("entries" as const), start: size, target: fc.nat(), packages: fc.nat(7) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
      const folder = setupFolder(t);
      const mirror = openMirror(mirrorOptions(folder));
      const model = { sizes: [] as number[], next: 0, mirrored: 0 };
      for (const one of commands) {
        const pending = model.sizes.at(-1) ?? 0;
        if (one.kind === "checkpoint") {
          const proof = pending <= one.size ? makeConsistencyProof(nodesOf(log), pending, one.size, hasher) : [];
          const body = encodeAddCheckpoint({ oldSize: pending, proof, checkpoint: log.checkpointAt(one.size).note });
          assert.equal(mirror.addCheckpoint(body).status, one.size < pending ? 400 : 200);
          if (one.size > pending) model.sizes = [...model.sizes, one.size].slice(-16);
          continue;
        }
        const end = model.sizes[one.target % Math.max(1, model.sizes.length)] ?? one.start;
        const start = Math.min(end, one.start % (model.next + 300));
        const packages = packagesOf(log, start, end).slice(0, one.packages);
        const answer = mirror.addEntries(
          encodeAddEntries({ origin: ORIGIN, start, end, ticket: NO_TICKET }, packages),
          NOW,
        );
        const excess = Math.min(end, model.next) - start;
        if (model.sizes.length === 0) assert.equal(answer.status, 422);
        else if (end < model.mirrored || start > model.next || excess > 256) assert.equal(answer.status, 409);
        else if (packages.length === 0 && start < end) assert.equal(answer.status, 400);
        else {
          const reached = start + packages.reduce((sum, { entries }) => sum + entries.length, 0);
          model.next = Math.max(model.next, reached);
          if (model.next >= end) model.mirrored = end;
          assert.equal(answer.status, model.next >= end ? 200 : 202);
          if (answer.status === 202) assert.equal(value(parseMirrorInfo(answer.body)).nextEntry, model.next);
        }
        assert.equal(mirror.log(ORIGIN)?.size ?? 0, model.next);
        assert.equal(mirror.log(ORIGIN)?.cosigned?.size ?? 0, model.mirrored);
      }
      mirror.close();
    }),
    { numRuns: 40 },
  );
});

const NO_TICKET = new Uint8Array(0);

/** The node's side: requests until nothing is left, the cosignature checked. */
function upload(mirror: Mirror, log: LogReader, checkpoint: { size: number; note: string }, from: UploadState) {
  let state = from;
  let note = checkpoint.note;
  for (;;) {
    const request = value(planUpload(state, checkpoint, log, hasher));
    if (!request) return { state, note };
    const { path, body } = request;
    const answer = path === "/add-checkpoint" ? mirror.addCheckpoint(body) : mirror.addEntries(body, NOW);
    const progress = value(afterUpload(state, request, answer));
    state = progress.state;
    if (progress.cosigned?.size !== checkpoint.size) continue;
    const signed = value(parseNote(checkpoint.note));
    const cosigned = { ...signed, signatures: [...signed.signatures, ...progress.cosigned.signatures] };
    assert.equal(value(verifyNote(cosigned, [signer.key, cosigner.key], crypto)).length, 2);
    note = formatNote(cosigned);
  }
}

function packagesOf(log: LogReader, start: number, end: number) {
  const nodes = nodesOfTiles((tile) => log.readTile(tile), end, hasher);
  return [...packageRanges(start, end)].map((range) => ({
    entries: log.readEntries(range.start, range.end),
    proof: makeSubtreeProof(nodes, range.subtreeStart, range.end, end, hasher),
  }));
}

function nodesOf(log: LogReader) {
  return nodesOfTiles((tile) => log.readTile(tile), log.size, hasher);
}

/** A log in memory, as large as it will ever be. */
function setupLog(size: number, seed = "entry") {
  const entries = Array.from({ length: size }, (_, i) => utf8(`${seed} ${i}`));
  const tree = new TreeBuilder(hasher);
  for (const entry of entries) tree.append(hasher.leaf(entry));
  const tiles = [...tree.takeFullTiles(), ...tree.partialTiles()];
  const log: LogReader = {
    origin: ORIGIN,
    size,
    readEntries: (from, to) => entries.slice(from, to),
    readTile: ({ level, index, width }) =>
      tiles.find((tile) => tile.level === level && tile.index === index)?.hashes.slice(0, 32 * width) ?? NO_TICKET,
  };
  const checkpointAt = (at: number) => {
    const root = rangeRoot(
      nodesOfTiles((tile) => log.readTile(tile), at, hasher),
      0,
      at,
      hasher,
    );
    return { size: at, note: signCheckpoint({ origin: ORIGIN, size: at, root }, signer) };
  };
  return { ...log, checkpointAt };
}

function setupMirror(t: TestContext, folder: string): Mirror {
  const mirror = openMirror(mirrorOptions(folder));
  t.after(() => mirror.close());
  return mirror;
}

function mirrorOptions(folder: string) {
  const keysOf = (origin: string) => (origin === ORIGIN ? [signer.key] : undefined);
  return { path: join(folder, "mirror.db"), cosigner, crypto, keysOf };
}

function setupFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-mirror-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function readerOf(directory: string): (path: string) => Uint8Array | undefined {
  return (path) =>
    existsSync(join(directory, path)) ? new Uint8Array(readFileSync(join(directory, path))) : undefined;
}

function damaged(error: unknown): boolean {
  return error instanceof AdapterError && error.code === "JOURNAL_CORRUPT";
}

function value<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
