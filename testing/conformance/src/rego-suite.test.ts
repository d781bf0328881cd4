import assert from "node:assert/strict";
import { test } from "node:test";
import { scoreSuite } from "./rego-score.ts";
import { suiteMissing } from "./rego-suite.ts";

test("OPA's conformance suite of Rego v1", { skip: suiteMissing }, async (t) => {
  const scores = scoreSuite();
  const failures = (from: typeof scores) => from.filter(({ fault }) => fault !== undefined);
  const explain = (from: typeof scores) =>
    failures(from)
      .map(({ item, fault, omission }) => `${item.category}: ${item.note}: ${omission ?? fault}`)
      .join("\n");

  await t.test("at least 99 % of the cases whose builtins are deterministic pass", () => {
    const own = scores.filter(({ isDeterministic }) => isDeterministic);
    assert.ok(failures(own).length <= own.length * 0.01, explain(own));
  });

  await t.test("at least 95 % of all cases pass", () => {
    assert.ok(failures(scores).length <= scores.length * 0.05, explain(scores));
  });

  await t.test("both back ends agree on every case", () => {
    const disagreed = scores.filter(({ isAgreed }) => !isAgreed).map(({ item }) => `${item.category}: ${item.note}`);
    assert.deepEqual(disagreed, []);
  });

  await t.test("nothing crashes", () => {
    const crashed = scores.filter(({ fault }) => fault?.includes("crash: "));
    assert.deepEqual(
      crashed.map(({ item, fault }) => `${item.note}: ${fault}`),
      [],
    );
  });
});
