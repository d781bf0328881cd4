import type { Body, Expression, Location, Statement, Term, VarTerm, With } from "../syntax/ast.ts";
import { firstOf, isOperation, isUnion, mustGroup, type Operation, TermPrinter } from "./term-printer.ts";

/** Statements, one on a line, and the bodies that they make. */
export class StatementPrinter extends TermPrinter {
  /** Writes an indented body between braces. `open` is where the opening one was or would have been. */
  protected writeBlock(open: number, body: Body, close: number, isAmbiguous: boolean): void {
    this.write("{");
    this.#writeLines(open, body, close, isAmbiguous);
    this.write("}");
  }

  protected override writeInnerBody(open: number, body: Body, close: number): void {
    this.#writeLines(open, body, close, false);
  }

  /** `isAmbiguous`: the brace before the body could be that of a term. */
  #writeLines(open: number, body: Body, close: number, isAmbiguous: boolean): void {
    this.indent();
    let end = open;
    body.forEach((statement, i) => {
      const { what, isNegated, location } = statement;
      this.endLine(end, location.start);
      if (i > 0 && location.row > this.rowAt(end) + 1) this.blankLine();
      this.writeComments(location.start);
      this.startLine();
      const lead = isNegated ? undefined : leadOf(what);
      this.#writeStatement(statement, i > 0 ? leadingMinus(lead) : isAmbiguous ? leadingUnion(lead) : undefined);
      end = location.end;
    });
    this.closeLine(end, close);
  }

  protected override writeStatement(statement: Statement): void {
    this.#writeStatement(statement, undefined);
  }

  /** `enclosed` is what needs parentheses, so that it does not go on with what stands before it. */
  #writeStatement(statement: Statement, enclosed: Term | undefined): void {
    const { what, isNegated, location, with: modifiers } = statement;
    if (isNegated) this.write("not ");
    this.#writeExpression(statement, enclosed);
    if (modifiers.length > 0) this.#writeModifiers(modifiers, this.#endOf(what, location.end));
  }

  #writeExpression({ what, location }: Statement, enclosed: Term | undefined): void {
    switch (what.type) {
      case "term":
        this.#writeTermStatement(what.term, enclosed);
        break;
      case "unify":
        this.writeInParentheses(what.left, what.left === enclosed);
        this.write(" = ");
        this.writeTerm(what.right);
        break;
      case "assign":
        this.writeInParentheses(what.target, what.target === enclosed);
        this.write(" := ");
        this.writeTerm(what.value);
        break;
      case "some":
        this.#writeSome(what.vars, location);
        break;
      case "some-in":
        this.write("some ");
        this.writeMembership([...(what.key ? [what.key] : []), what.value, what.domain], false);
        break;
      case "every":
        this.#writeEvery(what, location.row, location.end);
        break;
    }
  }

  #writeTermStatement(term: Term, enclosed: Term | undefined): void {
    const isEnclosed = term === enclosed && !this.beginsWithKeyword(term);
    if (isEnclosed) this.write("(");
    if (!isOperation(term)) this.writeTerm(term);
    else if (term.infix === "in") this.writeMembership(term.args, false);
    else this.#writeOuterOperation(term, enclosed);
    if (isEnclosed) this.write(")");
  }

  /** With fewer parentheses than operators inside others have: what a comparison compares is plain to see. */
  #writeOuterOperation(term: Operation, enclosed: Term | undefined): void {
    const [left, right] = term.args as [Term, Term];
    this.writeInParentheses(left, left === enclosed || (isOperation(left) && mustGroup(term, left)));
    this.write(` ${term.infix} `);
    this.writeInParentheses(right, isOperation(right) && mustGroup(term, right));
  }

  #writeSome(vars: readonly VarTerm[], { start, row: firstRow }: Location): void {
    this.write("some");
    this.indent();
    let end = start + "some".length;
    let row = firstRow;
    vars.forEach(({ name, location }, i) => {
      if (i > 0) this.write(",");
      if (location.row > row) this.breakLine(end, location.start);
      else this.write(" ");
      this.write(name);
      ({ end, row } = location);
    });
    this.dedent();
  }

  #writeEvery(every: Extract<Expression, { type: "every" }>, row: number, end: number): void {
    const { key, value, domain, body } = every;
    this.write(key ? `every ${key.name}, ${value.name} in ` : `every ${value.name} in `);
    this.writeInParentheses(domain, isOperation(domain) && domain.infix === "in");
    const [first, last] = [body[0] as Statement, body.at(-1) as Statement];
    const close = this.find("}", last.location.end, end) ?? end;
    this.write(" ");
    if (this.isOnLine(row, body, close)) {
      this.write("{ ");
      this.writeStatementsInLine(body);
      this.write(" }");
    } else {
      const open = this.find("{", domain.location.end, first.location.start);
      this.writeBlock(open ?? domain.location.end, body, close, false);
    }
  }

  /** Where an expression ends, before its modifiers. */
  #endOf(what: Expression, end: number): number {
    switch (what.type) {
      case "term":
        return what.term.location.end;
      case "unify":
        return what.right.location.end;
      case "assign":
        return what.value.location.end;
      case "some-in":
        return what.domain.location.end;
      case "every":
        return this.find("}", (what.body.at(-1) as Statement).location.end, end) ?? end;
      case "some":
        return end;
    }
  }

  /** A modifier begins a line when it began one. From the first that does, they are indented. */
  #writeModifiers(modifiers: readonly With[], endOfExpression: number): void {
    let isIndented = false;
    let end = endOfExpression;
    let row = this.rowAt(end);
    for (const { target, value, location } of modifiers) {
      if (location.row > row) {
        if (!isIndented) this.indent();
        isIndented = true;
        this.breakLine(end, location.start);
      } else this.write(" ");
      row = location.row;
      this.write("with ");
      this.writeTerm(target);
      this.write(" as ");
      this.writeTerm(value);
      end = location.end;
    }
    if (isIndented) this.dedent();
  }
}

/** The term with which an expression begins. */
export function leadOf(what: Expression): Term | undefined {
  switch (what.type) {
    case "term":
      return what.term;
    case "unify":
      return what.left;
    case "assign":
      return what.target;
    default:
      return undefined;
  }
}

/** Behind the brace of a body, `x | y` would begin a comprehension. Inside other operators it has parentheses anyway. */
function leadingUnion(lead: Term | undefined): Term | undefined {
  if (!lead || isUnion(lead)) return lead;
  const left = isOperation(lead) ? lead.args[0] : undefined;
  return left && isUnion(left) ? left : undefined;
}

/** Behind another statement, `-1 == x` would be taken from it. */
function leadingMinus(lead: Term | undefined): Term | undefined {
  const first = lead && firstOf(lead);
  const hasMinus = first?.type === "number" ? first.text.startsWith("-") : first?.type === "call";
  return hasMinus ? lead : undefined;
}
