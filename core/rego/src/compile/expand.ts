import type { Location } from "../syntax/ast.ts";
import { valuesOf } from "./resolve.ts";
import type {
  Local,
  ResolvedBody,
  ResolvedCall,
  ResolvedElse,
  ResolvedExpression,
  ResolvedReference,
  ResolvedRule,
  ResolvedStatement,
  ResolvedTerm,
  ResolvedWith,
} from "./resolved.ts";
import { constantDataPath, dynamicSuffix, isFunctionAt, type RuleNode, scalarOf } from "./rule-paths.ts";

/** What stands behind the locals that expanding made up, for messages that have to show it. */
export type Subjects = Map<Local, ResolvedTerm>;

export interface ExpandContext {
  readonly subjects: Subjects;
  readonly nodes: RuleNode;
}

/** A rule, or one of its else branches, of which each statement does one thing. */
export interface ExpandedRule {
  readonly rule: ResolvedRule;
  readonly part: ResolvedRule | ResolvedElse;
  /** What follows the known path: constants and locals. */
  readonly suffix: readonly ResolvedTerm[];
  readonly args: readonly ResolvedTerm[];
  readonly value: ResolvedTerm;
  readonly body: ResolvedBody;
}

/**
 * The form in which OPA checks a rule (compiler stages "rewrite expression terms" to "rewrite with values"): operands of
 * calls are no calls, their results have names of their own; what the head needs evaluated is evaluated in the body.
 */
export function expandRule(rule: ResolvedRule, context: ExpandContext): readonly ExpandedRule[] {
  const expanded: ExpandedRule[] = [];
  for (let part: ResolvedRule | ResolvedElse | undefined = rule; part !== undefined; part = part.otherwise)
    expanded.push(expandPart(rule, part, context));
  return expanded;
}

function expandPart(rule: ResolvedRule, part: ResolvedRule | ResolvedElse, context: ExpandContext): ExpandedRule {
  const body = new Expansion({}, context);
  const suffix = dynamicSuffix(rule).map((term) =>
    term.type === "local" || scalarOf(term) !== undefined ? term : body.named(term),
  );
  const args = rule.args.map((term) => body.term(term));
  const value = body.term(part.value);
  const support = body.take();
  body.statements(part.body);
  body.statements(support);
  const named = { args: args.map((term) => body.evaluated(term)), value: body.evaluated(value) };
  return { rule, part, suffix, ...named, body: body.take() };
}

export function expandBody(body: ResolvedBody, owner: object, context: ExpandContext): ResolvedBody {
  const expansion = new Expansion(owner, context);
  expansion.statements(body);
  return expansion.take();
}

/** Collects the statements that one body becomes. */
class Expansion {
  readonly #owner: object;
  readonly #context: ExpandContext;
  #statements: ResolvedStatement[] = [];

  constructor(owner: object, context: ExpandContext) {
    this.#owner = owner;
    this.#context = context;
  }

  /** What has been collected so far; begins anew. */
  take(): ResolvedBody {
    const taken = this.#statements;
    this.#statements = [];
    return taken;
  }

  statements(body: ResolvedBody): void {
    for (const statement of body) this.#statement(statement);
  }

  /** A term in which no call is left. */
  term(term: ResolvedTerm, overrides: readonly ResolvedWith[] = []): ResolvedTerm {
    switch (term.type) {
      case "constant":
      case "local":
        return term;
      case "reference":
        return this.#reference(term, overrides);
      case "array":
      case "set":
        return { ...term, items: term.items.map((item) => this.term(item, overrides)) };
      case "object": {
        const entries = term.entries.map((entry) => entry.map((item) => this.term(item, overrides)));
        return { ...term, entries: entries.map(([key, value]) => [key!, value!] as const) };
      }
      case "call": {
        const call = this.#operands(term, overrides);
        const result = this.#newLocal(term.location);
        if (result.type === "local") this.#context.subjects.set(result.local, term);
        this.#push({ type: "result", call, of: result }, overrides, term.location);
        return result;
      }
      case "comprehension":
        return this.#comprehension(term);
    }
  }

  /** Gives a term that has to be evaluated a name. */
  evaluated(term: ResolvedTerm): ResolvedTerm {
    return needsEvaluation(term) ? this.named(term) : term;
  }

  named(term: ResolvedTerm, overrides: readonly ResolvedWith[] = []): ResolvedTerm {
    const local = this.#newLocal(term.location);
    this.#push({ type: "unify", left: local, right: term, isAssign: false }, overrides, term.location);
    return local;
  }

