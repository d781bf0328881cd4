import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { checkPolicy, parsePolicy } from "./check.ts";
import type { PolicyFinding } from "./errors.ts";

const rule = {
  id: "r1",
  effect: "allow",
  subject: { type: "device" },
  action: ["get"],
  resource: { type: "api" },
};

function document(members: object = {}): string {
  return JSON.stringify({ kind: "rules/v1", id: "test", default: "deny", rules: [rule], ...members }, null, 2);
}

function findings(text: string): readonly PolicyFinding[] {
  const parsed = parsePolicy(text, "rules.json");
  return parsed.ok ? [] : parsed.error.findings;
}

function codesFor(changes: object, others: object = {}): readonly string[] {
  return findings(document({ rules: [{ ...rule, ...changes }], ...others })).map(({ code }) => code);
}

function codesWhen(when: unknown, effect = "allow"): readonly string[] {
  return codesFor({ when, effect });
}

function warnings(rules: readonly object[], members: object = {}): string[] {
  const checked = checkPolicy(document({ ...members, rules }), "rules.json");
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value.warnings.map(({ code, line }) => `${code}:${line}`);
}

test("the rules of the example store are accepted without a warning", () => {
  const text = readFileSync(new URL("../../../examples/store-17/rules.json", import.meta.url), "utf8");
  const checked = checkPolicy(text, "examples/store-17/rules.json");
  assert.ok(checked.ok, JSON.stringify(checked));
  assert.deepEqual(checked.value.warnings, []);
  assert.deepEqual(
    checked.value.document.rules.map(({ id }) => id),
    ["pos-reads-prices", "kiosk-reads-no-prices", "atm-withdraws-within-limits", "no-cash-above-floor-limit"],
  );
});

test("a finding names file, line and column, what is wrong and what was expected", () => {
  const text =
    '{\n  "kind": "rules/v1", "id": "x", "default": "deny",\n  "rules": [\n    { "id": "r1", "efect": "allow" }\n  ]\n}';
  assert.deepEqual(findings(text)[0], {
    code: "UNKNOWN_FIELD",
    file: "rules.json",
    line: 4,
    column: 19,
    message: "unknown field",
    expected:
      "one of id, effect, subject, action, resource, description, when, obligations, states, safe, spend, commit, escalate",
  });
});

test("several findings come at once", () => {
  const found = findings(
    document({
      extra: 1,
      rules: [
        { ...rule, effect: "maybe" },
        { ...rule, when: { near: [] } },
      ],
    }),
  );
  assert.deepEqual(
    found.map(({ code }) => code),
    ["UNKNOWN_FIELD", "VALUE_INVALID", "UNKNOWN_OPERATOR"],
  );
});

test("what is no strict JSON is one finding with its place", () => {
  const [found, ...others] = findings('{\n "kind": "rules/v1",\n "kind": "rules/v1" }');
  assert.deepEqual([found?.code, found?.line, found?.column, others.length], ["JSON_KEY_DUPLICATE", 3, 2, 0]);
  assert.equal(findings("")[0]?.code, "JSON_SYNTAX");
});

test("unknown fields are refused at every level", () => {
  assert.deepEqual(codesFor({ priority: 1 }), ["UNKNOWN_FIELD"]);
  assert.deepEqual(codesFor({ subject: { type: "device", name: "x" } }), ["UNKNOWN_FIELD"]);
  assert.deepEqual(codesFor({ resource: { type: "api", path: "/" } }), ["UNKNOWN_FIELD"]);
  assert.deepEqual(codesFor({ resource: { type: "api", id: { suffix: "x" } } }), ["UNKNOWN_FIELD", "TYPE_MISMATCH"]);
  assert.deepEqual(
    codesFor({ spend: { counter: "c", amount: "context.n", limit: 1, window: "P1D", per: "subject.id", burst: 2 } }),
    ["UNKNOWN_FIELD"],
  );
});

test("missing fields are named", () => {
  const [found] = findings(document({ rules: [{ ...rule, subject: undefined }] }));
  assert.deepEqual([found?.code, found?.expected], ["MISSING_FIELD", '"subject" here']);
  assert.deepEqual(
    findings("{}").map(({ code }) => code),
    ["MISSING_FIELD", "MISSING_FIELD", "MISSING_FIELD", "MISSING_FIELD"],
  );
});

