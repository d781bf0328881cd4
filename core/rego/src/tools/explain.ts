import type { Statement } from "../compile/ir.ts";
import { DataNode, type Frame, type Observer } from "../evaluate/evaluation.ts";
import type { Expression, Location, Term, Statement as WrittenStatement } from "../syntax/ast.ts";
import type { Value } from "../values/value.ts";
import type { Instrumented } from "./instrument.ts";
import { partsOf, type SourceDefinition, type SourceIndex } from "./source-index.ts";

/** Examples of one refusal: a loop may give up a thousand times for the same reason. */
const EXAMPLES_MAX = 3;

/** Calls that are remembered; what comes after them is left out of the explanation. */
const CALLS_MAX = 20_000;

/** What a query asked, and where it gave up itself. */
export interface Explanation {
  readonly calls: readonly ExplainedCall[];
  readonly gaveUp: readonly GaveUp[];
}

/** What a rule or a function answered, and where those of its definitions that have no value gave up. */
export interface ExplainedCall {
  /** Below `data`. */
  readonly path: readonly string[];
  /** Of a function. */
  readonly args: readonly Value[];
  readonly value: Value | undefined;
  /** The head of the default, when the value is its. */
  readonly fallback: Location | undefined;
  readonly isFunction: boolean;
  /** Heads of the definitions that had a value. */
  readonly held: readonly Location[];
  readonly gaveUp: readonly GaveUp[];
}

/** A definition, and the statement beyond which it never came. */
export interface GaveUp {
  /** The head of the definition; undefined for the query. */
  readonly head: Location | undefined;
  /** It had a value all the same, for other elements of a loop. */
  readonly hasHeld: boolean;
  readonly location: Location;
  readonly text: string;
  readonly isNegated: boolean;
  /** How often. */
  readonly count: number;
  /** What it looked at, the first few times. */
  readonly examples: readonly Example[];
  /** The rules and functions that the statement asked, as they answered last. */
  readonly calls: readonly ExplainedCall[];
  /** Where the body inside the statement (of an `every`, of a comprehension) gave up. */
  readonly inside: readonly GaveUp[];
}

export interface Example {
  /** Variables, and parts of the statement, by what is written there. */
  readonly values: readonly { readonly text: string; readonly value: Value | undefined }[];
}

/** Watches one query of an instrumented program, run by the closure back end, and tells why it answers what it does. */
export class ExplainingObserver implements Observer {
  readonly #instrumented: Instrumented;
  readonly #statements: readonly Statement[];
  readonly #source: SourceIndex;
  readonly #open: OpenCall[] = [new OpenCall(-1, [])];
  #calls = 0;

  /** `statements` of the query's program: those of the modules, then its own. */
  constructor(instrumented: Instrumented, statements: readonly Statement[], source: SourceIndex) {
    this.#instrumented = instrumented;
    this.#statements = statements;
    this.#source = source;
  }

  readonly called = (procedure: number, args: readonly Value[]): void => {
    this.#open.push(new OpenCall(procedure, args));
  };

