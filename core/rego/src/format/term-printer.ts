import type { Body, CallTerm, ComprehensionTerm, Location, Statement, StringTerm, Term } from "../syntax/ast.ts";
import { INFIX_OPERATORS, KEYWORDS, V1_KEYWORDS } from "../syntax/tokens.ts";
import { Page } from "./page.ts";

/** One of several terms between brackets and commas. */
interface Item {
  readonly location: Location;
  readonly end: number;
  readonly write: () => void;
}

/** Terms, laid out on as many lines as they were: what began on a line of its own does so again. */
export abstract class TermPrinter extends Page {
  /** Statements in braces or brackets whose opening ended at `open`; `close` begins what closes them. */
  protected abstract writeInnerBody(open: number, body: Body, close: number): void;
  protected abstract writeStatement(statement: Statement): void;

  /** A term where nothing around it could claim a part of it, unless it is `key, value in xs`. */
  protected writeTerm(term: Term): void {
    switch (term.type) {
      case "null":
        return this.write("null");
      case "boolean":
        return this.write(String(term.value));
      case "number":
        return this.write(term.text);
      case "string":
        return this.copy(term.location.start, term.location.end);
      case "var":
        return this.write(term.name);
      case "reference":
        return this.#writeReference(term.head, term.path);
      case "array":
        return this.#writeList("[", term.items, "]", term.location);
      case "set":
        if (term.items.length === 0) return this.write("set()");
        return this.#writeList("{", term.items, "}", term.location);
      case "object":
        return this.#writeObject(term.entries, term.location);
      case "call":
        return this.#writeCall(term);
      case "comprehension":
        return this.#writeComprehension(term);
      case "template":
        return this.#writeTemplate(term.form, term.parts);
    }
  }

  protected writeInParentheses(term: Term, hasParentheses: boolean): void {
    const isNeeded = hasParentheses && !isKeyedMembership(term);
    if (isNeeded) this.write("(");
    this.writeTerm(term);
    if (isNeeded) this.write(")");
  }