  #statement(statement: ResolvedStatement): void {
    const overrides = statement.with.map((item): ResolvedWith => {
      if (!("location" in item.value)) return item;
      const path = constantDataPath(item.value);
      // A function that replaces another is named, not asked for its value.
      if (path !== undefined && isFunctionAt(this.#context.nodes, path)) return item;
      const value = this.term(item.value);
      return { ...item, value: this.evaluated(value) } as ResolvedWith;
    });
    const what = this.#expression(statement.what, overrides);
    this.#statements.push({ ...statement, what, with: overrides });
  }

  #expression(what: ResolvedExpression, overrides: readonly ResolvedWith[]): ResolvedExpression {
    switch (what.type) {
      case "term":
        if (what.term.type === "call") return { type: "term", term: this.#operands(what.term, overrides) };
        return { type: "term", term: this.term(what.term, overrides) };
      case "unify":
        return { ...what, left: this.term(what.left, overrides), right: this.term(what.right, overrides) };
      case "result":
        return { type: "result", call: this.#operands(what.call, overrides), of: this.term(what.of, overrides) };
      case "some-in":
        return this.#expression(this.#membership(what), overrides);
      case "every": {
        const domain = this.named(this.term(what.domain, overrides), overrides);
        return { ...what, domain, body: expandBody(what.body, what.owner, this.#context) };
      }
      case "print":
        return { type: "print", args: what.args.map((arg) => this.term(valuesOf(arg))) };
    }
  }

  /** `some k, v in xs` asks for `xs[k]`. */
  #membership(what: ResolvedExpression & { readonly type: "some-in" }): ResolvedExpression {
    const { domain, value: left } = what;
    const key = what.key ?? this.#newLocal(domain.location);
    const right: ResolvedTerm =
      domain.type === "reference"
        ? { ...domain, path: [...domain.path, key] }
        : { type: "reference", base: domain, path: [key], location: domain.location };
    return { type: "unify", left, right, isAssign: false };
  }

  #operands(call: ResolvedCall, overrides: readonly ResolvedWith[]): ResolvedCall {
    return { ...call, args: call.args.map((arg) => this.term(arg, overrides)) };
  }

  #reference(term: ResolvedReference, overrides: readonly ResolvedWith[]): ResolvedTerm {
    const base = typeof term.base === "string" ? term.base : this.#base(term.base, overrides);
    return { ...term, base, path: term.path.map((key) => this.term(key, overrides)) };
  }

  #base(term: ResolvedTerm, overrides: readonly ResolvedWith[]): ResolvedTerm {
    const base = this.term(term, overrides);
    const local = base.type === "local" ? base : this.named(base, overrides);
    if (term.type !== "local" && local.type === "local") this.#context.subjects.set(local.local, term);
    return local;
  }

  #comprehension(term: ResolvedTerm & { readonly type: "comprehension" }): ResolvedTerm {
    const inner = new Expansion(term.owner, this.#context);
    const key = term.key && inner.term(term.key);
    const value = inner.term(term.value);
    const support = inner.take();
    inner.statements(term.body);
    inner.statements(support);
    const named = { key: key && inner.evaluated(key), value: inner.evaluated(value) };
    return { ...term, ...named, body: inner.take() };
  }

  #push(what: ResolvedExpression, overrides: readonly ResolvedWith[], location: Location): void {
    this.#statements.push({ isNegated: false, what, with: overrides, location });
  }

  #newLocal(location: Location): ResolvedTerm {
    return { type: "local", local: { name: "", location, isWildcard: true, owner: this.#owner }, location };
  }
}

/** Gives a term a name, in a statement of its own. */
export function nameTerm(term: ResolvedTerm): { readonly term: ResolvedTerm; readonly statement: ResolvedStatement } {
  const { location } = term;
  const local: ResolvedTerm = { type: "local", local: { name: "", location, isWildcard: true, owner: {} }, location };
  const what: ResolvedExpression = { type: "unify", left: local, right: term, isAssign: true };
  return { term: local, statement: { isNegated: false, what, with: [], location } };
}

/** Made by the compiler: no message can name it. */
export function isGenerated({ name, isWildcard }: Local): boolean {
  return isWildcard && name !== "_";
}

/** Whether a term has references or comprehensions in it: all that may be undefined, or several values. */
export function needsEvaluation(term: ResolvedTerm): boolean {
  switch (term.type) {
    case "constant":
    case "local":
      return false;
    case "array":
    case "set":
      return term.items.some(needsEvaluation);
    case "object":
      return term.entries.some((entry) => entry.some(needsEvaluation));
    default:
      return true;
  }
}

