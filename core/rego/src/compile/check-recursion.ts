import type { RegoError } from "../errors.ts";
import { ERRORS_MAX } from "./error-log.ts";
import type { ExpandedRule, Subjects } from "./expand.ts";
import type { Cause, RuleGraph } from "./rule-graph.ts";
import { referenceToText, ruleName } from "./term-text.ts";

/** No rule may need its own value, over however many others. One error for each rule that does, up to the limit. */
export function checkRuleRecursion(graph: RuleGraph, subjects: Subjects): readonly RegoError[] {
  const component = componentsOf(graph);
  const errors: RegoError[] = [];
  for (const part of graph.rules) {
    const certain = shortestCycle(part, graph, component, (cause) => cause === undefined);
    const cycle = certain ?? shortestCycle(part, graph, component, () => true);
    if (cycle === undefined) continue;
    const names = cycle.map(({ rule }) => ruleName(rule));
    const how = certain === undefined ? "may be recursive" : "is recursive";
    const cause = certain === undefined ? causeOf(cycle, graph, subjects) : "";
    const message = `rule ${names[0]} ${how}: ${names.join(" -> ")}${cause}`;
    errors.push({ code: "rego_recursion_error", message, location: part.part.location });
    if (errors.length === ERRORS_MAX) break;
  }
  return errors;
}

/** The first reference on the way of which it depends on a variable what it refers to. */
function causeOf(cycle: readonly ExpandedRule[], graph: RuleGraph, subjects: Subjects): string {
  for (const [index, part] of cycle.slice(1).entries()) {
    const cause = graph.needsOf(cycle[index] as ExpandedRule).get(part);
    if (cause !== undefined) return ` (${referenceToText(cause, subjects)} could refer to ${ruleName(part.rule)})`;
  }
  return "";
}

/** Breadth first among the rules that need each other. */
function shortestCycle(
  start: ExpandedRule,
  graph: RuleGraph,
  component: ReadonlyMap<ExpandedRule, number>,
  isWanted: (cause: Cause) => boolean,
): readonly ExpandedRule[] | undefined {
  const cameFrom = new Map<ExpandedRule, ExpandedRule>();
  let edge = [start];
  while (edge.length > 0) {
    const next: ExpandedRule[] = [];
    for (const part of edge)
      for (const [needed, cause] of graph.needsOf(part)) {
        if (!isWanted(cause)) continue;
        if (needed === start) return pathTo(part, cameFrom, start);
        if (component.get(needed) !== component.get(start) || cameFrom.has(needed)) continue;
        cameFrom.set(needed, part);
        next.push(needed);
      }
    edge = next;
  }
  return undefined;
}

function pathTo(
  last: ExpandedRule,
  cameFrom: ReadonlyMap<ExpandedRule, ExpandedRule>,
  start: ExpandedRule,
): readonly ExpandedRule[] {
  const path = [start];
  for (let part: ExpandedRule | undefined = last; part !== undefined && part !== start; part = cameFrom.get(part))
    path.unshift(part);
  return [start, ...path];
}

/** The strongly connected components (Tarjan 1972), with a stack of our own: chains of rules may be long. */
function componentsOf(graph: RuleGraph): ReadonlyMap<ExpandedRule, number> {
  const component = new Map<ExpandedRule, number>();
  const index = new Map<ExpandedRule, number>();
  const low = new Map<ExpandedRule, number>();
  const open: ExpandedRule[] = [];
  for (const start of graph.rules) {
    if (index.has(start)) continue;
    const pending: { readonly part: ExpandedRule; readonly needs: Iterator<ExpandedRule> }[] = [];
    const enter = (part: ExpandedRule): void => {
      index.set(part, index.size);
      low.set(part, index.get(part)!);
      open.push(part);
      pending.push({ part, needs: graph.needsOf(part).keys() });
    };
    enter(start);
    for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
      const { part, needs } = top;
      const { value: next, done } = needs.next();
      if (done !== true) {
        if (!index.has(next)) enter(next);
        else if (!component.has(next)) low.set(part, Math.min(low.get(part)!, index.get(next)!));
        continue;
      }
      pending.pop();
      const parent = pending.at(-1)?.part;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(part)!));
      if (low.get(part) !== index.get(part)) continue;
      for (let member = open.pop(); member !== undefined; member = open.pop()) {
        component.set(member, index.get(part)!);
        if (member === part) break;
      }
    }
  }
  return component;
}
