import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, type JsonObject, minutes, seconds, utf8 } from "@vedette/base";
import { closures, javascript } from "@vedette/rego";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { parsePolicy } from "./check.ts";
import { compilePolicy } from "./compile.ts";
import { decide, decideLocally } from "./decide.ts";
import type { TierAnswer } from "./escalation.ts";
import { compileCode } from "./policy-code.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import { NONE_UNANSWERED, resolveEscalation } from "./resolve-escalation.ts";

const NOW = instant(Date.UTC(2026, 10, 22, 12));
const ports = { crypto: createNodeCrypto(), random: systemRandom };
const RULES = {
  kind: "rules/v1",
  id: "shop",
  default: "deny",
  rules: [
    { id: "pos-reads", effect: "allow", subject: { type: "device" }, action: ["read"], resource: { type: "price" } },
    {
      id: "no-safe",
      effect: "deny",
      subject: { type: "*" },
      action: ["*"],
      resource: { type: "safe" },
    },
    {
      id: "large-refund",
      effect: "allow",
      subject: { type: "device" },
      action: ["refund"],
      resource: { type: "sale" },
      escalate: { tier: "region", deadline: "PT0.2S", onUnavailable: { effect: "local", capPerHour: 2 } },
    },
  ],
};

function policyOf(rego: string, rules: unknown = RULES, backEnd = closures, data: JsonObject = {}) {
  const document = parsePolicy(JSON.stringify(rules), "rules.json");
  assert.ok(document.ok, JSON.stringify(document));
  const files = new Map([
    ["access.rego", utf8(`package vedette.access\n\n${rego}\n`)],
    ["shop/data.json", utf8(JSON.stringify(data))],
  ]);
  const code = compileCode(files, [""], backEnd);
  assert.ok(code.ok && code.value, JSON.stringify(code));
  const compiled = compilePolicy(document.value, { bundle: "shop", revision: "1", notAfter: instant(NOW + 1) });
  return { ...compiled, code: { modules: code.value, ports } };
}

function findingsOf(rego: string) {
  const files = new Map([["access.rego", utf8(`package vedette.access\n\n${rego}\n`)]]);
  const code = compileCode(files, ["vedette"], closures);
  assert.ok(!code.ok && code.error.code === "POLICY_REFUSED");
  return code.error.findings.map(({ code: found, line, message }) => [found, line, message]);
}

const asked = (change: Partial<AccessRequest> = {}): AccessRequest => ({
  subject: { type: "device", id: "pos-1" },
  action: { name: "read" },
  resource: { type: "price", id: "42" },
  ...change,
});

const context = (state: DecisionContext["attestation"]["state"] = "fresh"): DecisionContext => ({
  now: NOW,
  attestation: { state },
  counters: { spent: () => 0 },
  labels: {},
  requestedBy: "test",
});

test("a Rego deny outweighs a JSON allow, and says which rule and why", () => {
  const policy = policyOf(
    `deny contains {"rule": "closed", "description": "the shop is closed"} if data.shop.closed`,
    RULES,
    closures,
    { closed: true },
  );
  const { effect, reason, ruleId, description, record } = decide(policy, asked(), context());
  assert.deepEqual([effect, reason, ruleId, description], ["deny", "denied-by-rule", "closed", "the shop is closed"]);
  assert.equal(record.path, "vedette/access/deny");
});

test("a JSON deny outweighs a Rego allow", () => {
  const policy = policyOf("allow := true");
  assert.equal(decide(policy, asked({ resource: { type: "safe", id: "1" } }), context()).ruleId, "no-safe");
});

test("Rego allows what the JSON rules leave open, with its obligations", () => {
  const policy = policyOf(
    `allow := {"rule": "stock", "obligations": [{"type": "receipt"}]} if input.action.name == "count"`,
  );
  const { effect, ruleId, obligations } = decide(policy, asked({ action: { name: "count" } }), context());
  assert.deepEqual([effect, ruleId, obligations], ["allow", "stock", [{ type: "receipt" }]]);
  assert.equal(decide(policy, asked({ action: { name: "burn" } }), context()).reason, "no-rule");
});

test("a Rego allow holds for a fresh subject only, unless it says more", () => {
  const plain = policyOf("allow := true", { ...RULES, rules: [RULES.rules[1]] });
  assert.equal(decide(plain, asked(), context("stale")).reason, "not-fresh");
  const wider = policyOf('allow := {"states": ["fresh", "stale"]}', { ...RULES, rules: [RULES.rules[1]] });
  assert.equal(decide(wider, asked(), context("stale")).effect, "allow");
  assert.equal(decide(wider, asked(), context("expired")).effect, "deny");
});

