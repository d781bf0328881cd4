import type { RegoError } from "../errors.ts";
import type { Location } from "../syntax/ast.ts";
import { entriesByKey } from "./entries-by-key.ts";
import type { LayeredSet, Membership } from "./layered.ts";
import { freeLocals, freeLocalsOfStatement } from "./locals.ts";
import type { Local, ResolvedBody, ResolvedStatement, ResolvedTerm } from "./resolved.ts";
import { settleAll } from "./settle.ts";

/**
 * Orders a body so that each statement finds what it needs bound (OPA's safety check): the first of the statements
 * left that can run goes next. What can never run is unsafe; its locals are reported once, at their first mention.
 * `bound` grows by what the body binds.
 */
export function orderBody(body: ResolvedBody, bound: LayeredSet<Local>, errors: RegoError[]): ResolvedBody {
  const ordered: ResolvedStatement[] = [];
  const waiting = settleAll(body, freeLocalsOfStatement, (statement) => {
    const outputs = outputsOf(statement, bound);
    if (outputs === undefined) return undefined;
    for (const local of outputs) bound.add(local);
    ordered.push(statement);
    return outputs;
  });
  const unsafe = new Set<Local>();
  for (const statement of waiting)
    for (const local of freeLocalsOfStatement(statement)) if (!bound.has(local)) unsafe.add(local);
  for (const local of unsafe) errors.push(unsafeError(local, local.location));
  // What depends on an unsafe local is not reported as well.
  for (const local of unsafe) bound.add(local);
  return [...ordered, ...waiting];
}

export function unsafeError({ name, isWildcard }: Local, location: Location): RegoError {
  const shown = isWildcard ? "_" : name;
  return { code: "rego_unsafe_var_error", message: `var ${shown} is unsafe`, location };
}

/** The locals that a statement binds; undefined when it needs some that are not bound yet. */
export function outputsOf(statement: ResolvedStatement, bound: Membership<Local>): Set<Local> | undefined {
  const binding = new Binding(bound);
  for (const { value } of statement.with) if ("location" in value) binding.needAll(value);
  // A negated statement binds nothing: all it mentions is bound before.
  if (statement.isNegated) for (const local of freeLocalsOfStatement(statement)) binding.need(local);
  else binding.expression(statement);
  return binding.result();
}

class Binding {
  readonly #bound: Membership<Local>;
  readonly #outputs = new Set<Local>();
  readonly #needed = new Set<Local>();

  constructor(bound: Membership<Local>) {
    this.#bound = bound;
  }

