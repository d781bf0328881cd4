import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { type Instant, instant, parseDuration } from "@vedette/base";
import fc from "fast-check";
import { parsePolicy } from "./check.ts";
import { type CompiledPolicy, compilePolicy } from "./compile.ts";
import type { AccessRequest, AttestationState, DecisionContext } from "./request.ts";

/** What tests know of rules as their author writes them. */
export interface RuleText {
  readonly id: string;
  readonly effect: "allow" | "deny";
  readonly subject: { readonly type: string; readonly roles?: readonly string[]; readonly class?: readonly string[] };
  readonly action: readonly string[];
  readonly resource: { readonly type: string; readonly id?: string | { prefix?: string; glob?: string } };
  readonly when?: ConditionText;
  readonly states?: readonly string[];
  readonly safe?: boolean;
  readonly spend?: object;
}
export type ConditionText = Readonly<Record<string, unknown>>;

type Truth = boolean | undefined;

export const NOW: Instant = instant(Date.UTC(2026, 10, 22, 12));

export function testCreateContext(changes: Partial<DecisionContext> = {}): DecisionContext {
  return {
    now: NOW,
    attestation: { state: "fresh", at: instant(NOW - 60_000) },
    counters: { spent: () => 0 },
    labels: { site: "store-17" },
    requestedBy: "gateway",
    ...changes,
  };
}

export function testCompile(rules: readonly RuleText[], params: object = {}): CompiledPolicy {
  const text = JSON.stringify({ kind: "rules/v1", id: "test", default: "deny", params, rules });
  const parsed = parsePolicy(text, "rules.json");
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return compilePolicy(parsed.value, { bundle: "test", revision: "1", notAfter: instant(NOW + 1) });
}

/** Rules v1 by the letter: one rule after the other, deny first, no index, no sharing, no cleverness. */
export function referenceDecide(
  rules: readonly RuleText[],
  request: AccessRequest,
  state: AttestationState,
): { effect: "allow" | "deny"; ruleId: string | undefined } {
  const truths = rules.map((rule) => ({ rule, truth: truthOf(rule, request, state) }));
  const denied = truths.find(({ rule, truth }) => rule.effect === "deny" && truth !== false);
  if (state === "contraindicated") return { effect: "deny", ruleId: undefined };
  if (denied) return { effect: "deny", ruleId: denied.rule.id };
  const allowed = truths.find(({ rule, truth }) => rule.effect === "allow" && truth === true && applies(rule, state));
  return allowed ? { effect: "allow", ruleId: allowed.rule.id } : { effect: "deny", ruleId: undefined };
}

function applies(rule: RuleText, state: AttestationState): boolean {
  if (rule.safe) return true;
  return state === "fresh" || (rule.states?.includes(state) ?? false);
}

function truthOf({ subject, action, resource, when }: RuleText, request: AccessRequest, state: string): Truth {
  const roles = attribute("subject.roles", request, state);
  const isRoleList = Array.isArray(roles) && roles.length <= 16 && roles.every((role) => typeof role === "string");
  return all([
    named([subject.type], request.subject.type),
    named(action, request.action.name),
    named([resource.type], request.resource.type),
    fitsId(resource.id, request.resource.id),
    subject.roles ? (isRoleList ? roles.some((role) => subject.roles?.includes(role)) : undefined) : true,
    subject.class ? leaf("in", ["subject.class", subject.class], request, state) : true,
    when ? condition(when, request, state) : true,
  ]);
}

function named(names: readonly string[], name: string): boolean {
  return names.includes("*") || names.includes(name);
}

function fitsId(selector: RuleText["resource"]["id"], id: string): boolean {
  if (selector === undefined || typeof selector === "string") return selector === undefined || selector === id;
  if (selector.prefix !== undefined) return id.startsWith(selector.prefix);
  return globToRegExp(selector.glob ?? "").test(id);
}

