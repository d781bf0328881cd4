import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { instant } from "@vedette/base";
import fc from "fast-check";
import { parsePolicy } from "./check.ts";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";
import {
  arbitraryRequest,
  arbitraryRules,
  arbitraryState,
  NOW,
  type RuleText,
  referenceDecide,
  testCompile,
  testCreateContext,
} from "./reference-fixture.test.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";

const rule: RuleText = {
  id: "allow-get",
  effect: "allow",
  subject: { type: "device" },
  action: ["get"],
  resource: { type: "api" },
};
const request: AccessRequest = {
  subject: { type: "device", id: "pos-1" },
  action: { name: "get" },
  resource: { type: "api", id: "prices" },
};

function decided(
  rules: readonly RuleText[],
  changes: Partial<AccessRequest> = {},
  context: Partial<DecisionContext> = {},
): Decision {
  return decide(testCompile(rules), { ...request, ...changes }, testCreateContext(context));
}

test("the index decides as reading every rule does", () => {
  fc.assert(
    fc.property(
      arbitraryRules,
      fc.array(arbitraryRequest, { minLength: 1, maxLength: 8 }),
      arbitraryState,
      (rules, requests, state) => {
        const policy = testCompile(rules);
        for (const each of requests) {
          const { effect, ruleId, reason } = decide(policy, each, testCreateContext({ attestation: { state } }));
          const expected = referenceDecide(rules, each, state);
          assert.equal(effect, expected.effect);
          if (reason === "allowed-by-rule" || reason === "denied-by-rule") assert.equal(ruleId, expected.ruleId);
          else assert.equal(expected.ruleId, undefined);
        }
      },
    ),
    { numRuns: 600 },
  );
});

/** Every way to leave one attribute out. */
function withoutOne(value: unknown, depth = 0): unknown[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const mandatory = depth === 1 ? ["type", "id", "name"] : depth === 0 ? ["subject", "action", "resource"] : [];
  return Object.entries(value).flatMap(([key, member]) => {
    const { [key]: _, ...others } = value as Record<string, unknown>;
    const inner = withoutOne(member, depth + 1).map((less) => ({ ...value, [key]: less }));
    return mandatory.includes(key) ? inner : [others, ...inner];
  });
}

test("leaving an attribute out never turns deny into allow", () => {
  let removals = 0;
  fc.assert(
    fc.property(arbitraryRules, arbitraryRequest, (rules, whole) => {
      const policy = testCompile(rules);
      const { effect } = decide(policy, whole, testCreateContext());
      for (const less of withoutOne(whole) as AccessRequest[]) {
        removals++;
        const after = decide(policy, less, testCreateContext());
        assert.notEqual(after.reason, "request-invalid");
        if (effect === "deny") assert.equal(after.effect, "deny", JSON.stringify(less));
      }
    }),
    { numRuns: 600 },
  );
  assert.ok(removals > 1_000);
});

test("no rule means deny", () => {
  const { effect, reason, ruleId } = decided([rule], { action: { name: "put" } });
  assert.deepEqual([effect, reason, ruleId], ["deny", "no-rule", undefined]);
});

test("a deny rule outweighs allow rules before and after it", () => {
  const deny: RuleText = { ...rule, id: "deny-get", effect: "deny" };
  const { effect, reason, ruleId } = decided([rule, deny, { ...rule, id: "again" }]);
  assert.deepEqual([effect, reason, ruleId], ["deny", "denied-by-rule", "deny-get"]);
});

test("among allow rules the first of the document decides, whatever its selector", () => {
  const wide: RuleText = { ...rule, id: "wide", subject: { type: "*" }, action: ["*"], resource: { type: "*" } };
  const exact: RuleText = { ...rule, id: "exact", resource: { type: "api", id: "prices" } };
  assert.equal(decided([wide, exact]).ruleId, "wide");
  assert.equal(decided([exact, wide]).ruleId, "exact");
});

