import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, type JsonObject } from "@vedette/base";
import fc from "fast-check";
import { parsePolicy } from "./check.ts";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";
import { RecordWriter } from "./record-writer.ts";
import { NOW, testCreateContext } from "./reference-fixture.test.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";

const request: AccessRequest = {
  subject: { type: "device", id: "atm-3", properties: { roles: ["atm"] } },
  action: { name: "withdraw" },
  resource: { type: "cash", id: "eur" },
  context: { amount: 50, pin: "1234", card: { number: "4111", brand: "x" } },
};

function testDecide(
  mask: readonly string[] = [],
  asked: AccessRequest = request,
  context = testCreateContext(),
): Decision {
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
  return decide(policy, asked, context);
}

function record(mask: readonly string[] = [], asked: AccessRequest = request): Record<string, unknown> {
  return JSON.parse(JSON.stringify(testDecide(mask, asked).record));
}

test("a record written at once is the record, whatever was written before it", () => {
  const writer = new RecordWriter();
  const json = fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), {
    maxKeys: 3,
  }) as fc.Arbitrary<JsonObject>;
  const entity = fc.record({ type: fc.constantFrom("device", "user", "cash"), id: fc.string() });
  const asked = fc.record({
    subject: fc.tuple(entity, json).map(([each, properties]) => ({ ...each, properties })),
    action: fc.record({ name: fc.constantFrom("withdraw", 'say "no"') }),
    resource: entity,
    context: fc.oneof(json, fc.record({ amount: fc.constantFrom(50, 5_000), pin: fc.string() })),
  });
  const states = fc.constantFrom("fresh", "stale", "contraindicated");
  const attestation = fc.oneof(fc.record({ state: states }), fc.record({ state: states, at: fc.constant(NOW) }));
  const mask = fc.constantFrom([], ["/input/context/pin", "/input/context/none"]);
  fc.assert(
    fc.property(mask, asked, attestation, fc.boolean(), (erased, each, seen, isElsewhere) => {
      const labels = { site: isElsewhere ? "store-18" : "store-17" };
      const context = { ...testCreateContext(), attestation: seen, labels } as DecisionContext;
      const decision = testDecide(erased, each as AccessRequest, context);
      const members = Object.entries(decision.record).map(([name, value]) => [name, canonicalJson(value)]);
      assert.deepEqual({ ...decision.writeRecord(writer) }, Object.fromEntries(members));
    }),
  );
});

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
