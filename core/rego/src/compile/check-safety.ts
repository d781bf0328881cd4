import type { RegoError } from "../errors.ts";
import type { Location } from "../syntax/ast.ts";
import { isArray, isEqual, isObject, memberOf, sortedKeysOf } from "../values/value.ts";
import type { ExpandedRule } from "./expand.ts";
import type { Local, ResolvedBody, ResolvedReference, ResolvedStatement, ResolvedTerm } from "./resolved.ts";

/** A body in an order in which each statement finds its variables bound; the statements that cannot, and why. */
interface Ordered {
  readonly body: ResolvedBody;
  readonly unsafe: Unsafe;
}

/** By statement: the variables that nothing binds before it. */
type Unsafe = Map<ResolvedStatement, Set<Local>>;

/** Variables in the head of a rule have to occur in its body (compiler stage "check safety, rule heads"). */
export function checkHeadSafety(
  { rule, args, suffix, value, body }: ExpandedRule,
  scope: string,
): readonly RegoError[] {
  const bound = new Set<Local>();
  for (const statement of body) addLocals(statement, bound);
  for (const arg of args) addLocalsOfTerm(arg, bound);
  const locations = new Map<Local, Location>();
  for (const term of [value, ...suffix]) locate(term, locations);
  const { source, module } = rule;
  return Array.from(locations).flatMap(([local, location]) => {
    if (bound.has(local) || isGenerated(local)) return [];
    // A further body of a rule has the head of the one before it.
    return [unsafeError(local, source.isChained ? source.location : location, scope, module.regoVersion)];
  });
}

/** Orders the body of a rule, or says which variables stand in the way (stage "check safety, rule bodies"). */
export function orderRule(
  { rule, args, body }: ExpandedRule,
  scope: string,
): { readonly body: ResolvedBody; readonly errors: readonly RegoError[] } {
  const bound = new Set<Local>();
  for (const arg of args) addLocalsOfTerm(arg, bound);
  return orderSafely(body, bound, scope, rule.module.regoVersion);
}

export function orderSafely(
  body: ResolvedBody,
  bound: ReadonlySet<Local>,
  scope: string,
  regoVersion: 0 | 1,
): { readonly body: ResolvedBody; readonly errors: readonly RegoError[] } {
  const ordered = orderBody(body, bound);
  return { body: ordered.body, errors: unsafeErrors(ordered.unsafe, scope, regoVersion) };
}

function orderBody(body: ResolvedBody, outer: ReadonlySet<Local>): Ordered {
  const mentioned = new Set<Local>();
  for (const statement of body) addLocals(statement, mentioned);
  const safe = new Set(Array.from(mentioned).filter((local) => outer.has(local)));
  const unsafe: Unsafe = new Map();
  for (const statement of body) {
    const open = new Set<Local>();
    addLocals(statement, open);
    for (const local of safe) open.delete(local);
    if (open.size > 0) unsafe.set(statement, open);
  }
  const ordered: ResolvedStatement[] = [];
  let waiting = body;
  for (let before = -1; ordered.length > before; ) {
    before = ordered.length;
    waiting = waiting.filter((statement) => {
      const outputs = outputsOf(statement, safe);
      const inside = localsInClosures(statement);
      const closedOver = Array.from(inside).filter((local) => mentioned.has(local) && !outer.has(local));
      // What a statement binds itself is not there yet for the bodies inside it.
      if (closedOver.length > 0 && isSameSet(new Set(closedOver), outputs)) return true;
      const open = [...(unsafe.get(statement) ?? []), ...closedOver].filter(
        (local) => !outputs.has(local) && !safe.has(local),
      );
      if (open.length > 0) {
        unsafe.set(statement, new Set(open));
        return true;
      }
      unsafe.delete(statement);
      ordered.push(statement);
      for (const local of outputs) safe.add(local);
      return false;
    });
  }
  const inside = orderInside(ordered, outer, unsafe);
  return { body: [...inside, ...waiting], unsafe };
}

