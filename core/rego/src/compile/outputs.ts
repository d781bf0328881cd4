import { isArray, isObject, memberOf, sortedKeysOf } from "../values/value.ts";
import { entriesByKey } from "./entries-by-key.ts";
import type { Membership } from "./layered.ts";
import type { Local, ResolvedReference, ResolvedStatement, ResolvedTerm } from "./resolved.ts";
import { addLocalsOfTerm, localsOfTerm } from "./statement-parts.ts";

/**
 * What a statement binds when `safe` is bound already. As OPA has it, only an equation leaves out what is bound: other
 * statements give the keys of their references either way.
 */
export function outputsOf(statement: ResolvedStatement, safe: Membership<Local>): Set<Local> {
  const { what, isNegated } = statement;
  const outputs = new Set<Local>();
  if (isNegated) return outputs;
  const needed = new Set<Local>();
  for (const { value } of statement.with) if ("location" in value) addLocalsOfTerm(value, needed);
  for (const local of needed) if (!safe.has(local)) return outputs;
  switch (what.type) {
    case "term":
      enumerated(what.term, safe, outputs);
      break;
    case "unify": {
      enumerated(what.left, safe, outputs);
      enumerated(what.right, safe, outputs);
      // `x := …` binds x and is not read backwards.
      const targets = what.isAssign ? localsOfTerm(what.left) : NONE;
      const enumeratedBefore = new Set(outputs);
      const isBound = (local: Local) => (safe.has(local) || enumeratedBefore.has(local)) && !targets.has(local);
      for (const local of unify(isBound, what.left, what.right)) outputs.add(local);
      for (const local of outputs) if (safe.has(local)) outputs.delete(local);
      break;
    }
    case "result": {
      for (const arg of what.call.args) enumerated(arg, safe, outputs);
      enumerated(what.of, safe, outputs);
      const inputs = new Set<Local>();
      for (const arg of what.call.args) addPatternLocals(arg, inputs, true);
      for (const local of inputs) if (!outputs.has(local) && !safe.has(local)) return new Set();
      addPatternLocals(what.of, outputs, true);
      break;
    }
    case "every":
      enumerated(what.domain, safe, outputs);
      break;
    case "print":
    case "some-in":
      break;
  }
  return outputs;
}

const NONE: ReadonlySet<Local> = new Set();

/** The keys of the references of a term, which enumerating binds. */
function enumerated(term: ResolvedTerm, safe: Membership<Local>, outputs: Set<Local>): void {
  switch (term.type) {
    case "reference":
      if (!isSafeReference(term, (local) => safe.has(local))) return;
      for (const key of term.path) {
        addPatternLocals(key, outputs, false);
        enumerated(key, safe, outputs);
      }
      return;
    case "array":
    case "set":
      for (const item of term.items) enumerated(item, safe, outputs);
      return;
    case "object":
      for (const entry of term.entries) for (const item of entry) enumerated(item, safe, outputs);
      return;
    case "call":
      for (const arg of term.args) enumerated(arg, safe, outputs);
      return;
    default:
  }
}

function isSafeReference({ base }: ResolvedReference, isBound: (local: Local) => boolean): boolean {
  return typeof base === "string" || Array.from(localsOfTerm(base)).every(isBound);
}

/** The locals that matching a term against a value can bind: not keys of objects, not the heads of references. */
function addPatternLocals(term: ResolvedTerm, found: Set<Local>, skipsSets: boolean): void {
  switch (term.type) {
    case "local":
      found.add(term.local);
      return;
    case "set":
      if (skipsSets) return;
      for (const item of term.items) addPatternLocals(item, found, skipsSets);
      return;
    case "array":
      for (const item of term.items) addPatternLocals(item, found, skipsSets);
      return;
    case "object":
      for (const [, value] of term.entries) addPatternLocals(value, found, skipsSets);
      return;
    case "reference":
      for (const key of term.path) addPatternLocals(key, found, skipsSets);
      return;
    case "call":
      for (const arg of term.args) addPatternLocals(arg, found, skipsSets);
      return;
    default:
  }
}

/** The locals that an equation binds, given those that are bound. */
function unify(isBound: (local: Local) => boolean, left: ResolvedTerm, right: ResolvedTerm): ReadonlySet<Local> {
  const unifier = new Unifier(isBound);
  unifier.unify(left, right);
  return unifier.unified;
}

