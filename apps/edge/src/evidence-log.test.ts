import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdapterError, instant, seconds } from "@vedette/base";
import { type Journal, openJournal } from "@vedette/journal";
import type { DecisionRecord } from "@vedette/policy";
import { createNodeCrypto, systemClock } from "@vedette/runtime";
import { encodeLeaf, type Leaf, parseLeaf } from "@vedette/telemetry";
import { EffectiveClock } from "./effective-clock.ts";
import { EvidenceLog } from "./evidence-log.ts";

const crypto = createNodeCrypto();
const TILL = "spiffe://store-17.example.org/device/pos/pos-1";
const FULL = 1;
const ROOMY = 1_000_000_000;
const record: DecisionRecord = {
  labels: {},
  bundles: {},
  path: "vedette/rules",
  input: { padding: "x".repeat(2_000) },
  result: { allow: false },
  requested_by: TILL,
  timestamp: "2026-11-22T00:00:00.000Z",
};

async function setupEvidence(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "vedette-evidence-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const journal = await openJournal({
    path: join(directory, "journal.db"),
    origin: "test/journal",
    gapLeaf: (gap) => bytesOf({ kind: "gap", ...gap }),
  });
  t.after(() => journal.close());
  const clock = new EffectiveClock(systemClock, instant(0));
  const denialLimits = { wholeMax: 2, window: seconds(1), principalsMax: 8 };
  const evidence = new EvidenceLog({ journal, clock, crypto, log: () => {}, denialLimits });
  return { journal, evidence };
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
  const whole = leaves.flatMap((leaf) => (leaf.kind === "decision" ? [leaf.number] : []));
  const summaries = leaves.filter((leaf) => leaf.kind === "summary");
  assert.deepEqual(
    summaries.map(({ principal, count, firstNumber, lastNumber }) => [principal, count, firstNumber, lastNumber]),
    [[TILL, 18, told[2], told[19]]],
  );
  assert.ok(told.slice(0, 2).every((number) => whole.includes(number)));
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
