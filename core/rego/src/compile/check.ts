import type { RegoError } from "../errors.ts";
import type { Module } from "../syntax/ast.ts";
import { checkCalls, checkDeprecatedCalls, checkVoidCalls } from "./check-calls.ts";
import { checkRuleRecursion } from "./check-recursion.ts";
import { checkRuleConflicts } from "./check-rules.ts";
import { checkHeadSafety, orderRule, orderSafely } from "./check-safety.ts";
import { TypeChecker } from "./check-types.ts";
import { checkPrints, checkTemplates } from "./check-undeclared.ts";
import { checkWith } from "./check-with.ts";
import type { ErrorLog } from "./error-log.ts";
import { type ExpandedRule, expandBody, expandRule, type Subjects } from "./expand.ts";
import { checkAnnotations } from "./metadata.ts";
import type { Unresolved } from "./resolve.ts";
import type { Local, ResolvedBody, ResolvedRule } from "./resolved.ts";
import { RuleGraph } from "./rule-graph.ts";
import { growRuleNodes, type RuleNode } from "./rule-paths.ts";
import { localsOfTerm } from "./statement-parts.ts";
import { pathToText } from "./term-text.ts";

/** What queries are checked against. */
export interface CheckedRules {
  readonly nodes: RuleNode;
  readonly types: TypeChecker;
}

/** The stages of OPA's compiler, in its order. Nothing is given back when one refuses what the next ones rely on. */
export function checkRules(
  modules: readonly Module[],
  rules: readonly ResolvedRule[],
  unresolved: Unresolved,
  isStrict: boolean,
  log: ErrorLog,
): CheckedRules | undefined {
  const nodes = growRuleNodes(rules);
  const subjects: Subjects = new Map();
  const expanded = rules.flatMap((rule) => expandRule(rule, { subjects, nodes }));
  const graph = new RuleGraph(expanded, nodes);
  const types = new TypeChecker(graph, subjects);
  const inEach = (check: (rule: ExpandedRule) => readonly RegoError[]) => log.refuse(...expanded.flatMap(check));

  log.refuse(...unresolved.templates);
  inEach((rule) => checkTemplates(rule.body, argumentsOf(rule)));
  if (log.mustStop) return undefined;
  inEach(({ body }) => checkVoidCalls(body, subjects));
  if (log.mustStop) return undefined;
  inEach((rule) => checkPrints(rule.body, argumentsOf(rule)));
  if (log.mustStop) return undefined;
  log.refuse(...checkAnnotations(modules));
  if (log.mustStop) return undefined;
  inEach(({ body }) => checkWith(body, nodes));
  if (log.mustStop) return undefined;
  log.refuse(...checkRuleConflicts(modules, nodes));
  if (log.mustStop) return undefined;
  log.refuse(...unresolved.calls);
  inEach(({ body }) => checkCalls(body, nodes, (term) => types.typeOf(term)));
  if (log.mustStop) return undefined;
  const scopeOf = scopeLabels(expanded);
  inEach((rule) => checkHeadSafety(rule, scopeOf(rule)));
  if (log.mustStop) return undefined;
  const bodies = new Map<ExpandedRule, ResolvedBody>();
  inEach((rule) => {
    const { body, errors } = orderRule(rule, scopeOf(rule));
    bodies.set(rule, body);
    return errors;
  });
  if (log.mustStop) return undefined;
  if (graph.tooLarge !== undefined) log.refuse(graph.tooLarge);
  else log.refuse(...checkRuleRecursion(graph, subjects));
  if (log.mustStop) return undefined;
  log.report(...types.checkRules(graph.sorted().map((rule) => [rule, bodies.get(rule) ?? []] as const)));
  for (const { rule, body } of expanded)
    if (isStrict || rule.module.regoVersion === 1) log.report(...checkDeprecatedCalls(body));
  return { nodes, types };
}

/** A query is a body that sees the rules. */
export function checkQuery(
  body: ResolvedBody,
  { nodes, types }: CheckedRules,
  unresolved: Unresolved,
  log: ErrorLog,
): void {
  const subjects: Subjects = new Map();
  const expanded = expandBody(body, {}, { subjects, nodes });
  const none: ReadonlySet<Local> = new Set();
  const stages = [
    () => [...unresolved.templates, ...checkTemplates(expanded, none)],
    () => checkPrints(expanded, none),
    () => checkVoidCalls(expanded, subjects),
    () => checkWith(expanded, nodes),
    () => [...unresolved.calls, ...checkCalls(expanded, nodes, (term) => types.typeOf(term))],
  ];
  for (const stage of stages) {
    log.refuse(...stage());
    if (log.mustStop) return;
  }
  const ordered = orderSafely(expanded, none, "", 1);
  log.refuse(...ordered.errors);
  if (log.mustStop) return;
  log.report(...types.checkQuery(ordered.body, subjects), ...checkDeprecatedCalls(expanded));
}

function argumentsOf({ args }: ExpandedRule): ReadonlySet<Local> {
  return new Set(args.flatMap((arg) => Array.from(localsOfTerm(arg))));
}

/** Names the rule where its line does not: where several rules share one. */
function scopeLabels(rules: readonly ExpandedRule[]): (rule: ExpandedRule) => string {
  const names = new Map<string, Set<string>>();
  const place = ({ part: { location } }: ExpandedRule): string => `${location.row} ${location.file}`;
  const nameOf = ({ rule }: ExpandedRule): string =>
    pathToText(rule.path.slice(rule.package.length)).slice("data.".length);
  for (const rule of rules) names.set(place(rule), (names.get(place(rule)) ?? new Set()).add(nameOf(rule)));
  return (rule) => ((names.get(place(rule))?.size ?? 0) > 1 ? ` in rule ${nameOf(rule)}` : "");
}