test("a deny rule on a role fires when the roles are missing, too many, or no list of texts", () => {
  const deny: RuleText = { ...rule, id: "no-kiosk", effect: "deny", subject: { type: "device", roles: ["kiosk"] } };
  const withRoles = (roles: unknown) =>
    decided([rule, deny], { subject: { ...request.subject, properties: { roles: roles as string[] } } }).effect;
  assert.equal(withRoles(["pos"]), "allow");
  assert.equal(withRoles([]), "allow");
  assert.equal(withRoles(["pos", "kiosk"]), "deny");
  for (const roles of ["pos", null, [1], { 0: "pos" }, new Array(17).fill("pos")])
    assert.equal(withRoles(roles), "deny");
  assert.equal(decided([rule, deny]).effect, "deny");
});

test("an allow rule on a class needs the class to be known", () => {
  const classy: RuleText = { ...rule, subject: { type: "device", class: ["till"] } };
  const withClass = (properties: Record<string, string>) =>
    decided([classy], { subject: { ...request.subject, properties } }).effect;
  assert.deepEqual(
    [withClass({ class: "till" }), withClass({ class: "atm" }), withClass({})],
    ["allow", "deny", "deny"],
  );
});

test("what objects inherit is no attribute", () => {
  for (const path of ["context.toString", "context.deep.valueOf", "subject.hasOwnProperty"])
    assert.equal(decided([{ ...rule, when: { has: path } }], { context: { deep: {} } }).effect, "deny", path);
  const named: RuleText = { ...rule, subject: { type: "constructor" }, action: ["toString"] };
  const asked = { subject: { type: "constructor", id: "x" }, action: { name: "toString" } };
  assert.equal(decided([named], asked).effect, "allow");
  assert.equal(decided([rule], asked).effect, "deny");
});

test("roles that something has put on all objects are nobody's", () => {
  const teller: RuleText = { ...rule, subject: { type: "device", roles: ["teller"] } };
  Object.defineProperty(Object.prototype, "roles", { value: ["teller"], configurable: true });
  try {
    const subject = { ...request.subject, properties: {} };
    assert.equal(decide(testCompile([teller]), { ...request, subject }, testCreateContext()).effect, "deny");
  } finally {
    Reflect.deleteProperty(Object.prototype, "roles");
  }
});

test("a rule may read more attributes than there are places to read them in", () => {
  const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const many: RuleText = { ...rule, when: { all: names.map((name, i) => ({ gte: [`context.${name}`, i] })) } };
  const context = Object.fromEntries(names.map((name, i) => [name, i]));
  assert.equal(decided([many], { context }).effect, "allow");
  for (const name of names) assert.equal(decided([many], { context: { ...context, [name]: -1 } }).effect, "deny", name);
});

test("the same condition under allow and deny differs only in what an unknown attribute means", () => {
  const when = {
    all: [{ gte: ["context.amount", 10] }, { not: { any: [{ eq: ["context.mode", "a"] }, { lt: ["context.n", 1] }] } }],
  };
  const deny: RuleText = { ...rule, id: "deny", effect: "deny", action: ["put"], when };
  const allowPut: RuleText = { ...rule, id: "put", action: ["put"] };
  const ask = (name: string, context: AccessRequest["context"]) =>
    decided([{ ...rule, when }, deny, allowPut], { action: { name }, ...(context && { context }) }).effect;
  const effects = (context: AccessRequest["context"]) => [ask("get", context), ask("put", context)];
  assert.deepEqual(effects({ amount: 10, mode: "b", n: 1 }), ["allow", "deny"]);
  assert.deepEqual(effects({ amount: 9, mode: "b", n: 1 }), ["deny", "allow"]);
  assert.deepEqual(effects({ amount: 10, mode: "a" }), ["deny", "allow"]);
  assert.deepEqual(effects({ amount: 10, mode: "b" }), ["deny", "deny"]);
  assert.deepEqual(effects(undefined), ["deny", "deny"]);
});

test("a rule holds for fresh subjects only, unless it says stale or safe; contraindicated is never allowed", () => {
  const effects = (changes: Partial<RuleText>) =>
    (["fresh", "stale", "expired", "contraindicated"] as const).map(
      (state) => decided([{ ...rule, ...changes }], {}, { attestation: { state } }).reason,
    );
  assert.deepEqual(effects({}), ["allowed-by-rule", "not-fresh", "not-fresh", "contraindicated"]);
  assert.deepEqual(effects({ states: ["fresh", "stale"] }), [
    "allowed-by-rule",
    "allowed-by-rule",
    "not-fresh",
    "contraindicated",
  ]);
  assert.deepEqual(effects({ safe: true }), [
    "allowed-by-rule",
    "allowed-by-rule",
    "allowed-by-rule",
    "contraindicated",
  ]);
});

