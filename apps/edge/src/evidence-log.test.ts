import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdapterError, instant, type JsonObject, milliseconds, seconds } from "@vedette/base";
import { type Journal, openJournal } from "@vedette/journal";
import type { Decision } from "@vedette/policy";
import { createNodeCrypto, systemClock } from "@vedette/runtime";
import { decisionsIn, encodeLeaf, type Leaf, parseLeaf, recordText } from "@vedette/telemetry";
import { createTreeHasher, verifyInclusion } from "@vedette/tlog";
import { EffectiveClock } from "./effective-clock.ts";
import { EvidenceLog } from "./evidence-log.ts";

const crypto = createNodeCrypto();
const TILL = "spiffe://store-17.example.org/device/pos/pos-1";
const FULL = 1;
const ROOMY = 1_000_000_000;
const facts = {
  labels: {},
  bundles: {},
  path: "vedette/rules",
  input: { padding: "x".repeat(2_000) },
  result: { allow: false },
  requested_by: TILL,
  timestamp: "2026-11-22T00:00:00.000Z",
};
const record = testRecord(facts);
const small = testRecord({ ...facts, input: {} });

function testRecord(members: JsonObject): Pick<Decision, "writeRecord"> {
  return { writeRecord: () => recordText(members) };
}

async function setupEvidence(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "vedette-evidence-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const journal = await testOpen(directory);
  t.after(() => journal.close());
  const clock = new EffectiveClock(systemClock, instant(0));
  const denialLimits = { wholeMax: 2, window: seconds(1), principalsMax: 8 };
  const evidence = new EvidenceLog({ journal, clock, crypto, log: () => {}, denialLimits });
  return { directory, journal, evidence };
}

function testOpen(directory: string): Promise<Journal> {
  return openJournal({
    path: join(directory, "journal.db"),
    origin: "test/journal",
    gapLeaf: (gap) => bytesOf({ kind: "gap", ...gap }),
  });
}

test("a disk that fills up refuses every decision that must be written, and takes them again when there is space", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  await evidence.allowed(record);
  journal.setSizeMax(FULL);
  await fillUp(evidence);
  await assert.rejects(evidence.allowed(record), { code: "STORE_FULL" });
  await assert.rejects(evidence.denied(record, TILL), { code: "STORE_FULL" });
  const { size } = journal.head();
  journal.setSizeMax(ROOMY);
  await evidence.allowed(record);
  assert.equal(journal.head().size, size + 1);
  await evidence[Symbol.asyncDispose]();
});

test("denials that were only counted are accounted for, though the disk was full when their window closed", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  const told = [];
  for (let i = 0; i < 20; i++) told.push(await evidence.denied(record, TILL));
  journal.setSizeMax(FULL);
  await fillUp(evidence);
  await t.test("while it is full, nothing more is told and only counted", async () => {
    for (let i = 0; i < 5; i++) await assert.rejects(evidence.denied(record, TILL), { code: "STORE_FULL" });
  });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  journal.setSizeMax(ROOMY);
  await evidence[Symbol.asyncDispose]();
  const leaves = leavesOf(journal);
  const whole = leaves.flatMap((leaf) => decisionsIn(leaf).map(({ number }) => number));
  const summaries = leaves.filter((leaf) => leaf.kind === "summary");
  assert.deepEqual(
    summaries.map(({ principal, count, firstNumber, lastNumber }) => [principal, count, firstNumber, lastNumber]),
    [[TILL, 18, told[2], told[19]]],
  );
  assert.ok(told.slice(0, 2).every((number) => whole.includes(number)));
});

test("denials that are merely counted, however fast, leave numbers for others", async (t) => {
  const { evidence } = await setupEvidence(t);
  for (let i = 0; i < 10_000; i++) await evidence.denied(small, TILL);
  await evidence.allowed(small);
});

test("what is decided in one turn is one leaf, and whoever lists decisions finds each of them", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  const numbers = await Promise.all([
    evidence.allowed(small),
    evidence.denied(small, TILL),
    evidence.queried({ path: "app/allow" }),
    evidence.allowed(small),
  ]);
  const leaves = leavesOf(journal);
  assert.deepEqual(
    leaves.map(({ kind }) => kind),
    ["decisions"],
  );
  assert.deepEqual(
    leaves.flatMap((leaf) => decisionsIn(leaf)).map(({ number, record: { path } }) => [number, path]),
    numbers.map((number, i) => [number, i === 2 ? "app/allow" : facts.path]),
  );
});

