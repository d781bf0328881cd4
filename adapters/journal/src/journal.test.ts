import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { AdapterError, type Crypto, parseUtf8, utf8 } from "@vedette/base";
import { noteSignerOf } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import { createTreeHasher, openCheckpoint, TreeBuilder, verifyConsistency, verifyInclusion } from "@vedette/tlog";
import { CommitQueue, QUEUE_ENTRIES_MAX } from "./commit-queue.ts";
import { type Journal, type JournalOptions, NUMBERS_LEASED, openJournal } from "./journal.ts";

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);
const ORIGIN = "node.example/log";
const signer = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);

test("entries keep their order, their indexes are dense, and the tree is the one they give", async (t) => {
  const journal = await setupJournal(t);
  const entries = Array.from({ length: 700 }, (_, i) => utf8(`entry ${i}`));
  const appended = await Promise.all(entries.map((entry) => journal.append(entry)));
  assert.deepEqual(
    appended.map(({ index }) => index),
    entries.map((_, i) => i),
  );
  assert.deepEqual(journal.readEntries(0, 700).map(text), entries.map(text));
  assert.deepEqual(journal.readEntries(255, 258).map(text), ["entry 255", "entry 256", "entry 257"]);
  assert.deepEqual(journal.head(), { size: 700, root: rootOf(entries) });
  assert.deepEqual(journal.rootAt(300), rootOf(entries.slice(0, 300)));
});

test("a journal goes on after a clean stop with its tree, its notes and the next number, and without a gap", async (t) => {
  const options = setupOptions(t);
  const first = await openJournal(options);
  for (let i = 0; i < 300; i++) await first.append(utf8(`${first.nextNumber()}`), 1);
  const { note } = await first.checkpoint(signer);
  await first.keepCosigned({ size: 300, note: `${note}— mirror AAAAAAA=\n` });
  const { root } = first.head();
  await first.close();
  const second = await openJournal(options);
  t.after(() => second.close());
  assert.deepEqual(second.head(), { size: 300, root });
  assert.equal(second.nextNumber(), 300);
  assert.deepEqual(second.latestCheckpoint(), { size: 300, note });
  assert.equal(second.cosignedCheckpoint()?.size, 300);
  await second.append(utf8("300"), 1);
});

test("numbers taken and never accounted for are a gap leaf, at a clean stop as well", async (t) => {
  const options = setupOptions(t);
  const first = await openJournal(options);
  for (let i = 0; i < 5; i++) first.nextNumber();
  await first.append(utf8("a decision"), 1);
  await first.append(utf8("a summary of two"), 2);
  await first.close();
  const second = await openJournal(options);
  t.after(() => second.close());
  assert.deepEqual(second.readEntries(0, second.size).map(text), [
    "a decision",
    "a summary of two",
    JSON.stringify({ from: 0, to: 4, atMost: 2 }),
  ]);
});

test("a number is never given twice, and a new lease comes before the old one ends", async (t) => {
  const journal = await setupJournal(t);
  let last = -1;
  for (let i = 0; i < 3 * NUMBERS_LEASED; i++) {
    const number = journal.nextNumber();
    assert.equal(number, last + 1);
    last = number;
    if (i % 1_000 === 0) await journal.append(utf8("a summary"), 1_000);
  }
  await journal.append(utf8("the rest"), 3 * NUMBERS_LEASED - 13_000);
});

test("more numbers than are leased are not given out unrecorded", async (t) => {
  const journal = await setupJournal(t);
  for (let i = 0; i < NUMBERS_LEASED; i++) journal.nextNumber();
  assert.throws(() => journal.nextNumber(), code("JOURNAL_BUSY"));
  await journal.append(utf8("a summary"), NUMBERS_LEASED);
  assert.equal(journal.nextNumber(), NUMBERS_LEASED);
});

test("proofs from the file hold against its checkpoint", async (t) => {
  const journal = await setupJournal(t);
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => journal.append(utf8(`entry ${i}`))));
  const { note } = await journal.checkpoint(signer);
  const opened = openCheckpoint(note, [signer.key], crypto);
  assert.ok(opened.ok);
  const { root } = opened.value;
  const leafHash = hasher.leaf(utf8("entry 517"));
  const inclusion = { index: 517n, size: 1_000n, leafHash, root, proof: journal.inclusionProof(517, 1_000) };
  assert.ok(verifyInclusion(inclusion, hasher).ok);
  const sizes = { oldSize: 300n, newSize: 1_000n };
  const consistency = {
    ...sizes,
    oldRoot: journal.rootAt(300),
    newRoot: root,
    proof: journal.consistencyProof(300, 1_000),
  };
  assert.ok(verifyConsistency(consistency, hasher).ok);
  const past = openCheckpoint(journal.checkpointAt(300, signer).note, [signer.key], crypto);
  assert.ok(past.ok);
  assert.deepEqual(past.value.root, journal.rootAt(300));
});

test("a queue that is full refuses by name, and takes entries again when it has emptied", async (t) => {
  const journal = await setupJournal(t);
  const appended = Array.from({ length: QUEUE_ENTRIES_MAX + 1 }, () => journal.append(utf8("entry")));
  const outcomes = await Promise.allSettled(appended);
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.deepEqual(
    refused.map(({ reason }) => reason.code),
    ["JOURNAL_BUSY"],
  );
  assert.deepEqual(await journal.append(utf8("entry")), { index: QUEUE_ENTRIES_MAX });
});