test("a deny rule fires in every attestation state", () => {
  const deny: RuleText = { ...rule, id: "deny", effect: "deny" };
  for (const state of ["fresh", "stale", "expired"] as const)
    assert.equal(decided([{ ...rule, safe: true }, deny], {}, { attestation: { state } }).reason, "denied-by-rule");
});

test("an attestation state that nobody has heard of is not fresh", () => {
  const attestation = { state: "excellent" as "fresh" };
  assert.equal(decided([{ ...rule, safe: true }], {}, { attestation }).reason, "not-fresh");
});

test("the attestation's own age can be asked for, to the millisecond", () => {
  const recent: RuleText = { ...rule, when: { fresh: ["subject.attestation.at", "PT1M"] } };
  const at = (ageMs: number) => ({ attestation: { state: "fresh" as const, at: instant(NOW - ageMs) } });
  assert.equal(decided([recent], {}, at(60_000)).effect, "allow");
  assert.equal(decided([recent], {}, at(60_001)).effect, "deny");
  assert.equal(decided([recent], {}, at(-1)).effect, "deny");
  assert.equal(decided([recent], {}, { attestation: { state: "fresh" } }).effect, "deny");
});

test("a policy decides until its notAfter and denies everything from then on", () => {
  const policy = testCompile([rule]);
  const at = (now: number) => decide(policy, request, testCreateContext({ now: instant(now) })).reason;
  assert.equal(at(policy.origin.notAfter), "allowed-by-rule");
  assert.equal(at(policy.origin.notAfter + 1), "policy-expired");
  assert.equal(at(Number.NaN), "policy-expired");
});

test("numbers that are not finite are unknown, so that a limit on them denies", () => {
  const limit: RuleText = { ...rule, id: "limit", effect: "deny", when: { gt: ["context.amount", 100] } };
  const withAmount = (amount: number) => decided([rule, limit], { context: { amount } }).effect;
  assert.deepEqual([withAmount(100), withAmount(101), withAmount(Number.NaN)], ["allow", "deny", "deny"]);
});

const spending: RuleText = {
  ...rule,
  id: "withdraw",
  spend: { counter: "cash", amount: "context.amount", limit: { param: "daily" }, window: "P1D", per: "subject.id" },
};

function spent(amount: unknown, before: number, others: readonly RuleText[] = []): Decision {
  const policy = testCompile([spending, ...others], { daily: 500 });
  const asked = { ...request, context: { amount: amount as number } };
  return decide(policy, asked, testCreateContext({ counters: { spent: () => before } }));
}

test("an allow within the spend limit says what to reserve, up to the last unit", () => {
  const { effect, spend } = spent(100, 400);
  assert.equal(effect, "allow");
  assert.deepEqual(spend, [{ counter: "cash", key: "pos-1", amount: 100, limit: 500, window: 86_400_000 }]);
});

test("an allow beyond the spend limit does not hold, and the facts are told", () => {
  const { effect, reason, ruleId, spend, limitExceeded } = spent(101, 400);
  assert.deepEqual([effect, reason, ruleId, spend], ["deny", "limit-exceeded", "withdraw", []]);
  assert.deepEqual(limitExceeded, { counter: "cash", key: "pos-1", amount: 101, spent: 400, limit: 500 });
});

test("amounts that are negative, missing or no number, and counters that make no sense, allow nothing", () => {
  for (const amount of [-1, Number.NaN, Number.POSITIVE_INFINITY, "100", null, undefined])
    assert.equal(spent(amount, 0).effect, "deny", String(amount));
  for (const before of [Number.NaN, -1, Number.POSITIVE_INFINITY]) assert.equal(spent(1, before).effect, "deny");
});

test("a later rule without a spend limit may still allow, and then nothing is reserved", () => {
  const { effect, ruleId, spend } = spent(101, 400, [{ ...rule, id: "other" }]);
  assert.deepEqual([effect, ruleId, spend], ["allow", "other", []]);
});