function globToRegExp(glob: string): RegExp {
  const parts = glob.split(/(\*\*|\*)/).map((part) => {
    if (part === "**") return "[^]*";
    return part === "*" ? "[^/]*" : part.replaceAll(/[.\\+^$()[\]{}|?]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}

function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes(undefined) ? undefined : true;
}

function condition(node: ConditionText, request: AccessRequest, state: string): Truth {
  const [[operator, operand] = ["", undefined]] = Object.entries(node);
  const inner = (child: unknown) => condition(child as ConditionText, request, state);
  if (operator === "all") return all((operand as unknown[]).map(inner));
  if (operator === "any") return not(all((operand as unknown[]).map((child) => not(inner(child)))));
  if (operator === "not") return not(inner(operand));
  if (operator === "has") return usable(attribute(textOf(operand), request, state)) === undefined ? undefined : true;
  if (operator === "within") return undefined;
  return leaf(operator, operand as [string, unknown], request, state);
}

function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth;
}

function leaf(
  operator: string,
  [path, literal]: readonly [string, unknown],
  request: AccessRequest,
  state: string,
): Truth {
  const value = usable(attribute(path, request, state));
  const other = isPath(literal) ? usable(attribute(literal.path, request, state)) : literal;
  if (value === undefined || other === undefined) return undefined;
  const isComparable = typeof value === typeof other && typeof value !== "object";
  switch (operator) {
    case "eq":
      return isComparable ? value === other : undefined;
    case "ne":
      return isComparable ? value !== other : undefined;
    case "lt":
      return typeof value === "number" && typeof other === "number" ? value < other : undefined;
    case "lte":
      return typeof value === "number" && typeof other === "number" ? value <= other : undefined;
    case "gt":
      return typeof value === "number" && typeof other === "number" ? value > other : undefined;
    case "gte":
      return typeof value === "number" && typeof other === "number" ? value >= other : undefined;
    case "in":
      return typeof value === typeof (other as unknown[])[0] ? (other as unknown[]).includes(value) : undefined;
    case "containsAny":
    case "containsAll": {
      const list = other as unknown[];
      if (!Array.isArray(value) || value.some((item) => typeof item !== typeof list[0])) return undefined;
      return operator === "containsAny"
        ? list.some((item) => value.includes(item))
        : list.every((item) => value.includes(item));
    }
    case "prefix":
      return typeof value === "string" ? value.startsWith(textOf(other)) : undefined;
    case "suffix":
      return typeof value === "string" ? value.endsWith(textOf(other)) : undefined;
    case "glob":
      return typeof value === "string" ? globToRegExp(textOf(other)).test(value) : undefined;
    case "cidr":
      return typeof value === "string" && isIP(value) ? isInNetworks(value, other as string[]) : undefined;
    case "fresh": {
      // `Date.parse` makes a date of much that is no RFC 3339, "x/1/2" among it.
      const at = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
      const age = parseDuration(textOf(other));
      return Number.isNaN(at) || !age.ok ? undefined : NOW - at >= 0 && NOW - at <= age.value;
    }
    default:
      return assert.fail(`operator ${operator}`);
  }
}

/** Node's own opinion about networks. */
function isInNetworks(address: string, networks: readonly string[]): boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [base = "", length] = network.split("/");
    list.addSubnet(base, Number(length), isIP(base) === 6 ? "ipv6" : "ipv4");
  }
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

function isPath(literal: unknown): literal is { path: string } {
  return typeof literal === "object" && literal !== null && "path" in literal;
}

function textOf(literal: unknown): string {
  assert.ok(typeof literal === "string");
  return literal;
}

function usable(value: unknown): unknown {
  return value === null || (typeof value === "object" && !Array.isArray(value)) ? undefined : value;
}

function attribute(path: string, request: AccessRequest, state: string): unknown {
  if (path === "subject.attestation.state") return state;
  const [root = "", ...names] = path.split(".");
  if (["subject.type", "subject.id", "action.name", "resource.type", "resource.id"].includes(path))
    return Reflect.get(request[root as "subject"], names[0] ?? "");
  const holder = root === "context" ? request.context : request[root as "subject"].properties;
  return names.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined,
    holder,
  );
}

const text = fc.constantFrom("a", "b", "ab", "x/1", "x/1/2", "y");
const number = fc.constantFrom(0, 1, 2, 100);
const scalar = fc.oneof(text, number, fc.boolean());
const scalarPath = fc.constantFrom(
  "subject.score",
  "subject.zone",
  "subject.id",
  "resource.owner",
  "context.n",
  "context.deep.n",
  "action.mode",
);
const listPath = fc.constantFrom("subject.roles", "context.tags");
const pathOperand = scalarPath.map((path) => ({ path }));
const scalars = fc.oneof(fc.uniqueArray(text, { minLength: 1 }), fc.uniqueArray(number, { minLength: 1 }));
const glob = fc.constantFrom("x/*", "x/**", "**/2", "*", "x/*/2", "*/1*", "**1**", "a*");

const leafCondition: fc.Arbitrary<ConditionText> = fc.oneof(
  fc
    .record({ op: fc.constantFrom("eq", "ne"), path: scalarPath, to: fc.oneof(scalar, pathOperand) })
    .filter(({ path, to }) => path !== "subject.id" || typeof to === "string" || typeof to === "object")
    .map(({ op, path, to }) => ({ [op]: [path, to] })),
  fc
    .record({
      op: fc.constantFrom("lt", "lte", "gt", "gte"),
      path: fc.constantFrom("subject.score", "context.n", "context.deep.n"),
      to: fc.oneof(number, fc.constant({ path: "resource.owner" })),
    })
    .map(({ op, path, to }) => ({ [op]: [path, to] })),
  fc
    .record({ op: fc.constantFrom("prefix", "suffix"), path: scalarPath, to: text })
    .map(({ op, path, to }) => ({ [op]: [path, to] })),
  fc.tuple(scalarPath, glob).map((operands) => ({ glob: operands })),
  fc.tuple(scalarPath, scalars).map((operands) => ({ in: operands })),
  fc
    .record({ op: fc.constantFrom("containsAny", "containsAll"), path: listPath, to: scalars })
    .map(({ op, path, to }) => ({ [op]: [path, to] })),
  fc.oneof(scalarPath, listPath).map((path) => ({ has: path })),
  fc.constantFrom("PT1M", "PT1H").map((age) => ({ fresh: ["context.at", age] })),
  fc.constantFrom("fresh", "stale").map((state) => ({ eq: ["subject.attestation.state", state] })),
);

