import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isMet } from "./measurement.ts";
import { interleaved, median, percentile } from "./statistics.ts";

test("the median of an even count lies between the two middle values", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test("numbers are ordered by value, not as text", () => {
  assert.equal(median([10, 9, 100]), 10);
});

test("a percentile is one of the values, and at least that share of them is no larger", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const found = percentile(values, percent);
      assert.ok(values.includes(found));
      assert.ok(values.filter((value) => value <= found).length >= (percent / 100) * values.length);
      assert.ok(values.filter((value) => value < found).length < (percent / 100) * values.length);
    }),
  );
});

test("contestants take turns, round by round", async () => {
  const turns: string[] = [];
  const figures = await interleaved(2, {
    ours: () => turns.push("ours"),
    theirs: async () => turns.push("theirs"),
  });
  assert.deepEqual(turns, ["ours", "theirs", "ours", "theirs"]);
  assert.deepEqual(figures, { ours: [1, 3], theirs: [2, 4] });
});

test("a figure is met up to its limit and missed beyond; without a limit it is information", () => {
  const figure = { bench: "b", metric: "m", unit: "ns" };
  assert.equal(isMet({ ...figure, value: 10, atMost: 10 }), true);
  assert.equal(isMet({ ...figure, value: 11, atMost: 10 }), false);
  assert.equal(isMet({ ...figure, value: 10, atLeast: 10 }), true);
  assert.equal(isMet({ ...figure, value: 9, atLeast: 10 }), false);
  assert.equal(isMet({ ...figure, value: 1 }), true);
  assert.equal(isMet({ ...figure, value: Number.NaN, atMost: 10 }), false);
});
