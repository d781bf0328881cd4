import type {
  ArrayTerm,
  Body,
  CallTerm,
  ComprehensionTerm,
  Location,
  NumberTerm,
  ReferenceTerm,
  Statement,
  StringTerm,
  Term,
  VarTerm,
} from "./ast.ts";
import { parseNumberLiteral } from "./number-literal.ts";
import { NESTING_MAX, TokenReader } from "./token-reader.ts";
import { INFIX_OPERATORS, type InfixOperator, type Token } from "./tokens.ts";

/** What closes a body: a brace, the bracket of an array comprehension, or the end of a query. */
export type BodyEnd = "}" | "]" | "eof";

const LOOSEST = 0;

/** Terms: the operators by how tightly they bind, references and calls, and what they are made of. */
export abstract class TermReader extends TokenReader {
  protected abstract parseStatement(): Statement;
  /** The body behind a comprehension's `|`. Undefined, and nothing is taken, when `|` was an operator: `[x | y, z]`. */
  protected abstract parseComprehensionBody(end: BodyEnd): Body | undefined;

  /** A term where no list's commas are near, so that `key, value in xs` is one as well. */
  protected parseTerm(): Term {
    return this.measure(() => {
      const start = this.token.location;
      const first = this.#parseRelation();
      return this.#parseMembership(start, (this.at(",") && this.#parseKeyedMembership(start, first)) || first);
    });
  }

  /** An item of a list, an argument, a key or a value. */
  protected parseItem(): Term {
    return this.measure(() => {
      const start = this.token.location;
      return this.#finishItem(start, this.parseOperand());
    });
  }

  /** A term without operators around it. */
  protected parseOperand(): Term {
    return this.remember(() => this.#parsePath(this.token.location, this.#parsePrimary()));
  }

  #finishItem(start: Location, first: Term): Term {
    return this.#parseMembership(start, this.#parseOperators(start, first, LOOSEST));
  }

