import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicy } from "./check.ts";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { NOW, testCreateContext } from "./reference-fixture.test.ts";
import type { AccessRequest } from "./request.ts";

const request: AccessRequest = {
  subject: { type: "device", id: "atm-3", properties: { roles: ["atm"] } },
  action: { name: "withdraw" },
  resource: { type: "cash", id: "eur" },
  context: { amount: 50, pin: "1234", card: { number: "4111", brand: "x" } },
};

function record(mask: readonly string[] = [], asked: AccessRequest = request): Record<string, unknown> {
  const rule = {
    id: "withdraw",
    effect: "allow",
    description: "cash within limits",
    subject: { type: "device" },
    action: ["withdraw"],
    resource: { type: "cash" },
    spend: { counter: "cash", amount: "context.amount", limit: 500, window: "P1D", per: "subject.id" },
  };
  const text = JSON.stringify({
    kind: "rules/v1",
    id: "store",
    default: "deny",
    ...(mask.length > 0 && { mask }),
    rules: [rule],
  });
  const parsed = parsePolicy(text, "rules.json");
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const policy = compilePolicy(parsed.value, { bundle: "store", revision: "r7", notAfter: NOW });
  const decision = decide(policy, asked, testCreateContext());
  return JSON.parse(JSON.stringify(decision.record));
}

test("a record has the fields of OPA's decision log", () => {
  assert.deepEqual(record(), {
    labels: { site: "store-17" },
    bundles: { store: { revision: "r7" } },
    path: "vedette/rules",
    input: {
      subject: {
        type: "device",
        id: "atm-3",
        attestation: { state: "fresh", at: "2026-11-22T11:59:00.000Z" },
        properties: { roles: ["atm"] },
      },
      action: { name: "withdraw" },
      resource: { type: "cash", id: "eur" },
      context: { amount: 50, pin: "1234", card: { number: "4111", brand: "x" } },
    },
    result: {
      allow: true,
      reason: "allowed-by-rule",
      rule: "withdraw",
      description: "cash within limits",
      spend: [{ counter: "cash", key: "atm-3", amount: 50, limit: 500, window: 86_400_000 }],
    },
    requested_by: "gateway",
    timestamp: "2026-11-22T12:00:00.000Z",
  });
});

test("what the policy masks is not in the record, and the record says so", () => {
  const masked = record(["/input/context/pin", "/input/context/card/number", "/input/context/absent"]);
  assert.deepEqual((masked["input"] as AccessRequest).context, { amount: 50, card: { brand: "x" } });
  assert.deepEqual(masked["erased"], ["/input/context/pin", "/input/context/card/number"]);
  assert.ok(!JSON.stringify(masked).includes("4111"));
  assert.equal(request.context?.["pin"], "1234");
});

test("a mask that meets no object erases nothing and breaks nothing", () => {
  const masked = record(["/input/context/amount/cents"]);
  assert.equal(masked["erased"], undefined);
});
