import type { RegoError } from "../errors.ts";
import type { Location } from "../syntax/ast.ts";
import { isAny, type Known, objectType, typeOfValue, unionOf, unionOfAll } from "../type-operations.ts";
import { ANY, type FunctionSignature, type FunctionType, type Property, type Type } from "../types.ts";
import type { Scalar } from "../values/value.ts";
import { ReferenceChecker, typeOfReference } from "./check-references.ts";
import { type ExpandedRule, hoistReferences, isEquation, type Subjects } from "./expand.ts";
import type {
  Callee,
  ResolvedBody,
  ResolvedCall,
  ResolvedComprehension,
  ResolvedStatement,
  ResolvedTerm,
  ResolvedWith,
} from "./resolved.ts";
import type { RuleGraph } from "./rule-graph.ts";
import { knownPath } from "./rule-paths.ts";
import { comprehensionsIn, termsOf } from "./statement-parts.ts";
import { calleeToText } from "./term-text.ts";
import { argumentError, matchError, type TypeMistake } from "./type-errors.ts";
import { createTypeNode, insertType, putType, type TypeNode, TypeScope } from "./type-scope.ts";
import { TypeUnifier } from "./unify-types.ts";

/** Rules whose types give way to some `with`, summed up. With more, everything below `data` gives way to each further one. */
const RELAXED_MAX = 200_000;

/**
 * OPA's type checker (compiler stage "check types"). Rules are checked after all that they need, so that what they
 * need has a type by then; what is wrong with one rule is not told again of those that need it.
 */
export class TypeChecker {
  readonly #graph: RuleGraph;
  readonly #subjects: Subjects;
  /** What is known of rules. */
  readonly #global: TypeScope;
  readonly #types = new WeakMap<ResolvedTerm, Type>();
  readonly #relaxed = new Map<string, TypeNode>();
  #relaxedLeft = RELAXED_MAX;

  constructor(graph: RuleGraph, subjects: Subjects, global: TypeScope = TypeScope.root()) {
    this.#graph = graph;
    this.#subjects = subjects;
    this.#global = global;
  }