test("only deny is a default, and only rules/v1 a kind", () => {
  assert.deepEqual(
    findings(document({ default: "allow" })).map(({ code }) => code),
    ["VALUE_INVALID"],
  );
  assert.deepEqual(
    findings(document({ kind: "rules/v2" })).map(({ code }) => code),
    ["VALUE_INVALID"],
  );
});

test("a rule id is used once", () => {
  const [found] = findings(document({ rules: [rule, rule] }));
  assert.deepEqual([found?.code, found?.line], ["DUPLICATE_ID", 20]);
});

test("unknown operators, operand types that do not fit, and paths that lead nowhere are refused", () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [{ matches: ["context.a", ".*"] }, "UNKNOWN_OPERATOR"],
    [{ eq: ["context.a", 1], ne: ["context.a", 2] }, "TYPE_MISMATCH"],
    [{}, "TYPE_MISMATCH"],
    [[], "TYPE_MISMATCH"],
    [{ all: [] }, "TYPE_MISMATCH"],
    [{ eq: ["context.a"] }, "TYPE_MISMATCH"],
    [{ eq: ["context.a", null] }, "TYPE_MISMATCH"],
    [{ eq: ["context.a", ["b"]] }, "TYPE_MISMATCH"],
    [{ eq: ["subject.id", 5] }, "TYPE_MISMATCH"],
    [{ eq: ["subject.roles", "pos"] }, "TYPE_MISMATCH"],
    [{ lt: ["context.a", "5"] }, "TYPE_MISMATCH"],
    [{ lt: ["subject.id", 5] }, "TYPE_MISMATCH"],
    [{ in: ["context.a", []] }, "TYPE_MISMATCH"],
    [{ in: ["context.a", ["x", 1]] }, "TYPE_MISMATCH"],
    [{ containsAny: ["subject.id", ["x"]] }, "TYPE_MISMATCH"],
    [{ prefix: ["context.a", ""] }, "TYPE_MISMATCH"],
    [{ glob: ["context.a", "none"] }, "TYPE_MISMATCH"],
    [{ glob: ["context.a", "***"] }, "TYPE_MISMATCH"],
    [{ fresh: ["context.a", "15 minutes"] }, "TYPE_MISMATCH"],
    [{ eq: ["subject.attestation.at", "2026-01-01T00:00:00Z"] }, "TYPE_MISMATCH"],
    [{ within: { from: "08:00", to: "08:00" } }, "VALUE_INVALID"],
    [{ within: { from: "8:00", to: "20:00" } }, "VALUE_INVALID"],
    [{ within: { from: "08:00", to: "20:00", zone: "Europe/Berlin" } }, "VALUE_INVALID"],
    [{ eq: ["a.b", 1] }, "UNKNOWN_ATTRIBUTE"],
    [{ eq: ["subject", 1] }, "UNKNOWN_ATTRIBUTE"],
    [{ eq: ["context.__proto__.x", 1] }, "UNKNOWN_ATTRIBUTE"],
    [{ eq: ["context.constructor", 1] }, "UNKNOWN_ATTRIBUTE"],
    [{ eq: ["subject.attestation.score", 1] }, "UNKNOWN_ATTRIBUTE"],
    [{ eq: ["context.a", { path: "nowhere" }] }, "UNKNOWN_ATTRIBUTE"],
    [{ eq: ["context.a", { param: "none" }] }, "UNKNOWN_PARAM"],
  ];
  for (const [when, code] of wrong) assert.deepEqual(codesWhen(when), [code], JSON.stringify(when));
});

test("every operator is accepted in its right form", () => {
  const right = [
    { eq: ["context.a", "x"] },
    { ne: ["context.a", true] },
    { eq: ["resource.owner", { path: "subject.id" }] },
    { lt: ["context.a", 1] },
    { lte: ["context.a", -1.5] },
    { gt: ["context.a", { path: "subject.limit" }] },
    { gte: ["context.a", 0] },
    { in: ["context.a", [1, 2]] },
    { containsAny: ["subject.roles", ["x"]] },
    { containsAll: ["context.tags", ["x", "y"]] },
    { prefix: ["resource.id", "x"] },
    { suffix: ["resource.id", "x"] },
    { glob: ["resource.id", "a/*/c/**"] },
    { has: "context.a" },
    { fresh: ["subject.attestation.at", "PT15M"] },
    { within: { days: ["mon", "fri"], from: "22:00", to: "06:00", offset: "+01:00" } },
    { within: { from: "00:00", to: "24:00" } },
    { not: { any: [{ all: [{ has: "context.a" }] }] } },
  ];
  for (const when of right) assert.deepEqual(codesWhen(when), [], JSON.stringify(when));
});

