import type { Body, Else, Expression, Head, Location, Rule, Statement, Term } from "./ast.ts";
import { StatementReader } from "./statement-reader.ts";
import { kindOfTerm } from "./term-reader.ts";
import { NESTING_MAX, Refusal } from "./token-reader.ts";
import { KEYWORDS, V1_KEYWORDS } from "./tokens.ts";

/** A head as it was read, before it is known what kind of rule it heads. */
interface WrittenHead extends Head {
  readonly isPartialSet: boolean;
  /** `p [x]`: allowed before a body alone. */
  readonly hasBlank: boolean;
}

/** Rules: heads, the bodies behind them, and heads that stand alone. */
export class RuleReader extends StatementReader {
  /** What v0 allows and v1 does not. Whether `import rego.v1` makes this module v1 is known at its end. */
  protected readonly v1Refusals: Refusal[] = [];

  /** One rule, or several where bodies are chained: `p if { … } { … }`. */
  protected parseRules(): readonly Rule[] {
    this.begin();
    const position = this.position;
    const start = this.token.location;
    this.#readKeywordReferenceAsName();
    const isDefault = this.atKeyword("default");
    if (isDefault) {
      this.advance();
      this.#readKeywordReferenceAsName();
      if (!this.isAtName()) this.unexpected("expected rule name");
    }
    if (!this.isAtName()) return this.#refuseStatement(start);
    const head = this.#parseHead();
    if (isDefault) return [this.#finishDefault(start, head)];
    const isBehindTerm = head.operator !== undefined || head.isPartialSet;
    const hasIf = isBehindTerm ? this.follows("if") : this.atKeyword("if");
    if (hasIf || this.at("{")) return this.#parseBodies(start, head, hasIf);
    if (head.isPartialSet) return [this.#rule(start, head)];
    return [this.#finishAlone(start, position, head)];
  }

  #readKeywordReferenceAsName(): void {
    if (this.isAtKeywordReference()) this.readAsName();
  }

  #parseHead(): WrittenHead {
    const { text: name, location: start } = this.advance();
    const hasBlank = this.token.hasSpaceBefore && (this.at(".") || this.at("[") || this.at("("));
    const path: Term[] = [];
    while ((this.at(".") || this.at("[")) && this.#isAdjacent(hasBlank && path.length === 0)) this.parseStep(path);
    const isFunction = this.at("(") && this.#isAdjacent(hasBlank && path.length === 0);
    const written = isFunction ? this.parseArguments() : [];
    // To OPA a rule without parameters is no function, whatever brackets it has.
    const args = written.length > 0 ? written : undefined;
    if (isFunction && !args && name === "set" && path.length === 0)
      this.refuse("set cannot be used for rule name", start);
    if (isFunction && (this.at(".") || this.at("[")) && !this.token.hasSpaceBefore)
      this.unexpected("a rule head cannot contain a call");
    if (this.follows("contains")) {
      if (isFunction) this.#refuseSetFunction(name);
      return this.#parsePartialSetHead(start, { name, path, args, hasBlank });
    }
    if (this.infixOperator()) this.unexpected();
    const operator = this.take(":=") ? ":=" : this.take("=") ? "=" : undefined;
    const value = operator && this.parseTerm();
    const location = this.spanFrom(start);
    return { name, path, args, key: undefined, value, operator, location, hasBlank, isPartialSet: false };
  }

  #isAdjacent(mayHaveBlank: boolean): boolean {
    return mayHaveBlank || !this.token.hasSpaceBefore;
  }

  #refuseSetFunction(name: string): never {
    const example = `${name} contains <VALUE> if { ... }`;
    this.unexpected(`the contains keyword can only be used with multi-value rule definitions (e.g., ${example})`);
  }

