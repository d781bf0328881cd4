import type { WarningCode } from "./errors.ts";
import { ANY, type Condition, type PolicyDocument, type ResourceIdSelector, type Rule } from "./rules.ts";

export interface Warning {
  readonly code: WarningCode;
  readonly pointer: string;
  readonly message: string;
  readonly expected: string;
}

const WARNINGS_MAX = 50;
/** Each later rule is compared with this many unconditional ones at most: a lint is no proof, and must stay quick. */
const BROAD_RULES_MAX = 256;

/** Rules that can be removed without changing any decision, as far as selectors alone show it. */
export function lintRules({ rules }: PolicyDocument): readonly Warning[] {
  const denies = placed(rules).filter(({ rule }) => rule.effect === "deny" && isBroad(rule));
  const broadDenies = denies.slice(0, BROAD_RULES_MAX);
  const broadAllows: Placed[] = [];
  const warnings: Warning[] = [];
  for (const { rule, index } of placed(rules)) {
    if (warnings.length >= WARNINGS_MAX) break;
    const pointer = `/rules/${index}`;
    const warning = warningFor(rule, index, broadDenies, broadAllows);
    if (warning) warnings.push({ ...warning, pointer });
    if (rule.effect === "allow" && isBroad(rule) && broadAllows.length < BROAD_RULES_MAX)
      broadAllows.push({ rule, index });
  }
  return warnings;
}

interface Placed {
  readonly rule: Rule;
  readonly index: number;
}

function placed(rules: readonly Rule[]): readonly Placed[] {
  return rules.map((rule, index) => ({ rule, index }));
}

function warningFor(
  rule: Rule,
  index: number,
  broadDenies: readonly Placed[],
  broadAllows: readonly Placed[],
): Omit<Warning, "pointer"> | undefined {
  const denied = broadDenies.find((deny) => covers(deny.rule, rule) && (rule.effect === "allow" || deny.index < index));
  const allowed = broadAllows.find((allow) => rule.effect === "allow" && covers(allow.rule, rule));
  if (denied && rule.effect === "allow")
    return {
      code: "RULE_UNREACHABLE",
      message: "never allows",
      expected: `a rule outside what ${denied.rule.id} denies`,
    };
  const other = denied ?? allowed;
  if (other)
    return {
      code: "RULE_SHADOWED",
      message: "never decides",
      expected: `a rule outside what ${other.rule.id} decides`,
    };
  if (rule.effect === "deny" && rule.when && alwaysFires(rule.when))
    return {
      code: "DENY_ALWAYS_FIRES",
      message: "fires always",
      expected: '"not": {"has": …}, or no condition at all',
    };
  return undefined;
}

/** Holds for everything that its selectors name, as long as attestation allows. */
function isBroad(rule: Rule): boolean {
  return !rule.when && !rule.spend && !rule.subject.class;
}

function covers(broad: Rule, rule: Rule): boolean {
  return (
    coversName(broad.subject.type, rule.subject.type) &&
    (!broad.subject.roles || coversList(broad.subject.roles, rule.subject.roles)) &&
    (broad.actions.includes(ANY) || coversList(broad.actions, rule.actions)) &&
    coversName(broad.resource.type, rule.resource.type) &&
    coversId(broad.resource.id, rule.resource.id) &&
    rule.states.every((state) => broad.states.includes(state))
  );
}

function coversName(broad: string, name: string): boolean {
  return broad === ANY || broad === name;
}

function coversList(broad: readonly string[], names: readonly string[] | undefined): boolean {
  return names?.every((name) => broad.includes(name)) ?? false;
}

function coversId(broad: ResourceIdSelector | undefined, id: ResourceIdSelector | undefined): boolean {
  if (!broad) return true;
  if (!id) return false;
  if (broad.kind === "prefix")
    return (id.kind === "glob" ? (id.text.split("*")[0] ?? "") : id.text).startsWith(broad.text);
  return broad.kind === id.kind && broad.text === id.text;
}

/** `has` is true or unknown, never false, and a deny fires on both (PROTOCOLS 5.1). */
function alwaysFires(condition: Condition): boolean {
  if (condition.op === "all") return condition.of.every(alwaysFires);
  if (condition.op === "any") return condition.of.some(alwaysFires);
  return condition.op === "has";
}
