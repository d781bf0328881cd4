import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, instant, milliseconds } from "@vedette/base";
import { limitLog } from "./log-budget.ts";

function setupLog(linesMax: number) {
  const written: string[] = [];
  const time = { now: 1_000_000 };
  const clock: Clock = { now: () => instant(time.now), monotonic: () => milliseconds(0) };
  const log = limitLog(
    (level, message, facts) => written.push(`${level} ${message} ${JSON.stringify(facts ?? {})}`),
    clock,
    linesMax,
  );
  return { written, time, log };
}

test("a flood writes so many lines a minute, and the next minute tells how many were left out", () => {
  const { written, time, log } = setupLog(2);
  for (let i = 0; i < 5; i++) log("warn", "evidence was refused", { i });
  assert.deepEqual(written, ['warn evidence was refused {"i":0}', 'warn evidence was refused {"i":1}']);
  time.now += 59_999;
  log("warn", "evidence was refused", { i: 5 });
  assert.equal(written.length, 2);
  time.now += 1;
  log("info", "a node was appraised", {});
  assert.deepEqual(written.slice(2), [
    'warn lines of the last minute were left out {"leftOut":4}',
    "info a node was appraised {}",
  ]);
});

test("a clock that steps back silences nobody for longer than a minute", () => {
  const { written, time, log } = setupLog(1);
  log("warn", "first");
  time.now -= 3_600_000;
  log("warn", "second");
  assert.equal(written.length, 2);
});
