import type {
  Body,
  CallTerm,
  ComprehensionTerm,
  Location,
  Module,
  Statement,
  StringTerm,
  Term,
} from "../syntax/ast.ts";
import { INFIX_OPERATORS } from "../syntax/tokens.ts";
import { Page } from "./page.ts";
import type { Spelling } from "./spelling.ts";

/** One of several terms between brackets and commas. */
interface Item {
  readonly location: Pick<Location, "start" | "row">;
  readonly end: number;
  /** A comment stands between its parts, and has to find the end of a line near. */
  readonly hasComment: boolean;
  readonly write: () => void;
}

/** Terms, laid out on as many lines as they were: what began on a line of its own does so again. */
export abstract class TermPrinter extends Page {
  protected readonly spelling: Spelling;
  /** Operators inside others have parentheses, also where these could be left out: one sees what belongs to what. */
  protected showsGroups = true;

  constructor(module: Module, spelling: Spelling) {
    super(module);
    this.spelling = spelling;
  }

  /** Statements in braces or brackets whose opening ended at `open`; `close` begins what closes them. */
  protected abstract writeInnerBody(open: number, body: Body, close: number): void;
  protected abstract writeStatement(statement: Statement): void;

  /** A term where nothing around it could claim a part of it, unless it is `key, value in xs`. */
  protected writeTerm(term: Term): void {
    switch (term.type) {
      case "null":
        this.write("null");
        break;
      case "boolean":
        this.write(String(term.value));
        break;
      case "number":
        this.write(term.text);
        break;
      case "string":
        this.#writeString(term);
        break;
      case "var":
        this.write(term.name);
        break;
      case "reference":
        this.#writeReference(term.head, term.path);
        break;
      case "array":
        this.#writeList("[", term.items, "]", term.location);
        break;
      case "set":
        if (term.items.length === 0) this.write("set()");
        else this.#writeList("{", term.items, "}", term.location);
        break;
      case "object":
        this.#writeObject(term.entries, term.location);
        break;
      case "call":
        this.#writeCall(term);
        break;
      case "comprehension":
        this.#writeComprehension(term);
        break;
      case "template":
        this.#writeTemplate(term.form, term.parts);
        break;
    }
  }