test("parameters stand for literals and are checked like them", () => {
  const when = { lte: ["context.amount", { param: "limit" }] };
  assert.deepEqual(codesFor({ when }, { params: { limit: 200 } }), []);
  assert.deepEqual(codesFor({ when }, { params: { limit: "200" } }), ["TYPE_MISMATCH"]);
  assert.deepEqual(codesFor({ when }, { params: { other: 200 } }), ["UNKNOWN_PARAM"]);
});

test("no allow rule reads an IP address, however it is written", () => {
  const cidr = { cidr: ["context.ip", ["10.0.0.0/8"]] };
  for (const when of [
    cidr,
    { not: cidr },
    { all: [{ eq: ["context.a", 1] }, cidr] },
    { any: [{ eq: ["context.a", 1] }, cidr] },
    { cidr: ["context.source", ["10.0.0.0/8"]] },
    { has: "context.ip" },
    { eq: ["context.ip", "10.0.0.1"] },
    { eq: ["context.source", "10.0.0.1"] },
    { in: ["context.source", ["store", "fd00::1"]] },
    { eq: ["subject.id", { path: "context.ip" }] },
  ])
    assert.deepEqual(codesWhen(when), ["IP_ALLOWS"], JSON.stringify(when));
  assert.deepEqual(
    codesFor({ spend: { counter: "c", amount: "context.n", limit: 1, window: "P1D", per: "context.ip" } }),
    ["IP_ALLOWS"],
  );
  const withParam = { eq: ["context.source", { param: "till" }] };
  assert.deepEqual(codesFor({ when: withParam }, { params: { till: "192.0.2.7" } }), ["IP_ALLOWS"]);
});

test("a deny rule may tighten by IP address, in either direction", () => {
  const cidr = { cidr: ["context.ip", ["10.0.0.0/8", "fd00::/8"]] };
  assert.deepEqual(codesWhen(cidr, "deny"), []);
  assert.deepEqual(codesWhen({ not: cidr }, "deny"), []);
  assert.deepEqual(codesWhen({ cidr: ["context.ip", ["10.0.0.1/8"]] }, "deny"), ["TYPE_MISMATCH"]);
  assert.deepEqual(codesWhen({ cidr: ["subject.id", ["10.0.0.0/8"]] }, "deny"), ["TYPE_MISMATCH"]);
});

test("what cannot run offline is refused, with the reason", () => {
  assert.deepEqual(codesFor({ remote: "https://example.org" }), ["NOT_OFFLINE"]);
  assert.deepEqual(codesFor({ webhook: "https://example.org" }), ["NOT_OFFLINE"]);
  assert.deepEqual(codesFor({ onUnavailable: "allow" }), ["UNAVAILABLE_ALLOWS_UNCAPPED"]);
  assert.deepEqual(codesFor({ onUnavailable: "deny" }), ["UNKNOWN_FIELD"]);
});

test("fast commit needs a stated window, and is refused where an effect cannot be taken back", () => {
  const commit = { fast: "PT1S" };
  assert.deepEqual(codesFor({ commit }), []);
  assert.deepEqual(codesFor({ commit: "fast" }), ["TYPE_MISMATCH", "VALUE_INVALID"]);
  assert.deepEqual(codesFor({ commit: { fast: "PT11S" } }), ["VALUE_INVALID"]);
  const spend = { counter: "c", amount: "context.n", limit: 1, window: "P1D", per: "subject.id" };
  assert.deepEqual(codesFor({ commit, spend }), ["FAST_COMMIT_REFUSED"]);
  for (const action of ["withdraw", "Approve", "quarantine", "release", "actuate", "*"])
    assert.deepEqual(codesFor({ commit, action: [action] }), ["FAST_COMMIT_REFUSED"], action);
  for (const type of ["cash", "key", "approval", "*"])
    assert.deepEqual(codesFor({ commit, resource: { type } }), ["FAST_COMMIT_REFUSED"], type);
});