  readonly returned = (_procedure: number, value: Value | undefined): void => {
    const finished = this.#open.pop();
    if (finished === undefined || this.#calls++ > CALLS_MAX) return;
    const call = this.#explain(finished, value);
    this.#top.asked(call);
  };

  readonly entered = (statement: number): void => {
    const head = this.#instrumented.headByStatement.get(statement);
    if (head === undefined) this.#top.enter(statement);
    else this.#top.held.add(head);
  };

  readonly refused = (statement: number, frame: Frame, operands: readonly (Value | undefined)[]): void => {
    const visit = this.#top.visit(statement);
    visit.refusals++;
    if (visit.examples.length < EXAMPLES_MAX) visit.examples.push(this.#example(statement, frame, operands));
  };

  /** Of the query: it has gone as far as it could, also when it ended in an error. */
  explanation(): Explanation {
    while (this.#open.length > 1) this.returned(-1, undefined);
    const query = this.#top;
    const calls = Array.from(query.visits.values()).flatMap((visit) => visit.calls);
    return { calls: [...query.loose, ...calls], gaveUp: this.#gaveUp(query) };
  }

  get #top(): OpenCall {
    return this.#open.at(-1) as OpenCall;
  }

  #explain(open: OpenCall, value: Value | undefined): ExplainedCall {
    const procedure = this.#instrumented.compiled.program.procedures[open.procedure];
    const held = Array.from(open.held);
    const fallback = this.#instrumented.defaultByProcedure.get(open.procedure);
    return {
      path: procedure?.path ?? [],
      args: open.args,
      value,
      fallback: held.length === 0 && value !== undefined ? fallback : undefined,
      isFunction: procedure?.kind === "function",
      held,
      gaveUp: this.#gaveUp(open),
    };
  }

  /** For each definition: the furthest of its own statements. Statements are numbered as they run. */
  #gaveUp(open: OpenCall): readonly GaveUp[] {
    const furthest = new Map<object, Visit>();
    const nested: Visit[] = [];
    for (const visit of open.visits.values()) {
      const found = this.#source.statementAt(this.#locationOf(visit.statement));
      if (found?.isNested) nested.push(visit);
      if (found === undefined || found.isNested) continue;
      const hasHeld = this.#hasHeld(open, found.definition);
      const key = partOf(found.definition) ?? open;
      const before = furthest.get(key);
      if (hasHeld && visit.refusals === 0) continue;
      if (before === undefined || visit.statement > before.statement) furthest.set(key, visit);
    }
    return Array.from(furthest.values(), (visit) => this.#describe(visit, open, nested));
  }

  #hasHeld(open: OpenCall, definition: SourceDefinition | undefined): boolean {
    const head = headOf(definition);
    return head !== undefined && open.held.has(head);
  }

  #describe(visit: Visit, open: OpenCall, nested: readonly Visit[]): GaveUp {
    const location = this.#locationOf(visit.statement);
    const found = this.#source.statementAt(location);
    const isInside = (other: Location) =>
      other.file === location.file && other.start > location.start && other.end <= location.end;
    return {
      head: headOf(found?.definition),
      hasHeld: this.#hasHeld(open, found?.definition),
      location,
      text: this.#source.textAt(location),
      isNegated: found?.statement.isNegated ?? false,
      count: visit.refusals,
      examples: visit.examples,
      calls: visit.calls,
      inside: nested
        .filter(({ statement, refusals }) => refusals > 0 && isInside(this.#locationOf(statement)))
        .map((inner) => this.#describe(inner, open, [])),
    };
  }

  #example(statement: number, frame: Frame, operands: readonly (Value | undefined)[]): Example {
    const { location, variables } = this.#statements[statement] as Statement;
    const written = this.#source.statementAt(location)?.statement;
    const bound = written === undefined ? NOTHING : boundBy(written.what);
    const values: { text: string; value: Value | undefined }[] = [];
    for (const { name, slot } of variables) {
      const value = frame[slot];
      // A slot keeps what an earlier round of a loop has put there.
      if (bound.has(name) || value === undefined || value instanceof DataNode) continue;
      values.push({ text: name, value });
    }
    for (const [index, term] of (written === undefined ? [] : operandTerms(written, operands.length)).entries()) {
      if (isPlain(term) || (index > 0 && operands[0] === undefined && operands[index] === undefined)) continue;
      values.push({ text: this.#source.textAt(term.location), value: operands[index] });
    }
    return { values };
  }

  #locationOf(statement: number): Location {
    return (this.#statements[statement] as Statement).location;
  }
}

const NOTHING: ReadonlySet<string> = new Set();

interface Visit {
  readonly statement: number;
  refusals: number;
  readonly examples: Example[];
  calls: ExplainedCall[];
}

class OpenCall {
  readonly procedure: number;
  readonly args: readonly Value[];
  readonly held = new Set<Location>();
  readonly visits = new Map<number, Visit>();
  /** Asked outside of any statement: what a query that is one rule's name asks. */
  readonly loose: ExplainedCall[] = [];
  #current: Visit | undefined;

  constructor(procedure: number, args: readonly Value[]) {
    this.procedure = procedure;
    this.args = args;
  }

  enter(statement: number): void {
    this.#current = this.visit(statement);
    this.#current.calls = [];
  }

  asked(call: ExplainedCall): void {
    (this.#current?.calls ?? this.loose).push(call);
  }

  visit(statement: number): Visit {
    const known = this.visits.get(statement);
    if (known !== undefined) return known;
    const visit = { statement, refusals: 0, examples: [], calls: [] };
    this.visits.set(statement, visit);
    return visit;
  }
}

function partOf(definition: SourceDefinition | undefined): object | undefined {
  return definition?.otherwise ?? definition?.rule;
}

function headOf(definition: SourceDefinition | undefined): Location | undefined {
  return definition?.otherwise?.location ?? definition?.rule.head.location;
}

/** Names that the statement gives a value to, rather than reads. */
function boundBy(what: Expression): ReadonlySet<string> {
  const targets = what.type === "assign" ? [what.target] : what.type === "some-in" ? [what.key, what.value] : [];
  return new Set(targets.flatMap((term) => (term?.type === "var" ? [term.name] : [])));
}

/** The terms whose values a refusal brings, when it brings them one for one. */
function operandTerms({ isNegated, what }: WrittenStatement, count: number): readonly Term[] {
  if (isNegated) return [];
  const terms = termsLookedAt(what);
  return terms.length === count ? terms : [];
}

function termsLookedAt(what: Expression): readonly Term[] {
  switch (what.type) {
    case "term":
      return what.term.type === "call" ? what.term.args : [what.term];
    case "unify":
      // Patterns are matched part by part.
      return isPattern(what.left) || isPattern(what.right) ? [] : [what.left, what.right];
    case "assign":
      return isPattern(what.target) ? [] : [what.value];
    case "some-in":
    case "every":
      return [what.domain];
    case "some":
      return [];
  }
}

function isPattern({ type }: Term): boolean {
  return type === "array" || type === "object";
}

/** Says itself what it is, or is among the variables already. */
function isPlain(term: Term): boolean {
  switch (term.type) {
    case "null":
    case "boolean":
    case "number":
    case "string":
    case "var":
      return true;
    case "array":
    case "set":
    case "object":
      return partsOf(term).every(isPlain);
    default:
      return false;
  }
}
