import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import {
  type AccessRequest,
  compilePolicy,
  type DecisionContext,
  decide,
  parsePolicy,
  type TierAnswer,
} from "@vedette/policy";
import type { ActivePolicy } from "./gateway.ts";
import { type Situation, type TierClient, TierDesk } from "./tier-desk.ts";

const NOW = instant(Date.UTC(2026, 10, 22, 12));
const clock = { now: () => NOW };
const request: AccessRequest = {
  subject: { type: "device", id: "pos-1" },
  action: { name: "refund" },
  resource: { type: "sale", id: "7" },
};
const context: DecisionContext = {
  now: NOW,
  attestation: { state: "fresh" },
  counters: { spent: () => 0 },
  labels: {},
  requestedBy: "test",
};

function activeWith(escalate: unknown, effect: "allow" | "deny" = "allow"): ActivePolicy {
  const rule = {
    id: "refund",
    effect,
    subject: { type: "device" },
    action: ["refund"],
    resource: { type: "sale" },
  };
  const rules = {
    kind: "rules/v1",
    id: "shop",
    default: "deny",
    rules: [{ ...rule, ...(escalate ? { escalate } : {}) }],
  };
  const document = parsePolicy(JSON.stringify(rules), "rules.json");
  assert.ok(document.ok, JSON.stringify(document));
  const compiled = compilePolicy(document.value, { bundle: "shop", revision: "1", notAfter: instant(NOW + 1) });
  return { compiled, inventory: { classes: {}, devices: [] }, deviceByName: new Map() } as never;
}

const toRegion = (capPerHour: number) => ({
  tier: "region",
  deadline: "PT0.05S",
  onUnavailable: { effect: "local", capPerHour },
});

/** A tier that answers after a while, or hears that nobody waits. */
function fakeTier(answer: TierAnswer | Error, afterMs: number): TierClient & { readonly aborted: string[] } {
  const aborted: string[] = [];
  return {
    aborted,
    ask: (tier, _, signal) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => (answer instanceof Error ? reject(answer) : resolve(answer)), afterMs);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          aborted.push(tier);
        });
      }),
  };
}

async function settle(
  desk: TierDesk,
  active: ActivePolicy,
  present: () => Situation | undefined = () => ({ compiled: active.compiled, request, context }),
) {
  const { effect, reason, answeredBy } = await desk.settle(decide(active.compiled, request, context), request, present);
  return [effect, reason, answeredBy];
}

test("what no rule escalates is decided here and counted so", async () => {
  const desk = new TierDesk({ clock });
  assert.deepEqual(await settle(desk, activeWith(undefined)), ["allow", "allowed-by-rule", "edge"]);
  assert.deepEqual(desk.counts, { local: 1, escalated: 0, unanswered: 0 });
});

test("the tier's answer stands when it comes in time", async () => {
  const answer: TierAnswer = { type: "decided", by: "region", effect: "deny", reason: "fraud score 0.9", at: NOW };
  const desk = new TierDesk({ clock, tier: fakeTier(answer, 1) });
  assert.deepEqual(await settle(desk, activeWith(toRegion(1))), ["deny", "denied-by-tier", "region"]);
  assert.deepEqual(desk.counts, { local: 0, escalated: 1, unanswered: 0 });
});

test("after the wait it is decided anew: a policy that denies meanwhile, one that ended, and none at all", async () => {
  const allow: TierAnswer = { type: "decided", by: "region", effect: "allow", reason: "score 0.1", at: NOW };
  const desk = new TierDesk({ clock, tier: fakeTier(allow, 1) });
  const before = activeWith(toRegion(1));
  const { compiled } = activeWith(undefined, "deny");
  assert.deepEqual(await settle(desk, before), ["allow", "allowed-by-tier", "region"]);
  assert.deepEqual(await settle(desk, before, () => ({ compiled, request, context })), [
    "deny",
    "denied-by-rule",
    "edge",
  ]);
  const later = { ...context, now: instant(NOW + 2) };
  assert.deepEqual(await settle(desk, before, () => ({ compiled: before.compiled, request, context: later })), [
    "deny",
    "policy-expired",
    "edge",
  ]);
  assert.deepEqual(await settle(desk, before, () => undefined), ["deny", "escalation-needed", "edge"]);
});

test("after the wait it is decided anew: an attestation that ran out meanwhile", async () => {
  const allow: TierAnswer = { type: "decided", by: "region", effect: "allow", reason: "score 0.1", at: NOW };
  const desk = new TierDesk({ clock, tier: fakeTier(allow, 1) });
  const { compiled } = activeWith(toRegion(1));
  for (const [state, reason] of [
    ["expired", "not-fresh"],
    ["contraindicated", "contraindicated"],
  ] as const) {
    const present = () => ({ compiled, request, context: { ...context, attestation: { state } } });
    assert.deepEqual(await settle(desk, activeWith(toRegion(1)), present), ["deny", reason, "edge"]);
  }
});

test("a tier's word counts for what it was asked: not for another tier's, and a deny not less for a policy that came meanwhile", async () => {
  const word = (effect: "allow" | "deny"): TierAnswer => ({
    ...{ type: "decided", by: "region", effect, reason: "score", at: NOW },
  });
  const present = (escalate: unknown) => () => ({ compiled: activeWith(escalate).compiled, request, context });
  const toCloud = { tier: "cloud", deadline: "PT1S", onUnavailable: "deny" };
  const allowing = new TierDesk({ clock, tier: fakeTier(word("allow"), 1) });
  const denying = new TierDesk({ clock, tier: fakeTier(word("deny"), 1) });
  const before = activeWith(toRegion(1));
  assert.deepEqual(await settle(allowing, before, present(toCloud)), ["deny", "escalation-unanswered", "edge"]);
  assert.deepEqual(await settle(allowing, before, present(undefined)), ["allow", "allowed-by-rule", "edge"]);
  assert.deepEqual(await settle(denying, before, present(undefined)), ["deny", "denied-by-tier", "region"]);
  const toCloudOrOn = { ...toCloud, onUnavailable: { effect: "local", capPerHour: 1 } };
  assert.deepEqual(await settle(denying, before, present(toCloudOrOn)), ["deny", "denied-by-tier", "region"]);
});

test("after the deadline nobody waits, and the tier hears of it", async () => {
  const answer: TierAnswer = { type: "decided", by: "region", effect: "allow", reason: "late", at: NOW };
  const tier = fakeTier(answer, 60_000);
  const desk = new TierDesk({ clock, tier });
  assert.deepEqual(await settle(desk, activeWith({ ...toRegion(1), onUnavailable: "deny" })), [
    "deny",
    "escalation-unanswered",
    "edge",
  ]);
  assert.deepEqual(tier.aborted, ["region"]);
});

test("going on by itself is capped over all who ask", async () => {
  const desk = new TierDesk({ clock, tier: fakeTier(new Error("no route"), 0) });
  const active = activeWith(toRegion(2));
  const reasons = [await settle(desk, active), await settle(desk, active), await settle(desk, active)].map(
    ([, reason]) => reason,
  );
  assert.deepEqual(reasons, ["allowed-by-rule", "allowed-by-rule", "escalation-unanswered"]);
  assert.equal(desk.counts.unanswered, 3);
});