  /** As it was written. The name behind a dot, which v0 takes as the key of a set, is none yet: `p.q { … }`. */
  #writeString({ form, value, location }: StringTerm): void {
    if (form === "name") this.write(quoted(value));
    else this.copy(location.start, location.end);
  }

  protected writeInParentheses(term: Term, hasParentheses: boolean): void {
    const isWritten = hasParentheses && !isKeyedMembership(term) && !this.beginsWithKeyword(term);
    if (isWritten) this.write("(");
    this.writeTerm(term);
    if (isWritten) this.write(")");
  }

  #writeReference(head: Term, path: readonly Term[]): void {
    this.writeInParentheses(head, isOperation(head));
    this.writeSteps(path);
  }

  protected writeSteps(path: readonly Term[]): void {
    for (const step of path) {
      if (step.type === "string" && this.isName(step)) this.write(`.${step.value}`);
      else this.writeBracketed(step);
    }
  }

  protected writeBracketed(step: Term): void {
    this.write("[");
    if (step.type === "string") this.write(quoted(step.value));
    else this.writeTerm(step);
    this.write("]");
  }

  /** Whether a step of a path needs no quotes. A keyword keeps those it has: without them, not every version takes it. */
  protected isName({ value, form }: Pick<StringTerm, "value" | "form">): boolean {
    return NAME.test(value) && (form === "name" || !this.spelling.keywords.has(value));
  }

  /** `if.x == 1`: a keyword is a name where a statement begins, and nowhere else. `contains` is one everywhere. */
  protected beginsWithKeyword(term: Term): boolean {
    const first = firstOf(term);
    return first.type === "var" && first.name !== "contains" && this.spelling.keywords.has(first.name);
  }

  #writeCall(call: CallTerm): void {
    const { operator, args, infix, location } = call;
    if (infix === undefined) {
      this.writeTerm(operator);
      this.writeArguments(args, operator.location.end, location.end - 1, false);
    } else if (infix === "in") this.writeMembership(args, isKeyedMembership(call));
    else if (isOperation(call)) this.#writeOperation(call);
    else this.#writeNegative(args[1] as Term);
  }

  #writeNegative(term: Term): void {
    this.write("-");
    this.writeTerm(term);
  }

  #writeOperation(call: Operation): void {
    const [left, right] = call.args as [Term, Term];
    this.writeInParentheses(left, isOperation(left) && (this.showsGroups || mustGroup(call, left)));
    this.write(` ${call.infix} `);
    this.writeInParentheses(right, isOperation(right) && (this.showsGroups || mustGroup(call, right)));
  }

  /** `value in domain`, `key, value in domain`. */
  protected writeMembership(args: readonly Term[], hasParentheses: boolean): void {
    if (hasParentheses) this.write("(");
    args.forEach((term, i) => {
      if (i > 0) this.write(i === args.length - 1 ? " in " : ", ");
      // `a in b in c` is `(a in b) in c`.
      const isLeft = i === 0 && args.length === 2;
      const isGroup = isOperation(term) && (term.infix === "in" ? !isLeft : this.showsGroups);
      this.writeInParentheses(term, isGroup);
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

  #itemsOf(terms: readonly Term[], open: number, isInList: boolean): readonly Item[] {
    return terms.map((term, i): Item => this.#itemOf(term, terms[i - 1]?.location.end ?? open, isInList));
  }

  /** `from` is where what stands before it ended. */
  #itemOf(term: Term, from: number, isInList: boolean): Item {
    const parenthesis = this.find("(", from, term.location.start);
    const location = parenthesis === undefined ? term.location : { start: parenthesis, row: this.rowAt(parenthesis) };
    // A union in a list would begin a comprehension. Among arguments it may have parentheses, and keeps them.
    const hasParentheses = isUnion(term) && (isInList || parenthesis !== undefined);
    const write = (): void => this.writeInParentheses(term, hasParentheses);
    return { location, end: term.location.end, hasComment: false, write };
  }

  #writeObject(entries: readonly (readonly [Term, Term])[], { start, end }: Location): void {
    const items = entries.map(([key, value], i): Item => {
      const { location, write } = this.#itemOf(key, entries[i - 1]?.[1].location.end ?? start + 1, true);
      const writeEntry = (): void => {
        write();
        this.write(": ");
        this.writeInParentheses(value, isUnion(value));
      };
      const hasComment = this.hasComment(key.location.end, value.location.start);
      return { location, end: value.location.end, hasComment, write: writeEntry };
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
      items.some((item, i) => item.hasComment || beginsLine(item, items[i - 1])) ||
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
      if (typeof part === "string")
        this.write((form === "raw" ? part : quoted(part).slice(1, -1)).replaceAll("{", "\\{"));
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
  readonly location: Pick<Location, "row">;
}

function beginsLine(item: Placed, before: Placed | undefined): boolean {
  return before !== undefined && item.location.row > before.location.row;
}

export interface Operation extends CallTerm {
  readonly infix: string;
}

/** Two operands with an operator between them, or the three of `key, value in domain`. */
export function isOperation(term: Term): term is Operation {
  return term.type === "call" && term.infix !== undefined && !isNegative(term);
}

export function isUnion(term: Term): boolean {
  return term.type === "call" && term.infix === "|";
}

/** The term that is written first of all that make up this one. */
export function firstOf(term: Term): Term {
  if (term.type === "reference") return firstOf(term.head);
  if (isOperation(term)) return firstOf(term.args[0] as Term);
  return term.type === "call" && term.infix === undefined ? firstOf(term.operator) : term;
}

/** `-x`, which is read as `0 - x`, the zero being where the minus is. */
function isNegative({ infix, operator, args }: CallTerm): boolean {
  return infix === "-" && args[0]?.location.start === operator.location.start;
}

function isKeyedMembership(term: Term): boolean {
  return term.type === "call" && term.infix === "in" && term.args.length === 3;
}

/** Whether an operand would mean something else without parentheses: operators take the one before them first. */
export function mustGroup({ infix, args }: Operation, operand: Operation): boolean {
  const [outer, inner] = [bindingOf(infix), bindingOf(operand.infix)];
  return operand === args[0] ? inner < outer : inner <= outer;
}

/** 0 for `in`, which binds loosest. */
function bindingOf(infix: string): number {
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

/** As JSON has it, and without a byte order mark, which may stand nowhere in a text. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\ufeff", "\\ufeff");
}