test("a deny that looks at a missing attribute is unknown, and fires", () => {
  const policy = policyOf('deny if input.context.amount > 100\nallow if input.action.name == "pay"');
  const pay = (amount?: number) =>
    asked({ action: { name: "pay" }, ...(amount !== undefined && { context: { amount } }) });
  assert.equal(decide(policy, pay(50), context()).effect, "allow");
  assert.equal(decide(policy, pay(500), context()).reason, "denied-by-rule");
  assert.equal(decide(policy, pay(), context()).reason, "attribute-unknown");
});

test("a deny that gave up before the missing attribute does not ask for it", () => {
  const policy = policyOf('deny if {\n\tinput.resource.type == "cash"\n\tinput.context.amount > 100\n}');
  assert.equal(decide(policy, asked(), context()).effect, "allow");
});

test("what a variable took from the input is input as well", () => {
  const policy = policyOf("deny if {\n\tsome item in input.context.items\n\titem.price > 10\n}");
  const cart = (items: readonly JsonObject[]) => asked({ context: { items } });
  assert.equal(decide(policy, cart([{ price: 5 }]), context()).effect, "allow");
  assert.equal(decide(policy, cart([{ price: 50 }]), context()).reason, "denied-by-rule");
  assert.equal(decide(policy, cart([{}]), context()).reason, "attribute-unknown");
});

test("a default that the deny states itself is an answer", () => {
  const policy = policyOf('deny if object.get(input, ["context", "amount"], 0) > 100');
  assert.equal(decide(policy, asked(), context()).effect, "allow");
});

for (const [name, backEnd] of [
  ["closures", closures],
  ["javascript", javascript],
] as const)
  test(`removing an attribute never turns a deny into an allow (${name})`, () => {
    const policy = policyOf(
      `
deny if input.context.amount > limit
deny if input.context.country in {"xx", "yy"}
deny if not input.context.consent
deny if { some tag in input.context.tags; tag == "banned" }
deny if { some k, v in input.context.flags; v == true; k != "ok" }
limit := 100
allow if input.action.name == "pay"`,
      { ...RULES, rules: [RULES.rules[1]] },
      backEnd,
    );
    const member = {
      amount: fc.constantFrom(1, 500),
      country: fc.constantFrom("de", "xx"),
      consent: fc.boolean(),
      tags: fc.array(fc.constantFrom("new", "banned"), { maxLength: 2 }),
      flags: fc.constantFrom<JsonObject>({}, { ok: true }, { bad: true }),
    };
    fc.assert(
      fc.property(fc.record(member, { requiredKeys: [] }), fc.constantFrom(...Object.keys(member)), (whole, gone) => {
        const { [gone]: _, ...less } = whole as JsonObject;
        const effect = (found: JsonObject) =>
          decide(policy, asked({ action: { name: "pay" }, context: found }), context()).effect;
        if (effect(whole as JsonObject) === "deny") assert.equal(effect(less), "deny");
      }),
      { numRuns: 500 },
    );
  });

test("an allow never sees the address, and is refused when it asks", () => {
  assert.deepEqual(findingsOf('allow if input.context.ip == "10.0.0.1"'), [
    ["IP_ALLOWS", 3, "an allow reads input.context.ip"],
  ]);
  assert.equal(
    findingsOf('allow if near\nnear if net.cidr_contains("10.0.0.0/8", input.context.addr)')[0]?.[0],
    "IP_ALLOWS",
  );
  const policy = policyOf(
    "allow if input.context[name] == data.shop.home\nname := data.shop.key",
    { ...RULES, rules: [RULES.rules[1]] },
    closures,
    {
      home: "10.0.0.1",
      key: "ip",
    },
  );
  assert.equal(decide(policy, asked({ context: { ip: "10.0.0.1" } }), context()).reason, "no-rule");
});

test("a deny may tighten by address", () => {
  const policy = policyOf('deny if not net.cidr_contains("10.0.0.0/8", input.context.ip)');
  assert.equal(decide(policy, asked({ context: { ip: "10.1.2.3" } }), context()).effect, "allow");
  assert.equal(decide(policy, asked({ context: { ip: "192.0.2.1" } }), context()).effect, "deny");
});