  #writeReference(head: Term, path: readonly Term[]): void {
    this.writeInParentheses(head, isOperation(head));
    this.writeSteps(path);
  }

  protected writeSteps(path: readonly Term[]): void {
    for (const step of path) {
      if (step.type === "string" && isName(step)) this.write(`.${step.value}`);
      else this.writeBracketed(step);
    }
  }

  protected writeBracketed(step: Term): void {
    this.write("[");
    if (step.type === "string") this.write(quoted(step.value));
    else this.writeTerm(step);
    this.write("]");
  }

  #writeCall(call: CallTerm): void {
    if (call.infix === "in") return this.writeMembership(call.args, isKeyedMembership(call));
    const [left, right] = call.args as [Term, Term];
    if (isNegative(call)) {
      this.write("-");
      this.writeTerm(right);
    } else if (call.infix !== undefined) {
      // Parentheses show what belongs to what, also where they could be left out.
      this.writeInParentheses(left, isOperation(left));
      this.write(` ${call.infix} `);
      this.writeInParentheses(right, isOperation(right));
    } else {
      this.writeTerm(call.operator);
      this.writeArguments(call.args, call.operator.location.end, call.location.end - 1, false);
    }
  }

  /** `value in domain`, `key, value in domain`. */
  protected writeMembership(args: readonly Term[], hasParentheses: boolean): void {
    if (hasParentheses) this.write("(");
    args.forEach((term, i) => {
      if (i > 0) this.write(i === args.length - 1 ? " in " : ", ");
      // `a in b in c` is `(a in b) in c`.
      const isLeft = i === 0 && args.length === 2;
      this.writeInParentheses(term, isOperation(term) && !(isLeft && term.infix === "in"));
    });
    if (hasParentheses) this.write(")");
  }

  /** Of a call, or the parameters of a rule; `end` is where the name before them ended. */
  protected writeArguments(args: readonly Term[], end: number, close: number, mayBreakFirst: boolean): void {
    const open = (this.find("(", end, close) ?? end) + 1;
    this.write("(");
    this.#writeItems(this.#itemsOf(args, open, false), open, close, mayBreakFirst);
    this.write(")");
  }

  #writeList(open: string, items: readonly Term[], close: string, { start, end }: Location): void {
    this.write(open);
    this.#writeItems(this.#itemsOf(items, start + 1, true), start + 1, end - 1, true);
    this.write(close);
  }

  /** A union in a list would begin a comprehension. Among arguments it may have parentheses, and keeps them. */
  #itemsOf(terms: readonly Term[], open: number, isInList: boolean): readonly Item[] {
    let from = open;
    return terms.map((term): Item => {
      const parenthesis = this.find("(", from, term.location.start);
      const hasParentheses = isUnion(term) && (isInList || parenthesis !== undefined);
      const row = parenthesis === undefined ? term.location.row : this.rowAt(parenthesis);
      from = term.location.end;
      return {
        location: { ...term.location, start: parenthesis ?? term.location.start, row },
        end: from,
        write: () => this.writeInParentheses(term, hasParentheses),
      };
    });
  }

  #writeObject(entries: readonly (readonly [Term, Term])[], { start, end }: Location): void {
    const [keys, values] = [entries.map(([key]) => key), entries.map(([, value]) => value)];
    const items = this.#itemsOf(keys, start + 1, true).map((key, i): Item => {
      const value = values[i] as Term;
      const write = (): void => {
        key.write();
        this.write(": ");
        this.writeInParentheses(value, isUnion(value));
      };
      return { location: key.location, end: value.location.end, write };
    });
    this.write("{");
    this.#writeItems(items, start + 1, end - 1, true);
    this.write("}");
  }

  /** `mayBreakFirst`: that the first item began a line is enough to break the lines again. */
  #writeItems(items: readonly Item[], open: number, close: number, mayBreakFirst: boolean): void {
    const [first, last] = [items[0], items.at(-1)];
    if (!first || !last) return;
    const isBroken =
      items.some((item, i) => beginsLine(item, items[i - 1])) ||
      (mayBreakFirst && first.location.row > this.rowAt(open)) ||
      this.hasCommentLines(open, first.location.start) ||
      this.hasCommentLines(last.end, close);
    if (isBroken) {
      this.indent();
      this.breakLine(open, first.location.start);
    }
    items.forEach((item, i) => {
      item.write();
      const next = items[i + 1];
      if (next || isBroken) this.write(",");
      if (next && beginsLine(next, item)) this.breakLine(item.end, next.location.start);
      else if (next) this.write(" ");
    });
    if (isBroken) this.closeLine(last.end, close);
  }

  #writeComprehension({ of, key, value, body, location }: ComprehensionTerm): void {
    this.write(of === "array" ? "[" : "{");
    if (key) {
      this.writeInParentheses(key, isUnion(key));
      this.write(": ");
    }
    this.writeInParentheses(value, isOperation(value));
    this.write(" |");
    this.#writeComprehensionBody(value, body, location);
    this.write(of === "array" ? "]" : "}");
  }

  #writeComprehensionBody(value: Term, body: Body, { row, end }: Location): void {
    if (this.isOnLine(row, body, end - 1)) {
      this.write(" ");
      this.writeStatementsInLine(body);
    } else this.writeInnerBody(value.location.end, body, end - 1);
  }

  /** Whether statements may stay on the line that is `row`, before the bracket at `close`. */
  protected isOnLine(row: number, body: Body, close: number): boolean {
    const [first, last] = [body[0] as Statement, body.at(-1) as Statement];
    return (
      first.location.row <= row &&
      body.every((statement, i) => !beginsLine(statement, body[i - 1])) &&
      !this.hasCommentLines(last.location.end, close)
    );
  }

  protected writeStatementsInLine(body: Body): void {
    body.forEach((statement, i) => {
      if (i > 0) this.write("; ");
      this.writeStatement(statement);
    });
  }

  #writeTemplate(form: "quoted" | "raw", parts: readonly (string | Term)[]): void {
    const quote = form === "raw" ? "`" : '"';
    this.write(`$${quote}`);
    for (const part of parts) {
      if (typeof part === "string") this.write((form === "raw" ? part : quoted(part).slice(1, -1)).replaceAll("{", "\\{"));
      else this.#writeTemplateExpression(part);
    }
    this.write(quote);
  }

  #writeTemplateExpression(part: Term): void {
    const modified = modifiedInTemplate(part);
    this.write("{");
    this.indent();
    if (modified) this.writeStatement(modified);
    else this.writeTerm(part);
    this.dedent();
    this.write("}");
  }
}

interface Placed {
  readonly location: Location;
}

function beginsLine(item: Placed, before: Placed | undefined): boolean {
  return before !== undefined && item.location.row > before.location.row;
}

/** Two operands with an operator between them. */
export function isOperation(term: Term): term is CallTerm {
  return term.type === "call" && term.infix !== undefined && !isNegative(term);
}

export function isUnion(term: Term): boolean {
  return term.type === "call" && term.infix === "|";
}

/** `-x`, which is read as `0 - x`, the zero being where the minus is. */
function isNegative({ infix, operator, args }: CallTerm): boolean {
  return infix === "-" && args[0]?.location.start === operator.location.start;
}

function isKeyedMembership(term: Term): boolean {
  return term.type === "call" && term.infix === "in" && term.args.length === 3;
}

/** 0 for `in`, which binds loosest. */
export function bindingOf({ infix = "" }: CallTerm): number {
  return INFIX_OPERATORS.get(infix)?.binding ?? 0;
}

/** `$"{t with input as x}"` as the parser reads it: `[$ | $ = t with input as x][0]`. */
function modifiedInTemplate(part: Term): Statement | undefined {
  if (part.type !== "reference" || part.head.type !== "comprehension") return undefined;
  const { value, body } = part.head;
  const [statement] = body;
  if (value.type !== "var" || value.name !== "$" || statement?.what.type !== "unify") return undefined;
  return { ...statement, what: { type: "term", term: statement.what.right } };
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether a step of a path needs no quotes. A keyword keeps those it has: without them, not every version takes it. */
export function isName({ value, form }: Pick<StringTerm, "value" | "form">): boolean {
  const isKeyword = KEYWORDS.includes(value) || V1_KEYWORDS.includes(value);
  return NAME.test(value) && (form === "name" || !isKeyword);
}

/** As JSON has it, and without a byte order mark, which may stand nowhere in a text. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\ufeff", "\\ufeff");
}
