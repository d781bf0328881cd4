import type { RegoError } from "../errors.ts";
import type { Location } from "../syntax/ast.ts";
import { type ExpandedRule, isGenerated } from "./expand.ts";
import { LayeredSet, type Membership } from "./layered.ts";
import { outputsOf } from "./outputs.ts";
import type { Local, ResolvedBody, ResolvedStatement, ResolvedTerm } from "./resolved.ts";
import { settleAll } from "./settle.ts";
import { addLocals, addLocalsOfTerm, localsInClosures, localsOfTerm } from "./statement-parts.ts";

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

function orderBody(body: ResolvedBody, outer: Membership<Local>): Ordered {
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
  const waiting = settleAll(body, allLocals, (statement) => {
    const outputs = outputsOf(statement, safe);
    const closedOver = Array.from(localsInClosures(statement)).filter(
      (local) => mentioned.has(local) && !outer.has(local),
    );
    // What a statement binds itself is not there yet for the bodies inside it.
    if (closedOver.length > 0 && isSameSet(new Set(closedOver), outputs)) return undefined;
    const open = [...(unsafe.get(statement) ?? []), ...closedOver].filter(
      (local) => !outputs.has(local) && !safe.has(local),
    );
    if (open.length > 0) {
      unsafe.set(statement, new Set(open));
      return undefined;
    }
    unsafe.delete(statement);
    ordered.push(statement);
    for (const local of outputs) safe.add(local);
    return outputs;
  });
  const inside = orderInside(ordered, outer, unsafe);
  return { body: [...inside, ...waiting], unsafe };
}

function ownLocals(statement: ResolvedStatement): ReadonlySet<Local> {
  const found = new Set<Local>();
  addLocals(statement, found);
  return found;
}

/** Also those that only the bodies inside a statement mention. */
function allLocals(statement: ResolvedStatement): ReadonlySet<Local> {
  const found = new Set(localsInClosures(statement));
  addLocals(statement, found);
  return found;
}

/** The same for the bodies inside the statements, which see what stands before them. */
function orderInside(body: ResolvedBody, outer: Membership<Local>, unsafe: Unsafe): ResolvedBody {
  const bound = new LayeredSet(outer);
  return body.map((statement) => {
    const ordering = new InnerOrdering(statement, bound, unsafe);
    const result = ordering.statement();
    for (const local of ownLocals(statement)) bound.add(local);
    return result;
  });
}

class InnerOrdering {
  readonly #statement: ResolvedStatement;
  readonly #bound: LayeredSet<Local>;
  readonly #unsafe: Unsafe;

  constructor(statement: ResolvedStatement, bound: LayeredSet<Local>, unsafe: Unsafe) {
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
    const inside = new LayeredSet(this.#bound);
    for (const statement of body) for (const local of ownLocals(statement)) inside.add(local);
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

function isSameSet(a: ReadonlySet<Local>, b: ReadonlySet<Local>): boolean {
  return a.size === b.size && Array.from(a).every((local) => b.has(local));
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
