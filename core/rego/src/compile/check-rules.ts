import type { RegoError } from "../errors.ts";
import type { Location, Module } from "../syntax/ast.ts";
import type { ResolvedRule } from "./resolved.ts";
import { dynamicSuffix, nodeAt, type RuleNode, rulesFrom } from "./rule-paths.ts";
import { pathToText, ruleName } from "./term-text.ts";

/** Rules that cannot stand together (stage "check rule conflicts"). */
export function checkRuleConflicts(modules: readonly Module[], nodes: RuleNode): readonly RegoError[] {
  return [...conflictsBelow(nodes), ...packageConflicts(modules, nodes)];
}

function conflictsBelow(node: RuleNode): readonly RegoError[] {
  const error = conflictAt(node);
  return [...(error === undefined ? [] : [error]), ...Array.from(node.children.values()).flatMap(conflictsBelow)];
}

function conflictAt({ rules, children }: RuleNode): RegoError | undefined {
  const [first] = rules;
  const last = rules.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const refuse = (message: string, location: Location = first.source.location): RegoError => ({
    code: "rego_type_error",
    message,
    location,
  });
  const inside = rulesInside(rules, Array.from(children.values()).flatMap(rulesFrom));
  if (inside.length > 0) return refuse([`rule ${ruleName(last)} conflicts with:`, ...inside.map(placeOf)].join("\n  "));
  if (!haveOneShape(rules)) return refuse(`conflicting rules ${ruleName(last)} found`);
  const defaults = rules.filter(({ isDefault }) => isDefault);
  if (defaults.length < 2) return undefined;
  const places = defaults.map(({ source: { location } }) => `${location.file}:${location.row}`);
  const message = `multiple default rules ${ruleName(last)} found at ${places.join(", ")}`;
  return refuse(message, defaults[0]!.module.package.location);
}

/** A rule with a fixed path has nothing below it; below one with keys of its own there may be rules, but no functions. */
function rulesInside(rules: readonly ResolvedRule[], below: readonly ResolvedRule[]): readonly ResolvedRule[] {
  if (rules.some((rule) => dynamicSuffix(rule).length === 0)) return outermost(below);
  return outermost(below.filter(({ kind }) => kind === "function"));
}

/** Of rules below each other the outer one is told. */
function outermost(rules: readonly ResolvedRule[]): readonly ResolvedRule[] {
  const names = rules.map(ruleName);
  return rules.filter((_, index) =>
    names.every((name, other) => {
      const isInside = names[index]!.startsWith(name) && /^[.[]/.test(names[index]!.slice(name.length));
      return !isInside && (name !== names[index] || other >= index);
    }),
  );
}

function placeOf(rule: ResolvedRule): string {
  const { file, row } = rule.source.location;
  return `rule ${ruleName(rule)} at ${file}:${row}`;
}

/** All are functions of as many operands, sets, or values; complete, or with keys. */
function haveOneShape(rules: readonly ResolvedRule[]): boolean {
  const shapes = rules.map((rule) => {
    const isKeyed = dynamicSuffix(rule).length > 0;
    return `${rule.kind === "set" ? "set" : "value"} ${rule.args.length} ${isKeyed}`;
  });
  return new Set(shapes).size === 1;
}

/** A package cannot lie where a rule is. */
function packageConflicts(modules: readonly Module[], nodes: RuleNode): readonly RegoError[] {
  return modules.flatMap((child): readonly RegoError[] =>
    (nodeAt(nodes, child.package.path)?.rules ?? []).flatMap((rule): readonly RegoError[] => {
      if (rule.module === child || dynamicSuffix(rule).length > 0) return [];
      const { name, path } = rule.source.head;
      const { file, row } = rule.source.location;
      const conflict = `package ${pathToText(child.package.path).slice("data.".length)} conflicts with rule`;
      const message = `${conflict} ${pathToText([name, ...path.map(textOf)]).slice("data.".length)} defined at ${file}:${row}`;
      return [{ code: "rego_type_error", message, location: rule.module.package.location }];
    }),
  );
}

function textOf(term: { readonly type: string; readonly value?: unknown }): string {
  return typeof term.value === "string" ? term.value : "";
}