test("what cannot run offline is refused, with the reason", () => {
  const [finding] = findingsOf(
    'allow if http.send({"method": "get", "url": "https://example.org"}).status_code == 200',
  );
  assert.deepEqual(finding?.slice(0, 2), ["NOT_OFFLINE", 3]);
});

test("a package outside the roots is refused", () => {
  const files = new Map([["a.rego", utf8("package other\n\np := 1\n")]]);
  const code = compileCode(files, ["vedette"], closures);
  assert.ok(!code.ok && code.error.code === "POLICY_REFUSED");
});

test("Rego that runs into a limit denies", () => {
  const policy = policyOf(
    "deny if count([1 | some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); a == b]) == 0",
  );
  assert.equal(decide(policy, asked(), context()).reason, "code-failed");
});

test("an answer of a shape that means nothing denies", () => {
  assert.equal(decide(policyOf('escalate := {"tier": "moon"}'), asked(), context()).reason, "code-failed");
});

const refund = asked({ action: { name: "refund" }, resource: { type: "sale", id: "7" } });
const decided = (effect: "allow" | "deny"): TierAnswer => ({
  type: "decided",
  by: "region",
  effect,
  reason: "score 0.2",
  at: NOW,
});

test("until another tier has answered, what escalates is denied", () => {
  const { effect, reason, escalation } = decide(policyOf("x := 1"), refund, context());
  assert.deepEqual(
    [effect, reason, escalation?.tier, escalation?.deadline],
    ["deny", "escalation-needed", "region", 200],
  );
  assert.equal(seconds(0.2), 200);
});

const MATRIX = [
  ["an allow of the tier stands", decided("allow"), "allow", "allowed-by-tier", "region"],
  ["a deny of the tier stands", decided("deny"), "deny", "denied-by-tier", "region"],
  ["a time-out leaves the local decision", { type: "failed", failure: "timeout" }, "allow", "allowed-by-rule", "edge"],
  ["so does a tier out of reach", { type: "failed", failure: "unreachable" }, "allow", "allowed-by-rule", "edge"],
  ["and an answer that makes no sense", { type: "failed", failure: "invalid" }, "allow", "allowed-by-rule", "edge"],
] as const;

for (const [name, answer, effect, reason, answeredBy] of MATRIX)
  test(`escalation: ${name}`, () => {
    const policy = policyOf("x := 1");
    const { decision } = resolveEscalation(
      decide(policy, refund, context()),
      decideLocally(policy, refund, context()),
      answer,
      NONE_UNANSWERED,
      NOW,
    );
    assert.deepEqual([decision.effect, decision.reason, decision.answeredBy], [effect, reason, answeredBy]);
  });

test("going on without an answer is capped by the hour, and a clock set back does not begin a new one", () => {
  const policy = policyOf("x := 1");
  const first = decide(policy, refund, context());
  const local = decideLocally(policy, refund, context());
  const failed: TierAnswer = { type: "failed", failure: "unreachable" };
  let unanswered = NONE_UNANSWERED;
  const effects: string[] = [];
  for (const at of [NOW, NOW + minutes(1), NOW + minutes(2), NOW - minutes(90), NOW + minutes(61)]) {
    const resolved = resolveEscalation(first, local, failed, unanswered, instant(at));
    unanswered = resolved.unanswered;
    effects.push(resolved.decision.reason);
  }
  assert.deepEqual(effects, [
    "allowed-by-rule",
    "allowed-by-rule",
    "escalation-unanswered",
    "escalation-unanswered",
    "allowed-by-rule",
  ]);
});

test("onUnavailable deny denies, and a local deny is never outvoted", () => {
  const policy = policyOf(
    'escalate := {"tier": "cloud", "deadline": "PT1S", "onUnavailable": "deny"} if input.action.name == "read"',
  );
  const unanswered = resolveEscalation(
    decide(policy, asked(), context()),
    decideLocally(policy, asked(), context()),
    { type: "failed", failure: "timeout" },
    NONE_UNANSWERED,
    NOW,
  );
  assert.equal(unanswered.decision.reason, "escalation-unanswered");
  const limited = policyOf('escalate := {"tier": "cloud", "deadline": "PT1S", "onUnavailable": "deny"}', {
    ...RULES,
    rules: [{ ...RULES.rules[0], states: ["fresh"] }, RULES.rules[1]],
  });
  const stale = resolveEscalation(
    decide(limited, asked(), context("stale")),
    decideLocally(limited, asked(), context("stale")),
    decided("allow"),
    NONE_UNANSWERED,
    NOW,
  );
  assert.equal(stale.decision.reason, "not-fresh");
});

