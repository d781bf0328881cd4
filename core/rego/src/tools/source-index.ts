import type { Body, Else, Expression, Location, Module, Rule, Statement, Term } from "../syntax/ast.ts";

/** A definition: a rule as it is written once, or one of its `else` branches. */
export interface SourceDefinition {
  readonly module: Module;
  readonly rule: Rule;
  /** Undefined for the rule's own body. */
  readonly otherwise: Else | undefined;
}

export interface SourceStatement {
  readonly statement: Statement;
  /** Undefined in a query. */
  readonly definition: SourceDefinition | undefined;
  /** Stands in a comprehension, an `every` or an array of the body, not in the body itself. */
  readonly isNested: boolean;
}

/** Finds the syntax behind a location of compiled code. */
export class SourceIndex {
  readonly #statements = new Map<string, SourceStatement>();
  readonly #textByFile = new Map<string, string>();

  /** `query` stands in the file "" of its own text. */
  constructor(modules: readonly Module[], query?: { readonly body: Body; readonly text: string }) {
    for (const module of modules) {
      this.#textByFile.set(module.file, module.text);
      for (const rule of module.rules) this.#addRule(module, rule);
    }
    if (query === undefined) return;
    this.#textByFile.set("", query.text);
    this.#addBody(query.body, undefined, false);
  }

  statementAt(location: Location): SourceStatement | undefined {
    return this.#statements.get(keyOf(location));
  }

  /** What is written there, on one line. */
  textAt({ file, start, end }: Location): string {
    return (this.#textByFile.get(file) ?? "").slice(start, end).replace(/[ \t\r]*\n\s*/g, " ");
  }

  #addRule(module: Module, rule: Rule): void {
    const definition = { module, rule, otherwise: undefined };
    for (const term of [...(rule.head.args ?? []), ...rule.head.path]) this.#addTerm(term, definition);
    for (const term of [rule.head.key, rule.head.value]) if (term) this.#addTerm(term, definition);
    this.#addBody(rule.body ?? [], definition, false);
    for (let branch = rule.otherwise; branch !== undefined; branch = branch.otherwise) {
      const other = { module, rule, otherwise: branch };
      if (branch.value) this.#addTerm(branch.value, other);
      this.#addBody(branch.body ?? [], other, false);
    }
  }

  #addBody(body: Body, definition: SourceDefinition | undefined, isNested: boolean): void {
    for (const statement of body) {
      this.#statements.set(keyOf(statement.location), { statement, definition, isNested });
      for (const term of termsOf(statement.what)) this.#addTerm(term, definition);
      for (const { value } of statement.with) this.#addTerm(value, definition);
      if (statement.what.type === "every") this.#addBody(statement.what.body, definition, true);
    }
  }

  #addTerm(term: Term, definition: SourceDefinition | undefined): void {
    for (const part of partsOf(term)) this.#addTerm(part, definition);
    if (term.type === "comprehension") this.#addBody(term.body, definition, true);
  }
}

/** All statements of a body, those of the bodies inside it included. */
export function statementsIn(body: Body): readonly Statement[] {
  return body.flatMap((statement) => [
    statement,
    ...termsOf(statement.what).flatMap(statementsInTerm),
    ...statement.with.flatMap(({ value }) => statementsInTerm(value)),
    ...(statement.what.type === "every" ? statementsIn(statement.what.body) : []),
  ]);
}

export function statementsInTerm(term: Term): readonly Statement[] {
  return [
    ...partsOf(term).flatMap(statementsInTerm),
    ...(term.type === "comprehension" ? statementsIn(term.body) : []),
  ];
}

/** Without those of an `every`'s body. */
export function termsOf(what: Expression): readonly Term[] {
  switch (what.type) {
    case "term":
      return [what.term];
    case "unify":
      return [what.left, what.right];
    case "assign":
      return [what.target, what.value];
    case "some":
      return what.vars;
    case "some-in":
      return [...(what.key === undefined ? [] : [what.key]), what.value, what.domain];
    case "every":
      return [what.domain];
  }
}

/** The terms that a term is made of; those in the body of a comprehension are its statements'. */
export function partsOf(term: Term): readonly Term[] {
  switch (term.type) {
    case "reference":
      return [term.head, ...term.path];
    case "array":
    case "set":
      return term.items;
    case "object":
      return term.entries.flat();
    case "call":
      return term.args;
    case "comprehension":
      return term.key === undefined ? [term.value] : [term.key, term.value];
    case "template":
      return term.parts.flatMap((part) => (typeof part === "string" ? [] : [part]));
    default:
      return [];
  }
}

function keyOf({ file, start, end }: Location): string {
  return `${start}-${end}:${file}`;
}