  #parsePartialSetHead(
    start: Location,
    written: Pick<WrittenHead, "name" | "path" | "args" | "hasBlank">,
  ): WrittenHead {
    this.advance();
    const key = this.parseTerm();
    const location = this.spanFrom(start);
    return { ...written, key, value: undefined, operator: undefined, location, isPartialSet: true };
  }

  #parseBodies(start: Location, written: WrittenHead, hasIf: boolean): readonly Rule[] {
    // In v0 `p[x] { … }` is a partial set, while `p[x] if …` and `p[x] = y { … }` map keys to values.
    const mayBeKey = !hasIf && !written.isPartialSet && !written.args && written.path.length === 1;
    const isOldPartialSet = mayBeKey && written.value === undefined;
    const head = isOldPartialSet ? { ...written, path: [], key: written.path[0] } : written;
    const body = this.#parseRuleBody(hasIf);
    const otherwise = this.follows("else") ? this.#parseElse(head, mayBeKey) : undefined;
    const first = this.#rule(start, head, body, otherwise);
    const chained: Rule[] = [];
    while (this.at("{")) {
      if (otherwise) this.refuse("expected else keyword");
      const chainedStart = this.advance().location;
      const further = this.parseBody("}");
      chained.push({ ...this.#rule(chainedStart, head, further), isChained: true });
    }
    const rules = [first, ...chained];
    for (const rule of rules) {
      if (!hasIf)
        this.#refuseInV1(`\`if\` keyword is required before ${head.args ? "function" : "rule"} body`, rule.location);
      if (isOldPartialSet) this.#refuseInV1("`contains` keyword is required for partial set rules", rule.location);
    }
    return rules;
  }

  #parseRuleBody(hasIf: boolean): Body {
    if (!hasIf) return this.#parseBracedBody();
    this.advance();
    if (!this.at("{")) return [this.parseStatement()];
    // `if {"a": 1}.a` is a statement; but a set always holds, so that braces around one mean a body.
    const statement = this.attempt(() => {
      const read = this.parseStatement();
      return read.what.type === "term" && read.what.term.type === "set" ? undefined : read;
    });
    return statement ? [statement] : this.#parseBracedBody();
  }

  #parseBracedBody(): Body {
    this.advance();
    return this.parseBody("}");
  }

  #parseElse(head: Head, isKeyed: boolean): Else {
    if (!head.path.every(isGround)) this.refuse("else keyword cannot be used on rules with variables in head");
    if (head.key !== undefined || isKeyed) this.refuse("else keyword cannot be used on multi-value rules");
    const branches: Omit<Else, "otherwise">[] = [];
    while (this.follows("else")) {
      if (branches.length === NESTING_MAX) this.refuse(`too many else branches: at most ${NESTING_MAX}`);
      const branch = this.#parseElseBranch(head);
      branches.push(branch);
      if (branch.body === undefined) break;
    }
    const end = this.spanFrom(head.location).end;
    let otherwise: Else | undefined;
    for (const branch of branches.reverse())
      otherwise = { ...branch, otherwise, location: { ...branch.location, end } };
    return otherwise as Else;
  }

  #parseElseBranch(head: Head): Omit<Else, "otherwise"> {
    const start = this.advance().location;
    const operator = this.take(":=") ? ":=" : this.take("=") ? "=" : undefined;
    const value = operator && this.parseTerm();
    const hasIf = operator ? this.follows("if") : this.atKeyword("if");
    if (!hasIf && !this.at("{")) {
      if (operator === undefined) this.unexpected("expected else value term or rule body");
      return { operator, value, body: undefined, location: this.spanFrom(start) };
    }
    if (!hasIf) this.#refuseInV1(`\`if\` keyword is required before ${wordFor(head)} body`, start);
    if (hasIf) this.advance();
    if (this.isAtEnd()) this.unexpected("rule body expected");
    const body = this.at("{") ? this.#parseBracedBody() : [this.parseStatement()];
    return { operator, value, body, location: this.spanFrom(start) };
  }

  #finishDefault(start: Location, head: WrittenHead): Rule {
    const needsValue = head.isPartialSet || (head.path.length === 1 && !head.args);
    if (head.value === undefined && needsValue) this.refuse("illegal default rule (must have a value)", start);
    if (head.value !== undefined) this.#checkDefaultValue(head.value);
    const names = new Set<string>();
    for (const argument of head.args ?? []) {
      if (argument.type !== "var")
        this.refuse(`illegal default rule (arguments cannot contain ${kindOfTerm(argument)})`, argument.location);
      if (argument.name !== "_" && names.has(argument.name))
        this.refuse(`illegal default rule (arguments cannot be repeated ${argument.name})`, argument.location);
      names.add(argument.name);
    }
    return { ...this.#rule(start, head), isDefault: true };
  }

  #checkDefaultValue(term: Term): void {
    if (term.type === "var" || term.type === "reference" || term.type === "call")
      this.refuse(`illegal default rule (value cannot contain ${kindOfTerm(term)})`, term.location);
    for (const part of partsOf(term)) this.#checkDefaultValue(part);
  }

  /** A head without a body: `p := 1`, `f(1)`, and in v0 `p["a"]` and `p.q.r`. */
  #finishAlone(start: Location, position: number, head: WrittenHead): Rule {
    if (head.operator === undefined) {
      this.rewind(position);
      this.#checkAlone(this.parseStatement());
    } else if (head.hasBlank) this.refuse("var cannot be used for rule name", start);
    if (this.follows("with")) this.refuse("expressions using with keyword cannot be used for rule head", start);
    if (this.at(";")) this.#refuseFurtherStatement(start);
    // OPA asks a rule for a value or a body, but no function: `is_known("a")` holds for one argument.
    if (head.operator !== undefined || head.args) return this.#rule(start, head);
    if (head.path.length === 1) {
      this.#refuseInV1("`contains` keyword is required for partial set rules", start);
      return this.#rule(start, { ...head, path: [], key: head.path[0] });
    }
    this.#refuseInV1("rule must have value assignment and/or body declaration", start);
    return this.#rule(start, head);
  }

  #refuseFurtherStatement(start: Location): never {
    this.advance();
    if (this.isAtEnd()) this.unexpected();
    this.refuse("multiple expressions cannot be used for rule head", start);
  }

  /** What begins like no rule: the error says what it is instead. */
  #refuseStatement(start: Location): never {
    if (this.atKeyword("contains")) this.refuse("contains keyword cannot be used for rule name", start);
    const statement = this.parseStatement();
    this.#checkAlone(statement);
    this.refuse("expression cannot be used for rule head", start);
  }

  #checkAlone(statement: Statement): void {
    const problem = whyNoHead(statement);
    if (problem !== undefined) this.refuse(problem, statement.location);
  }

  #rule(start: Location, written: WrittenHead, body?: Body, otherwise?: Else): Rule {
    const { name, path, args, key, value, operator, location } = written;
    const head: Head = { name, path, args, key, value, operator, location };
    const span = this.spanFrom(start);
    if (path.length === 0 && (KEYWORDS.includes(name) || V1_KEYWORDS.includes(name)))
      this.#refuseInV1(`${name} keyword cannot be used for rule name`, span);
    return { isDefault: false, head, body, otherwise, annotations: [], isChained: false, location: span };
  }

  #refuseInV1(message: string, location: Location): void {
    this.v1Refusals.push(new Refusal(message, location));
  }
}

