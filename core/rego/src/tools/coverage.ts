import type { Observer } from "../evaluate/evaluation.ts";
import type { Location, Module, Rule } from "../syntax/ast.ts";
import type { Instrumented } from "./instrument.ts";
import { statementsIn, statementsInTerm } from "./source-index.ts";

interface SourcePosition {
  readonly row: number;
  readonly col: number;
}

/** `end` is behind the last character. */
export interface SourceRange {
  readonly start: SourcePosition;
  readonly end: SourcePosition;
}

/** Which heads had a value and which statements were entered; a line that was both is covered. */
export interface FileCoverage {
  readonly covered: readonly SourceRange[];
  readonly notCovered: readonly SourceRange[];
  readonly coveredLines: number;
  readonly notCoveredLines: number;
  /** Percent of the lines with code. */
  readonly coverage: number;
}

export interface CoverageReport {
  readonly files: ReadonlyMap<string, FileCoverage>;
  readonly coveredLines: number;
  readonly notCoveredLines: number;
  readonly coverage: number;
}

/** Watches queries of one instrumented program, as many as there are. */
export class CoverageObserver implements Observer {
  readonly #instrumented: Instrumented;
  readonly #hits = new Set<Location>();
  /** Of the calls that are open: whether a definition has had a value. */
  readonly #hasValue: boolean[] = [];

  constructor(instrumented: Instrumented) {
    this.#instrumented = instrumented;
  }

  readonly entered = (statement: number): void => {
    const location = this.#instrumented.compiled.program.statements[statement]?.location;
    if (location !== undefined) this.#hits.add(location);
    if (this.#instrumented.headByStatement.has(statement)) this.#hasValue[this.#hasValue.length - 1] = true;
  };

  readonly called = (): void => {
    this.#hasValue.push(false);
  };

  readonly returned = (procedure: number): void => {
    const location = this.#instrumented.defaultByProcedure.get(procedure);
    if (this.#hasValue.pop() === false && location !== undefined) this.#hits.add(location);
  };

  report(modules: readonly Module[]): CoverageReport {
    const hits = new Map<string, Set<string>>();
    for (const { file, start, end } of this.#hits) {
      const ofFile = hits.get(file) ?? new Set();
      hits.set(file, ofFile.add(`${start}-${end}`));
    }
    const files = new Map(
      modules.map((module) => [module.file, fileCoverage(module, hits.get(module.file) ?? new Set())] as const),
    );
    const sum = (of: (file: FileCoverage) => number) => Array.from(files.values()).reduce((n, file) => n + of(file), 0);
    const coveredLines = sum((file) => file.coveredLines);
    const notCoveredLines = sum((file) => file.notCoveredLines);
    return { files, coveredLines, notCoveredLines, coverage: percent(coveredLines, notCoveredLines) };
  }
}

function fileCoverage(module: Module, hits: ReadonlySet<string>): FileCoverage {
  const places = module.rules.flatMap(placesOf).sort((a, b) => a.start - b.start || a.end - b.end);
  const isHit = ({ start, end }: Location) => hits.has(`${start}-${end}`);
  const covered = places.filter(isHit).map((place) => rangeOf(module.text, place));
  const coveredLines = linesOf(covered);
  const notCovered = places
    .filter((place) => !isHit(place) && !coveredLines.has(place.row))
    .map((place) => rangeOf(module.text, place));
  const notCoveredLines = Array.from(linesOf(notCovered)).filter((line) => !coveredLines.has(line));
  return {
    covered,
    notCovered,
    coveredLines: coveredLines.size,
    notCoveredLines: notCoveredLines.length,
    coverage: percent(coveredLines.size, notCoveredLines.length),
  };
}

/** Heads and statements, without the declarations (`some x`), which do nothing when they are reached. */
function placesOf(rule: Rule): readonly Location[] {
  const { head, body = [] } = rule;
  const terms = [
    ...(head.args ?? []),
    ...head.path,
    ...(head.key ? [head.key] : []),
    ...(head.value ? [head.value] : []),
  ];
  const statements = [...statementsIn(body), ...terms.flatMap(statementsInTerm)];
  const places = [head.location];
  for (let branch = rule.otherwise; branch !== undefined; branch = branch.otherwise) {
    places.push(branch.location);
    statements.push(...statementsIn(branch.body ?? []), ...(branch.value ? statementsInTerm(branch.value) : []));
  }
  return [...places, ...statements.flatMap(({ what, location }) => (what.type === "some" ? [] : [location]))];
}

function rangeOf(text: string, { row, col, start, end }: Location): SourceRange {
  const lines = text.slice(start, end).split("\n");
  const last = Array.from(lines.at(-1) ?? "").length;
  const isOneLine = lines.length === 1;
  return { start: { row, col }, end: { row: row + lines.length - 1, col: isOneLine ? col + last : last + 1 } };
}

function linesOf(ranges: readonly SourceRange[]): Set<number> {
  const lines = new Set<number>();
  for (const { start, end } of ranges) for (let row = start.row; row <= end.row; row++) lines.add(row);
  return lines;
}

function percent(covered: number, notCovered: number): number {
  return covered + notCovered === 0 ? 0 : (100 * covered) / (covered + notCovered);
}
