import { compare, isScalar, type Scalar, type Value } from "../values/value.ts";
import type { ResolvedRule, ResolvedTerm } from "./resolved.ts";

/** A place below `data` with the rules that are declared there: whose path is known as far as that, and no further. */
export interface RuleNode {
  readonly children: ReadonlyMap<Scalar, RuleNode>;
  readonly rules: readonly ResolvedRule[];
}

interface Growing {
  readonly children: Map<Scalar, Growing>;
  readonly rules: ResolvedRule[];
}

/** Children stand in Rego's order, so that what is found below is told in the same order each time. */
export function growRuleNodes(rules: readonly ResolvedRule[]): RuleNode {
  const root: Growing = { children: new Map(), rules: [] };
  for (const rule of rules) {
    let node = root;
    for (const name of knownPath(rule)) {
      const child = node.children.get(name) ?? { children: new Map(), rules: [] };
      node.children.set(name, child);
      node = child;
    }
    node.rules.push(rule);
  }
  return sorted(root);
}

function sorted({ children, rules }: Growing): RuleNode {
  const entries = Array.from(children).sort(([a], [b]) => compare(a, b));
  return { children: new Map(entries.map(([name, child]) => [name, sorted(child)])), rules };
}

/** The path of a rule as long as it is the same for every value. */
export function knownPath(rule: ResolvedRule): readonly Scalar[] {
  return [...rule.path, ...rule.suffix.slice(0, knownLength(rule)).map((term) => scalarOf(term) as Scalar)];
}

/** What follows: keys that depend on the body, and what stands behind them. */
export function dynamicSuffix(rule: ResolvedRule): readonly ResolvedTerm[] {
  return rule.suffix.slice(knownLength(rule));
}

function knownLength({ suffix }: ResolvedRule): number {
  const first = suffix.findIndex((term) => scalarOf(term) === undefined);
  return first < 0 ? suffix.length : first;
}

export function scalarOf(term: ResolvedTerm): Scalar | undefined {
  return term.type === "constant" && isScalar(term.value) ? term.value : undefined;
}

export function nodeAt(root: RuleNode, path: readonly Value[]): RuleNode | undefined {
  let node: RuleNode | undefined = root;
  for (const name of path) node = isScalar(name) ? node?.children.get(name) : undefined;
  return node;
}

export function isFunctionAt(root: RuleNode, path: readonly Value[]): boolean {
  return nodeAt(root, path)?.rules.some(({ kind }) => kind === "function") ?? false;
}

/** All rules at the place and below. */
export function rulesFrom(node: RuleNode): readonly ResolvedRule[] {
  const found = [...node.rules];
  for (const child of node.children.values()) for (const rule of rulesFrom(child)) found.push(rule);
  return found;
}

/** The path that a term names below `data`, if it does nothing else. */
export function constantDataPath(term: ResolvedTerm): readonly Value[] | undefined {
  if (term.type !== "reference" || term.base !== "data") return undefined;
  const path: Value[] = [];
  for (const key of term.path) {
    if (key.type !== "constant") return undefined;
    path.push(key.value);
  }
  return path;
}
