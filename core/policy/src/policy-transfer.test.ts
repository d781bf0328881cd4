import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { instant, utf8 } from "@vedette/base";
import { type FlatCode, runParts, type Value, valueToJson } from "@vedette/rego";
import fc from "fast-check";
import { activatePolicy, adoptPolicy } from "./activation.ts";
import { parsePolicy } from "./check.ts";
import { type FlatPolicy, flattenPolicy, loadPolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { type PolicyBundle, RULES_FILE } from "./policy-bundle.ts";
import { compileBundle, type PolicyTransfer, packPolicy } from "./policy-transfer.ts";
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
  const compiled = compileBundle(bundle);
  assert.ok(compiled.ok);
  const { transfer, buffers } = packPolicy(bundle, compiled.value);
  const received = send(transfer, buffers) as PolicyTransfer;
  assert.deepEqual(Array.from(received.bundle.files.keys()), ["vedette/inventory/data.json"]);
  assert.equal(compiled.value.rules.index.postings.length, 0);
  assert.ok(bundle.files.get(RULES_FILE)?.length);
  const adopted = runParts(adoptPolicy(undefined, received, ports));
  assert.ok(adopted.ok);
  assert.equal(adopted.value.policy.ruleCount, 1);
});

const REGO = `package vedette.access

deny contains {"rule": "closed"} if input.action.name in data.shop.closed

deny contains {"rule": "late"} if input.context.hour > max([n | some n in limits])

allow := {"rule": "members", "obligations": [{"type": "receipt"}]} if input.subject.id in members

members := {"pos-1", "pos-2"}

limits contains n if some n in [20, 21, 99999999999999999999]
`;

test("Rego is handed over compiled: who receives it parses no source", () => {
  const received = handOverCode({ "a.rego": REGO, "shop/data.json": '{"closed": ["withdraw"]}' });
  const unreadable = { ...received.bundle, files: new Map([["a.rego", utf8("package")]]) };
  const adopted = runParts(adoptPolicy(undefined, { ...received, bundle: unreadable }, ports));
  assert.ok(adopted.ok);
  const { policy } = adopted.value;
  const ask = (name: string, hour?: number, id = "pos-1") => {
    const context = hour === undefined ? {} : { context: { hour } };
    const request = { subject: { type: "device", id }, action: { name }, resource: { type: "price", id: "1" } };
    const { effect, reason, ruleId } = decide(policy, { ...request, ...context }, testCreateContext());
    return [effect, ruleId ?? reason];
  };
  assert.deepEqual(ask("withdraw", 12), ["deny", "closed"]);
  assert.deepEqual(ask("read", 12), ["allow", "members"]);
  assert.deepEqual(ask("read", 12, "pos-9"), ["deny", "no-rule"]);
  assert.deepEqual(ask("read"), ["deny", "attribute-unknown"]);
});

test("documents and queries are answered as where the policy was compiled", () => {
  const files = { "a.rego": REGO, "shop/data.json": '{"closed": ["withdraw"], "__proto__": {"a": 1}}' };
  const received = handOverCode(files);
  const adopted = runParts(adoptPolicy(undefined, received, ports));
  const here = activatePolicy(undefined, testBundle(bytesOf(files)), ports);
  assert.ok(adopted.ok && here.ok);
  const both = [adopted.value, here.value].map(({ policy }) => policy.code!.modules);
  const deps = { ...ports, now: NOW };
  const input = { subject: { id: "pos-2" }, context: { hour: 22 } };
  for (const path of [
    [],
    ["shop"],
    ["shop", "__proto__", "a"],
    ["vedette"],
    ["vedette", "access", "limits"],
    ["none"],
  ]) {
    const [there, direct] = both.map((code) => code.document(path, input, deps));
    assert.ok(there?.ok && direct?.ok);
    assert.equal(textOfValue(there.value), textOfValue(direct.value), path.join("/"));
  }
  for (const query of ["data.vedette.access.members[x]", "x := data.shop.closed[y]", "x := 1 with input as 2", "x >"]) {
    const [there, direct] = both.map((code) => code.query(query, input, deps));
    assert.deepEqual(there, direct, query);
  }
});

test("what is no sound program is refused before anything of it runs", () => {
  const received = handOverCode({ "a.rego": REGO });
  const { flat } = received.code!;
  const refusal = (change: Partial<FlatCode>): string => {
    const code = { ...received.code!, flat: { ...flat, ...change } };
    const adopted = runParts(adoptPolicy(undefined, { ...received, code }, ports));
    assert.ok(!adopted.ok);
    return adopted.error.code;
  };
  assert.equal(refusal({ code: flat.code.slice(0, -1) }), "CODE_UNSOUND");
  assert.equal(refusal({ texts: flat.texts.map((text) => (text === "max" ? "nothing" : text)) }), "CODE_UNSOUND");
});

function handOverCode(files: Readonly<Record<string, string>>): PolicyTransfer {
  const bundle = testBundle(bytesOf(files));
  const compiled = compileBundle(bundle);
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const { transfer, buffers } = packPolicy(bundle, compiled.value);
  return send(transfer, buffers) as PolicyTransfer;
}

function bytesOf(files: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  return new Map(Object.entries(files).map(([name, text]) => [name, utf8(text)]));
}

function textOfValue(value: Value | undefined): string | undefined {
  return value === undefined ? undefined : valueToJson(value);
}

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
