import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { instant, utf8 } from "@vedette/base";
import fc from "fast-check";
import { adoptPolicy } from "./activation.ts";
import { parsePolicy } from "./check.ts";
import { type FlatPolicy, flattenPolicy, loadPolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { type PolicyBundle, RULES_FILE } from "./policy-bundle.ts";
import { compileRules, type PolicyTransfer, packPolicy } from "./policy-transfer.ts";
import {
  arbitraryRequest,
  arbitraryRules,
  NOW,
  type RuleText,
  referenceDecide,
  testCreateContext,
} from "./reference-fixture.test.ts";

const ports = {
  crypto: { hash: () => new Uint8Array(32) } as never,
  random: { bytes: (length: number) => new Uint8Array(length) },
};

test("a policy that was handed over decides as the reference does", () => {
  fc.assert(
    fc.property(arbitraryRules, fc.array(arbitraryRequest, { minLength: 1, maxLength: 10 }), (rules, requests) => {
      const policy = loadPolicy(handOver(flatten(rules)), { bundle: "test", revision: "1", notAfter: NOW });
      for (const request of requests) {
        const { effect, ruleId } = decide(policy, request, testCreateContext());
        assert.deepEqual({ effect, ruleId }, referenceDecide(rules, request, "fresh"));
      }
    }),
    { numRuns: 300 },
  );
});

test("what a rule carries beside its condition is handed over with it", () => {
  const rule = {
    id: "withdraw",
    effect: "allow" as const,
    description: "cash within limits",
    subject: { type: "device" },
    action: ["withdraw"],
    resource: { type: "cash" },
    obligations: [{ type: "receipt", copies: 2 }],
    spend: { counter: "cash", amount: "context.amount", limit: 500, window: "P1D", per: "subject.id" },
  };
  const policy = loadPolicy(handOver(flatten([rule])), { bundle: "test", revision: "1", notAfter: NOW });
  const request = {
    subject: { type: "device", id: "atm-3" },
    action: { name: "withdraw" },
    resource: { type: "cash", id: "eur" },
    context: { amount: 50 },
  };
  const { description, obligations, spend } = decide(policy, request, testCreateContext());
  assert.equal(description, "cash within limits");
  assert.deepEqual(obligations, [{ type: "receipt", copies: 2 }]);
  assert.deepEqual(spend, [{ counter: "cash", key: "atm-3", amount: 50, limit: 500, window: 86_400_000 }]);
});

test("a bundle is handed over without its rules, and without a copy of what is handed over", () => {
  const bundle = testBundle(new Map([["vedette/inventory/data.json", utf8("{}")]]));
  const rules = compileRules(bundle);
  assert.ok(rules.ok);
  const { transfer, buffers } = packPolicy(bundle, rules.value);
  const received = send(transfer, buffers) as PolicyTransfer;
  assert.deepEqual(Array.from(received.bundle.files.keys()), ["vedette/inventory/data.json"]);
  assert.equal(rules.value.index.postings.length, 0);
  assert.ok(bundle.files.get(RULES_FILE)?.length);
  const adopted = adoptPolicy(undefined, received.bundle, received.rules, ports);
  assert.ok(adopted.ok);
  assert.equal(adopted.value.policy.ruleCount, 1);
});

test("Rego goes along as it is written, and is compiled where it runs", () => {
  const module = utf8('package vedette.access\n\ndeny contains "closed" if input.action.name == "withdraw"\n');
  const bundle = testBundle(new Map([["shop.rego", module]]));
  const rules = compileRules(bundle);
  assert.ok(rules.ok);
  const { transfer, buffers } = packPolicy(bundle, rules.value);
  const received = send(transfer, buffers) as PolicyTransfer;
  const adopted = adoptPolicy(undefined, received.bundle, received.rules, ports);
  assert.ok(adopted.ok);
  assert.ok(adopted.value.policy.code?.modules.access.deny);
});

const open: RuleText = {
  id: "open",
  effect: "allow",
  subject: { type: "device" },
  action: ["withdraw"],
  resource: { type: "cash" },
};

function testBundle(files: ReadonlyMap<string, Uint8Array>): PolicyBundle {
  const rules = utf8(textOf([open]));
  const manifest = { revision: "1", roots: [""], sequence: 1, site: "store-17", notAfter: instant(NOW + 1) };
  return { manifest, keyId: "policy", files: new Map([[RULES_FILE, rules], ...files]) };
}

function flatten(rules: readonly object[]): FlatPolicy {
  const parsed = parsePolicy(textOf(rules), "rules.json");
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return flattenPolicy(parsed.value);
}

function textOf(rules: readonly object[]): string {
  return JSON.stringify({ kind: "rules/v1", id: "test", default: "deny", rules });
}

function handOver(rules: FlatPolicy): FlatPolicy {
  return send(rules, []) as FlatPolicy;
}

/** Through a real port, as between threads. */
function send(value: unknown, buffers: readonly ArrayBufferLike[]): unknown {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value, buffers as ArrayBuffer[]);
  const received = receiveMessageOnPort(port2);
  port1.close();
  return received?.message;
}
