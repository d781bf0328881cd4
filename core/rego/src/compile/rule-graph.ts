import type { RegoError } from "../errors.ts";
import { isEqual, isScalar, type Value } from "../values/value.ts";
import type { ExpandedRule } from "./expand.ts";
import type { ResolvedBody, ResolvedReference, ResolvedRule, ResolvedTerm } from "./resolved.ts";
import { knownPath, type RuleNode, rulesFrom } from "./rule-paths.ts";
import { termsOf } from "./statement-parts.ts";

/** The reference through which one rule may need another; undefined when it needs it whatever its variables are. */
export type Cause = ResolvedReference | undefined;

/**
 * Pairs of definitions of which one may need the other: a second and a hundred megabytes. A thousand definitions that
 * each ask for any of a thousand others have as many.
 */
const NEEDS_MAX = 1_000_000;

/** Which rules a rule may need. An else branch is a rule of its own: whoever needs the first needs all. */
export class RuleGraph {
  readonly #needs = new Map<ExpandedRule, Map<ExpandedRule, Cause>>();
  readonly #neededBy = new Map<ExpandedRule, Set<ExpandedRule>>();
  readonly #partsByRule = new Map<ResolvedRule, ExpandedRule[]>();
  readonly #nodes: RuleNode;
  #needsLeft = NEEDS_MAX;
  readonly rules: readonly ExpandedRule[];

