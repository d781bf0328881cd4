import type { Builtin } from "../builtins/builtin.ts";
import type { RegoError } from "../errors.ts";
import type {
  Body,
  CallTerm,
  Else,
  Expression,
  Location,
  Module,
  Rule,
  Statement,
  Term,
  VarTerm,
  With,
} from "../syntax/ast.ts";
import { valueOfTerm } from "../syntax/constant.ts";
import { ObjectBuilder, RegoSet, type Value } from "../values/value.ts";
import { freeLocalsOfStatement } from "./locals.ts";
import { arityByFunction, GlobalNames, packageKey, ruleNamesByPackage } from "./module-names.ts";
import type {
  Callee,
  ResolvedBody,
  ResolvedElse,
  ResolvedExpression,
  ResolvedRule,
  ResolvedStatement,
  ResolvedTerm,
  ResolvedWith,
} from "./resolved.ts";
import { Scope } from "./scope.ts";
import { termToText } from "./term-text.ts";

export interface ResolveOptions {
  readonly builtinByName: ReadonlyMap<string, Builtin>;
  /** Calls of `rego.metadata.chain()` and `rego.metadata.rule()` are constants of the rule they stand in. */
  readonly metadataOf: (module: Module, rule: Rule, what: "chain" | "rule") => Value;
}

/** What has no meaning, by the stage of OPA's compiler that tells it. */
export interface Unresolved {
  readonly templates: readonly RegoError[];
  readonly calls: readonly RegoError[];
}

export interface Resolved {
  readonly rules: readonly ResolvedRule[];
  readonly unresolved: Unresolved;
}

/** Gives every name its meaning (compiler stages "resolve refs", "rewrite local vars"), once declarations are checked. */
export function resolveModules(modules: readonly Module[], options: ResolveOptions): Resolved {
  const unresolved = { templates: [], calls: [] };
  const rules: ResolvedRule[] = [];
  const names = ruleNamesByPackage(modules);
  const arities = arityByFunction(modules);
  for (const module of modules) {
    const ruleNames = names.get(packageKey(module.package.path)) ?? new Set();
    const globals = new GlobalNames(module.package.path, module.imports, ruleNames);
    for (const rule of module.rules) {
      const metadata = (what: "chain" | "rule") => options.metadataOf(module, rule, what);
      const resolver = new Resolver(globals, options.builtinByName, arities, unresolved, metadata);
      rules.push(resolver.rule(module, rule));
    }
  }
  return { rules, unresolved };
}

/** A query is a body without a head. */
export interface ResolvedQuery {
  readonly body: ResolvedBody;
  /** What each answer consists of: the values of `names`, then the value of each statement. */
  readonly answer: readonly ResolvedTerm[];
  /** The variables of the query, in the order in which they are written. */
  readonly names: readonly string[];
  readonly unresolved: Unresolved;
}

export function resolveQuery(
  body: Body,
  modules: readonly Module[],
  builtinByName: ReadonlyMap<string, Builtin>,
  globals: GlobalNames,
): ResolvedQuery {
  const unresolved = { templates: [], calls: [] };
  const resolver = new Resolver(globals, builtinByName, arityByFunction(modules), unresolved, () => null);
  return { ...resolver.query(body), unresolved };
}

/** The compiler itself gives them their meaning. */
const COMPILED_FUNCTIONS: readonly string[] = ["eq", "rego.metadata.chain", "rego.metadata.rule"];

const GENERATED: Location = { file: "", row: 1, col: 1, start: 0, end: 0 };

class Resolver {
  readonly #globals: GlobalNames;
  readonly #builtinByName: ReadonlyMap<string, Builtin>;
  readonly #arityByFunction: ReadonlyMap<string, number>;
  readonly #unresolved: { readonly [stage in keyof Unresolved]: RegoError[] };
  readonly #metadata: (what: "chain" | "rule") => Value;
  #scope = new Scope(undefined);

  constructor(
    globals: GlobalNames,
    builtinByName: ReadonlyMap<string, Builtin>,
    arityByFunction: ReadonlyMap<string, number>,
    unresolved: { readonly [stage in keyof Unresolved]: RegoError[] },
    metadata: (what: "chain" | "rule") => Value,
  ) {
    this.#globals = globals;
    this.#builtinByName = builtinByName;
    this.#arityByFunction = arityByFunction;
    this.#unresolved = unresolved;
    this.#metadata = metadata;
  }

