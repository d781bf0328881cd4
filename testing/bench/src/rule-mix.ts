import type { AccessRequest } from "@vedette/policy";

/** Rules of one fleet: each of four roles has twenty rules at each service, in three zones. */
export interface RuleMix {
  /** A file of rules v1. */
  readonly text: string;
  /** JSON of a thousand requests, spread over all services: parsed anew for each batch, as from the wire. */
  readonly requests: string;
}

const ROLES = ["pos", "kiosk", "atm", "sensor"] as const;
const ZONES = ["front", "back", "vault"] as const;
const RULES_PER_PAIR = 20;
const REQUESTS = 1_000;

export function createRuleMix(count: number): RuleMix {
  const rules: object[] = [];
  for (let pair = 0; rules.length < count; pair++) rules.push(...rulesOf(pair));
  const pairs = Math.ceil(count / RULES_PER_PAIR);
  const requests = Array.from({ length: REQUESTS }, (_, i) => requestOf(i, pairs));
  const document = { kind: "rules/v1", id: "bench", default: "deny", rules: rules.slice(0, count) };
  return { text: JSON.stringify(document), requests: JSON.stringify(requests) };
}

/**
 * Three prefix, two glob and one CIDR rule, and two for each of seven exact ids: 30 % need more than a hash, and a
 * request for one of the ids meets eight of the twenty.
 */
function rulesOf(pair: number): readonly object[] {
  const [role, service] = placeOf(pair);
  const base = `service-${service}/`;
  const rule = (id: string, resource: object | string, when: object, effect = "allow") => ({
    id: `${role}-${service}-${id}`,
    effect,
    subject: { type: "device", roles: [role] },
    action: ["call"],
    resource: { type: "api", id: resource },
    when,
  });
  const outside = { not: { cidr: ["context.ip", [`10.${service % 200}.0.0/16`, "192.168.0.0/16"]] } };
  return [
    rule("outside", { prefix: base }, { all: [outside, { eq: ["context.channel", "lan"] }] }, "deny"),
    ...ZONES.map((zone, i) => rule(zone, { prefix: base }, conditionOf(pair * 5 + i, zone))),
    rule("items", { glob: `${base}*/items` }, conditionOf(pair * 5 + 3, "front")),
    rule("below", { glob: `${base}**` }, conditionOf(pair * 5 + 4, "back")),
    ...Array.from({ length: 14 }, (_, i) =>
      rule(`exact-${i}`, `${base}v${i >> 1}/items`, conditionOf(pair * 7 + i, ZONES[i % 3] ?? "front")),
    ),
  ];
}

function placeOf(pair: number): readonly [role: string, service: number] {
  return [ROLES[pair % ROLES.length] ?? "pos", Math.floor(pair / ROLES.length)];
}

/** Zone, and two of eleven leaves: 55 shapes, with constants of their own in each rule. */
function conditionOf(seed: number, zone: string): object {
  const leaves = [
    { gte: ["subject.score", 40 + (seed % 60)] },
    { lte: ["context.amount", 20 + (seed % 400)] },
    { eq: ["context.channel", seed % 2 ? "lan" : "radio"] },
    { ne: ["context.mode", `mode-${seed % 5}`] },
    { in: ["context.tier", ["gold", "silver", `tier-${seed % 7}`]] },
    { containsAny: ["context.tags", ["urgent", `tag-${seed % 9}`]] },
    { prefix: ["context.firmware", `${1 + (seed % 3)}.`] },
    { suffix: ["resource.id", "/items"] },
    { glob: ["context.path", `/v${seed % 4}/*/end`] },
    { has: "context.session" },
    { not: { eq: ["context.mode", `mode-${seed % 4}`] } },
  ];
  const first = seed % leaves.length;
  const second = (first + 1 + (Math.floor(seed / leaves.length) % 5)) % leaves.length;
  return { all: [{ eq: ["subject.zone", zone] }, leaves[first], leaves[second]] };
}

function requestOf(index: number, pairs: number): AccessRequest {
  // A stride that is prime to the number of pairs visits them all.
  const pair = (index * 7_919) % pairs;
  const [role, service] = placeOf(pair);
  return {
    subject: {
      type: "device",
      id: `${role}-${index}`,
      properties: { roles: [role], zone: ZONES[index % 3] ?? "front", score: index % 100 },
    },
    action: { name: "call" },
    resource: { type: "api", id: `service-${service}/v${index % 7}/items` },
    context: {
      ip: `10.${index % 9 === 0 ? 250 : service % 200}.3.4`,
      channel: index % 4 ? "lan" : "radio",
      mode: `mode-${index % 6}`,
      amount: (index * 37) % 500,
      tier: index % 3 ? "gold" : "bronze",
      tags: ["daily", `tag-${index % 11}`],
      firmware: `${1 + (index % 4)}.2.0`,
      path: `/v${index % 5}/shelf/end`,
      session: `s-${index}`,
    },
  };
}
