import assert from "node:assert/strict";
import { test } from "node:test";
import { addDuration, type Duration, hours, instant, minutes } from "@vedette/base";
import fc from "fast-check";
import { type Attested, type Freshness, judgeFreshness } from "./index.ts";

const AT = instant(Date.UTC(2026, 10, 22, 12));
const LIMITS = { stale: hours(24), expired: hours(72) };

function judge(age: Duration, others: Partial<Attested> = {}): Freshness {
  return judgeFreshness({ attestedAt: AT, verdict: "affirming", now: addDuration(AT, age), limits: LIMITS, ...others });
}

test("silence goes from fresh to stale to expired, at its limits exactly", () => {
  const ages = [0, hours(24) - 1, hours(24), hours(72) - 1, hours(72)] as Duration[];
  assert.deepEqual(
    ages.map((age) => judge(age)),
    ["fresh", "fresh", "stale", "stale", "expired"],
  );
});

test("a negative verdict is no silence: it holds at once and at any age", () => {
  for (const age of [hours(0), hours(30), hours(100)])
    assert.equal(judge(age, { verdict: "contraindicated" }), "contraindicated");
});

test("a warning ages like an affirmation", () => {
  assert.equal(judge(hours(1), { verdict: "warning" }), "fresh");
  assert.equal(judge(hours(25), { verdict: "warning" }), "stale");
});

test("an attestation from a future beyond the clocks' skew is not fresh", () => {
  assert.equal(judge(minutes(-1)), "fresh");
  assert.equal(judge(minutes(-2)), "stale");
});

test("no clock makes an attestation fresher than it was judged before", () => {
  const order: readonly Freshness[] = ["fresh", "stale", "expired", "contraindicated"];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -200, max: 200 }), { minLength: 2, maxLength: 8 }), (steps) => {
      let previous: Freshness = "fresh";
      for (const step of steps) {
        const next = judge(hours(step), { previous });
        assert.ok(order.indexOf(next) >= order.indexOf(previous));
        previous = next;
      }
    }),
  );
});
