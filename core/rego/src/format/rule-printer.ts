import type { Body, Else, Head, Rule, Statement, Term } from "../syntax/ast.ts";
import { NESTING_MAX } from "../syntax/token-reader.ts";
import { leadOf, StatementPrinter } from "./statement-printer.ts";
import { firstOf } from "./term-printer.ts";

/** A body, and what there is to know of its place. */
interface PlacedBody {
  readonly body: Body;
  readonly follows: "head" | "else" | "body";
  readonly hasIf: boolean;
  readonly hasBraces: boolean;
  /** Where that which it follows ended. */
  readonly from: number;
  /** Where the rule ended. */
  readonly to: number;
}

interface WrittenBody {
  readonly end: number;
  readonly hasBraces: boolean;
}

/** Rules: their heads, their bodies and what else they have. */
export class RulePrinter extends StatementPrinter {
  /** Whether it may stand on the line next to that of another rule: its body is one statement, and needs no braces. */
  protected isOneLiner({ head, body = [], otherwise, isDefault }: Rule): boolean {
    if (isDefault || otherwise || body.length > 1 || isSet(body)) return false;
    return this.#hasIf(head);
  }

  #hasIf({ key }: Head): boolean {
    return this.#knows("if") && (key === undefined || this.#knows("contains"));
  }

  #knows(keyword: string): boolean {
    return this.spelling.keywords.has(keyword);
  }

  /** `chained` are the rules that stay what they were written as: further bodies of this one. */
  protected writeRule(rule: Rule, chained: readonly Rule[]): void {
    const { body, otherwise, isDefault } = rule;
    // Each parenthesis nests, and no deeper than the parser reads. An operator is two deep: a node, and its operands.
    this.showsGroups = heightOf(rule) <= NESTING_MAX;
    const isConstant = isDefault || !body || (isTrue(body) && !otherwise && chained.length === 0);
    this.#writeHead(rule, isConstant);
    if (!isConstant) this.#writeBodies(rule, body, chained);
  }

  #writeHead({ head, body, isDefault }: Rule, isConstant: boolean): void {
    const isAlone = !isDefault && !body && !head.value && this.#mayStandAlone(head);
    if (isDefault) this.write("default ");
    this.#writeName(head);
    if (head.key) this.#writeKey(head.key);
    else if (!isAlone) this.#writeValue(head, isConstant || this.#wouldBeKey(head));
  }

  #writeName({ name, path, args, location }: Head): void {
    this.write(name);
    const [step] = path;
    if (step && path.length === 1 && !this.spelling.hasDottedHeads) this.writeBracketed(step);
    else this.writeSteps(path);
    const last = args?.at(-1);
    if (!args || !last) return;
    const end = path.at(-1)?.location.end ?? location.start + name.length;
    const close = this.find(")", last.location.end, location.end) ?? last.location.end;
    this.writeArguments(args, end, close, true);
  }

  #writeKey(key: Term): void {
    if (this.#knows("contains")) {
      this.write(" contains ");
      this.writeTerm(key);
    } else this.writeBracketed(key);
  }

  /** `f(x)`, and in v0 `p.q.r`: they hold without a value or a body. */
  #mayStandAlone({ args }: Head): boolean {
    return args !== undefined || this.spelling.regoVersion === 0;
  }

  /** `p[x] = true { … }` of v0, which without its value were a set. */
  #wouldBeKey({ path, args }: Head): boolean {
    return !this.#knows("if") && path.length === 1 && args === undefined;
  }

  /** `true` goes without saying wherever a body says when it holds. */
  #writeValue({ value, operator = "=" }: Pick<Head, "value" | "operator">, isNeeded: boolean): void {
    const isImplied = value === undefined || (value.type === "boolean" && value.value);
    if (isImplied && !isNeeded) return;
    this.write(this.spelling.regoVersion === 1 ? " := " : ` ${operator} `);
    if (value) this.writeTerm(value);
    else this.write("true");
  }

  #writeBodies({ head, otherwise, location, isChained }: Rule, body: Body, chained: readonly Rule[]): void {
    const hasIf = this.#hasIf(head);
    const hasBraces = chained.length > 0 || isSet(body);
    const from = isChained ? location.start : head.location.end;
    const written = this.#writeBody({ body, follows: "head", hasIf, hasBraces, from, to: location.end });
    for (const { body: further = [], location: place } of chained) {
      const span = { from: place.start, to: place.end };
      this.#writeBody({ body: further, follows: "body", hasIf: false, hasBraces: true, ...span });
    }
    if (otherwise) this.#writeBranches(otherwise, location.row, written);
  }

  #writeBody({ body, follows, hasIf, hasBraces, from, to }: PlacedBody): WrittenBody {
    const [first, last] = [body[0] as Statement, body.at(-1) as Statement];
    const open = this.find("{", from, first.location.start);
    const close = (open === undefined ? undefined : this.find("}", last.location.end, to)) ?? last.location.end;
    const isBare = hasIf && !hasBraces && body.length === 1 && this.isOnLine(this.rowAt(from), body, close);
    this.write(hasIf ? " if " : " ");
    if (isBare) this.writeStatement(first);
    else this.writeBlock(open ?? from, body, close, hasIf && follows === "head");
    return { end: close, hasBraces: !isBare };
  }

  #writeBranches(first: Else, rowOfRule: number, body: WrittenBody): void {
    let row = rowOfRule;
    let written = body;
    for (let branch: Else | undefined = first; branch; branch = branch.otherwise) {
      const { start } = branch.location;
      // `} else` goes on where it did so; any other `else` begins a line.
      const isOnLine = written.hasBraces && branch.location.row > row && !this.isFirstOnLine(start);
      if (isOnLine && !this.hasCommentBefore(start)) this.write(" ");
      else this.separate(written.end, start);
      written = this.#writeBranch(branch);
      row = branch.location.row;
    }
  }

  #writeBranch({ value, operator, body, otherwise, location }: Else): WrittenBody {
    const isConstant = !body || (isTrue(body) && !otherwise);
    const from = value?.location.end ?? location.start + "else".length;
    this.write("else");
    this.#writeValue({ value, operator }, isConstant);
    if (isConstant) return { end: from, hasBraces: false };
    const [hasIf, hasBraces] = [this.#knows("if"), beginsWithBrace(body[0] as Statement)];
    return this.#writeBody({ body, follows: "else", hasIf, hasBraces, from, to: location.end });
  }
}

/** How deep a tree is, whatever it is made of. */
function heightOf(node: unknown): number {
  if (typeof node !== "object" || node === null) return 0;
  return 1 + Object.values(node).reduce<number>((height, child) => Math.max(height, heightOf(child)), 0);
}

function isTrue(body: Body): boolean {
  const [statement] = body;
  if (body.length !== 1 || !statement || statement.isNegated || statement.with.length > 0) return false;
  const { what } = statement;
  return what.type === "term" && what.term.type === "boolean" && what.term.value;
}

/** Without braces around it, a set would be a body. */
function isSet([statement]: Body): boolean {
  return statement?.isNegated === false && statement.what.type === "term" && statement.what.term.type === "set";
}

/** Behind `else`, a brace always begins a body. */
function beginsWithBrace(statement: Statement): boolean {
  const lead = statement.isNegated ? undefined : leadOf(statement.what);
  const first = lead && firstOf(lead);
  return first?.type === "set" || first?.type === "object" || (first?.type === "comprehension" && first.of !== "array");
}