  /** Checks rules whose bodies are in a safe order; each of them after those it needs. */
  checkRules(rules: Iterable<readonly [ExpandedRule, ResolvedBody]>): readonly RegoError[] {
    return Array.from(rules)
      .flatMap(([rule, body]) => this.#rule(rule, body))
      .map(toError);
  }

  /** Checks a query against what is known of the rules by now. */
  checkQuery(body: ResolvedBody, subjects: Subjects): readonly RegoError[] {
    return new TypeChecker(this.#graph, subjects, this.#global).#body(this.#global, body, {}).errors.map(toError);
  }

  /** What is known of a term when nothing is known of variables. */
  typeOf(term: ResolvedTerm): Known {
    return this.#typeOf(this.#global.inside(), term);
  }

  #rule(expanded: ExpandedRule, body: ResolvedBody): readonly TypeMistake[] {
    const { rule, suffix } = expanded;
    const { scope, errors } = this.#body(this.#global, body, {});
    const path: readonly Scalar[] = ["data", ...knownPath(rule)];
    if (errors.length > 0) {
      putType(this.#global.tree, path, ANY);
      return errors;
    }
    let type = rule.kind === "function" ? this.#signature(scope, expanded) : this.#typeOf(scope, expanded.value);
    if (rule.kind === "set" && type !== undefined) type = { type: "set", of: type };
    for (const key of suffix.toReversed()) {
      const known = this.#typeOf(scope, key);
      type = type && known && { type: "object", dynamic: { key: known, value: type } };
    }
    if (type !== undefined) insertType(this.#global.tree, path, type, scope.facts);
    return [];
  }

  #signature(scope: TypeScope, { args, value }: ExpandedRule): FunctionSignature {
    for (const arg of args) defaultToAny(scope, arg);
    return {
      type: "function",
      args: args.map((arg) => this.#typeOf(scope, arg)),
      result: this.#typeOf(scope, value),
    };
  }

  #body(
    outer: TypeScope,
    body: ResolvedBody,
    owner: object,
  ): { readonly scope: TypeScope; readonly errors: readonly TypeMistake[] } {
    const scope = outer.inside();
    const errors: TypeMistake[] = [];
    for (const statement of body)
      for (const simple of hoistReferences(statement, owner, this.#subjects))
        for (const error of this.#statement(scope, simple)) errors.push(error);
    return { scope, errors };
  }

  #statement(enclosing: TypeScope, statement: ResolvedStatement): readonly TypeMistake[] {
    const scope = this.#within(enclosing, statement.with);
    const inside = this.#comprehensions(scope, statement);
    const references = new ReferenceChecker(scope, (term) => this.#typeOf(scope, term), this.#subjects);
    const wrong = references.statement(statement);
    const own = this.#expression(scope, statement);
    const isConsequence = inside.length + wrong.length > 0 && own?.isVague === true;
    return [...inside, ...wrong, ...(own === undefined || isConsequence ? [] : [own])];
  }

  /** Checks the bodies inside a statement, those in the bodies of its `every` as well. The last wrong one is told. */
  #comprehensions(scope: TypeScope, { what }: ResolvedStatement): readonly TypeMistake[] {
    const found = [
      ...termsOf(what).flatMap(comprehensionsIn),
      ...(what.type === "every" ? what.body.flatMap(comprehensionsBelow) : []),
    ];
    let errors: readonly TypeMistake[] = [];
    for (const comprehension of found) {
      const checked = this.#body(scope, comprehension.body, comprehension.owner);
      const isRight = checked.errors.length === 0;
      scope.comprehensions.set(comprehension, isRight ? this.#collected(checked.scope, comprehension) : undefined);
      if (!isRight) errors = checked.errors;
    }
    return errors;
  }

  #collected(scope: TypeScope, { of, key, value }: ResolvedComprehension): Type {
    const type = this.#typeOf(scope, value);
    switch (of) {
      case "array":
        return { type: "array", dynamic: type };
      case "set":
        return { type: "set", of: type };
      case "object":
        return { type: "object", dynamic: { key: key && this.#typeOf(scope, key), value: type } };
    }
  }

  #expression(scope: TypeScope, { what, with: overrides, location }: ResolvedStatement): TypeMistake | undefined {
    for (const item of overrides) {
      const error = this.#replacement(scope, item);
      if (error !== undefined) return error;
    }
    switch (what.type) {
      case "term":
        if (what.term.type !== "call") return undefined;
        if (isEquation(what.term)) return this.#equation(scope, what.term.args[0]!, what.term.args[1]!, location);
        return this.#call(scope, what.term, what.term.args, location);
      case "unify":
        return this.#equation(scope, what.left, what.right, location);
      case "result":
        return this.#call(scope, what.call, [...what.call.args, what.of], location);
      default:
        return undefined;
    }
  }

  #equation(scope: TypeScope, left: ResolvedTerm, right: ResolvedTerm, location: Location): TypeMistake | undefined {
    const have = [this.#typeOf(scope, left), this.#typeOf(scope, right)] as const;
    return this.#unifier(scope).equate(left, right) ? undefined : matchError(...have, location);
  }

  #call(
    scope: TypeScope,
    { callee }: ResolvedCall,
    operands: readonly ResolvedTerm[],
    location: Location,
  ): TypeMistake | undefined {
    const signature = this.#typeOfCallee(scope, callee);
    // Nothing is known of a function in which there are errors.
    if (isAny(signature)) return undefined;
    if (signature?.type !== "function") return notAFunction(callee, location);
    const membership = this.#membership(scope, callee, operands, location);
    if (membership !== undefined) return membership;
    const wanted = signature.result === undefined ? signature.args : [...signature.args, signature.result];
    const have = operands.map((operand) => this.#typeOf(scope, operand));
    const unifier = this.#unifier(scope);
    for (const [index, operand] of operands.entries()) {
      const want = index < wanted.length ? wanted[index] : signature.variadic;
      const known = have[index];
      const isWrong = !scope.facts.isUnknown(known) && !scope.facts.mayUnify(known, want);
      if (!isWrong && unifier.match(operand, want, false)) continue;
      const shown = isWrong ? have : operands.map((other) => this.#typeOf(scope, other));
      return argumentError(calleeToText(callee), "invalid argument(s)", shown, signature, location);
    }
    return undefined;
  }

  /** `x in xs`: what may be found depends on the collection, which no declaration of a function can say. */
  #membership(
    scope: TypeScope,
    callee: Callee,
    operands: readonly ResolvedTerm[],
    location: Location,
  ): TypeMistake | undefined {
    const name = callee.type === "builtin" ? callee.builtin.name : "";
    const arity = name === "internal.member_2" ? 2 : name === "internal.member_3" ? 3 : undefined;
    if (arity === undefined) return undefined;
    const collection = this.#typeOf(scope, operands[arity - 1]!);
    const values = scope.facts.valueType(collection);
    if (values === undefined) return undefined;
    const pairs: (readonly [ResolvedTerm, Known])[] = [[operands[arity - 2]!, values]];
    if (arity === 3) pairs.unshift([operands[0]!, scope.facts.keyType(collection)]);
    for (const [operand, want] of pairs) {
      if (want === undefined || scope.facts.isUnknown(want)) continue;
      const have = this.#typeOf(scope, operand);
      const isWrong = !scope.facts.isUnknown(have) && !scope.facts.mayUnify(have, want);
      if (isWrong || !this.#unifier(scope).match(operand, want, false)) return matchError(have, want, location);
    }
    return undefined;
  }

  /** A function may be replaced by one that takes as many operands, of types that its own may be of. */
  #replacement(scope: TypeScope, item: ResolvedWith): TypeMistake | undefined {
    const target = this.#typeOfTarget(scope, item);
    if (target?.type !== "function") return undefined;
    const value = "location" in item.value ? this.#typeOf(scope, item.value) : this.#typeOfCallee(scope, item.value);
    if (value?.type !== "function" || scope.facts.mayUnify(target, value)) return undefined;
    const name = calleeToText(calleeOfTarget(item));
    const args = value.args;
    return argumentError(name, "arity mismatch", args, { ...target, result: undefined }, item.location);
  }

  #typeOfTarget(scope: TypeScope, item: ResolvedWith): Known {
    if (item.target === "callee") return this.#typeOfCallee(scope, item.callee);
    return scope.typeAt(item.target, constantTerms(item.path, item.location));
  }

  /** With documents replaced they may be what they were or what they are replaced by; what needs them may be anything. */
  #within(scope: TypeScope, overrides: readonly ResolvedWith[]): TypeScope {
    let inside = scope;
    const replaced: (readonly [readonly string[], Known])[] = [];
    for (const item of overrides) {
      if (item.target === "callee") continue;
      const type = this.#typeOfTarget(scope, item);
      const relaxed = this.#dependents(item, type?.type === "function");
      if (relaxed !== undefined) inside = inside.withTree(relaxed);
      if (type?.type === "function") continue;
      const value = "location" in item.value ? this.#typeOf(scope, item.value) : undefined;
      const either = type === undefined || value === undefined ? undefined : unionOf(type, value);
      replaced.push([[item.target, ...item.path], either ?? ANY]);
    }
    if (replaced.length === 0) return inside;
    const tree = createTypeNode();
    for (const [path, type] of replaced) putType(tree, path, type);
    return inside.withTree(tree);
  }

  #dependents(item: ResolvedWith & { readonly path: readonly string[] }, isFunction: boolean): TypeNode | undefined {
    if (item.target !== "data") return undefined;
    const key = JSON.stringify([item.path, isFunction]);
    const known = this.#relaxed.get(key);
    if (known !== undefined) return known.children.size > 0 ? known : undefined;
    const tree = createTypeNode();
    const dependents = this.#relaxedLeft > 0 ? this.#graph.dependentsOf(item.path) : new Set<never>();
    this.#relaxedLeft -= dependents.size;
    if (this.#relaxedLeft <= 0) putType(tree, ["data"], ANY);
    for (const rule of dependents) {
      const path = knownPath(rule);
      const isTarget = path.length === item.path.length && path.every((name, index) => name === item.path[index]);
      if (!(isFunction && isTarget)) putType(tree, ["data", ...path], ANY);
    }
    this.#relaxed.set(key, tree);
    return tree.children.size > 0 ? tree : undefined;
  }

  #typeOfCallee(scope: TypeScope, callee: Callee): Known {
    if (callee.type === "function") return scope.typeAt("data", constantTerms(callee.path, NOWHERE));
    return signatureOf(callee.builtin.type);
  }

  #unifier(scope: TypeScope): TypeUnifier {
    return new TypeUnifier(scope, (term) => this.#typeOf(scope, term));
  }

  #typeOf(scope: TypeScope, term: ResolvedTerm): Known {
    switch (term.type) {
      case "constant": {
        const type = this.#types.get(term) ?? scope.facts.bounded(typeOfValue(term.value));
        if (type !== undefined) this.#types.set(term, type);
        return type;
      }
      case "local":
        return scope.typeOfLocal(term.local);
      case "reference":
        return typeOfReference(scope, term, (base) => this.#typeOf(scope, base));
      case "array":
        return scope.facts.bounded({ type: "array", static: term.items.map((item) => this.#typeOf(scope, item)) });
      case "set":
        return scope.facts.bounded({
          type: "set",
          of: unionOfAll(term.items.map((item) => this.#typeOf(scope, item))),
        });
      case "object":
        return scope.facts.bounded(this.#typeOfObject(scope, term.entries));
      case "call":
        return undefined;
      case "comprehension":
        return this.#typeOfComprehension(scope, term);
    }
  }

  #typeOfObject(scope: TypeScope, entries: readonly (readonly [ResolvedTerm, ResolvedTerm])[]): Known {
    const properties: Property[] = [];
    let dynamic: { readonly key: Known; readonly value: Known } | undefined;
    for (const [key, term] of entries) {
      const value = this.#typeOf(scope, term);
      if (key.type === "constant") properties.push({ key: key.value, value });
      else dynamic = { key: this.#typeOf(scope, key), value };
    }
    return objectType(properties, dynamic);
  }

  #typeOfComprehension(scope: TypeScope, term: ResolvedComprehension): Known {
    if (scope.comprehensions.has(term)) return scope.comprehensions.get(term);
    const checked = this.#body(scope, term.body, term.owner);
    return checked.errors.length > 0 ? undefined : this.#collected(checked.scope, term);
  }
}

function toError({ code, message, location }: TypeMistake): RegoError {
  return { code, message, location };
}

const NOWHERE: Location = { file: "", row: 1, col: 1, start: 0, end: 0 };

function constantTerms(path: readonly Scalar[], location: Location): readonly ResolvedTerm[] {
  return path.map((value) => ({ type: "constant", value, location }));
}

export function signatureOf({ args, result, variadic }: FunctionType): FunctionSignature {
  return { type: "function", args, result, variadic };
}

function notAFunction(callee: Callee, location: Location): TypeMistake {
  const message = `undefined function ${calleeToText(callee)}`;
  return { code: "rego_type_error", message, location, isVague: false };
}

function calleeOfTarget(item: ResolvedWith): Callee {
  return item.target === "callee" ? item.callee : { type: "function", path: item.path };
}

/** Nothing is known of the arguments that a function makes no use of. */
function defaultToAny(scope: TypeScope, arg: ResolvedTerm): void {
  switch (arg.type) {
    case "local":
      if (scope.typeOfLocal(arg.local) === undefined) scope.setLocal(arg.local, ANY);
      return;
    case "array":
    case "set":
      for (const item of arg.items) defaultToAny(scope, item);
      return;
    case "object":
      for (const entry of arg.entries) for (const item of entry) defaultToAny(scope, item);
      return;
    default:
  }
}

function comprehensionsBelow({ what }: ResolvedStatement): readonly ResolvedComprehension[] {
  const own = termsOf(what).flatMap(comprehensionsIn);
  return what.type === "every" ? [...own, ...what.body.flatMap(comprehensionsBelow)] : own;
}
