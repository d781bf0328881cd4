import type { Instant } from "@vedette/base";
import { RESOURCE_ID, SUBJECT_CLASS } from "./attribute.ts";
import { ConditionCompiler } from "./condition.ts";
import { type AttributeValue, toAttributeValue } from "./frame.ts";
import { parseGlob } from "./glob.ts";
import type { Read } from "./predicates.ts";
import { buildRuleIndex } from "./rule-index.ts";
import { RuleSearch } from "./rule-search.ts";
import { HAS_SPEND, type RuleExtras, type RuleTable, stateBit } from "./rule-table.ts";
import type { Attribute, Condition, PolicyDocument, Rule } from "./rules.ts";

/** Where rules came from; it goes into every record. */
export interface PolicyOrigin {
  /** The name of the policy bundle in decision records. */
  readonly bundle: string;
  readonly revision: string;
  /** After this instant everything is denied. */
  readonly notAfter: Instant;
}

/** Rules, ready to decide. Made at activation; `decide` alone looks inside. */
export interface CompiledPolicy {
  readonly id: string;
  readonly origin: PolicyOrigin;
  readonly mask: readonly string[];
  readonly ruleCount: number;
  readonly search: RuleSearch;
}

/** Never refuses: whatever can be wrong was found when the document was parsed. */
export function compilePolicy(document: PolicyDocument, origin: PolicyOrigin): CompiledPolicy {
  const denies = document.rules.filter((rule) => rule.effect === "deny");
  const allows = document.rules.filter((rule) => rule.effect === "allow");
  const rules = [...denies, ...allows];
  const conditions = new ConditionCompiler();
  const compiled = rules.map((rule) => conditions.compile(conditionOf(rule)));
  const extras = new Map<number, RuleExtras>();
  for (const [number, rule] of rules.entries()) {
    const found = extrasOf(rule, conditions);
    if (found) extras.set(number, found);
  }
  const table: RuleTable = {
    denyCount: denies.length,
    ids: rules.map((rule) => rule.id),
    shapes: Int32Array.from(compiled, ({ shape }) => shape),
    bases: Int32Array.from(compiled, ({ base }) => base),
    flags: Uint8Array.from(rules, flagsOf),
    tests: conditions.tests,
    extras,
  };
  const search = new RuleSearch(table, buildRuleIndex(rules), [
    conditions.values,
    conditions.addresses,
    conditions.instants,
  ]);
  return { id: document.id, origin, mask: document.mask, ruleCount: rules.length, search };
}

/** What the index does not decide: selectors on attributes that may be missing, and the rest of a glob. */
function conditionOf({ subject, resource, when }: Rule): Condition | undefined {
  const parts: Condition[] = [];
  if (subject.class) parts.push({ op: "in", path: SUBJECT_CLASS, list: subject.class });
  if (resource.id?.kind === "glob" && !isPrefixGlob(resource.id.text))
    parts.push({ op: "glob", path: RESOURCE_ID, text: resource.id.text });
  if (when) parts.push(when);
  return parts.length > 1 ? { op: "all", of: parts } : parts[0];
}

function isPrefixGlob(pattern: string): boolean {
  const glob = parseGlob(pattern);
  return glob !== undefined && `${glob.head}**` === pattern;
}

function extrasOf(rule: Rule, conditions: ConditionCompiler): RuleExtras | undefined {
  const { description, obligations, fastCommit, spend } = rule;
  if (description === undefined && obligations.length === 0 && fastCommit === undefined && !spend) return undefined;
  const read = (path: Attribute): Read<AttributeValue> => ({
    slots: conditions.values,
    slot: conditions.values.add(path, toAttributeValue),
  });
  return {
    ...(description !== undefined && { description }),
    obligations,
    ...(fastCommit !== undefined && { fastCommit }),
    ...(spend && { spend: { ...spend, amount: read(spend.amount), per: read(spend.per) } }),
  };
}

function flagsOf(rule: Rule): number {
  return rule.states.reduce((flags, state) => flags | stateBit(state), rule.spend ? HAS_SPEND : 0);
}
