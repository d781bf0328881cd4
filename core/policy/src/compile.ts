import type { Instant } from "@vedette/base";
import type { CodePorts } from "./ask-code.ts";
import { RESOURCE_ID, SUBJECT_CLASS } from "./attribute.ts";
import { ConditionCompiler } from "./condition.ts";
import { flattenTexts } from "./flat-texts.ts";
import { parseGlob } from "./glob.ts";
import type { PolicyCode } from "./policy-code.ts";
import { buildRuleIndex, type RuleIndex } from "./rule-index.ts";
import { RuleSearch } from "./rule-search.ts";
import { CONDITION_STRIDE, HAS_EXTRAS, HAS_SPEND, type RuleExtras, type RuleTable, stateBit } from "./rule-table.ts";
import type { Condition, PolicyDocument, Rule } from "./rules.ts";

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
  /** The Rego modules beside the rules, and what they need to run. */
  readonly code?: { readonly modules: PolicyCode; readonly ports: CodePorts };
}

/** Compiled rules as plain data: made in one thread, they may be handed over to another. */
export interface FlatPolicy {
  readonly id: string;
  readonly mask: readonly string[];
  readonly table: RuleTable;
  readonly index: RuleIndex;
}

/** Never refuses: whatever can be wrong was found when the document was parsed. */
export function compilePolicy(document: PolicyDocument, origin: PolicyOrigin): CompiledPolicy {
  return loadPolicy(flattenPolicy(document), origin);
}

/** Makes a policy decide. Takes the same short time however many rules there are. */
export function loadPolicy({ id, mask, table, index }: FlatPolicy, origin: PolicyOrigin): CompiledPolicy {
  return { id, origin, mask, ruleCount: table.flags.length, search: new RuleSearch(table, index) };
}

export function flattenPolicy(document: PolicyDocument): FlatPolicy {
  const denies = document.rules.filter((rule) => rule.effect === "deny");
  const allows = document.rules.filter((rule) => rule.effect === "allow");
  const rules = [...denies, ...allows];
  const compiler = new ConditionCompiler();
  const conditions = new Int32Array(rules.length * CONDITION_STRIDE);
  for (const [number, rule] of rules.entries()) {
    const { guardSlot, guardText, first } = compiler.add(partsOf(rule), rule.effect);
    conditions.set([guardSlot, guardText, first], number * CONDITION_STRIDE);
  }
  const extras = rules.map((rule) => extrasText(rule, compiler));
  const table: RuleTable = {
    denyCount: denies.length,
    ids: flattenTexts(rules.map((rule) => rule.id)),
    conditions,
    code: compiler.build(),
    flags: Uint8Array.from(rules, (rule, number) => flagsOf(rule) | (extras[number] === "" ? 0 : HAS_EXTRAS)),
    extras: flattenTexts(extras),
  };
  return { id: document.id, mask: document.mask, table, index: buildRuleIndex(rules) };
}

/** What the index does not decide: selectors on attributes that may be missing, the rest of a glob, the condition. */
function partsOf({ subject, resource, when }: Rule): readonly Condition[] {
  const parts: Condition[] = [];
  const [onlyClass, ...otherClasses] = subject.class ?? [];
  if (onlyClass !== undefined && otherClasses.length === 0)
    parts.push({ op: "eq", path: SUBJECT_CLASS, to: onlyClass });
  else if (subject.class) parts.push({ op: "in", path: SUBJECT_CLASS, list: subject.class });
  if (resource.id?.kind === "glob" && !isPrefixGlob(resource.id.text))
    parts.push({ op: "glob", path: RESOURCE_ID, text: resource.id.text });
  if (when?.op === "all") parts.push(...when.of);
  else if (when) parts.push(when);
  return parts;
}

function isPrefixGlob(pattern: string): boolean {
  const glob = parseGlob(pattern);
  return glob !== undefined && `${glob.head}**` === pattern;
}

function extrasText(rule: Rule, compiler: ConditionCompiler): string {
  const { description, obligations, fastCommit, spend, escalate } = rule;
  const isPlain = description === undefined && obligations.length === 0 && fastCommit === undefined;
  if (isPlain && !spend && !escalate) return "";
  const extras: RuleExtras = {
    ...(description !== undefined && { description }),
    obligations,
    ...(fastCommit !== undefined && { fastCommit }),
    ...(escalate && { escalate }),
    ...(spend && {
      spend: { ...spend, amount: compiler.slotOf(spend.amount), per: compiler.slotOf(spend.per) },
    }),
  };
  return JSON.stringify(extras);
}

function flagsOf(rule: Rule): number {
  return rule.states.reduce((flags, state) => flags | stateBit(state), rule.spend ? HAS_SPEND : 0);
}
