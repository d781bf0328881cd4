import type { RegoError } from "../errors.ts";
import type { ExpandedRule } from "./expand.ts";
import type { RuleGraph } from "./rule-graph.ts";
import { ruleName } from "./term-text.ts";

/** No rule may need its own value, over however many others. One error for each rule that does. */
export function checkRuleRecursion(graph: RuleGraph): readonly RegoError[] {
  const component = componentsOf(graph);
  return graph.rules.flatMap((part): RegoError[] => {
    const cycle = shortestCycle(part, graph, component);
    if (cycle === undefined) return [];
    const names = cycle.map(({ rule }) => ruleName(rule));
    const message = `rule ${names[0]} is recursive: ${names.join(" -> ")}`;
    return [{ code: "rego_recursion_error", message, location: part.part.location }];
  });
}

/** Breadth first among the rules that need each other. */
function shortestCycle(
  start: ExpandedRule,
  graph: RuleGraph,
  component: ReadonlyMap<ExpandedRule, number>,
): readonly ExpandedRule[] | undefined {
  const cameFrom = new Map<ExpandedRule, ExpandedRule>();
  let edge = [start];
  while (edge.length > 0) {
    const next: ExpandedRule[] = [];
    for (const part of edge)
      for (const needed of graph.needsOf(part)) {
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
      pending.push({ part, needs: graph.needsOf(part).values() });
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