  rule(module: Module, rule: Rule): ResolvedRule {
    const { head } = rule;
    this.#scope = new Scope(undefined);
    for (const arg of head.args ?? [])
      for (const { name, location } of patternVars(arg)) this.#scope.declare(name, location, 0);
    // An operand that is no pattern is a condition on what the body binds, and belongs to the body's scope.
    const patterns = (head.args ?? []).map((arg) => (isPattern(arg) ? this.#term(arg) : undefined));
    const constant = constantPrefixLength(head.path);
    const inBody = [...head.path, head.key, head.value, ...(head.args ?? []).filter((arg) => !isPattern(arg))];
    const resolved = this.#body(rule.body ?? [], inBody, () => ({
      args: (head.args ?? []).map((arg, index) => patterns[index] ?? this.#term(arg)),
      suffix: head.path.slice(constant).map((term) => this.#term(term)),
      value: this.#valueOf(head.key ?? head.value, head.location),
    }));
    return {
      module,
      source: rule,
      file: module.file,
      package: module.package.path,
      path: [...module.package.path, head.name, ...head.path.slice(0, constant).map(textOf)],
      suffix: resolved.head.suffix,
      kind: head.args !== undefined ? "function" : head.key !== undefined ? "set" : "value",
      isDefault: rule.isDefault,
      args: resolved.head.args,
      value: resolved.head.value,
      body: resolved.body,
      otherwise: rule.otherwise && this.#else(rule.otherwise),
      location: head.location,
    };
  }

  query(body: Body): Omit<ResolvedQuery, "unresolved"> {
    const names: string[] = [];
    const captured: ResolvedTerm[] = [];
    const resolved = this.#body(body, [], () => {
      const bindings: ResolvedTerm[] = [];
      for (const variable of namesIn(body)) {
        const found = this.#scope.hasOwn(variable.name) ? this.#scope.find(variable.name) : undefined;
        if (found === undefined || names.includes(variable.name)) continue;
        names.push(variable.name);
        bindings.push({ type: "local", local: found, location: variable.location });
      }
      return bindings;
    });
    const statements = resolved.body.flatMap((statement) => {
      const { statement: capturing, value } = captureValue(statement, resolved.owner);
      captured.push(value);
      const mayBeFalse = resolved.body.length === 1 && freeLocalsOfStatement(statement).size === 0;
      if (mayBeFalse || value.type === "constant") return [capturing];
      const what = { type: "term", term: value } as const;
      return [capturing, { isNegated: false, what, with: [], location: statement.location }];
    });
    return { body: statements, answer: [...resolved.head, ...captured], names };
  }

  #else({ value, body, otherwise, location }: Else): ResolvedElse {
    const resolved = this.#body(body ?? [], [value], () => this.#valueOf(value, location));
    return { value: resolved.head, body: resolved.body, otherwise: otherwise && this.#else(otherwise), location };
  }

  #valueOf(term: Term | undefined, location: Location): ResolvedTerm {
    return term === undefined ? { type: "constant", value: true, location } : this.#term(term);
  }

  /** Resolves a body in a scope of its own, and what else belongs to that scope (`head`) after it. */
  #body<T>(
    body: Body,
    headTerms: readonly (Term | undefined)[],
    head: () => T,
  ): { body: ResolvedBody; head: T; owner: object } {
    const outer = this.#scope;
    const scope = new Scope(outer);
    this.#scope = scope;
    this.#announce(body, headTerms);
    const statements: ResolvedStatement[] = [];
    for (const [index, statement] of body.entries()) {
      scope.position = index;
      const resolved = this.#statement(statement);
      if (resolved !== undefined) statements.push(resolved);
    }
    scope.position = body.length;
    const result = head();
    this.#scope = outer;
    return { body: statements, head: result, owner: scope };
  }

  /** Before anything is resolved: which names are declared by which statement, and which belong to this body undeclared. */
  #announce(body: Body, headTerms: readonly (Term | undefined)[]): void {
    const mentioned = namesIn(body);
    const names = new Set(
      [...mentioned, ...headTerms.flatMap((term) => (term ? namesOf(term) : []))].map(({ name }) => name),
    );
    for (const [index, { what }] of body.entries()) {
      const from = what.type === "some" ? index : index + 1;
      // What only the bodies inside mention is a variable of each of them.
      for (const { name, location } of declaredBy(what))
        if (what.type === "some" && !names.has(name)) this.#scope.leave(name);
        else this.#scope.declare(name, location, from);
    }
    for (const variable of mentioned) this.#useIfFree(variable);
    for (const term of headTerms)
      if (term !== undefined) for (const variable of namesOf(term)) this.#useIfFree(variable);
  }

  #useIfFree(variable: VarTerm): void {
    if (!this.#isKnown(variable.name)) this.#scope.use(variable.name, variable.location);
  }

  #isKnown(name: string): boolean {
    if (name === "_" || this.#scope.find(name) !== undefined) return true;
    return this.#globals.get(name) !== undefined && !this.#scope.isDeclared(name);
  }

  #statement({ isNegated, what, with: overrides, location }: Statement): ResolvedStatement | undefined {
    const resolved = this.#expression(what, location);
    if (resolved === undefined) return undefined;
    return { isNegated, what: resolved, with: overrides.map((item) => this.#with(item)), location };
  }

  #expression(what: Expression, location: Location): ResolvedExpression | undefined {
    switch (what.type) {
      case "term":
        return this.#termStatement(what.term, location);
      case "unify":
        return { type: "unify", left: this.#term(what.left), right: this.#term(what.right), isAssign: false };
      case "assign": {
        const right = this.#term(what.value);
        const left = this.#inTarget(() => this.#term(what.target));
        return { type: "unify", left, right, isAssign: true };
      }
      case "some":
        return undefined;
      case "some-in":
        // Bodies inside the domain see what is declared; a domain that names it itself was refused.
        return this.#inTarget(() => ({
          type: "some-in",
          key: what.key && this.#term(what.key),
          value: this.#term(what.value),
          domain: this.#term(what.domain),
        }));
      case "every":
        return this.#every(what);
    }
  }

  /** The targets of a declaration see what the statement itself declares. */
  #inTarget<T>(resolve: () => T): T {
    const scope = this.#scope;
    scope.position++;
    const result = resolve();
    scope.position--;
    return result;
  }

  #every(what: Expression & { readonly type: "every" }): ResolvedExpression {
    const domain = this.#term(what.domain);
    const outer = this.#scope;
    const scope = new Scope(outer);
    this.#scope = scope;
    const declare = (variable: VarTerm) => {
      if (variable.name === "_") return { name: "_", location: variable.location, isWildcard: true, owner: scope };
      scope.declare(variable.name, variable.location, 0);
      return scope.find(variable.name)!;
    };
    const key = what.key && declare(what.key);
    const value = declare(what.value);
    const { body, owner } = this.#body(what.body, [], () => undefined);
    this.#scope = outer;
    return { type: "every", key, value, domain, body, owner };
  }

  #termStatement(term: Term, statement: Location): ResolvedExpression {
    if (term.type !== "call") return { type: "term", term: this.#term(term) };
    const callee = this.#callee(term.operator);
    if (callee?.type === "builtin" && callee.builtin.name === "print")
      return { type: "print", args: term.args.map((arg) => this.#term(arg)) };
    if (callee !== undefined) {
      // `f(x, y)` for a function of one operand says `f(x) = y`.
      if (term.args.length === this.#arityOf(callee) + 1) {
        const args = term.args.map((arg) => this.#term(arg));
        const { location } = term;
        return { type: "result", call: { type: "call", callee, args: args.slice(0, -1), location }, of: args.at(-1)! };
      }
    }
    return { type: "term", term: this.#call(term, statement) };
  }

  #arityOf(callee: Callee): number {
    if (callee.type === "function") return this.#arityByFunction.get(packageKey(callee.path)) ?? Number.NaN;
    return callee.builtin.type.variadic === undefined ? callee.builtin.type.args.length : Number.NaN;
  }

  #with({ target, value, location }: With): ResolvedWith {
    const targetLocation = target.location;
    const head = target.type === "var" ? target : target.head;
    const path = target.type === "var" ? [] : target.path;
    if (head.type === "var" && constantPrefixLength(path) === path.length) {
      const global = this.#globals.get(head.name);
      const dotted = [head.name, ...path.map(textOf)].join(".");
      const builtin = global === undefined ? this.#builtinByName.get(dotted) : undefined;
      if (builtin !== undefined) {
        const callee: Callee = { type: "builtin", builtin };
        return { target: "callee", callee, value: this.#replacement(value), location, targetLocation };
      }
      if (global !== undefined) {
        const whole = [...global.path, ...path.map(textOf)];
        // Whether a path below data names a function is known when all rules are.
        const isFunction = global.base === "data" && this.#arityByFunction.has(packageKey(whole));
        const by = isFunction ? this.#replacement(value) : this.#term(value);
        return { target: global.base, path: whole, value: by, location, targetLocation };
      }
    }
    const dotted = dottedName(target) ?? "";
    const problem: RegoError = COMPILED_FUNCTIONS.includes(dotted)
      ? {
          code: "rego_compile_error",
          message: `with keyword replacing built-in function: replacement of "${dotted}" invalid`,
          location: targetLocation,
        }
      : {
          code: "rego_type_error",
          message: "with keyword target must reference existing input, data, or a function",
          location: targetLocation,
        };
    return { target: "input", path: [], value: this.#term(value), location, targetLocation, problem };
  }

  /** What a builtin is replaced by: another function when the name is one, else a value. */
  #replacement(value: Term): ResolvedTerm | Callee {
    const isName = value.type === "var" || (value.type === "reference" && value.head.type === "var");
    if (!isName || (value.type === "var" && this.#scope.isDeclared(value.name))) return this.#term(value);
    const dotted = dottedName(value);
    const builtin = dotted === undefined ? undefined : this.#builtinByName.get(dotted);
    if (builtin !== undefined && this.#globals.get(dotted!.split(".")[0]!) === undefined)
      return { type: "builtin", builtin };
    return this.#term(value);
  }

  #term(term: Term): ResolvedTerm {
    const { location } = term;
    switch (term.type) {
      case "null":
        return { type: "constant", value: null, location };
      case "boolean":
      case "number":
      case "string":
        return { type: "constant", value: term.value, location };
      case "var":
        return this.#variable(term);
      case "reference":
        return this.#reference(term.head, term.path, location);
      case "array":
      case "set":
        return collection(
          term.type,
          term.items.map((item) => this.#term(item)),
          location,
        );
      case "object":
        return objectOf(
          term.entries.map(([key, value]) => [this.#term(key), this.#term(value)] as const),
          location,
        );
      case "call":
        return this.#call(term);
      case "comprehension": {
        const { body, head, owner } = this.#body(term.body, [term.key, term.value], () => ({
          key: term.key && this.#term(term.key),
          value: this.#term(term.value),
        }));
        return { type: "comprehension", of: term.of, key: head.key, value: head.value, body, owner, location };
      }
      case "template":
        return this.#template(term.parts, location);
    }
  }

  #variable({ name, location }: VarTerm): ResolvedTerm {
    if (name === "_")
      return { type: "local", local: { name, location, isWildcard: true, owner: this.#scope }, location };
    const found = this.#scope.find(name);
    if (found !== undefined) return { type: "local", local: found, location };
    const global = this.#scope.isDeclared(name) ? undefined : this.#globals.get(name);
    if (global !== undefined)
      return { type: "reference", base: global.base, path: constants(global.path, location), location };
    return { type: "local", local: { name, location, isWildcard: false, owner: this.#scope }, location };
  }

  #reference(head: Term, path: readonly Term[], location: Location): ResolvedTerm {
    const base = this.#term(head);
    const rest = path.map((term) => this.#term(term));
    if (base.type === "reference") return { ...base, path: [...base.path, ...rest], location };
    return { type: "reference", base, path: rest, location };
  }

  /** Where there is no such function, the whole statement is what is wrong. */
  #call({ operator, args, location }: CallTerm, statement: Location = location): ResolvedTerm {
    const dotted = dottedName(operator);
    if (dotted === "rego.metadata.chain") return { type: "constant", value: this.#metadata("chain"), location };
    if (dotted === "rego.metadata.rule") return { type: "constant", value: this.#metadata("rule"), location };
    const resolved = args.map((arg) => this.#term(arg));
    const callee = this.#callee(operator);
    if (callee !== undefined) return { type: "call", callee, args: resolved, location };
    this.#refuseCall(operator, statement);
    // Nothing runs with this in it; what the operands ask for is still to be checked.
    return { type: "array", items: resolved, location };
  }

  #refuseCall(operator: Term, location: Location): void {
    const name = dottedName(operator) ?? termToText(this.#term(operator));
    this.#unresolved.calls.push({ code: "rego_type_error", message: `undefined function ${name}`, location });
  }

  #callee(operator: Term): Callee | undefined {
    const dotted = dottedName(operator);
    if (dotted === undefined) return undefined;
    const head = operator.type === "reference" ? operator.head : operator;
    const path = operator.type === "reference" ? operator.path.map(textOf) : [];
    const name = head.type === "var" ? head.name : "";
    if (this.#scope.isDeclared(name)) return undefined;
    const global = this.#globals.get(name);
    if (global?.base === "data") return { type: "function", path: [...global.path, ...path] };
    const builtin = this.#builtinByName.get(dotted);
    return builtin && { type: "builtin", builtin };
  }

  /** Every part becomes the set of its values: an undefined part prints as such instead of failing the whole. */
  #template(parts: readonly (string | Term)[], location: Location): ResolvedTerm {
    const builtin = this.#builtinByName.get("internal.template_string");
    if (builtin === undefined) {
      this.#unresolved.templates.push({
        code: "rego_compile_error",
        message: "template-strings are not supported",
        location,
      });
      return { type: "constant", value: null, location };
    }
    const items = parts.map((part): ResolvedTerm => {
      if (typeof part === "string") return { type: "constant", value: part, location };
      const resolved = this.#term(part);
      if (resolved.type === "constant") return { type: "constant", value: RegoSet.of([resolved.value]), location };
      // A variable has a value wherever it is bound.
      if (resolved.type === "local") return { type: "set", items: [resolved], location: resolved.location };
      this.#refuseRelation(resolved);
      return valuesOf(resolved);
    });
    const list: ResolvedTerm = { type: "array", items, location };
    return { type: "call", callee: { type: "builtin", builtin }, args: [list], location };
  }

  #refuseRelation(part: ResolvedTerm): void {
    if (part.type !== "call" || part.callee.type !== "builtin" || part.callee.builtin.isRelation !== true) return;
    const message = `illegal call to relation built-in '${part.callee.builtin.name}' that may cause multiple outputs`;
    this.#unresolved.templates.push({ code: "rego_compile_error", message, location: part.location });
  }
}

/** A query tells the value of its terms. All other statements are true where they hold. */
function captureValue(
  statement: ResolvedStatement,
  owner: object,
): { readonly statement: ResolvedStatement; readonly value: ResolvedTerm } {
  const { what, isNegated, location } = statement;
  if (what.type !== "term" || isNegated) return { statement, value: { type: "constant", value: true, location } };
  const value: ResolvedTerm = { type: "local", local: { name: "value", location, isWildcard: true, owner }, location };
  return { statement: { ...statement, what: { type: "unify", left: value, right: what.term, isAssign: true } }, value };
}

/** `{x | x = term}` */
export function valuesOf(term: ResolvedTerm): ResolvedTerm {
  const { location } = term;
  const owner = {};
  const local = { name: "x", location: GENERATED, isWildcard: true, owner };
  const value: ResolvedTerm = { type: "local", local, location };
  const what: ResolvedExpression = { type: "unify", left: value, right: term, isAssign: true };
  const body = [{ isNegated: false, what, with: [], location }];
  return { type: "comprehension", of: "set", key: undefined, value, body, owner, location };
}

function constants(path: readonly string[], location: Location): ResolvedTerm[] {
  return path.map((value) => ({ type: "constant", value, location }));
}

function constantPrefixLength(path: readonly Term[]): number {
  const first = path.findIndex(({ type }) => type !== "string");
  return first < 0 ? path.length : first;
}

function textOf(term: Term): string {
  return term.type === "string" ? term.value : "";
}

function dottedName(term: Term): string | undefined {
  if (term.type === "var") return term.name;
  if (term.type !== "reference" || term.head.type !== "var") return undefined;
  if (constantPrefixLength(term.path) !== term.path.length) return undefined;
  return [term.head.name, ...term.path.map(textOf)].join(".");
}

function collection(type: "array" | "set", items: readonly ResolvedTerm[], location: Location): ResolvedTerm {
  const values = items.flatMap((item) => (item.type === "constant" ? [item.value] : []));
  if (values.length < items.length) return { type, items, location };
  return { type: "constant", value: type === "array" ? values : RegoSet.of(values), location };
}

function objectOf(written: readonly (readonly [ResolvedTerm, ResolvedTerm])[], location: Location): ResolvedTerm {
  const entries = lastOfEachKey(written);
  const builder = new ObjectBuilder();
  for (const [key, value] of entries) {
    if (key.type !== "constant" || value.type !== "constant") return { type: "object", entries, location };
    builder.set(key.value, value.value);
  }
  return { type: "constant", value: builder.build(), location };
}

/** Of several members with one constant key only the last is there, whatever the others would have been. */
function lastOfEachKey<T extends readonly [ResolvedTerm, ResolvedTerm]>(entries: readonly T[]): readonly T[] {
  const keys = new RegoSet();
  return entries
    .toReversed()
    .filter(([key]) => key.type !== "constant" || keys.add(key.value))
    .toReversed();
}

function declaredBy(what: Expression): readonly VarTerm[] {
  switch (what.type) {
    case "some":
      return what.vars;
    case "assign":
      return patternVars(what.target);
    case "some-in":
      return [...(what.key === undefined ? [] : patternVars(what.key)), ...patternVars(what.value)];
    default:
      return [];
  }
}

/** Built of variables and values alone: it takes a value apart. */
function isPattern(term: Term): boolean {
  if (term.type === "array" || term.type === "set") return term.items.every(isPattern);
  if (term.type === "object") return term.entries.every((entry) => entry.every(isPattern));
  return term.type === "var" || valueOfTerm(term) !== undefined;
}

/** The variables of a pattern that binding it can bind: in arrays and in values of objects, each once. */
function patternVars(term: Term): VarTerm[] {
  const found: VarTerm[] = [];
  const visit = (item: Term): void => {
    if (item.type === "var") {
      if (item.name !== "_" && !found.some(({ name }) => name === item.name)) found.push(item);
    } else if (item.type === "array") item.items.forEach(visit);
    else if (item.type === "object") for (const [, value] of item.entries) visit(value);
  };
  visit(term);
  return found;
}

/** The names at which a body itself, without the bodies inside it, looks for a value. */
function namesIn(body: Body): VarTerm[] {
  return body.flatMap(namesInStatement);
}

function namesInStatement({ what, with: overrides }: Statement): VarTerm[] {
  return [...termsOf(what).flatMap(namesOf), ...overrides.flatMap(({ value }) => namesOf(value))];
}

function termsOf(what: Expression): readonly Term[] {
  switch (what.type) {
    case "term":
      return [what.term];
    case "unify":
      return [what.left, what.right];
    case "assign":
      return [what.target, what.value];
    case "some":
      return [];
    case "some-in":
      return [...(what.key === undefined ? [] : [what.key]), what.value, what.domain];
    case "every":
      return [what.domain];
  }
}

function namesOf(term: Term): VarTerm[] {
  switch (term.type) {
    case "var":
      return term.name === "_" ? [] : [term];
    case "reference":
      return [...namesOf(term.head), ...term.path.flatMap(namesOf)];
    case "array":
    case "set":
      return term.items.flatMap(namesOf);
    case "object":
      return term.entries.flatMap(([key, value]) => [...namesOf(key), ...namesOf(value)]);
    case "call":
      return term.args.flatMap(namesOf);
    case "template":
      return term.parts.flatMap((part) => (typeof part === "string" ? [] : namesOf(part)));
    default:
      return [];
  }
}