test("the counter is asked for its key and window", () => {
  const asked: unknown[] = [];
  const counters = { spent: (...question: unknown[]) => asked.push(question) };
  decide(
    testCompile([spending], { daily: 500 }),
    { ...request, context: { amount: 1 } },
    testCreateContext({ counters }),
  );
  assert.deepEqual(asked, [["cash", "pos-1", 86_400_000]]);
});

test("a failure inside denies, and the next decision is sound again", () => {
  const policy = testCompile([spending], { daily: 500 });
  const asked = { ...request, context: { amount: 1 } };
  const broken = {
    spent: () => {
      throw new Error("ledger lost");
    },
  };
  const failed = decide(policy, asked, testCreateContext({ counters: broken }));
  assert.deepEqual([failed.effect, failed.reason], ["deny", "engine-error"]);
  assert.equal(failed.record.result["reason"], "engine-error");
  assert.equal(decide(policy, asked, testCreateContext()).effect, "allow");
});

test("a counter that asks the same policy gets a denial, and the outer decision stands", () => {
  const policy = testCompile([spending], { daily: 500 });
  const asked = { ...request, context: { amount: 1 } };
  const inner: string[] = [];
  const counters = { spent: () => inner.push(decide(policy, asked, testCreateContext()).reason) };
  assert.equal(decide(policy, asked, testCreateContext({ counters })).effect, "allow");
  assert.deepEqual(inner, ["engine-error"]);
});

test("a request without its mandatory members is denied, never thrown at", () => {
  const policy = testCompile([{ ...rule, subject: { type: "*" }, action: ["*"], resource: { type: "*" } }]);
  for (const broken of [
    {},
    { ...request, subject: { id: "x" } },
    { ...request, resource: { type: "api", id: "x".repeat(2_049) } },
    null,
  ]) {
    const { effect } = decide(policy, broken as AccessRequest, testCreateContext());
    assert.equal(effect, "deny");
  }
});

test("commit is durable unless the rule states a window", () => {
  assert.deepEqual([decided([rule]).commit, decided([rule]).fastCommitWindow], ["durable", undefined]);
  const fast = decided([{ ...rule, commit: { fast: "PT2S" } } as RuleText]);
  assert.deepEqual([fast.commit, fast.fastCommitWindow], ["fast", 2_000]);
});

test("obligations and description are the deciding rule's own", () => {
  const step: RuleText = {
    ...rule,
    description: "prices",
    obligations: [{ type: "log", lane: "security" }],
  } as RuleText;
  const allowed = decided([step]);
  assert.deepEqual([allowed.description, allowed.obligations], ["prices", [{ type: "log", lane: "security" }]]);
  const notFresh = decided([step], {}, { attestation: { state: "stale" } });
  assert.deepEqual([notFresh.ruleId, notFresh.obligations], ["allow-get", []]);
});

test("the example store: tills read prices, kiosks are told why not, cash ends at the floor and at the daily limit", () => {
  const text = readFileSync(new URL("../../../examples/store-17/rules.json", import.meta.url), "utf8");
  const parsed = parsePolicy(text, "rules.json");
  assert.ok(parsed.ok);
  const policy = compilePolicy(parsed.value, { bundle: "store-17", revision: "1", notAfter: NOW });
  const ask = (role: string, name: string, type: string, amount: number, before = 0) =>
    decide(
      policy,
      {
        subject: { type: "device", id: `${role}-1`, properties: { roles: [role] } },
        action: { name },
        resource: { type, id: "/" },
        context: { amount },
      },
      testCreateContext({ counters: { spent: () => before } }),
    );
  assert.equal(ask("pos", "GET", "pricing", 0).effect, "allow");
  const kiosk = ask("kiosk", "GET", "pricing", 0);
  assert.deepEqual([kiosk.effect, kiosk.ruleId], ["deny", "kiosk-reads-no-prices"]);
  assert.match(kiosk.description ?? "", /^Kiosks show/);
  assert.equal(ask("atm", "withdraw", "cash", 200).effect, "allow");
  assert.equal(ask("atm", "withdraw", "cash", 201).ruleId, "no-cash-above-floor-limit");
  assert.equal(ask("atm", "withdraw", "cash", 200, 300).effect, "allow");
  assert.equal(ask("atm", "withdraw", "cash", 200, 301).reason, "limit-exceeded");
  assert.equal(ask("pos", "withdraw", "cash", 10).reason, "no-rule");
});
