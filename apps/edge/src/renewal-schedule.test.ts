import assert from "node:assert/strict";
import { test } from "node:test";
import { addDuration, hours, instant, type Random } from "@vedette/base";
import { RenewalSchedule } from "./renewal-schedule.ts";

const NOW = instant(1_790_000_000_000);
const LATER = addDuration(NOW, hours(8));
/** The longest wait there can be. */
const unlucky: Random = { bytes: (length) => new Uint8Array(length).fill(0xff) };

test("an identity in good standing is renewed when it is due", () => {
  const schedule = new RenewalSchedule(NOW, unlucky);
  assert.equal(schedule.due, NOW);
  schedule.onRenewed(LATER);
  assert.equal(schedule.due, LATER);
});

test("failures in a row wait longer and longer, up to a minute, and an answered poll does not shorten that", () => {
  const schedule = new RenewalSchedule(NOW, unlucky);
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    schedule.onFailed(NOW);
    schedule.onAccepted();
    waits.push(Math.round(schedule.due - NOW));
  }
  assert.deepEqual(waits.slice(0, 3), [500, 1_000, 2_000]);
  assert.equal(waits.at(-1), 60_000);
});

test("two nodes that failed together do not come back together", () => {
  const [early, late] = [
    new RenewalSchedule(NOW, { bytes: (length) => new Uint8Array(length) }),
    new RenewalSchedule(NOW, unlucky),
  ];
  early.onFailed(NOW);
  late.onFailed(NOW);
  assert.ok(early.due < late.due);
});

test("a refusal calls for a renewal at once, and the refusals until then for nothing more", () => {
  const schedule = new RenewalSchedule(LATER, unlucky);
  schedule.onRefused(NOW);
  assert.equal(schedule.due, NOW);
  schedule.onRefused(instant(NOW + 5));
  assert.equal(schedule.due, NOW);
});

test("a refusal that persists although renewals succeed waits longer and longer", () => {
  const schedule = new RenewalSchedule(LATER, unlucky);
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    schedule.onRefused(NOW);
    waits.push(Math.round(schedule.due - NOW));
    schedule.onRenewed(LATER);
  }
  assert.deepEqual(waits, [0, 1_000, 2_000, 4_000]);
});

test("once accepted again, the next refusal is acted on at once", () => {
  const schedule = new RenewalSchedule(LATER, unlucky);
  for (let i = 0; i < 3; i++) {
    schedule.onRefused(NOW);
    schedule.onRenewed(LATER);
  }
  schedule.onAccepted();
  schedule.onRefused(NOW);
  assert.equal(schedule.due, NOW);
});

test("a refusal never puts off a renewal that is due sooner", () => {
  const soon = instant(NOW + 10);
  const schedule = new RenewalSchedule(LATER, unlucky);
  schedule.onRefused(NOW);
  schedule.onRenewed(soon);
  schedule.onRefused(NOW);
  assert.equal(schedule.due, soon);
});
