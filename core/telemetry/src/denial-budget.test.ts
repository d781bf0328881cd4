import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, seconds } from "@vedette/base";
import fc from "fast-check";
import { DenialBudget, type DenialVerdict } from "./denial-budget.ts";
import { numbersIn } from "./leaf.ts";

const LIMITS = { wholeMax: 2, window: seconds(60), principalsMax: 3 };

test("the first denials of a window are whole, the rest one summary when it is over", () => {
  const budget = new DenialBudget(LIMITS);
  const as = [1, 2, 3, 5].map((number) => budget.onDenial("kiosk", number, instant(number)).as);
  assert.deepEqual(as, ["whole", "whole", "counted", "counted"]);
  assert.deepEqual(budget.collect(instant(60_000)), []);
  const [from, to] = [instant(1), instant(60_001)];
  const summary = { kind: "summary", principal: "kiosk", from, to, count: 2, firstNumber: 3, lastNumber: 5 };
  assert.deepEqual(budget.collect(instant(60_001)), [summary]);
  assert.deepEqual(budget.collect(instant(200_000)), []);
});

test("a window within its budget leaves nothing more to say", () => {
  const budget = new DenialBudget(LIMITS);
  budget.onDenial("kiosk", 1, instant(0));
  assert.deepEqual(budget.collect(instant(60_000)), []);
});

test("the next denial after the end brings the summary with it and starts a whole window", () => {
  const budget = new DenialBudget(LIMITS);
  for (const number of [1, 2, 3]) budget.onDenial("kiosk", number, instant(0));
  const verdict = budget.onDenial("kiosk", 4, instant(90_000));
  assert.equal(verdict.as, "whole");
  assert.deepEqual([verdict.summary?.count, verdict.summary?.to], [1, instant(60_000)]);
});

test("one principal's flood takes nothing from another's budget", () => {
  const budget = new DenialBudget(LIMITS);
  for (let number = 0; number < 100; number++) budget.onDenial("kiosk", number, instant(0));
  assert.equal(budget.onDenial("atm", 100, instant(0)).as, "whole");
});

test("principals beyond the limit share one budget, until a window ends and a place is free", () => {
  const budget = new DenialBudget(LIMITS);
  for (const [number, name] of ["a", "b", "c"].entries()) budget.onDenial(name, number, instant(0));
  const verdicts = ["d", "e", "f"].map((name, i) => budget.onDenial(name, 3 + i, instant(30_000)));
  assert.deepEqual(
    verdicts.map(({ as }) => as),
    ["whole", "whole", "counted"],
  );
  budget.collect(instant(60_000));
  assert.equal(budget.onDenial("f", 9, instant(60_000)).as, "whole");
  assert.deepEqual(
    budget.collectAll(instant(61_000)).map((leaf) => leaf.kind === "summary" && leaf.principal),
    ["*"],
  );
});

test("a clock stepped back ends the window instead of stretching it", () => {
  const budget = new DenialBudget(LIMITS);
  for (const number of [1, 2, 3]) budget.onDenial("kiosk", number, instant(500_000));
  const verdict = budget.onDenial("kiosk", 4, instant(1_000));
  assert.equal(verdict.as, "whole");
  assert.deepEqual([verdict.summary?.from, verdict.summary?.to], [instant(500_000), instant(500_000)]);
});

test("failures before authentication are counted by reason, and reasons are few", () => {
  const budget = new DenialBudget(LIMITS);
  for (let i = 0; i < 40; i++) budget.onUnauthenticated(`reason ${i}`, instant(0));
  budget.onUnauthenticated("reason 0", instant(0));
  const [leaf] = budget.collect(instant(60_000));
  assert.ok(leaf?.kind === "event" && leaf.name === "unauthenticated");
  const counts = leaf.facts["counts"] as Readonly<Record<string, number>>;
  assert.equal(Object.keys(counts).length, 32);
  assert.deepEqual([counts["reason 0"], counts["other"]], [2, 9]);
});

test("every denial is accounted for exactly once: whole, or in a summary that spans its number", () => {
  const denial = fc.record({ principal: fc.constantFrom("a", "b", "c", "d", "e"), after: fc.nat(40_000) });
  fc.assert(
    fc.property(fc.array(denial, { maxLength: 200 }), (denials) => {
      const budget = new DenialBudget(LIMITS);
      let now = 0;
      let whole = 0;
      const counted = new Set<number>();
      const summaries: NonNullable<DenialVerdict["summary"]>[] = [];
      for (const [number, { principal, after }] of denials.entries()) {
        now += after;
        const verdict = budget.onDenial(principal, number, instant(now));
        if (verdict.as === "whole") whole++;
        else counted.add(number);
        if (verdict.summary) summaries.push(verdict.summary);
        if (number % 7 === 0)
          for (const leaf of budget.collect(instant(now))) if (leaf.kind === "summary") summaries.push(leaf);
      }
      for (const leaf of budget.collectAll(instant(now))) if (leaf.kind === "summary") summaries.push(leaf);
      const summarised = summaries.reduce((sum, leaf) => sum + numbersIn(leaf), 0);
      assert.equal(whole + summarised, denials.length);
      for (const number of counted)
        assert.ok(summaries.some(({ firstNumber, lastNumber }) => firstNumber <= number && number <= lastNumber));
      for (const { count, firstNumber, lastNumber, from, to } of summaries)
        assert.ok(count <= lastNumber - firstNumber + 1 && from <= to && to <= from + LIMITS.window);
    }),
  );
});