  result(): Set<Local> | undefined {
    for (const local of this.#needed) if (!this.#isBound(local)) return undefined;
    return this.#outputs;
  }

  need(local: Local): void {
    if (!this.#bound.has(local)) this.#needed.add(local);
  }

  needAll(term: ResolvedTerm): void {
    for (const local of freeLocals(term)) this.need(local);
  }

  expression({ what }: ResolvedStatement): void {
    switch (what.type) {
      case "term":
        this.#value(what.term);
        return;
      case "unify":
        this.#unify(what.left, what.right);
        return;
      case "result":
        this.#unify(what.call, what.of);
        return;
      case "some-in":
        this.#value(what.domain);
        if (what.key !== undefined) this.#pattern(what.key);
        this.#pattern(what.value);
        return;
      case "every": {
        this.#value(what.domain);
        const inDomain = freeLocals(what.domain);
        for (const local of freeLocalsOfStatement({ isNegated: false, what, with: [], location: what.domain.location }))
          if (!inDomain.has(local)) this.need(local);
        return;
      }
      case "print":
        for (const arg of what.args) this.#value(arg);
    }
  }

  /** A term whose value is asked for: locals must be bound, keys of references may be enumerated. */
  #value(term: ResolvedTerm): void {
    switch (term.type) {
      case "constant":
        return;
      case "local":
        this.need(term.local);
        return;
      case "reference":
        if (typeof term.base !== "string") this.#value(term.base);
        for (const key of term.path) this.#pattern(key);
        return;
      case "array":
      case "set":
        for (const item of term.items) this.#value(item);
        return;
      case "object":
        for (const [key, value] of term.entries) {
          this.#value(key);
          this.#value(value);
        }
        return;
      case "call":
        for (const arg of term.args) this.#value(arg);
        return;
      case "comprehension":
        for (const local of freeLocals(term)) if (!this.#bound.has(local)) this.#needed.add(local);
    }
  }

  /** A term that meets a value which is there: its locals get bound. */
  #pattern(term: ResolvedTerm): void {
    switch (term.type) {
      case "local":
        if (!this.#bound.has(term.local)) this.#outputs.add(term.local);
        return;
      case "array":
        for (const item of term.items) this.#pattern(item);
        return;
      case "object":
        for (const [key, value] of term.entries) {
          this.#value(key);
          this.#pattern(value);
        }
        return;
      default:
        this.#value(term);
        return;
    }
  }

  #unify(left: ResolvedTerm, right: ResolvedTerm): void {
    // References enumerate whichever side they stand on.
    this.#references(left);
    this.#references(right);
    if (!this.#solve(left, right)) {
      this.#value(left);
      this.#value(right);
    }
  }

  /** Binds what one side gives the other, pair by pair, until nothing moves. False when something stays open. */
  #solve(left: ResolvedTerm, right: ResolvedTerm): boolean {
    const isGround = (term: ResolvedTerm) => this.#isGround(term);
    const open = settleAll(meetingPairs(left, right, isGround), localsOfPair, ([a, b]) => {
      const other = isGround(a) ? b : isGround(b) ? a : undefined;
      if (other === undefined) return undefined;
      this.#pattern(other);
      return freeLocals(other);
    });
    return open.length === 0;
  }

  #isGround(term: ResolvedTerm): boolean {
    for (const local of freeLocals(term)) if (!this.#isBound(local)) return false;
    return true;
  }

  #isBound(local: Local): boolean {
    return this.#bound.has(local) || this.#outputs.has(local);
  }

  /** Takes in what the references anywhere in a term enumerate. */
  #references(term: ResolvedTerm): void {
    switch (term.type) {
      case "reference":
        this.#value(term);
        return;
      case "array":
      case "set":
        for (const item of term.items) this.#references(item);
        return;
      case "object":
        for (const entry of term.entries) for (const item of entry) this.#references(item);
        return;
      case "call":
        for (const arg of term.args) this.#references(arg);
        return;
      default:
    }
  }
}

type Pair = readonly [ResolvedTerm, ResolvedTerm];

/** What unifying two terms comes to: composites are taken apart as long as neither is all known. */
export function meetingPairs(
  left: ResolvedTerm,
  right: ResolvedTerm,
  isGround: (term: ResolvedTerm) => boolean,
): readonly Pair[] {
  const pairs = isGround(left) || isGround(right) ? undefined : pairsOf(left, right);
  return pairs?.flatMap(([a, b]) => meetingPairs(a, b, isGround)) ?? [[left, right]];
}

export function localsOfPair([a, b]: Pair): ReadonlySet<Local> {
  return freeLocals(b, freeLocals(a));
}

/** What unifying two composites of the same shape comes to; undefined when they are not such. */
function pairsOf(a: ResolvedTerm, b: ResolvedTerm): readonly Pair[] | undefined {
  if (a.type === "array" && b.type === "array" && a.items.length === b.items.length)
    return a.items.map((item, index) => [item, b.items[index]!]);
  if (a.type !== "object" || b.type !== "object" || a.entries.length !== b.entries.length) return undefined;
  const pairs: Pair[] = [];
  const memberAt = entriesByKey(b.entries);
  for (const [key, value] of a.entries) {
    const other = key.type === "constant" ? memberAt(key) : undefined;
    if (other === undefined) return undefined;
    pairs.push([value, other]);
  }
  return pairs;
}