test("states are for allow rules, and safe needs no states", () => {
  assert.deepEqual(codesFor({ states: ["fresh", "stale"] }), []);
  assert.deepEqual(codesFor({ safe: true }), []);
  assert.deepEqual(codesFor({ states: ["contraindicated"] }), ["VALUE_INVALID"]);
  assert.deepEqual(codesFor({ states: ["expired"] }), ["VALUE_INVALID"]);
  assert.deepEqual(codesFor({ safe: true, states: ["stale"] }), ["VALUE_INVALID"]);
  assert.deepEqual(codesFor({ effect: "deny", states: ["fresh"] }), ["UNKNOWN_FIELD"]);
  assert.deepEqual(codesFor({ effect: "deny", safe: true }), ["UNKNOWN_FIELD"]);
});

test("conditions nest up to eight levels", () => {
  const nested = (levels: number): object => (levels === 1 ? { has: "context.a" } : { not: nested(levels - 1) });
  assert.deepEqual(codesWhen(nested(8)), []);
  assert.deepEqual(codesWhen(nested(9)), ["LIMIT_EXCEEDED"]);
});

test("a selector that would flood the index is refused", () => {
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const selectors = (actions: number) => ({
    subject: { type: "device", roles: names("r", 64) },
    action: names("a", actions),
  });
  assert.deepEqual(codesFor(selectors(64)), []);
  assert.deepEqual(codesFor(selectors(65)), ["LIMIT_EXCEEDED"]);
});

test("rules that never decide are warned of where they stand", () => {
  const allow = { ...rule, id: "a" };
  assert.deepEqual(warnings([allow, { ...allow, id: "b", when: { has: "context.x" } }]), ["RULE_SHADOWED:19"]);
  assert.deepEqual(warnings([allow, { ...allow, id: "b", effect: "deny" }]), ["RULE_UNREACHABLE:6"]);
  const wide = { ...allow, id: "wide", effect: "deny", subject: { type: "*" }, action: ["*"], resource: { type: "*" } };
  assert.deepEqual(warnings([wide, { ...allow, effect: "deny" }]), ["RULE_SHADOWED:19"]);
  const prefix = (text: string) => ({ type: "api", id: { prefix: text } });
  assert.deepEqual(
    warnings([
      { ...allow, resource: prefix("a/") },
      { ...allow, id: "b", resource: prefix("a/b") },
    ]).length,
    1,
  );
});

test("rules that can decide are not warned of", () => {
  const allow = { ...rule, id: "a" };
  assert.deepEqual(
    warnings([
      { ...allow, when: { has: "context.x" } },
      { ...allow, id: "b" },
    ]),
    [],
  );
  assert.deepEqual(warnings([allow, { ...allow, id: "b", states: ["fresh", "stale"] }]), []);
  assert.deepEqual(
    warnings([
      { ...allow, subject: { type: "device", roles: ["x"] } },
      { ...allow, id: "b" },
    ]),
    [],
  );
  assert.deepEqual(
    warnings([
      { ...allow, effect: "deny", when: { not: { has: "context.x" } } },
      { ...allow, id: "b" },
    ]),
    [],
  );
});

test("a deny on the presence of an attribute always fires, and a parameter may be forgotten", () => {
  assert.deepEqual(warnings([{ ...rule, effect: "deny", when: { has: "context.x" } }]), ["DENY_ALWAYS_FIRES:6"]);
  assert.deepEqual(warnings([rule], { params: { unused: 1 } }), ["PARAM_UNUSED:21"]);
});

test("no text makes the checker throw", () => {
  const valid = document({
    params: { p: 1 },
    rules: [{ ...rule, when: { all: [{ eq: ["context.a", { param: "p" }] }] } }],
  });
  const anyValue = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom("allow", "deny", "*", "context.a", "context.ip", "10.0.0.0/8"),
  );
  const spots = [...valid.matchAll(/"[^"]*"(?!:)|\d+/g)].map(({ index, 0: found }) => ({
    index,
    length: found.length,
  }));
  fc.assert(
    fc.property(fc.constantFrom(...spots), anyValue, ({ index, length }, value) => {
      const text = valid.slice(0, index) + JSON.stringify(value) + valid.slice(index + length);
      const checked = checkPolicy(text, "rules.json");
      if (!checked.ok) for (const { line, column } of checked.error.findings) assert.ok(line >= 1 && column >= 1);
    }),
    { numRuns: 500 },
  );
});
