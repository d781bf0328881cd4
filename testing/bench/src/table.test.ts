import assert from "node:assert/strict";
import { test } from "node:test";
import { measurementTable } from "./table.ts";

test("a table shows each figure with its limit and its peer, and marks what is missed", () => {
  const table = measurementTable([
    { bench: "rules", metric: "1e4.decide.p50", value: 812.345, unit: "ns", atMost: 1_000 },
    { bench: "journal", metric: "durable.rate", value: 48_123.4, unit: "/s", atLeast: 60_000 },
    { bench: "certificates", metric: "issue.rate", value: 30_000, unit: "/s", peer: "@peculiar/x509", ratio: 31.4159 },
  ]);
  assert.deepEqual(table.split("\n"), [
    "figure                   value       limit             against",
    "rules 1e4.decide.p50     812     ns  ≤ 1,000   met",
    "journal durable.rate     48,123  /s  ≥ 60,000  MISSED",
    "certificates issue.rate  30,000  /s                    @peculiar/x509: 31.4 ×",
  ]);
});