class Unifier {
  readonly #isBound: (local: Local) => boolean;
  readonly unified = new Set<Local>();
  /** Locals that are bound as soon as all of these are. */
  readonly #waiting = new Map<Local, Set<Local>>();

  constructor(isBound: (local: Local) => boolean) {
    this.#isBound = isBound;
  }

  unify(a: ResolvedTerm, b: ResolvedTerm): void {
    if (a.type === "local") this.#unifyLocal(a.local, b);
    else if (b.type === "local") this.#unifyLocal(b.local, a);
    else if (a.type === "reference" || a.type === "comprehension") this.#bindFrom(a, b);
    else if (b.type === "reference" || b.type === "comprehension") this.#bindFrom(b, a);
    else this.#unifyComposites(a, b);
  }

  #unifyLocal(local: Local, other: ResolvedTerm): void {
    switch (other.type) {
      case "local":
        if (this.#isSafe(other.local)) this.#bind(local);
        else if (this.#isSafe(local)) this.#bind(other.local);
        else {
          this.#wait(local, other.local);
          this.#wait(other.local, local);
        }
        return;
      case "array":
      case "object":
        this.#unifyAll(local, other);
        return;
      case "reference":
        if (isSafeReference(other, this.#isBound)) this.#bind(local);
        return;
      default:
        this.#bind(local);
    }
  }

  /** A composite meets a value that is there. */
  #bindFrom(source: ResolvedTerm, pattern: ResolvedTerm): void {
    if (source.type === "reference" && !isSafeReference(source, this.#isBound)) return;
    if (source.type === "comprehension" && source.of === "set") return;
    if (pattern.type !== "array" && pattern.type !== "object") return;
    const found = new Set<Local>();
    addPatternLocals(pattern, found, false);
    for (const local of found) this.#bind(local);
  }

  #unifyComposites(a: ResolvedTerm, b: ResolvedTerm): void {
    const ours = itemsOf(a);
    const theirs = itemsOf(b);
    if (ours !== undefined && theirs !== undefined && ours.length === theirs.length) {
      for (const [index, item] of ours.entries()) this.unify(item, theirs[index]!);
      return;
    }
    const entries = entriesOf(a);
    const others = entriesOf(b);
    if (entries === undefined || others === undefined || entries.length !== others.length) return;
    const memberAt = entriesByKey(others);
    for (const [key, value] of entries) {
      const other = memberAt(key);
      if (other !== undefined) this.unify(value, other);
    }
  }

  #unifyAll(local: Local, composite: ResolvedTerm): void {
    const found = new Set<Local>();
    addPatternLocals(composite, found, false);
    if (this.#isSafe(local)) {
      for (const inner of found) this.#bind(inner);
      return;
    }
    const open = Array.from(found).filter((inner) => !this.#isSafe(inner));
    if (open.length === 0) this.#bind(local);
    for (const inner of open) this.#wait(local, inner);
  }

  #isSafe(local: Local): boolean {
    return this.#isBound(local) || this.unified.has(local);
  }

  #wait(local: Local, other: Local): void {
    const waiting = this.#waiting.get(local) ?? new Set();
    this.#waiting.set(local, waiting.add(other));
  }

  #bind(local: Local): void {
    const pending = [local];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      this.unified.add(next);
      // What it waited for is what it is made of: known with it.
      const parts = this.#waiting.get(next) ?? [];
      this.#waiting.delete(next);
      for (const part of parts) if (!this.unified.has(part)) pending.push(part);
      for (const [waiting, others] of this.#waiting)
        if (others.delete(next) && others.size === 0) {
          this.#waiting.delete(waiting);
          pending.push(waiting);
        }
    }
  }
}

function itemsOf(term: ResolvedTerm): readonly ResolvedTerm[] | undefined {
  if (term.type === "array") return term.items;
  if (term.type !== "constant" || !isArray(term.value)) return undefined;
  return term.value.map((value): ResolvedTerm => ({ type: "constant", value, location: term.location }));
}

function entriesOf(term: ResolvedTerm): readonly (readonly [ResolvedTerm, ResolvedTerm])[] | undefined {
  if (term.type === "object") return term.entries;
  if (term.type !== "constant" || !isObject(term.value)) return undefined;
  const { value: object, location } = term;
  return sortedKeysOf(object).map((key) => {
    const value = memberOf(object, key) ?? null;
    return [
      { type: "constant", value: key, location },
      { type: "constant", value, location },
    ] as const;
  });
}
