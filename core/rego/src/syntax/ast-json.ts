import { base64, utf8 } from "@vedette/base";
import { compare, isArray, isPlainObject, memberOf, type PlainObject, type Value } from "../values/value.ts";
import type {
  Body,
  CallTerm,
  Comment,
  ComprehensionTerm,
  Else,
  Expression,
  Head,
  Import,
  Module,
  Rule,
  Statement,
  TemplateTerm,
  Term,
  VarTerm,
} from "./ast.ts";

/** A module as OPA's `ast` package writes it in JSON, without locations but for those of comments. */
export function moduleToJson(module: Module): PlainObject {
  const writer = new ModuleWriter();
  return members({
    package: { path: [variable("data"), ...module.package.path.map(text)] },
    imports: orNothing(module.imports.map(importToJson)),
    rules: orNothing(writer.rules(module.rules)),
    comments: orNothing(module.comments.map(commentToJson)),
  });
}

function importToJson({ path, alias }: Import): PlainObject {
  const [root = "", ...rest] = path;
  return members({ path: reference([variable(root), ...rest.map(text)]), alias });
}

function commentToJson({ text: written, location: { file, row, col } }: Comment): PlainObject {
  return { Text: base64(utf8(written)), Location: { file, row, col } };
}

/** A term, as its type and what is in it. */
type TermJson = { readonly type: string; readonly value: Value };

const TRUE: TermJson = { type: "boolean", value: true };

/** The order of OPA's terms, which sets and objects are written in. */
const RANKS: readonly string[] = [
  "null",
  "boolean",
  "number",
  "string",
  "templatestring",
  "var",
  "ref",
  "array",
  "object",
  "set",
  "arraycomprehension",
  "objectcomprehension",
  "setcomprehension",
  "call",
];
const ROOT_DOCUMENTS: ReadonlySet<string> = new Set(["data", "input"]);

/** INVARIANT: terms are written in the order in which they stand in the text, so that OPA's numbers of `_` come out. */
class ModuleWriter {
  #wildcards = 0;

  rules(rules: readonly Rule[]): readonly Value[] {
    return rules.map((rule) => {
      // The head of a further body is a copy, which OPA makes when it has read the body.
      const chained = rule.isChained && rule.body ? this.#body(rule.body) : undefined;
      return members({
        default: rule.isDefault || undefined,
        head: this.#head(rule, rule.head),
        body: chained ?? this.#bodyOrTrue(rule.body),
        else: rule.otherwise && this.#otherwise(rule, rule.otherwise),
      });
    });
  }