function wordFor(head: Head): "function" | "rule" {
  return head.args ? "function" : "rule";
}

function whyNoHead({ isNegated, what, with: modifiers }: Statement): string | undefined {
  if (modifiers.length > 0) return "expressions using with keyword cannot be used for rule head";
  if (isNegated) return "negated expressions cannot be used for rule head";
  switch (what.type) {
    case "some":
    case "some-in":
      return "'some' declarations cannot be used for rule head";
    case "every":
      return "expression cannot be used for rule head";
    default:
      return whyNoName(what);
  }
}

function whyNoName(what: Extract<Expression, { type: "term" | "unify" | "assign" }>): string | undefined {
  const term = what.type === "term" ? what.term : what.type === "unify" ? what.left : what.target;
  if (term.type === "reference" && term.head.type === "var") return undefined;
  if (term.type !== "call") return `${kindOfTerm(term)} cannot be used for rule name`;
  if (term.infix !== undefined) return "rule name conflicts with built-in function";
  return what.type === "term" && term.args.length === 0
    ? "rule argument list must take at least one argument"
    : undefined;
}

/** Without variables; the name that heads a reference is none. */
function isGround(term: Term): boolean {
  switch (term.type) {
    case "var":
      return term.name === "input" || term.name === "data";
    case "reference":
      return term.path.every(isGround);
    case "call":
      return term.args.every(isGround);
    case "comprehension":
      return false;
    default:
      return partsOf(term).every(isGround);
  }
}

/** What a composite is made of. A comprehension is closed: what it is made of stays inside. */
function partsOf(term: Term): readonly Term[] {
  switch (term.type) {
    case "array":
    case "set":
      return term.items;
    case "object":
      return term.entries.flat();
    case "template":
      return term.parts.filter((part) => typeof part !== "string");
    default:
      return [];
  }
}
