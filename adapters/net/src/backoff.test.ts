import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { afterFailure, BACKOFF_POLICY, chanceOf, RESTED } from "./backoff.ts";

const policy = { firstMs: 100, maxMs: 1_000 };

function testBounds(chance: number): readonly number[] {
  let state = RESTED;
  return Array.from({ length: 6 }, () => {
    const next = afterFailure(state, policy, chance);
    state = next.state;
    return next.wait;
  });
}

test("waits are drawn from a range whose upper end doubles up to the limit", () => {
  assert.deepEqual(testBounds(0), [100, 100, 100, 100, 100, 100]);
  assert.deepEqual(testBounds(0.5), [150, 250, 450, 550, 550, 550]);
});

test("a wait is never below the first nor above the last, whatever happened before", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 1e9 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (failures, chance) => {
        const { wait } = afterFailure({ failures }, BACKOFF_POLICY, chance);
        assert.ok(wait >= BACKOFF_POLICY.firstMs && wait <= BACKOFF_POLICY.maxMs);
      },
    ),
  );
});

test("chance is at least zero and below one at both ends of the bytes", () => {
  assert.equal(chanceOf({ bytes: (length) => new Uint8Array(length) }), 0);
  const top = chanceOf({ bytes: (length) => new Uint8Array(length).fill(0xff) });
  assert.ok(top < 1 && top > 0.999);
  assert.notEqual(chanceOf(systemRandom), chanceOf(systemRandom));
});
