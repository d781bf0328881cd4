import type { Statement } from "../compile/ir.ts";
import type { Observer } from "../evaluate/evaluation.ts";
import type { Location } from "../syntax/ast.ts";

/** What one line cost, all its statements together. */
export interface ProfiledLine {
  readonly location: Location;
  /** Nanoseconds, until the next statement began. */
  readonly time: number;
  /** How often its statements were entered. */
  readonly count: number;
  readonly statements: number;
}

/** Measures where the time of a query goes. */
export class ProfilingObserver implements Observer {
  readonly #statements: readonly Statement[];
  readonly #stopwatch: () => number;
  readonly #timeByStatement = new Map<number, { time: number; count: number }>();
  #current: { time: number; count: number } | undefined;
  #since = 0;

  constructor(statements: readonly Statement[], stopwatch: () => number) {
    this.#statements = statements;
    this.#stopwatch = stopwatch;
  }

  readonly entered = (statement: number): void => {
    this.#charge();
    this.#current = this.#timeByStatement.get(statement) ?? { time: 0, count: 0 };
    this.#current.count++;
    this.#timeByStatement.set(statement, this.#current);
  };

  /** The most expensive line first. The query has ended. */
  lines(): readonly ProfiledLine[] {
    this.#charge();
    this.#current = undefined;
    const byLine = new Map<string, ProfiledLine>();
    for (const [statement, { time, count }] of this.#timeByStatement) {
      const { location } = this.#statements[statement] as Statement;
      const key = `${location.row} ${location.file}`;
      const known = byLine.get(key) ?? { location, time: 0, count: 0, statements: 0 };
      byLine.set(key, {
        location: known.location,
        time: known.time + time,
        count: known.count + count,
        statements: known.statements + 1,
      });
    }
    return Array.from(byLine.values()).sort((a, b) => b.time - a.time);
  }

  #charge(): void {
    const now = this.#stopwatch();
    if (this.#current !== undefined) this.#current.time += now - this.#since;
    this.#since = now;
  }
}
