import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { networkToText, parseNetwork } from "./address.ts";
import { parsePolicy } from "./check.ts";
import { decide } from "./decide.ts";
import { explainRules, type RuleVerdict } from "./explain-rules.ts";
import {
  arbitraryRequest,
  arbitraryRules,
  arbitraryState,
  testCompile,
  testCreateContext,
} from "./reference-fixture.test.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import type { PolicyDocument } from "./rules.ts";

function documentOf(rules: readonly object[], params: object = {}): PolicyDocument {
  const parsed = parsePolicy(
    JSON.stringify({ kind: "rules/v1", id: "test", default: "deny", params, rules }),
    "r.json",
  );
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function verdictOf(rule: object, request: AccessRequest, context: Partial<DecisionContext> = {}): RuleVerdict {
  const document = documentOf([{ id: "r", ...rule }]);
  const [verdict] = explainRules(document, request, testCreateContext(context));
  assert.ok(verdict);
  return verdict;
}

const PAY: AccessRequest = {
  subject: { type: "device", id: "pos-1", properties: { class: "till", roles: ["pos"] } },
  action: { name: "pay" },
  resource: { type: "account", id: "/a/1" },
  context: { amount: 450, at: "2026-11-22T11:00:00Z", ip: "10.1.2.3" },
};
const ABOUT = { subject: { type: "device" }, action: ["pay"], resource: { type: "account" } };

test("what the rules say one by one is what the decision says", () => {
  fc.assert(
    fc.property(arbitraryRules, arbitraryRequest, arbitraryState, (rules, request, state) => {
      const context = testCreateContext({ attestation: { state } });
      const { effect, reason, ruleId } = decide(testCompile(rules), request, context);
      const verdicts = explainRules(documentOf(rules), request, context);
      if (reason === "contraindicated") return;
      const speaks = (wanted: string) => verdicts.find((verdict) => verdict.effect === wanted && verdict.holds);
      const decisive = speaks("deny") ?? speaks("allow");
      assert.equal(decisive?.effect ?? "deny", effect);
      if (reason === "allowed-by-rule" || reason === "denied-by-rule") assert.equal(decisive?.rule, ruleId);
    }),
    { numRuns: 2_000 },
  );
});

test("a rule that fails says which of its parts failed, and what was there instead", () => {
  const verdict = verdictOf(
    { ...ABOUT, effect: "allow", when: { all: [{ lte: ["context.amount", 300] }, { has: "context.at" }] } },
    PAY,
  );
  assert.deepEqual(verdict, {
    rule: "r",
    effect: "allow",
    truth: "false",
    isConcerned: true,
    holds: false,
    parts: [
      { text: "context.amount <= 300", truth: "false", reads: ["context.amount"], values: { "context.amount": 450 } },
    ],
  });
});

test("a deny that fires over what is not known says what is missing", () => {
  const verdict = verdictOf({ ...ABOUT, effect: "deny", when: { eq: ["context.card", "stolen"] } }, PAY);
  assert.deepEqual([verdict.truth, verdict.holds], ["unknown", true]);
  assert.deepEqual(verdict.parts, [
    { text: 'context.card == "stolen"', truth: "unknown", reads: ["context.card"], values: {} },
  ]);
});

test("a rule about something else is told apart from one that nearly holds", () => {
  const { isConcerned, parts } = verdictOf({ ...ABOUT, effect: "allow", action: ["read", "list"] }, PAY);
  assert.equal(isConcerned, false);
  assert.deepEqual(
    parts.map(({ text }) => text),
    ['action.name in ["read", "list"]'],
  );
});

test("an allow that is true and still does not hold says whether the state or the limit kept it", () => {
  const stale = { attestation: { state: "stale" as const } };
  assert.deepEqual(verdictOf({ ...ABOUT, effect: "allow" }, PAY, stale).parts, [
    {
      text: 'subject.attestation.state in ["fresh"]',
      truth: "false",
      reads: ["subject.attestation.state"],
      values: { "subject.attestation.state": "stale" },
    },
  ]);
  const spend = { counter: "cash", amount: "context.amount", limit: 500, window: "P1D", per: "subject.id" };
  const limited = verdictOf({ ...ABOUT, effect: "allow", spend }, PAY, { counters: { spent: () => 100 } });
  assert.deepEqual(
    limited.parts.map(({ text, values }) => [text, values]),
    [
      [
        "spent + context.amount <= 500 within P1D for each subject.id",
        { "context.amount": 450, "subject.id": "pos-1", spent: 100 },
      ],
    ],
  );
});

test("every operator is written as a person reads it", () => {
  const written = [
    [{ ne: ["context.amount", { path: "context.limit" }] }, "context.amount != context.limit"],
    [{ in: ["context.amount", [1, 2]] }, "context.amount in [1, 2]"],
    [{ containsAny: ["subject.roles", ["pos"]] }, 'subject.roles has any of ["pos"]'],
    [{ containsAll: ["subject.roles", ["pos"]] }, 'subject.roles has all of ["pos"]'],
    [{ prefix: ["resource.id", "/a"] }, 'resource.id begins with "/a"'],
    [{ suffix: ["resource.id", "1"] }, 'resource.id ends with "1"'],
    [{ glob: ["resource.id", "/a/*"] }, 'resource.id is like "/a/*"'],
    [{ has: "context.at" }, "context.at is there"],
    [{ cidr: ["context.ip", ["10.0.0.0/8", "fd00::/8"]] }, 'context.ip in the networks ["10.0.0.0/8", "fd00::/8"]'],
    [{ fresh: ["context.at", "PT2H"] }, "context.at is no older than PT2H"],
    [
      { within: { from: "09:00", to: "17:30", offset: "+01:00", days: ["mon", "sun"] } },
      "time within 09:00 to 17:30 +01:00 on sun, mon",
    ],
  ] as const;
  for (const [when, text] of written)
    assert.deepEqual(verdictOf({ ...ABOUT, effect: "deny", when }, PAY).parts.at(-1)?.text, text);
});

test("a network is written as it is read", () => {
  const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer());
  fc.assert(
    fc.property(words, fc.integer({ min: 0, max: 128 }), (address, length) => {
      const masked = address.map((word, i) => {
        const bits = Math.min(32, Math.max(0, length - 32 * i));
        return bits === 0 ? 0 : word & ((-1 << (32 - bits)) | 0);
      });
      const text = masked.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(":");
      const network = parseNetwork(`${text}/${length}`);
      assert.ok(network);
      assert.deepEqual(parseNetwork(networkToText(network)), network);
    }),
  );
  for (const text of ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32", "::/0", "::1/128", "fd00::/8", "2001:db8:0:1::/64"]) {
    const network = parseNetwork(text);
    assert.ok(network);
    assert.equal(networkToText(network), text === "::1/128" ? "0:0:0:0:0:0:0:1/128" : text);
  }
});