test("a full disk rejects the whole batch and leaves nothing half-written; with space again the journal goes on", async (t) => {
  const journal = await setupJournal(t, { sizeMax: 262_144 });
  const kept: string[] = [];
  const entry = (i: number) => `${i} ${"x".repeat(2_000)}`;
  let refused: unknown;
  for (let i = 0; refused === undefined; i++) {
    const batch = Array.from({ length: 8 }, (_, j) => entry(8 * i + j));
    const outcomes = await Promise.allSettled(batch.map((one) => journal.append(utf8(one))));
    const rejected = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.ok(rejected.length === 0 || rejected.length === batch.length);
    if (rejected.length === 0) kept.push(...batch);
    refused = rejected[0]?.reason;
  }
  assert.ok(code("STORE_FULL")(refused));
  assert.equal(journal.size, kept.length);
  journal.setSizeMax(1_048_576);
  const { index } = await journal.append(utf8("after"));
  assert.equal(index, kept.length);
  assert.deepEqual(journal.readEntries(0, journal.size).map(text), [...kept, "after"]);
  assert.deepEqual(journal.head().root, rootOf([...kept, "after"].map(utf8)));
});

test("a stop on a full disk is told as a gap once there is space", async (t) => {
  const options = setupOptions(t);
  const first = await openJournal({ ...options, sizeMax: 65_536 });
  const number = first.nextNumber();
  await assert.rejects(first.append(new Uint8Array(60_000), 1), code("STORE_FULL"));
  await first.close();
  const second = await openJournal(options);
  t.after(() => second.close());
  const gap = JSON.parse(text(second.readEntries(0, 1)[0] ?? new Uint8Array(0)));
  assert.equal(gap.from, number);
  assert.ok(gap.atMost >= 1);
});

test("a journal of another origin, of a newer version, or no journal at all is not opened", async (t) => {
  const options = setupOptions(t);
  await (await openJournal(options)).close();
  await assert.rejects(openJournal({ ...options, origin: "other.example" }), code("JOURNAL_ORIGIN_MISMATCH"));
  const database = new DatabaseSync(options.path);
  database.exec("PRAGMA user_version = 2");
  database.close();
  await assert.rejects(openJournal(options), code("JOURNAL_VERSION_UNKNOWN"));
  writeFileSync(options.path, "not a database, but longer than the header of one ".repeat(200));
  await assert.rejects(openJournal(options), code("JOURNAL_CORRUPT"));
});

test("an entry, a tile or a root changed behind the journal's back keeps it closed", async (t) => {
  const changes = [
    "UPDATE segment SET entries = CAST(replace(entries, 'entry 599', 'entry 598') AS BLOB) WHERE first = 599",
    "UPDATE segment SET root = zeroblob(32) WHERE first = 599",
    "UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE level = 1",
    "DELETE FROM segment WHERE first = 520",
  ];
  for (const change of changes) {
    const options = setupOptions(t);
    const journal = await openJournal(options);
    for (let i = 0; i < 600; i++) await journal.append(utf8(`entry ${i}`));
    await journal.close();
    const database = new DatabaseSync(options.path);
    assert.equal(Number(database.prepare(change).run().changes), 1);
    database.close();
    await assert.rejects(openJournal(options), code("JOURNAL_CORRUPT"), change);
  }
});

test("two writers of one file never both go on", async (t) => {
  const options = setupOptions(t);
  const first = await openJournal(options);
  const second = await openJournal(options);
  t.after(() => Promise.all([first.close(), second.close()]));
  await second.append(utf8("second"));
  await assert.rejects(first.append(utf8("first")), code("JOURNAL_SHARED"));
  await assert.rejects(first.append(utf8("again")), code("JOURNAL_SHARED"));
  await second.append(utf8("second"));
});

test("a closed journal answers nothing more, and closing waits for what was appended", async (t) => {
  const options = setupOptions(t);
  const journal = await openJournal(options);
  const appended = journal.append(utf8("last words"));
  await journal.close();
  assert.deepEqual(await appended, { index: 0 });
  await assert.rejects(journal.append(utf8("more")), code("JOURNAL_CLOSED"));
  assert.throws(() => journal.readEntries(0, 1), code("JOURNAL_CLOSED"));
  assert.throws(() => journal.nextNumber(), code("JOURNAL_CLOSED"));
  await journal.close();
});

test("when the worker crashes, everything outstanding is rejected, and so is what comes later", async () => {
  const crashing = "require('node:worker_threads').parentPort.on('message', () => { throw new Error('boom'); })";
  const head = { size: 0, root: new Uint8Array(32) };
  const queue = new CommitQueue(new Worker(crashing, { eval: true }), {
    kind: "opened",
    head,
    nextNumber: 0,
    gap: undefined,
  });
  const outcomes = await Promise.allSettled([queue.append(utf8("a"), 0), queue.append(utf8("b"), 0)]);
  for (const outcome of outcomes) assert.ok(outcome.status === "rejected" && code("JOURNAL_FAILED")(outcome.reason));
  await assert.rejects(queue.append(utf8("c"), 0), code("JOURNAL_FAILED"));
  await queue.end();
});

async function setupJournal(t: TestContext, more: Partial<JournalOptions> = {}): Promise<Journal> {
  const journal = await openJournal({ ...setupOptions(t), ...more });
  t.after(() => journal.close());
  return journal;
}

function setupOptions(t: TestContext): JournalOptions {
  const folder = mkdtempSync(join(tmpdir(), "vedette-journal-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return { path: join(folder, "journal.db"), origin: ORIGIN, gapLeaf: (gap) => utf8(JSON.stringify(gap)) };
}

function rootOf(entries: readonly Uint8Array[]): Uint8Array {
  const tree = new TreeBuilder(hasher);
  for (const entry of entries) tree.append(hasher.leaf(entry));
  return tree.root();
}

function text(bytes: Uint8Array): string {
  const decoded = parseUtf8(bytes);
  assert.ok(decoded.ok);
  return decoded.value;
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof AdapterError && error.code === expected;
}
