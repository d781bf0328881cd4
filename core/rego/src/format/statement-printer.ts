import type { Body, Expression, Statement, Term, VarTerm, With } from "../syntax/ast.ts";
import { bindingOf, isOperation, isUnion, TermPrinter } from "./term-printer.ts";

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
      const { start, row } = statement.location;
      this.endLine(end, start);
      if (i > 0 && row > this.rowAt(end) + 1) this.blankLine();
      this.writeComments(start);
      this.startLine();
      this.#writeStatement(statement, isAmbiguous && i === 0);
      end = statement.location.end;
    });
    this.closeLine(end, close);
  }

  protected override writeStatement(statement: Statement): void {
    this.#writeStatement(statement, false);
  }

  #writeStatement(statement: Statement, isAmbiguous: boolean): void {
    const { what, isNegated, location, with: modifiers } = statement;
    if (isNegated) this.write("not ");
    // `{ x | y …` would be a comprehension.
    this.#writeExpression(statement, isAmbiguous && !isNegated ? leadingUnion(what) : undefined);
    if (modifiers.length > 0) this.#writeModifiers(modifiers, this.#endOf(what, location.end));
  }

  #writeExpression(statement: Statement, union: Term | undefined): void {
    const { what, location } = statement;
    switch (what.type) {
      case "term":
        return this.#writeTermStatement(what.term, union);
      case "unify":
        this.writeInParentheses(what.left, what.left === union);
        this.write(" = ");
        return this.writeTerm(what.right);
      case "assign":
        this.writeTerm(what.target);
        this.write(" := ");
        return this.writeTerm(what.value);
      case "some":
        return this.#writeSome(what.vars, location.row);
      case "some-in":
        this.write("some ");
        return this.writeMembership([...(what.key ? [what.key] : []), what.value, what.domain], false);
      case "every":
        return this.#writeEvery(what, location.row, location.end);
    }
  }

  /** Operators need fewer parentheses here: what a comparison compares is plain to see. */
  #writeTermStatement(term: Term, union: Term | undefined): void {
    if (!isOperation(term)) return this.writeTerm(term);
    if (term === union) this.write("(");
    if (term.infix === "in") this.writeMembership(term.args, false);
    else {
      const [left, right] = term.args as [Term, Term];
      const binding = bindingOf(term);
      this.writeInParentheses(left, left === union || (isOperation(left) && bindingOf(left) < binding));
      this.write(` ${term.infix} `);
      this.writeInParentheses(right, isOperation(right) && bindingOf(right) <= binding);
    }
    if (term === union) this.write(")");
  }

  #writeSome(vars: readonly VarTerm[], firstRow: number): void {
    this.write("some");
    this.indent();
    let row = firstRow;
    vars.forEach(({ name, location }, i) => {
      const before = vars[i - 1];
      if (before) this.write(",");
      if (location.row > row) this.breakLine(before?.location.end ?? location.start, location.start);
      else this.write(" ");
      row = location.row;
      this.write(name);
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

/** The union that begins a statement, if one does; inside other operators it has parentheses anyway. */
function leadingUnion(what: Expression): Term | undefined {
  const term = what.type === "term" ? what.term : what.type === "unify" ? what.left : undefined;
  if (!term || isUnion(term)) return term;
  const left = isOperation(term) ? term.args[0] : undefined;
  return left && isUnion(left) ? left : undefined;
}