const ONLY_DENIES = { ...RULES, rules: [RULES.rules[1]] };
const ALLOWS_ALL = {
  ...RULES,
  rules: [{ id: "all", effect: "allow", subject: { type: "*" }, action: ["*"], resource: { type: "*" } }],
};

for (const value of [
  "0",
  '""',
  '"no"',
  "{}",
  "[false]",
  "[null]",
  '{"allow": false}',
  '{"obligations": {}}',
  '{"obligations": [{"typ": "x"}]}',
])
  test(`an allow of the shape ${value} means nothing and denies`, () =>
    assert.equal(decide(policyOf(`allow := ${value}`, ONLY_DENIES), asked(), context()).reason, "code-failed"));

for (const rego of [
  'allow[x] if { x := "admin"; input.action.name == "admin" }'.replace("; ", "\n\t"),
  'allow.read if input.action.name == "admin"',
  "deny(x) if x",
])
  test(`a rule that cannot be asked is refused: ${rego.split("\n")[0]}`, () =>
    assert.ok(findingsOf(rego).some(([, , message]) => String(message).includes("no rule that can be asked"))));

test("a package or data in the place of a rule is refused", () => {
  const files = new Map([
    ["a.rego", utf8("package vedette.access.allow.helpers\n\np := 1\n")],
    ["vedette/access/deny/data.json", utf8("true")],
  ]);
  const code = compileCode(files, [""], closures);
  assert.ok(!code.ok && code.error.code === "POLICY_REFUSED");
  assert.equal(code.error.findings.length, 2);
});

for (const [deny, full, less] of [
  ['"banned" in input.context.flags', { flags: { a: "banned" } }, { flags: {} }],
  ['"banned" in object.keys(input.context)', { banned: 1 }, {}],
  ['walk(input, [_, v])\n\tv == "banned"', { a: "banned" }, {}],
  ["count(input.context) > 1", { a: 1, b: 2 }, { a: 1 }],
  ['input.context == {"a": 1, "b": 2}', { a: 1, b: 2 }, { a: 1 }],
  ['{"a": _, "b": 1} = input.context', { a: 1, b: 1 }, { b: 1 }],
  ['contains(json.marshal(input.context), "banned")', { a: "banned" }, {}],
  ["bad with data.lim as input.context.lim", { lim: { max: 9 } }, { lim: {} }],
] as const)
  test(`leaving out what a deny looks at as a whole never allows: ${deny.split("\n")[0]}`, () => {
    for (const backEnd of [closures, javascript]) {
      const policy = policyOf(`deny if {\n\t${deny}\n}\n\nbad if data.lim.max > 5`, ALLOWS_ALL, backEnd);
      assert.equal(decide(policy, asked({ context: full }), context()).effect, "deny");
      assert.equal(decide(policy, asked({ context: less }), context()).effect, "deny");
    }
  });

test("removing an attribute does not skip an escalation", () => {
  const policy = policyOf(
    'escalate := {"tier": "cloud", "deadline": "PT1S", "onUnavailable": "deny"} if input.context.amount > 100',
    ALLOWS_ALL,
  );
  assert.equal(decide(policy, asked({ context: { amount: 500 } }), context()).reason, "escalation-needed");
  assert.equal(decide(policy, asked({ context: {} }), context()).reason, "attribute-unknown");
});

test("what stands in a builtin's place counts as called", () => {
  assert.equal(
    findingsOf('allow if f("10.0.0.0/8", input.context.addr) with f as net.cidr_contains\n\nf(_, _) := true')[0]?.[0],
    "IP_ALLOWS",
  );
  assert.equal(
    findingsOf('deny if f({"method": "get", "url": "x"}) with f as http.send\n\nf(_) := true')[0]?.[0],
    "NOT_OFFLINE",
  );
});

test("a folder named after a prototype's member is data like any other", () => {
  const files = new Map([
    ["a.rego", utf8("package t\n\np := data.q.__proto__.polluted\n")],
    ["q/data.json", utf8("{}")],
    ["q/__proto__/polluted/data.json", utf8('"yes"')],
  ]);
  const code = compileCode(files, [""], closures);
  assert.ok(code.ok && code.value, JSON.stringify(code));
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
});
