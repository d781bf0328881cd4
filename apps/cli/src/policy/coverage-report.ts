import type { CoverageReport, FileCoverage, SourceRange } from "@vedette/rego";
import type { Report } from "./json-text.ts";

/** In the shape of `opa test --coverage`. */
export function coverageToReport({ files, coveredLines, notCoveredLines, coverage }: CoverageReport): Report {
  const sorted = Array.from(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    files: Object.fromEntries(sorted.map(([file, report]) => [file, fileToReport(report)])),
    covered_lines: coveredLines,
    not_covered_lines: notCoveredLines,
    coverage,
  };
}

function fileToReport({ covered, notCovered, coveredLines, notCoveredLines, coverage }: FileCoverage): Report {
  return {
    covered: someOf(covered),
    not_covered: someOf(notCovered),
    covered_lines: coveredLines || undefined,
    not_covered_lines: notCoveredLines || undefined,
    coverage: coverage || undefined,
  };
}

function someOf(ranges: readonly SourceRange[]): Report | undefined {
  if (ranges.length === 0) return undefined;
  return ranges.map(({ start, end }) => ({
    start: { row: start.row, col: start.col },
    end: { row: end.row, col: end.col },
  }));
}

/** Lines that no test reached: `file:7`, `file:20-22`. */
export function linesNotCovered({ files }: CoverageReport): readonly string[] {
  return Array.from(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([file, { notCovered }]) => {
      const rows = new Set<number>();
      for (const { start, end } of notCovered) for (let row = start.row; row <= end.row; row++) rows.add(row);
      return runsOf(Array.from(rows).sort((a, b) => a - b)).map(([from, to]) =>
        from === to ? `${file}:${from}` : `${file}:${from}-${to}`,
      );
    });
}

function runsOf(rows: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === row - 1) last[1] = row;
    else runs.push([row, row]);
  }
  return runs;
}
