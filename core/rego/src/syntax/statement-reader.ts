import type { Body, Expression, Location, Statement, Term, VarTerm, With } from "./ast.ts";
import { type BodyEnd, TermReader } from "./term-reader.ts";

/** Statements and the bodies that they make. */
export class StatementReader extends TermReader {
  /** Statements up to `end`, which is taken. */
  protected parseBody(end: BodyEnd): Body {
    if (this.#isAtBodyEnd(end)) this.refuse("found empty body");
    return this.nest(() => this.#parseFurtherStatements([this.parseStatement()], end));
  }

  protected override parseComprehensionBody(end: BodyEnd): Body | undefined {
    const bar = this.position;
    this.advance();
    if (this.#isAtBodyEnd(end)) this.refuse("found empty body");
    const first = this.tryOut(() => this.parseStatement());
    // No body goes on with a comma: `|` was an operator, and this is a list.
    const isPlain = first.what.type === "term" && !first.isNegated && first.with.length === 0;
    if (isPlain && this.at(",")) {
      this.rewind(bar);
      return undefined;
    }
    return this.#parseFurtherStatements([first], end);
  }

  #parseFurtherStatements(statements: Statement[], end: BodyEnd): Body {
    for (;;) {
      if (!this.take(";")) {
        if (this.#isAtBodyEnd(end)) {
          this.advance();
          return statements;
        }
        if (!this.token.hasNewlineBefore) this.unexpected(`expected \\n or ; or ${end}`);
      }
      statements.push(this.parseStatement());
    }
  }

  #isAtBodyEnd(end: BodyEnd): boolean {
    return end === "eof" ? this.isAtEnd() : this.at(end);
  }

  protected override parseStatement(): Statement {
    const start = this.token.location;
    const isName = this.isAtKeywordReference();
    if (isName) this.readAsName();
    const isNegated = !isName && this.atKeyword("not");
    if (isNegated) this.advance();
    const what = this.#parseExpression(isNegated);
    // `some x, y` declares names; nothing is evaluated that a `with` could change.
    const modifiers = what.type === "some" ? [] : this.#parseModifiers();
    return { isNegated, what, with: modifiers, location: this.spanFrom(start) };
  }

  #parseExpression(isNegated: boolean): Expression {
    for (const quantifier of ["some", "every"])
      if (isNegated && this.atKeyword(quantifier)) this.unexpected(`illegal negation of '${quantifier}'`);
    if (this.atKeyword("some")) return this.#parseSome();
    if (this.atKeyword("every")) return this.#parseEvery();
    const left = this.parseTerm();
    if (this.take(":=")) return { type: "assign", target: left, value: this.parseTerm() };
    if (this.take("=")) return { type: "unify", left, right: this.parseTerm() };
    return { type: "term", term: left };
  }

  #parseSome(): Expression {
    this.advance();
    const isName = this.isAtName();
    const first = this.parseTerm();
    const membership = asMembership(first);
    if (membership) return { type: "some-in", ...membership };
    if (first.type === "call") this.unexpected("expected `x in xs` or `x, y in xs` expression");
    if (!isName || first.type !== "var") this.refuse("expected var", first.location);
    const vars: VarTerm[] = [first];
    while (this.take(",")) {
      const { text, location } = this.token;
      if (!this.isAtName()) this.unexpected("expected var");
      this.advance();
      vars.push({ type: "var", name: text, location });
    }
    return { type: "some", vars };
  }

  #parseEvery(): Expression {
    this.advance();
    const term = this.parseTerm();
    const membership = asMembership(term);
    if (!membership) return this.refuse("expected `x[, y] in xs { ... }` expression", term.location);
    const { key, value, domain } = membership;
    if (key && key.type !== "var") return this.refuse("expected key to be a variable", key.location);
    if (value.type !== "var") return this.refuse("expected value to be a variable", value.location);
    if (!this.take("{")) this.unexpected("missing body");
    return { type: "every", key, value, domain, body: this.parseBody("}") };
  }

  #parseModifiers(): readonly With[] {
    const modifiers: With[] = [];
    while (this.follows("with")) modifiers.push(this.#parseModifier(this.advance().location));
    return modifiers;
  }

  #parseModifier(start: Location): With {
    if (!this.isAtName()) this.unexpected("expected ident");
    const target = this.measure(() => this.parseOperand());
    if (target.type !== "var" && target.type !== "reference")
      return this.refuse("expected with target path", target.location);
    if (!this.atKeyword("as")) this.unexpected("expected as keyword");
    this.advance();
    const value = this.parseTerm();
    return { target, value, location: this.spanFrom(start) };
  }
}

interface Membership {
  readonly key: Term | undefined;
  readonly value: Term;
  readonly domain: Term;
}

/** `value in domain` or `key, value in domain`. */
function asMembership(term: Term): Membership | undefined {
  if (term.type !== "call" || term.infix !== "in") return undefined;
  const domain = term.args.at(-1) as Term;
  const value = term.args.at(-2) as Term;
  return { key: term.args.at(-3), value, domain };
}
