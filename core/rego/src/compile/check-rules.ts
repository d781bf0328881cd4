import type { RegoError } from "../errors.ts";
import type { Module } from "../syntax/ast.ts";
import type { ResolvedRule } from "./resolved.ts";
import { dynamicSuffix, nodeAt, type RuleNode } from "./rule-paths.ts";
import { pathToText, ruleName } from "./term-text.ts";

/** Rules that cannot stand together (stage "check rule conflicts"). */
export function checkRuleConflicts(modules: readonly Module[], nodes: RuleNode): readonly RegoError[] {
  return [...conflictsBelow(nodes), ...packageConflicts(modules, nodes)];
}

function conflictsBelow(node: RuleNode): readonly RegoError[] {
  const error = conflictAt(node);
  return [...(error === undefined ? [] : [error]), ...Array.from(node.children.values()).flatMap(conflictsBelow)];
}

function conflictAt(node: RuleNode): RegoError | undefined {
  const { rules } = node;
  const [first] = rules;
  if (first === undefined) return undefined;
  const name = ruleName(rules.at(-1) ?? first);
  const { location } = first.source;
  const inside = conflictingBelow(node);
  if (inside.length > 0) {
    const message = [`rule ${name} conflicts with:`, ...inside.map(placeOf)].join("\n  ");
    return { code: "rego_type_error", message, location };
  }
  if (!haveOneShape(rules)) return { code: "rego_type_error", message: `conflicting rules ${name} found`, location };
  const defaults = rules.filter(({ isDefault }) => isDefault);
  if (defaults.length < 2) return undefined;
  const places = defaults.map(({ source }) => `${source.location.file}:${source.location.row}`);
  const message = `multiple default rules ${name} found at ${places.join(", ")}`;
  return { code: "rego_type_error", message, location: first.module.package.location };
}

/** A rule with a fixed path has nothing below it; below one with keys of its own there may be rules, but no functions. */
function conflictingBelow(node: RuleNode): readonly ResolvedRule[] {
  const isFixed = node.rules.some(hasFixedPath);
  return rulesBelow(node, ({ kind }) => isFixed || kind === "function");
}

/** Each rule once, and none that is below another of them. */
function rulesBelow(node: RuleNode, isWanted: (rule: ResolvedRule) => boolean): readonly ResolvedRule[] {
  return Array.from(node.children.values()).flatMap((child) => {
    const byName = new Map(
      child.rules
        .filter(isWanted)
        .toReversed()
        .map((rule) => [ruleName(rule), rule]),
    );
    const own = Array.from(byName.values());
    return own.some(hasFixedPath) ? own : [...own, ...rulesBelow(child, isWanted)];
  });
}

function hasFixedPath(rule: ResolvedRule): boolean {
  return dynamicSuffix(rule).length === 0;
}

function placeOf(rule: ResolvedRule): string {
  const { file, row } = rule.source.location;
  return `rule ${ruleName(rule)} at ${file}:${row}`;
}

/** All are functions of as many operands, sets, or values; complete, or with keys. */
function haveOneShape(rules: readonly ResolvedRule[]): boolean {
  const shapes = rules.map((rule) => {
    return `${rule.kind === "set"} ${rule.args.length} ${hasFixedPath(rule)}`;
  });
  return new Set(shapes).size === 1;
}

/** A package cannot lie where a rule is. */
function packageConflicts(modules: readonly Module[], nodes: RuleNode): readonly RegoError[] {
  return modules.flatMap((child): readonly RegoError[] =>
    (nodeAt(nodes, child.package.path)?.rules ?? []).flatMap((rule): readonly RegoError[] => {
      if (rule.module === child || !hasFixedPath(rule)) return [];
      const { file, row } = rule.source.location;
      const name = pathBelow(rule.path.slice(rule.package.length));
      const message = `package ${pathBelow(child.package.path)} conflicts with rule ${name} defined at ${file}:${row}`;
      return [{ code: "rego_type_error", message, location: rule.module.package.location }];
    }),
  );
}

function pathBelow(path: readonly string[]): string {
  return pathToText(path).replace(/^data\.?/, "");
}
