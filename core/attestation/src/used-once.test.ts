import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addDuration, instant, seconds } from "@vedette/base";
import fc from "fast-check";
import { UsedOnce } from "./used-once.ts";

const start = instant(1_000_000);
const later = (count: number) => addDuration(start, seconds(count));

describe("what may be used once", () => {
  test("is used once for as long as it is remembered", () => {
    const once = new UsedOnce(8, seconds(60));
    assert.equal(once.use("a", start), "used");
    assert.equal(once.use("a", later(59)), "used before");
    assert.equal(once.use("a", later(60)), "used");
  });

  test("is refused, not forgotten, when the memory is full", () => {
    const once = new UsedOnce(2, seconds(60));
    assert.deepEqual(
      ["a", "b", "c", "a"].map((id) => once.use(id, start)),
      ["used", "used", "full", "used before"],
    );
    assert.equal(once.use("c", later(60)), "used");
  });

  test("is never used twice within its time, in whatever order the clock jumps", () => {
    const step = fc.record({ id: fc.constantFrom("a", "b", "c"), at: fc.integer({ min: 0, max: 300 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const once = new UsedOnce(2, seconds(60));
        const usedAt = new Map<string, number>();
        let now = 0;
        for (const { id, at } of steps) {
          now = Math.max(now, at);
          if (once.use(id, later(at)) !== "used") continue;
          assert.ok(now >= (usedAt.get(id) ?? Number.NEGATIVE_INFINITY) + 60);
          usedAt.set(id, now);
        }
      }),
    );
  });
});