/**
 * What a negated statement asks of others, it asks before it is negated: `not startswith(input.path, "/")` does not
 * hold when there is no path. Gives those parts names, in statements that stand before it.
 */
export function hoistNegated(statement: ResolvedStatement): {
  readonly hoisted: ResolvedBody;
  readonly statement: ResolvedStatement;
} {
  if (!statement.isNegated) return { hoisted: [], statement };
  const hoisting = new Hoisting(statement.with, {}, new Map(), (term) => term.type === "comprehension");
  const what = hoisting.expression(statement.what);
  return { hoisted: hoisting.hoisted, statement: { ...statement, what } };
}

/**
 * Gives names to the references and comprehensions of an expanded statement that are operands or keys (stage "rewrite
 * dynamic terms"), so that they are evaluated before it. One that is a side of an equation stays where it is.
 */
export function hoistReferences(statement: ResolvedStatement, owner: object, subjects: Subjects): ResolvedBody {
  const hoisting = new Hoisting(statement.with, owner, subjects);
  const what = hoisting.expression(statement.what);
  return [...hoisting.hoisted, { ...statement, what }];
}

class Hoisting {
  readonly #with: readonly ResolvedWith[];
  readonly #owner: object;
  readonly #subjects: Subjects;
  readonly #mayStay: (term: ResolvedTerm) => boolean;
  readonly hoisted: ResolvedStatement[] = [];

  constructor(
    overrides: readonly ResolvedWith[],
    owner: object,
    subjects: Subjects,
    mayStay: (term: ResolvedTerm) => boolean = () => false,
  ) {
    this.#with = overrides;
    this.#owner = owner;
    this.#subjects = subjects;
    this.#mayStay = mayStay;
  }

  expression(what: ResolvedExpression): ResolvedExpression {
    switch (what.type) {
      case "term": {
        const { term } = what;
        if (term.type !== "call") return { type: "term", term: this.#side(term) };
        return isEquation(term)
          ? { type: "term", term: { ...term, args: term.args.map((arg) => this.#side(arg)) } }
          : { type: "term", term: { ...term, args: term.args.map((arg) => this.#operand(arg)) } };
      }
      case "unify":
        return { ...what, left: this.#side(what.left), right: this.#side(what.right) };
      case "result": {
        const args = what.call.args.map((arg) => this.#operand(arg));
        return { type: "result", call: { ...what.call, args }, of: this.#operand(what.of) };
      }
      case "some-in":
        return { ...what, domain: this.#side(what.domain) };
      case "every": {
        const domain = this.#operand(what.domain);
        const body = what.body.flatMap((inner) => hoistReferences(inner, what.owner, this.#subjects));
        return { ...what, domain, body };
      }
      case "print":
        return { type: "print", args: what.args.map((arg) => this.#operand(arg)) };
    }
  }

  /** What may stay, with its keys taken out. */
  #side(term: ResolvedTerm): ResolvedTerm {
    if (term.type === "comprehension") return term;
    if (term.type !== "reference") return this.#operand(term);
    const base = typeof term.base === "string" || term.base.type === "local" ? term.base : this.#operand(term.base);
    return { ...term, base, path: term.path.map((key) => this.#operand(key)) };
  }

  #operand(term: ResolvedTerm): ResolvedTerm {
    if (this.#mayStay(term)) return term;
    switch (term.type) {
      case "array":
      case "set":
        return { ...term, items: term.items.map((item) => this.#operand(item)) };
      case "object": {
        const entries = term.entries.map(([key, value]) => [this.#operand(key), this.#operand(value)] as const);
        return { ...term, entries };
      }
      case "reference":
      case "comprehension":
        return this.#name(term, this.#side(term));
      case "call":
        return this.#name(term, { ...term, args: term.args.map((arg) => this.#operand(arg)) });
      default:
        return term;
    }
  }

  #name(subject: ResolvedTerm, right: ResolvedTerm): ResolvedTerm {
    const { location } = subject;
    const local: Local = { name: "", location, isWildcard: true, owner: this.#owner };
    const left: ResolvedTerm = { type: "local", local, location };
    this.#subjects.set(local, subject);
    const what: ResolvedExpression = { type: "unify", left, right, isAssign: false };
    this.hoisted.push({ isNegated: false, what, with: this.#with, location });
    return left;
  }
}

/** `a == b` as a statement: OPA takes it for `a = b` once all its variables are known to be bound. */
export function isEquation(term: ResolvedCall): boolean {
  const { callee, args } = term;
  return (
    callee.type === "builtin" && (callee.builtin.name === "equal" || callee.builtin.name === "eq") && args.length === 2
  );
}