  /** Each `else` repeats the head of the rule, with a value of its own. */
  #otherwise(rule: Rule, { value, operator, body, otherwise }: Else): Value {
    return members({
      head: this.#head(rule, { value, operator: operator ?? rule.head.operator }),
      body: this.#bodyOrTrue(body),
      else: otherwise && this.#otherwise(rule, otherwise),
    });
  }

  #head(rule: Rule, { value, operator }: Pick<Head, "value" | "operator">): Value {
    const { head } = rule;
    const path = head.path.map((term) => this.#term(term));
    const args = head.args?.map((term) => this.#term(term));
    const key = head.key && this.#term(head.key);
    return members({
      name: hasName(rule) ? head.name : undefined,
      ref: [variable(head.name), ...path],
      args: args && orNothing(args),
      key: key ?? (isPathKey(rule) ? path[0] : undefined),
      value: key === undefined ? (value ? this.#term(value) : TRUE) : undefined,
      assign: operator === ":=" || undefined,
    });
  }

  #bodyOrTrue(body: Body | undefined): readonly Value[] {
    return body === undefined ? [{ index: 0, terms: TRUE, generated: true }] : this.#body(body);
  }

  #body(body: Body): readonly Value[] {
    return body.map((statement, index) => this.#statement(statement, index));
  }

  #statement(statement: Statement, index: number): Value {
    return members({
      index,
      negated: statement.isNegated || undefined,
      terms: this.#expression(statement.what),
      with: orNothing(
        statement.with.map(({ target, value }) => ({ target: this.#term(target), value: this.#term(value) })),
      ),
    });
  }

  #expression(what: Expression): Value {
    switch (what.type) {
      case "term":
        return what.term.type === "call" ? this.#call(what.term) : this.#term(what.term);
      case "unify":
        return [operator("eq"), this.#term(what.left), this.#term(what.right)];
      case "assign":
        return [operator("assign"), this.#term(what.target), this.#term(what.value)];
      case "some":
        return { symbols: what.vars.map((name) => this.#term(name)) };
      case "some-in":
        return { symbols: [{ type: "call", value: this.#membership(what.key, what.value, what.domain) }] };
      case "every":
        return {
          key: what.key === undefined ? null : this.#term(what.key),
          value: this.#term(what.value),
          domain: this.#term(what.domain),
          body: this.#body(what.body),
        };
    }
  }

  #membership(key: Term | undefined, value: Term, domain: Term): Value {
    const name = key === undefined ? "member_2" : "member_3";
    const operands = key === undefined ? [value, domain] : [key, value, domain];
    return [reference([variable("internal"), text(name)]), ...operands.map((term) => this.#term(term))];
  }

  #term(term: Term): TermJson {
    switch (term.type) {
      case "null":
        return { type: "null", value: {} };
      case "boolean":
      case "number":
      case "string":
        return { type: term.type, value: term.value };
      case "var":
        return this.#variable(term);
      case "reference":
        return reference([this.#referenceHead(term.head), ...term.path.map((part) => this.#term(part))]);
      case "array":
        return { type: "array", value: term.items.map((item) => this.#term(item)) };
      case "set":
        return { type: "set", value: distinct(term.items.map((item) => this.#term(item)).toSorted(compareTerms)) };
      case "object": {
        const entries = term.entries.map(([key, value]) => [this.#term(key), this.#term(value)] as const);
        return { type: "object", value: entries.toSorted(([a], [b]) => compareTerms(a, b)) };
      }
      case "call":
        return { type: "call", value: this.#call(term) };
      case "comprehension":
        return { type: `${term.of}comprehension`, value: this.#comprehension(term) };
      case "template":
        return { type: "templatestring", value: this.#template(term) };
    }
  }

  #variable({ name }: VarTerm): TermJson {
    if (name === "_") return variable(`$${this.#wildcards++}`);
    return ROOT_DOCUMENTS.has(name) ? reference([variable(name)]) : variable(name);
  }

  #referenceHead(head: Term): TermJson {
    return head.type === "var" && ROOT_DOCUMENTS.has(head.name) ? variable(head.name) : this.#term(head);
  }

  #call({ operator: callee, args }: CallTerm): Value {
    const head = callee.type === "var" ? calleeOf(callee.name) : this.#term(callee);
    return [head, ...args.map((term) => this.#term(term))];
  }

  #comprehension({ of, key, value, body }: ComprehensionTerm): Value {
    if (of !== "object" || key === undefined) return { term: this.#term(value), body: this.#body(body) };
    return { key: this.#term(key), value: this.#term(value), body: this.#body(body) };
  }

  #template({ form, parts }: TemplateTerm): Value {
    const written = parts.map((part) => (typeof part === "string" ? text(part) : this.#templatePart(part)));
    return { multi_line: form === "raw", parts: written.length === 0 ? null : written };
  }

  /** A scalar stands for itself; anything else is a statement, which may have modifiers. */
  #templatePart(part: Term): Value {
    const scalar = part.type === "null" || part.type === "boolean" || part.type === "number" || part.type === "string";
    return scalar ? this.#term(part) : this.#statement(templateStatementOf(part), 0);
  }
}

/** Undoes how the reader makes a term of a part with modifiers: `[$ | $ = term with …][0]`. */
function templateStatementOf(part: Term): Statement {
  const whole: Statement = { isNegated: false, what: { type: "term", term: part }, with: [], location: part.location };
  if (part.type !== "reference" || part.head.type !== "comprehension") return whole;
  const { value, body } = part.head;
  const [statement] = body;
  if (value.type !== "var" || value.name !== "$" || statement?.what.type !== "unify") return whole;
  return { ...statement, what: { type: "term", term: statement.what.right } };
}

/** Rules had names and keys before heads had references. OPA still writes them where a head may have been of that time. */
function hasName({ head, body, isDefault }: Rule): boolean {
  if (head.path.length !== 1) return head.path.length === 0;
  if (head.key !== undefined || isDefault) return false;
  const isFunction = head.args !== undefined;
  return body === undefined ? !isFunction : isFunction || head.value !== undefined;
}

/** Whether the last part of the reference is written as the rule's key too. */
function isPathKey({ head, body, isDefault }: Rule): boolean {
  const [last] = head.path;
  if (last === undefined || head.path.length > 1 || head.args !== undefined || isDefault) return false;
  return body === undefined || last.type === "reference" || !isGround(last);
}

function isGround(term: Term): boolean {
  switch (term.type) {
    case "var":
    case "comprehension":
    case "template":
      return false;
    case "reference":
      return term.path.every(isGround);
    case "array":
    case "set":
      return term.items.every(isGround);
    case "object":
      return term.entries.every((entry) => entry.every(isGround));
    case "call":
      return term.args.every(isGround);
    default:
      return true;
  }
}

function text(value: string): TermJson {
  return { type: "string", value };
}

function variable(name: string): TermJson {
  return { type: "var", value: name };
}

function reference(path: readonly TermJson[]): TermJson {
  return { type: "ref", value: path };
}

function operator(name: string): TermJson {
  return reference([variable(name)]);
}

/** A name that may have dots, as `internal.member_2`. */
function calleeOf(name: string): TermJson {
  const [head = "", ...rest] = name.split(".");
  return reference([variable(head), ...rest.map(text)]);
}

/** Without what is undefined. */
function members(all: { readonly [name: string]: Value | undefined }): PlainObject {
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

function orNothing(list: readonly Value[]): readonly Value[] | undefined {
  return list.length === 0 ? undefined : list;
}

function distinct(sorted: readonly TermJson[]): readonly TermJson[] {
  return sorted.filter((term, index) => index === 0 || compareTerms(sorted[index - 1] as TermJson, term) !== 0);
}

/** OPA's order of terms: by kind, and lists of terms part by part. Comprehensions are only told apart. */
function compareTerms(a: Value, b: Value): number {
  if (isArray(a) && isArray(b)) return compareLists(a, b);
  if (!isPlainObject(a) || !isPlainObject(b)) return compare(a, b);
  const kind = memberOf(a, "type");
  const other = memberOf(b, "type");
  if (typeof kind !== "string" || typeof other !== "string") return compare(a, b);
  if (kind !== other) return RANKS.indexOf(kind) - RANKS.indexOf(other);
  return compareTerms(memberOf(a, "value") ?? null, memberOf(b, "value") ?? null);
}

function compareLists(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareTerms(a[i] as Value, b[i] as Value);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
