import type { Statement } from "../compile/ir.ts";
import type { Frame, Observer } from "../evaluate/evaluation.ts";
import type { Location } from "../syntax/ast.ts";
import { valueToText } from "../values/print.ts";
import type { Value } from "../values/value.ts";
import { refToText } from "./explain-text.ts";
import type { Instrumented } from "./instrument.ts";
import type { SourceIndex } from "./source-index.ts";

/** Beyond this nobody reads, and a loop is without end. */
const EVENTS_MAX = 100_000;

/** One step of a query, in the words of OPA's traces. */
export interface TraceEvent {
  readonly step: "Enter" | "Eval" | "Fail" | "Exit" | "Note";
  /** Rules and functions around it. */
  readonly depth: number;
  readonly location: Location;
  readonly text: string;
}

/** Writes down all that a query does, in order. */
export class TraceObserver implements Observer {
  readonly #instrumented: Instrumented;
  readonly #statements: readonly Statement[];
  readonly #source: SourceIndex;
  readonly #events: TraceEvent[] = [];
  #depth = 0;
  #last: Location = QUERY;

  constructor(instrumented: Instrumented, statements: readonly Statement[], source: SourceIndex) {
    this.#instrumented = instrumented;
    this.#statements = statements;
    this.#source = source;
  }

  get events(): readonly TraceEvent[] {
    return this.#events;
  }

  readonly called = (procedure: number, args: readonly Value[]): void => {
    this.#add("Enter", this.#locationOf(procedure), this.#nameOf(procedure, args));
    this.#depth++;
  };

  readonly returned = (procedure: number, value: Value | undefined): void => {
    this.#depth--;
    const text = this.#nameOf(procedure, []);
    if (value === undefined) this.#add("Fail", this.#locationOf(procedure), text);
    else this.#add("Exit", this.#locationOf(procedure), `${text} = ${valueToText(value)}`);
  };

  readonly entered = (statement: number): void => {
    if (!this.#instrumented.headByStatement.has(statement)) this.#addStatement("Eval", statement);
  };

  readonly refused = (statement: number, _frame: Frame): void => this.#addStatement("Fail", statement);

  readonly printed = (text: string, location: Location): void => this.#add("Note", location, text);

  /** What `trace` was given. */
  noted(text: string): void {
    this.#add("Note", this.#last, text);
  }

  #addStatement(step: TraceEvent["step"], statement: number): void {
    this.#last = (this.#statements[statement] as Statement).location;
    this.#add(step, this.#last, this.#source.textAt(this.#last));
  }

  #add(step: TraceEvent["step"], location: Location, text: string): void {
    if (this.#events.length < EVENTS_MAX) this.#events.push({ step, depth: this.#depth, location, text });
  }

  #locationOf(procedure: number): Location {
    return this.#instrumented.compiled.program.procedures[procedure]?.location ?? QUERY;
  }

  #nameOf(procedure: number, args: readonly Value[]): string {
    const name = refToText(this.#instrumented.compiled.program.procedures[procedure]?.path ?? []);
    return args.length === 0 ? name : `${name}(${args.map((arg) => valueToText(arg)).join(", ")})`;
  }
}

const QUERY: Location = { file: "", row: 1, col: 1, start: 0, end: 0 };

/** A line for each step: where, and how deep. */
export function traceToText(events: readonly TraceEvent[]): string {
  const places = events.map(({ location: { file, row } }) => `${file === "" ? "query" : file}:${row}`);
  const width = places.reduce((most, place) => Math.max(most, place.length), 0);
  return events
    .map(({ step, depth, text }, index) => `${places[index]!.padEnd(width)}  ${"| ".repeat(depth)}${step} ${text}\n`)
    .join("");
}
