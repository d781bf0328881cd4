import { isMet, type Measurement } from "./measurement.ts";

const HEADINGS = ["figure", "value", "", "limit", "", "against"];

/** One line for each figure; a missed limit is marked so that nobody reads past it. */
export function measurementTable(measurements: readonly Measurement[]): string {
  const rows = [HEADINGS, ...measurements.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function rowOf(measurement: Measurement): string[] {
  const { bench, metric, value, unit, peer, ratio } = measurement;
  const against = peer === undefined ? "" : ratio === undefined ? peer : `${peer}: ${numberOf(ratio)} ×`;
  const limit = limitOf(measurement);
  const verdict = limit === "" ? "" : isMet(measurement) ? "met" : "MISSED";
  return [`${bench} ${metric}`, numberOf(value), unit, limit, verdict, against];
}

function limitOf({ atMost, atLeast }: Measurement): string {
  return [atMost === undefined ? "" : `≤ ${numberOf(atMost)}`, atLeast === undefined ? "" : `≥ ${numberOf(atLeast)}`]
    .filter((part) => part !== "")
    .join(" ");
}

/** Three digits that mean something; thousands in full. */
function numberOf(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}