/** The same for the bodies inside the statements, which see what stands before them. */
function orderInside(body: ResolvedBody, outer: ReadonlySet<Local>, unsafe: Unsafe): ResolvedBody {
  const bound = new Set(outer);
  return body.map((statement) => {
    const ordering = new InnerOrdering(statement, bound, unsafe);
    const result = ordering.statement();
    addLocals(statement, bound);
    return result;
  });
}

class InnerOrdering {
  readonly #statement: ResolvedStatement;
  readonly #bound: Set<Local>;
  readonly #unsafe: Unsafe;

  constructor(statement: ResolvedStatement, bound: Set<Local>, unsafe: Unsafe) {
    this.#statement = statement;
    this.#bound = bound;
    this.#unsafe = unsafe;
  }

  statement(): ResolvedStatement {
    const { what } = this.#statement;
    switch (what.type) {
      case "term":
        return this.#with({ type: "term", term: this.#term(what.term) });
      case "unify":
        return this.#with({ ...what, left: this.#term(what.left), right: this.#term(what.right) });
      case "result": {
        const call = { ...what.call, args: what.call.args.map((arg) => this.#term(arg)) };
        return this.#with({ type: "result", call, of: this.#term(what.of) });
      }
      case "every": {
        this.#bound.add(what.value);
        if (what.key !== undefined) this.#bound.add(what.key);
        return this.#with({ ...what, body: this.#body(what.body, []) });
      }
      case "print":
        return this.#with({ type: "print", args: what.args.map((arg) => this.#term(arg)) });
      case "some-in":
        return this.#statement;
    }
  }

  #with(what: ResolvedStatement["what"]): ResolvedStatement {
    return { ...this.#statement, what };
  }

  #term(term: ResolvedTerm): ResolvedTerm {
    switch (term.type) {
      case "array":
      case "set":
        return { ...term, items: term.items.map((item) => this.#term(item)) };
      case "object":
        return { ...term, entries: term.entries.map(([key, value]) => [this.#term(key), this.#term(value)] as const) };
      case "reference":
        return { ...term, path: term.path.map((key) => this.#term(key)) };
      case "call":
        return { ...term, args: term.args.map((arg) => this.#term(arg)) };
      case "comprehension": {
        const heads = term.key === undefined ? [term.value] : [term.key, term.value];
        return { ...term, body: this.#body(term.body, heads) };
      }
      default:
        return term;
    }
  }

  #body(body: ResolvedBody, heads: readonly ResolvedTerm[]): ResolvedBody {
    const inside = new Set(this.#bound);
    for (const statement of body) addLocals(statement, inside);
    const asked = new Set<Local>();
    for (const head of heads) addLocalsOfTerm(head, asked);
    for (const local of asked) if (!inside.has(local)) this.#add(this.#statement, [local]);
    const ordered = orderBody(body, this.#bound);
    for (const [statement, locals] of ordered.unsafe) this.#add(statement, locals);
    return ordered.body;
  }

  #add(statement: ResolvedStatement, locals: Iterable<Local>): void {
    const found = this.#unsafe.get(statement) ?? new Set();
    this.#unsafe.set(statement, found);
    for (const local of locals) found.add(local);
  }
}

/** What a statement binds when `safe` is bound already. */
export function outputsOf(statement: ResolvedStatement, safe: ReadonlySet<Local>): Set<Local> {
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
      const known = new Set([...safe, ...outputs]);
      // `x := …` binds x and is not read backwards.
      if (what.isAssign) for (const local of localsOfTerm(what.left)) known.delete(local);
      for (const local of unify(known, what.left, what.right)) outputs.add(local);
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
  for (const local of safe) outputs.delete(local);
  return outputs;
}

/** The keys of the references of a term, which enumerating binds. */
function enumerated(term: ResolvedTerm, safe: ReadonlySet<Local>, outputs: Set<Local>): void {
  switch (term.type) {
    case "reference":
      if (!isSafeReference(term, safe)) return;
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

function isSafeReference({ base }: ResolvedReference, safe: ReadonlySet<Local>): boolean {
  if (typeof base === "string") return true;
  for (const local of localsOfTerm(base)) if (!safe.has(local)) return false;
  return true;
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
function unify(safe: ReadonlySet<Local>, left: ResolvedTerm, right: ResolvedTerm): ReadonlySet<Local> {
  const unifier = new Unifier(safe);
  unifier.unify(left, right);
  return unifier.unified;
}

class Unifier {
  readonly #safe: ReadonlySet<Local>;
  readonly unified = new Set<Local>();
  /** Locals that are bound as soon as all of these are. */
  readonly #waiting = new Map<Local, Set<Local>>();

  constructor(safe: ReadonlySet<Local>) {
    this.#safe = safe;
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
        if (isSafeReference(other, this.#safe)) this.#bind(local);
        return;
      default:
        this.#bind(local);
    }
  }

  /** A composite meets a value that is there. */
  #bindFrom(source: ResolvedTerm, pattern: ResolvedTerm): void {
    if (source.type === "reference" && !isSafeReference(source, this.#safe)) return;
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
    for (const [key, value] of entries) {
      const other = others.find(([candidate]) => isSameKey(key, candidate));
      if (other !== undefined) this.unify(value, other[1]);
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
    return this.#safe.has(local) || this.unified.has(local);
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

function isSameKey(a: ResolvedTerm, b: ResolvedTerm): boolean {
  if (a.type === "local") return b.type === "local" && a.local === b.local;
  return a.type === "constant" && b.type === "constant" && isEqual(a.value, b.value);
}

/** The locals that a statement itself mentions, without the bodies inside it. */
export function addLocals({ what, with: overrides }: ResolvedStatement, found: Set<Local>): void {
  switch (what.type) {
    case "term":
      addLocalsOfTerm(what.term, found);
      break;
    case "unify":
      addLocalsOfTerm(what.left, found);
      addLocalsOfTerm(what.right, found);
      break;
    case "result":
      addLocalsOfTerm(what.call, found);
      addLocalsOfTerm(what.of, found);
      break;
    case "every":
      addLocalsOfTerm(what.domain, found);
      break;
    case "print":
      for (const arg of what.args) addLocalsOfTerm(arg, found);
      break;
    case "some-in":
      break;
  }
  for (const { value } of overrides) if ("location" in value) addLocalsOfTerm(value, found);
}

export function localsOfTerm(term: ResolvedTerm): ReadonlySet<Local> {
  const found = new Set<Local>();
  addLocalsOfTerm(term, found);
  return found;
}

function addLocalsOfTerm(term: ResolvedTerm, found: Set<Local>): void {
  switch (term.type) {
    case "local":
      found.add(term.local);
      return;
    case "reference":
      if (typeof term.base !== "string") addLocalsOfTerm(term.base, found);
      for (const key of term.path) addLocalsOfTerm(key, found);
      return;
    case "array":
    case "set":
      for (const item of term.items) addLocalsOfTerm(item, found);
      return;
    case "object":
      for (const entry of term.entries) for (const item of entry) addLocalsOfTerm(item, found);
      return;
    case "call":
      for (const arg of term.args) addLocalsOfTerm(arg, found);
      return;
    default:
  }
}

/** Where a head mentions each of its variables last. */
function locate(term: ResolvedTerm, found: Map<Local, Location>): void {
  switch (term.type) {
    case "local":
      found.set(term.local, term.location);
      return;
    case "array":
    case "set":
      for (const item of term.items) locate(item, found);
      return;
    case "object":
      for (const entry of term.entries) for (const item of entry) locate(item, found);
      return;
    default:
  }
}

function localsInClosures(statement: ResolvedStatement): ReadonlySet<Local> {
  const found = new Set<Local>();
  for (const body of innerBodies(statement)) for (const inner of body.statements) addAllLocals(inner, found);
  for (const body of innerBodies(statement)) for (const head of body.heads) addAllLocalsOfTerm(head, found);
  return found;
}

interface InnerBody {
  readonly statements: ResolvedBody;
  readonly heads: readonly ResolvedTerm[];
}

function innerBodies({ what }: ResolvedStatement): readonly InnerBody[] {
  if (what.type === "every") return [{ statements: what.body, heads: [] }];
  return termsOf(what).flatMap(comprehensionsOf);
}

export function termsOf(what: ResolvedStatement["what"]): readonly ResolvedTerm[] {
  switch (what.type) {
    case "term":
      return [what.term];
    case "unify":
      return [what.left, what.right];
    case "result":
      return [what.call, what.of];
    case "some-in":
      return [...(what.key === undefined ? [] : [what.key]), what.value, what.domain];
    case "every":
      return [what.domain];
    case "print":
      return what.args;
  }
}

function comprehensionsOf(term: ResolvedTerm): readonly InnerBody[] {
  switch (term.type) {
    case "comprehension":
      return [{ statements: term.body, heads: term.key === undefined ? [term.value] : [term.key, term.value] }];
    case "array":
    case "set":
      return term.items.flatMap(comprehensionsOf);
    case "object":
      return term.entries.flatMap((entry) => entry.flatMap(comprehensionsOf));
    case "reference":
      return term.path.flatMap(comprehensionsOf);
    case "call":
      return term.args.flatMap(comprehensionsOf);
    default:
      return [];
  }
}

function addAllLocals(statement: ResolvedStatement, found: Set<Local>): void {
  addLocals(statement, found);
  if (statement.what.type === "every") {
    found.add(statement.what.value);
    if (statement.what.key !== undefined) found.add(statement.what.key);
  }
  for (const { statements, heads } of innerBodies(statement)) {
    for (const inner of statements) addAllLocals(inner, found);
    for (const head of heads) addAllLocalsOfTerm(head, found);
  }
}

function addAllLocalsOfTerm(term: ResolvedTerm, found: Set<Local>): void {
  addLocalsOfTerm(term, found);
  for (const { statements, heads } of comprehensionsOf(term)) {
    for (const inner of statements) addAllLocals(inner, found);
    for (const head of heads) addAllLocalsOfTerm(head, found);
  }
}

function isSameSet(a: ReadonlySet<Local>, b: ReadonlySet<Local>): boolean {
  return a.size === b.size && Array.from(a).every((local) => b.has(local));
}

/** Made by the compiler: no message can name it. */
function isGenerated({ name }: Local): boolean {
  return name === "";
}

function unsafeErrors(unsafe: Unsafe, scope: string, regoVersion: 0 | 1): readonly RegoError[] {
  const locations = new Map<Local, Location>();
  const targets = new Set<Local>();
  for (const [{ what, location }, locals] of unsafe) {
    for (const local of locals) {
      const known = locations.get(local);
      if (known === undefined || location.start < known.start) locations.set(local, location);
    }
    if (what.type === "unify" && what.isAssign) for (const local of localsOfTerm(what.left)) targets.add(local);
  }
  const named = Array.from(locations).filter(([local]) => !isGenerated(local));
  // What is assigned from an unsafe variable is unsafe because of that one.
  const causes = named.filter(([local]) => !targets.has(local));
  const shown = causes.length > 0 ? causes : named;
  if (shown.length > 0) return shown.map(([local, location]) => unsafeError(local, location, scope, regoVersion));
  const seen = new Set<Local>();
  const errors: RegoError[] = [];
  for (const [{ location }, locals] of Array.from(unsafe).sort(([a], [b]) => a.location.start - b.location.start)) {
    const before = seen.size;
    for (const local of locals) seen.add(local);
    if (seen.size > before)
      errors.push({ code: "rego_unsafe_var_error", message: `expression is unsafe${scope}`, location });
  }
  return errors;
}

const KEYWORDS_OF_V1: readonly string[] = ["in", "every", "contains", "if"];

function unsafeError({ name }: Local, location: Location, scope: string, regoVersion: 0 | 1): RegoError {
  const isKeyword = regoVersion === 0 && KEYWORDS_OF_V1.includes(name);
  const hint = isKeyword ? ` (hint: \`import future.keywords.${name}\` to import a future keyword)` : "";
  return { code: "rego_unsafe_var_error", message: `var ${name} is unsafe${scope}${hint}`, location };
}
