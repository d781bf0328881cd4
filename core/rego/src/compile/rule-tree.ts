import type { RegoError } from "../errors.ts";
import type { TreeNode } from "./ir.ts";
import type { ResolvedRule, ResolvedTerm } from "./resolved.ts";

/** All definitions that make up one rule. */
export interface RuleGroup {
  readonly path: readonly string[];
  readonly kind: "value" | "function" | "set" | "object";
  readonly definitions: readonly Definition[];
}

export interface Definition {
  readonly rule: ResolvedRule;
  /** Keys below the group's path that the definition adds to. */
  readonly suffix: readonly ResolvedTerm[];
}

export interface RuleTree {
  readonly root: TreeNode;
  readonly groups: readonly RuleGroup[];
}

interface Growing {
  readonly children: Map<string, Growing>;
  readonly rules: ResolvedRule[];
}

/** Sorts rules into the tree below `data`. Where one has keys that are not constant, all rules below are part of it. */
export function growRuleTree(
  rules: readonly ResolvedRule[],
  packages: readonly (readonly string[])[],
  errors: RegoError[],
): RuleTree {
  const root: Growing = { children: new Map(), rules: [] };
  const nodeAt = (path: readonly string[]): Growing => {
    let node = root;
    for (const name of path) {
      const child = node.children.get(name) ?? { children: new Map(), rules: [] };
      node.children.set(name, child);
      node = child;
    }
    return node;
  };
  // A package without rules is an empty document.
  for (const path of packages) nodeAt(path);
  for (const rule of rules) nodeAt(rule.path).rules.push(rule);
  const groups: RuleGroup[] = [];
  const finish = (node: Growing, path: readonly string[]): TreeNode => {
    const isObject = node.rules.some(({ suffix }) => suffix.length > 0);
    // A rule with rules below it is one object made of all of them.
    const isGroup = isObject || node.rules.length > 0;
    if (!isGroup)
      return {
        children: new Map(Array.from(node.children, ([name, child]) => [name, finish(child, [...path, name])])),
        procedure: undefined,
      };
    const definitions = definitionsBelow(node, path.length);
    const hasNested = isObject || definitions.some(({ suffix }) => suffix.length > 0);
    groups.push({ path, kind: kindOfGroup(node.rules, hasNested, path, errors), definitions });
    return { children: new Map(), procedure: groups.length - 1 };
  };
  return { root: finish(root, []), groups };
}

function definitionsBelow(node: Growing, depth: number): Definition[] {
  return [
    ...node.rules.map((rule) => ({
      rule,
      suffix: [
        ...rule.path.slice(depth).map((value): ResolvedTerm => ({ type: "constant", value, location: rule.location })),
        ...rule.suffix,
      ],
    })),
    ...Array.from(node.children.values()).flatMap((child) => definitionsBelow(child, depth)),
  ];
}

function kindOfGroup(
  rules: readonly ResolvedRule[],
  isObject: boolean,
  path: readonly string[],
  errors: RegoError[],
): RuleGroup["kind"] {
  const kinds = new Set(rules.map(({ kind, suffix }) => (suffix.length > 0 ? "object" : kind)));
  const arities = new Set(rules.filter(({ kind }) => kind === "function").map(({ args }) => args.length));
  const isConflict = (kinds.size > 1 && !(isObject && !kinds.has("function") && !kinds.has("set"))) || arities.size > 1;
  const defaults = rules.filter(({ isDefault }) => isDefault);
  const first = rules[0];
  const name = `data.${path.join(".")}`;
  if (isConflict && first !== undefined)
    errors.push({ code: "rego_type_error", message: `conflicting rules ${name} found`, location: first.location });
  if (defaults.length > 1)
    errors.push({
      code: "rego_type_error",
      message: `multiple default rules ${name} found`,
      location: defaults[1]!.location,
    });
  return isObject ? "object" : (first?.kind ?? "object");
}