  #parseRelation(binding: number = LOOSEST): Term {
    const start = this.token.location;
    return this.#parseOperators(start, this.parseOperand(), binding);
  }

  /** Takes the operators behind `left` that bind at least as tightly as `binding`. */
  #parseOperators(start: Location, left: Term, binding: number): Term {
    let term = left;
    for (;;) {
      const operator = this.infixOperator();
      if (operator === undefined || operator.binding < binding) return term;
      const token = this.advance();
      const right = this.descend(() => this.#parseRelation(operator.binding + 1));
      term = this.#call(start, variable(operator.builtin, token.location), [term, right], token.text);
    }
  }

  protected infixOperator(): InfixOperator | undefined {
    return this.token.kind === "symbol" ? INFIX_OPERATORS.get(this.token.text) : undefined;
  }

  #parseMembership(start: Location, first: Term): Term {
    let term = first;
    while (this.follows("in")) {
      const token = this.advance();
      const domain = this.#parseRelation();
      term = this.#call(start, memberBuiltin("member_2", token.location), [term, domain], "in");
    }
    return term;
  }

  #parseKeyedMembership(start: Location, key: Term): Term | undefined {
    const value = this.attempt(() => {
      this.advance();
      const second = this.#parseRelation();
      return this.follows("in") ? second : undefined;
    });
    if (value === undefined) return undefined;
    const token = this.advance();
    const domain = this.#parseRelation();
    return this.#call(start, memberBuiltin("member_3", token.location), [key, value, domain], "in");
  }

  #call(
    start: Location,
    operator: VarTerm | ReferenceTerm,
    args: readonly Term[],
    infix: string | undefined,
  ): CallTerm {
    this.grow();
    return { type: "call", operator, args, infix, location: this.spanFrom(start) };
  }

  /** What follows a head without a blank between: `.name`, `[term]`, `(arguments)`. */
  #parsePath(start: Location, head: Term): Term {
    let term = head;
    let path: Term[] = [];
    for (;;) {
      const token = this.token;
      if (token.hasSpaceBefore || token.kind !== "symbol") break;
      const isCall = token.text === "(";
      // A call's result is not called again: `f(x)(y)`.
      if (!isCall && token.text !== "." && token.text !== "[") break;
      if (isCall && path.length === 0 && term.type === "call") break;
      if (path.length === 0) this.#checkHead(term);
      if (isCall) {
        term = this.#parseCall(start, this.#reference(start, term, path));
        path = [];
      } else this.parseStep(path);
    }
    return this.#reference(start, term, path);
  }

  /** The next step of a reference: `.name` or `[term]`. */
  protected parseStep(path: Term[]): void {
    if (path.length === NESTING_MAX) this.refuse(`too many keys: at most ${NESTING_MAX} in a reference`);
    path.push(this.advance().text === "." ? this.#parseDottedName() : this.nest(() => this.#parseKey()));
  }

  #parseKey(): Term {
    const term = this.parseTerm();
    this.expect("]", "expected ]");
    return term;
  }

  #parseDottedName(): StringTerm {
    const token = this.token;
    if (token.kind !== "name" || token.hasSpaceBefore) this.unexpected("expected identifier");
    this.advance();
    return { type: "string", value: token.text, form: "name", location: token.location };
  }

  #checkHead(head: Term): void {
    switch (head.type) {
      case "var":
      case "array":
      case "object":
      case "set":
      case "comprehension":
      case "call":
        return;
      default:
        this.refuse(`illegal ref (head cannot be ${kindOfTerm(head)})`, head.location);
    }
  }

  #reference(start: Location, head: Term, path: readonly Term[]): Term {
    return path.length === 0 ? head : { type: "reference", head, path, location: this.spanFrom(start) };
  }

  #parseCall(start: Location, operator: Term): Term {
    if (operator.type !== "var" && operator.type !== "reference")
      this.refuse(`illegal call (${kindOfTerm(operator)} is no function)`, operator.location);
    const args = this.parseArguments();
    // `{}` is the empty object, so the empty set has a name.
    if (args.length === 0 && operator.type === "var" && operator.name === "set")
      return { type: "set", items: [], location: this.spanFrom(start) };
    return this.#call(start, operator, args, undefined);
  }

  protected parseArguments(): readonly Term[] {
    this.advance();
    return this.nest(() => this.#parseItems([], ")"));
  }

  /** The items of a list up to its end; a comma before the end is allowed. */
  #parseItems(items: Term[], end: string): readonly Term[] {
    while (!this.take(end)) {
      items.push(this.parseItem());
      if (!this.take(",") && !this.at(end)) this.unexpected(`expected "," or "${end}"`);
    }
    return items;
  }

  #parsePrimary(): Term {
    const token = this.token;
    switch (token.kind) {
      case "name":
        return this.#parseWord(token);
      case "number":
        return this.#parseNumber();
      case "string":
        this.advance();
        return { type: "string", value: token.text, form: token.form, location: token.location };
      case "template":
      case "template-head":
        return this.#parseTemplate();
      default:
        return this.#parseComposite();
    }
  }

  #parseComposite(): Term {
    if (this.at("[")) return this.nest(() => this.#parseArray());
    if (this.at("{")) return this.nest(() => this.#parseBraces());
    if (this.at("(")) return this.nest(() => this.#parseGroup());
    if (this.at("-")) return this.#parseNegative();
    if (this.at(".")) return this.#parseNumber();
    return this.unexpected();
  }

  #parseWord(token: Token): Term {
    const { location } = token;
    // `contains` is a keyword in heads alone; elsewhere it is the builtin.
    if (!this.isAtKeyword() || token.text === "contains") {
      this.advance();
      return variable(token.text, location);
    }
    switch (token.text) {
      case "null":
        this.advance();
        return { type: "null", location };
      case "true":
      case "false":
        this.advance();
        return { type: "boolean", value: token.text === "true", location };
      default:
        return this.unexpected();
    }
  }

  /** `-1` is a number; before a name the minus is an operator with nothing on its left: `0 - x`. */
  #parseNegative(): Term {
    const minus = this.token;
    const next = this.tokens[this.position + 1] as Token;
    if (next.kind !== "name") return this.#parseNumber();
    this.advance();
    if (this.isAtKeyword() && !this.atKeyword("contains")) this.unexpected("expected number");
    const operand = this.descend(() => this.parseOperand());
    const zero: Term = { type: "number", value: 0, text: "0", location: minus.location };
    return this.#call(minus.location, variable("minus", minus.location), [zero, operand], "-");
  }

  /** Sign and leading point are tokens of their own, with blanks between them if one likes. */
  #parseNumber(): NumberTerm {
    const start = this.token.location;
    const sign = this.take("-") ? "-" : "";
    const point = this.take(".") ? "." : "";
    const token = this.token;
    if (token.kind !== "number") this.unexpected("expected number");
    const text = sign + point + token.text;
    const value = parseNumberLiteral(text);
    if (typeof value === "string") this.unexpected(value);
    this.advance();
    return { type: "number", value, text, location: this.spanFrom(start) };
  }

  #parseGroup(): Term {
    this.advance();
    const term = this.parseTerm();
    this.expect(")", "non-terminated expression");
    return term;
  }

  #parseArray(): ArrayTerm | ComprehensionTerm {
    const start = this.advance().location;
    // OPA takes one comma before the first item, and then `|` is an operator.
    const mayBeComprehension = !this.take(",");
    if (mayBeComprehension && this.take("]")) return { type: "array", items: [], location: this.spanFrom(start) };
    const first = this.token.location;
    const value = this.parseOperand();
    if (mayBeComprehension && this.at("|")) {
      const body = this.parseComprehensionBody("]");
      if (body) return this.#comprehension(start, "array", undefined, value, body);
    }
    const items = this.#parseFurtherItems(this.#finishItem(first, value), "]");
    return { type: "array", items, location: this.spanFrom(start) };
  }

  #parseFurtherItems(first: Term, end: string, note?: string): readonly Term[] {
    if (!this.take(",") && !this.at(end)) this.unexpected(note ?? `expected "," or "${end}"`);
    return this.#parseItems([first], end);
  }

  /** An object, a set, or a comprehension of either. */
  #parseBraces(): Term {
    const start = this.advance().location;
    const mayBeComprehension = !this.take(",");
    if (mayBeComprehension && this.take("}")) return { type: "object", entries: [], location: this.spanFrom(start) };
    const firstStart = this.token.location;
    const operand = this.parseOperand();
    if (mayBeComprehension && this.at("|")) {
      const body = this.parseComprehensionBody("}");
      if (body) return this.#comprehension(start, "set", undefined, operand, body);
    }
    const first = this.#finishItem(firstStart, operand);
    if (this.at(":")) return this.#parseObject(start, first, mayBeComprehension);
    const items = this.#parseFurtherItems(first, "}", "non-terminated set");
    return { type: "set", items, location: this.spanFrom(start) };
  }

  #parseObject(start: Location, key: Term, mayBeComprehension: boolean): Term {
    this.advance();
    const valueStart = this.token.location;
    const operand = this.parseOperand();
    if (mayBeComprehension && this.at("|")) {
      const body = this.parseComprehensionBody("}");
      if (body) return this.#comprehension(start, "object", key, operand, body);
    }
    const entries: [Term, Term][] = [[key, this.#finishItem(valueStart, operand)]];
    while (!this.take("}")) {
      if (!this.take(",")) this.unexpected(entries.length === 1 ? "non-terminated object" : 'expected "," or "}"');
      if (this.at("}")) continue;
      const nextKey = this.parseItem();
      this.expect(":", 'expected ":"');
      entries.push([nextKey, this.parseItem()]);
    }
    return { type: "object", entries, location: this.spanFrom(start) };
  }

  #comprehension(
    start: Location,
    of: ComprehensionTerm["of"],
    key: Term | undefined,
    value: Term,
    body: Body,
  ): ComprehensionTerm {
    return { type: "comprehension", of, key, value, body, location: this.spanFrom(start) };
  }

  #parseTemplate(): Term {
    const { form, location } = this.token;
    return this.nest(() => {
      const parts: (string | Term)[] = [];
      for (;;) {
        const { kind, text } = this.advance();
        if (text !== "") parts.push(text);
        if (kind === "template" || kind === "template-tail")
          return { type: "template", form, parts, location: this.spanFrom(location) };
        parts.push(this.#parseTemplateExpression());
        if (this.token.kind !== "template-middle" && this.token.kind !== "template-tail")
          this.unexpected("expected } to end template string expression");
      }
    });
  }

  #parseTemplateExpression(): Term {
    if (this.token.kind === "template-middle" || this.token.kind === "template-tail")
      this.refuse("invalid template-string expression: there is none");
    const { isNegated, what, with: modifiers, location } = this.measure(() => this.parseStatement());
    if (isNegated) this.refuse("unexpected negation ('not') in template-string expression", location);
    switch (what.type) {
      case "term":
        return modifiers.length === 0 ? what.term : this.#withModifiers(what.term, modifiers, location);
      case "unify":
        return this.refuse("unexpected unification ('=') in template-string expression", location);
      case "assign":
        return this.refuse("unexpected assignment (':=') in template-string expression", location);
      case "every":
        return this.refuse("unexpected 'every' in template-string expression", location);
      default:
        return this.refuse("unexpected 'some' in template-string expression", location);
    }
  }

  /**
   * A part of a template is a term, and `with` belongs to statements: `{t with input as x}` is read as
   * `{[v | v = t with input as x][0]}`, which is undefined whenever `t` is. No policy can write the name `$`.
   */
  #withModifiers(term: Term, modifiers: Statement["with"], location: Location): Term {
    this.grow();
    this.grow();
    const value = variable("$", location);
    const statement: Statement = {
      isNegated: false,
      what: { type: "unify", left: value, right: term },
      with: modifiers,
      location,
    };
    const head: Term = { type: "comprehension", of: "array", key: undefined, value, body: [statement], location };
    return { type: "reference", head, path: [{ type: "number", value: 0, text: "0", location }], location };
  }

  protected expect(symbol: string, note: string): void {
    if (!this.take(symbol)) this.unexpected(note);
  }
}

/** What error messages call a term. */
export function kindOfTerm(term: Term): string {
  switch (term.type) {
    case "reference":
      return "ref";
    case "comprehension":
      return `${term.of}comprehension`;
    case "template":
      return "templatestring";
    default:
      return term.type;
  }
}

function variable(name: string, location: Location): VarTerm {
  return { type: "var", name, location };
}

function memberBuiltin(name: "member_2" | "member_3", location: Location): ReferenceTerm {
  const path: readonly Term[] = [{ type: "string", value: name, form: "name", location }];
  return { type: "reference", head: variable("internal", location), path, location };
}