test("one decision of a leaf of several is proved by the leaf's inclusion and its place in the leaf", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  await evidence.event("start", {});
  const numbers = await Promise.all(Array.from({ length: 5 }, () => evidence.allowed(small)));
  await evidence.event("stop", {});
  const hasher = createTreeHasher(crypto);
  const [bytes = new Uint8Array(0)] = journal.readEntries(1, 2);
  const { size, root } = journal.head();
  const claim = { index: 1n, size: BigInt(size), root, proof: journal.inclusionProof(1, size) };
  assert.ok(verifyInclusion({ ...claim, leafHash: hasher.leaf(bytes) }, hasher).ok);
  const leaf = parseLeaf(bytes);
  assert.ok(leaf.ok);
  assert.equal(decisionsIn(leaf.value)[3]?.number, numbers[3]);
  const another = bytesOf({ kind: "decisions", decisions: decisionsIn(leaf.value).slice(1) });
  assert.equal(verifyInclusion({ ...claim, leafHash: hasher.leaf(another) }, hasher).ok, false);
});

test("an event stands behind what was decided before it in the same turn", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  const window = seconds(60);
  await Promise.all([evidence.allowed(record), evidence.allowed(record, window), evidence.event("cut", {})]);
  assert.deepEqual(
    leavesOf(journal).map(({ kind }) => kind),
    ["decisions", "event"],
  );
});

test("a record that may lag waits for others, and is written without any", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  const numbers = [await evidence.allowed(record, seconds(60)), await evidence.allowed(record, seconds(60))];
  assert.equal(journal.head().size, 0, "answered before it is written");
  while (journal.head().size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(
    leavesOf(journal).flatMap((leaf) => decisionsIn(leaf).map(({ number }) => number)),
    numbers,
  );
});

test("no record lags in a window too short for it, nor behind too many others", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  await evidence.allowed(record, milliseconds(1));
  assert.equal(journal.head().size, 1, "durable before it was answered");
  const isLagging = () => evidence.writeAllowed(small, seconds(60)).written === undefined;
  let lagging = 0;
  while (isLagging()) lagging++;
  assert.equal(lagging, 1_024);
  assert.equal(isLagging(), false);
});

test("a record that cannot be written costs nobody else their decision", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  const huge = testRecord({ ...facts, result: { text: "x".repeat(70_000) } });
  const settled = await Promise.allSettled([
    evidence.allowed(small),
    evidence.allowed(testRecord({ ...facts, path: "\ud800" })),
    evidence.allowed(huge),
    evidence.allowed(small),
  ]);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected", "fulfilled"],
  );
  assert.equal(leavesOf(journal).flatMap((leaf) => decisionsIn(leaf)).length, 2);
});

test("after an unclean stop the gap counts every record of a leaf of several as written, and those that lagged as lost", async (t) => {
  const { directory, evidence } = await setupEvidence(t);
  await Promise.all(Array.from({ length: 10 }, () => evidence.allowed(small)));
  for (let i = 0; i < 3; i++) await evidence.allowed(record, seconds(60));
  const later = `${directory}-as-the-power-went`;
  t.after(() => rmSync(later, { recursive: true }));
  cpSync(directory, later, { recursive: true });
  const reopened = await testOpen(later);
  t.after(() => reopened.close());
  const [first, gap] = leavesOf(reopened);
  assert.equal(first && decisionsIn(first).length, 10);
  assert.ok(gap?.kind === "gap");
  // All that was leased, less the ten: the three are among them, whoever else is.
  assert.deepEqual([gap.from, gap.atMost], [0, gap.to + 1 - 10]);
});

test("a step back of the clock is one event", async (t) => {
  const { journal, evidence } = await setupEvidence(t);
  await evidence.event("start", {});
  await evidence[Symbol.asyncDispose]();
  let offset = 0;
  const wall = { now: () => instant(systemClock.now() - offset), monotonic: () => systemClock.monotonic() };
  const clock = new EffectiveClock(wall, instant(0));
  const denialLimits = { wholeMax: 2, window: seconds(60), principalsMax: 8 };
  const later = new EvidenceLog({ journal, clock, crypto, log: () => {}, denialLimits });
  await later.event("before", {});
  offset = 3_600_000;
  for (let i = 0; i < 3; i++) await later.event("after", {});
  await later[Symbol.asyncDispose]();
  const names = leavesOf(journal).flatMap((leaf) => (leaf.kind === "event" ? [leaf.name] : []));
  assert.deepEqual(names.toSorted(), ["after", "after", "after", "before", "clock-step", "start"]);
});

/** The limit takes effect between commits, and the last pages have room for small leaves. */
async function fillUp(evidence: EvidenceLog): Promise<void> {
  for (const write of [() => evidence.allowed(record), () => evidence.event("x", {})]) {
    const isFull = () =>
      write().then(
        () => false,
        (error: unknown) => error instanceof AdapterError && error.code === "STORE_FULL",
      );
    let attempts = 0;
    while (!(await isFull())) assert.ok(++attempts < 200, "the disk never filled up");
  }
}

function leavesOf(journal: Journal): readonly Leaf[] {
  return journal.readEntries(0, journal.head().size).flatMap((entry) => {
    const leaf = parseLeaf(entry);
    return leaf.ok ? [leaf.value] : [];
  });
}

function bytesOf(leaf: Leaf): Uint8Array {
  const bytes = encodeLeaf(leaf, crypto);
  assert.ok(bytes.ok);
  return bytes.value;
}