const addressCondition: fc.Arbitrary<ConditionText> = fc
  .subarray(["10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "::/0"], { minLength: 1 })
  .map((networks) => ({ cidr: ["context.ip", networks] }));

function arbitraryCondition(leaves: fc.Arbitrary<ConditionText>): fc.Arbitrary<ConditionText> {
  return fc.letrec<{ node: ConditionText }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      leaves,
      tie("node").map((node) => ({ not: node })),
      fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((nodes) => ({ all: nodes })),
      fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((nodes) => ({ any: nodes })),
    ),
  })).node;
}

const names = (...all: string[]) => fc.subarray(all, { minLength: 1 });
const selectors = {
  subject: fc.record(
    { type: fc.constantFrom("device", "user", "*"), roles: names("pos", "kiosk"), class: names("a", "b") },
    { requiredKeys: ["type"] },
  ),
  action: fc.oneof(names("get", "put"), fc.constant(["*"])),
  resource: fc.record(
    {
      type: fc.constantFrom("api", "file", "*"),
      id: fc.oneof(
        text,
        text.map((prefix) => ({ prefix })),
        glob.map((pattern) => ({ glob: pattern })),
      ),
    },
    { requiredKeys: ["type"] },
  ),
};
const allow = fc.record(
  {
    effect: fc.constant("allow" as const),
    ...selectors,
    when: arbitraryCondition(leafCondition),
    states: fc.constant(["fresh", "stale"]),
  },
  { requiredKeys: ["effect", "subject", "action", "resource"] },
);
const deny = fc.record(
  {
    effect: fc.constant("deny" as const),
    ...selectors,
    when: arbitraryCondition(fc.oneof(leafCondition, addressCondition)),
  },
  { requiredKeys: ["effect", "subject", "action", "resource"] },
);

/** Few names, so that rules and requests meet. */
export const arbitraryRules: fc.Arbitrary<readonly RuleText[]> = fc
  .array(fc.oneof({ weight: 3, arbitrary: allow }, { weight: 1, arbitrary: deny }), { minLength: 1, maxLength: 12 })
  .map((rules) => rules.map((rule, i) => ({ ...rule, id: `r${i}` })));

const anything = fc.oneof(scalar, fc.constant(null), fc.array(text, { maxLength: 3 }), fc.constant({}));
const optional = { requiredKeys: [] };

export const arbitraryRequest: fc.Arbitrary<AccessRequest> = fc.record(
  {
    subject: fc.record(
      {
        type: fc.constantFrom("device", "user"),
        id: text,
        properties: fc.record(
          {
            roles: fc.oneof(fc.subarray(["pos", "kiosk", "x"]), anything),
            class: fc.oneof(text, anything),
            score: fc.oneof(number, anything),
            zone: fc.oneof(text, anything),
          },
          optional,
        ),
      },
      { requiredKeys: ["type", "id"] },
    ),
    action: fc.record(
      { name: fc.constantFrom("get", "put", "post"), properties: fc.record({ mode: anything }, optional) },
      { requiredKeys: ["name"] },
    ),
    resource: fc.record(
      { type: fc.constantFrom("api", "file"), id: text, properties: fc.record({ owner: anything }, optional) },
      { requiredKeys: ["type", "id"] },
    ),
    context: fc.record(
      {
        n: fc.oneof(number, anything),
        deep: fc.oneof(fc.record({ n: fc.oneof(number, anything) }, optional), anything),
        tags: fc.oneof(fc.array(text, { maxLength: 4 }), fc.array(scalar, { maxLength: 3 }), anything),
        ip: fc.oneof(fc.constantFrom("10.1.2.3", "10.2.0.1", "192.0.2.1", "fd00::1", "::1"), anything),
        at: fc.oneof(fc.constantFrom("2026-11-22T11:59:30Z", "2026-11-22T11:30:00Z", "2026-11-22T12:00:01Z"), anything),
      },
      optional,
    ),
  },
  { requiredKeys: ["subject", "action", "resource"] },
);

export const arbitraryState: fc.Arbitrary<AttestationState> = fc.constantFrom(
  "fresh",
  "stale",
  "expired",
  "contraindicated",
);