  constructor(rules: readonly ExpandedRule[], nodes: RuleNode) {
    this.rules = rules;
    this.#nodes = nodes;
    for (const part of rules) {
      const parts = this.#partsByRule.get(part.rule) ?? [];
      this.#partsByRule.set(part.rule, [...parts, part]);
    }
    for (const part of rules) if (this.#needsLeft > 0) this.#needs.set(part, this.#neededIn(part));
    for (const [part, needs] of this.#needs)
      for (const needed of needs.keys())
        this.#neededBy.set(needed, (this.#neededBy.get(needed) ?? new Set()).add(part));
  }

  /** What could be needed was not followed to its end. */
  get tooLarge(): RegoError | undefined {
    const last = Array.from(this.#needs.keys()).at(-1);
    if (this.#needsLeft > 0 || last === undefined) return undefined;
    const message = `too many rules that may need each other: at most ${NEEDS_MAX} pairs`;
    return { code: "rego_compile_error", message, location: last.part.location };
  }

  needsOf(part: ExpandedRule): ReadonlyMap<ExpandedRule, Cause> {
    return this.#needs.get(part) ?? new Map();
  }

  /** In an order in which each comes after all it needs; none of them may be recursive. */
  sorted(): readonly ExpandedRule[] {
    const done = new Set<ExpandedRule>();
    for (const start of sortedByPlace(this.rules)) {
      // Depth first without recursion: a chain of rules may be longer than the stack is deep.
      const pending: { readonly part: ExpandedRule; readonly needs: ExpandedRule[] }[] = [];
      const visited = new Set<ExpandedRule>();
      const enter = (part: ExpandedRule): void => {
        visited.add(part);
        pending.push({ part, needs: sortedByPlace(Array.from(this.needsOf(part).keys())).reverse() });
      };
      if (!done.has(start)) enter(start);
      for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
        const next = top.needs.pop();
        if (next === undefined) {
          done.add(top.part);
          pending.pop();
        } else if (!done.has(next) && !visited.has(next)) enter(next);
      }
    }
    return Array.from(done);
  }

  /** The rules below a place, and all that need one of them, directly or not. */
  dependentsOf(path: readonly (Value | undefined)[]): ReadonlySet<ResolvedRule> {
    const found = new Set<ResolvedRule>();
    const pending = this.rulesAt(path).flatMap((rule) => this.#partsByRule.get(rule) ?? []);
    const visited = new Set(pending);
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      found.add(part.rule);
      for (const dependent of this.#neededBy.get(part) ?? [])
        if (!visited.has(dependent)) {
          visited.add(dependent);
          pending.push(dependent);
        }
    }
    return found;
  }

  /** The rules that a reference may ask for; a key that is not known matches any. */
  rulesAt(path: readonly (Value | undefined)[]): readonly ResolvedRule[] {
    const found = new Set<ResolvedRule>();
    const visit = (node: RuleNode, index: number): void => {
      if (index === path.length) {
        for (const rule of rulesFrom(node)) found.add(rule);
        return;
      }
      const key = path[index];
      for (const child of childrenAt(node, key)) {
        for (const rule of child.rules) if (mayMeet(rule, path, index + 1)) found.add(rule);
        visit(child, index + 1);
      }
    };
    visit(this.#nodes, 0);
    return Array.from(found);
  }

  #neededIn({ args, suffix, value, body }: ExpandedRule): Map<ExpandedRule, Cause> {
    const needed = new Map<ExpandedRule, Cause>();
    const add = (path: readonly (Value | undefined)[], reference: Cause): void => {
      if (this.#needsLeft <= 0) return;
      const all = this.rulesAt(path);
      // Also what is needed twice: it was looked for twice.
      this.#needsLeft -= all.length;
      for (const found of all) {
        const cause = reference !== undefined && selects(reference, found) ? undefined : reference;
        for (const part of this.#partsByRule.get(found) ?? [])
          if (!needed.has(part) || cause === undefined) needed.set(part, cause);
      }
    };
    collectFromBody(body, add);
    for (const term of [...args, ...suffix, value]) collect(term, add);
    return needed;
  }
}

/** Whether a reference asks for a rule whatever its variables are: wildcards ask for all. */
function selects({ path }: ResolvedReference, rule: ResolvedRule): boolean {
  const known = knownPath(rule);
  return path.every((key, index) => {
    const isWildcard = key.type === "local" && key.local.isWildcard;
    return key.type === "constant" || isWildcard || index >= known.length;
  });
}

function childrenAt(node: RuleNode, key: Value | undefined): readonly RuleNode[] {
  if (key === undefined) return Array.from(node.children.values());
  const child = isScalar(key) ? node.children.get(key) : undefined;
  return child === undefined ? [] : [child];
}

/** Whether a rule's own path goes on as a reference does. */
function mayMeet(rule: ResolvedRule, path: readonly (Value | undefined)[], from: number): boolean {
  const own: readonly (Value | undefined)[] = [
    ...rule.path,
    ...rule.suffix.map((term) => (term.type === "constant" ? term.value : undefined)),
  ];
  for (let index = from; index < Math.min(own.length, path.length); index++) {
    const ours = own[index];
    const theirs = path[index];
    if (ours !== undefined && theirs !== undefined && !isEqual(ours, theirs)) return false;
  }
  return true;
}

type Add = (path: readonly (Value | undefined)[], reference: Cause) => void;

function collectFromBody(body: ResolvedBody, add: Add): void {
  for (const { what, with: overrides } of body) {
    for (const term of termsOf(what)) collect(term, add);
    if (what.type === "every") collectFromBody(what.body, add);
    for (const item of overrides) {
      if (item.target === "data") add(item.path, undefined);
      if ("location" in item.value) collect(item.value, add);
      else if (item.value.type === "function") add(item.value.path, undefined);
    }
  }
}

function collect(term: ResolvedTerm, add: Add): void {
  switch (term.type) {
    case "reference":
      if (term.base === "data")
        add(
          term.path.map((key) => (key.type === "constant" ? key.value : undefined)),
          term,
        );
      else if (term.base !== "input") collect(term.base, add);
      for (const key of term.path) collect(key, add);
      return;
    case "array":
    case "set":
      for (const item of term.items) collect(item, add);
      return;
    case "object":
      for (const entry of term.entries) for (const item of entry) collect(item, add);
      return;
    case "call":
      if (term.callee.type === "function") add(term.callee.path, undefined);
      for (const arg of term.args) collect(arg, add);
      return;
    case "comprehension":
      if (term.key !== undefined) collect(term.key, add);
      collect(term.value, add);
      collectFromBody(term.body, add);
      return;
    default:
  }
}

function sortedByPlace(parts: readonly ExpandedRule[]): ExpandedRule[] {
  return parts.toSorted(({ part: a }, { part: b }) =>
    a.location.file === b.location.file
      ? a.location.start - b.location.start
      : a.location.file < b.location.file
        ? -1
        : 1,
  );
}
