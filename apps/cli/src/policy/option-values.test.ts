import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../command.ts";
import { durationToText, readCount, readDuration } from "./option-values.ts";

test("durations are read as Go writes them", () => {
  assert.equal(readDuration("timeout", "5s"), 5e9);
  assert.equal(readDuration("timeout", "1m30.5s"), 90.5e9);
  assert.equal(readDuration("timeout", "250ms"), 25e7);
  for (const text of ["", "5", "s", "5 s", "-1s", "5sx"])
    assert.throws(() => readDuration("timeout", text), UsageError, text);
});

test("durations are written with the unit that fits", () => {
  assert.deepEqual([0, 999, 1_500, 2_500_000, 3_000_000_000].map(durationToText), [
    "0ns",
    "999ns",
    "1.5µs",
    "2.5ms",
    "3s",
  ]);
});

test("a count is whole and not negative", () => {
  assert.equal(readCount("count", "12"), 12);
  for (const text of ["", "-1", "1.5", "1e3"]) assert.throws(() => readCount("count", text), /--count/, text);
});
