import { gaveUpToText, type TestCase, type TestResult } from "@vedette/rego";
import { type Report, reportToJson } from "./json-text.ts";
import { type Measurement, measurementRows, measurementToGoBench, measurementToReport } from "./measure.ts";
import { durationToText } from "./option-values.ts";
import { findingsToSarif } from "./sarif.ts";

/** A test of Rego or an access case. */
export interface ReportedTest extends TestResult {
  /** Of a case that failed: what was decided, and why. */
  readonly decided?: readonly string[];
}

export interface TestReport {
  readonly results: readonly ReportedTest[];
  /** Of tests that passed, with `--bench`. */
  readonly measured: ReadonlyMap<ReportedTest, Measurement>;
}

/** Counts cases, not the tests that hold them. */
export interface TestSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly errors: number;
}

export function testReport(report: TestReport, format: string, isVerbose: boolean): string {
  switch (format) {
    case "json":
      return reportToJson(report.results.map((result) => resultToReport(result, report.measured.get(result))));
    case "junit":
      return junit(report.results);
    case "sarif":
      return sarif(report.results);
    default:
      return pretty(report, isVerbose, format === "gobench");
  }
}

export function summaryOf(results: readonly ReportedTest[]): TestSummary {
  const summary = { passed: 0, failed: 0, skipped: 0, errors: 0 };
  for (const result of results) {
    if (result.outcome === "skip") summary.skipped++;
    else if (result.outcome === "error") summary.errors++;
    else {
      const leaves = result.cases.flatMap(leavesOf);
      for (const hasFailed of leaves.length > 0 ? leaves : [result.outcome === "fail"])
        summary[hasFailed ? "failed" : "passed"]++;
    }
  }
  return summary;
}

function leavesOf({ cases, hasFailed }: TestCase): readonly boolean[] {
  return cases.length === 0 ? [hasFailed] : cases.flatMap(leavesOf);
}

const WORDS = { pass: "PASS", fail: "FAIL", skip: "SKIPPED", error: "ERROR" } as const;
const RULE = "-".repeat(80);

function pretty({ results, measured }: TestReport, isVerbose: boolean, isGoBench: boolean): string {
  const lines: string[] = [];
  let file = "";
  for (const result of results) {
    const measurement = measured.get(result);
    if (measurement) lines.push(...benchLines(result, measurement, isGoBench));
    else if (isVerbose || result.outcome !== "pass") {
      if (file !== "" && file !== result.location.file) lines.push("");
      file = result.location.file;
      lines.push(...resultLines(result, isVerbose));
    }
  }
  if (lines.length > 0) lines.push(RULE);
  const { passed, failed, skipped, errors } = summaryOf(results);
  const total = passed + failed + skipped + errors;
  const counts: readonly (readonly [string, number])[] = [
    ["PASS", passed],
    ["FAIL", failed],
    ["SKIPPED", skipped],
    ["ERROR", errors],
  ];
  for (const [word, count] of counts) if (count > 0) lines.push(`${word}: ${count}/${total}`);
  return lines.join("\n");
}

function resultLines(result: ReportedTest, isVerbose: boolean): readonly string[] {
  const { location, package: name, outcome, duration, cases, printed, error } = result;
  const took = outcome === "skip" ? "" : ` (${durationToText(duration)})`;
  const lines = [`${location.file}:${location.row}:`, `${name}.${result.name}: ${WORDS[outcome]}${took}`];
  lines.push(...cases.flatMap((item) => caseLines(item, 1, isVerbose)));
  if (printed.length > 0) lines.push("", ...printed.map((line) => `  ${line}`), "");
  if (error) {
    const at = error.code !== "limit" && error.location ? `${error.location.file}:${error.location.row}: ` : "";
    lines.push(`  ${at}${error.code}: ${error.message}`);
  }
  for (const line of result.decided ?? []) lines.push(`  ${line}`);
  for (const gaveUp of result.gaveUp)
    for (const line of gaveUpToText(gaveUp).trimEnd().split("\n")) lines.push(`  ${line}`);
  return lines;
}

function caseLines({ name, hasFailed, cases }: TestCase, depth: number, isVerbose: boolean): readonly string[] {
  if (!hasFailed && !isVerbose) return [];
  const line = `${"  ".repeat(depth)}${name}: ${hasFailed ? "FAIL" : "PASS"}`;
  return [line, ...cases.flatMap((item) => caseLines(item, depth + 1, isVerbose))];
}

function benchLines(result: ReportedTest, measurement: Measurement, isGoBench: boolean): readonly string[] {
  const name = `${result.package}.${result.name}`;
  if (isGoBench) return [measurementToGoBench(`Benchmark${camelCase(name)}`, measurement)];
  const figures = measurementRows(measurement).map(([what, figure]) => `${figure} ${what}`);
  return [`${name}\t${figures.join("\t")}`];
}

function camelCase(name: string): string {
  return name
    .split(/[._]/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join("");
}

function resultToReport(result: ReportedTest, measurement: Measurement | undefined): Report {
  const { location, outcome, error, printed, cases, duration } = result;
  return {
    location: { file: location.file, row: location.row, col: location.col },
    package: result.package,
    name: result.name,
    fail: outcome === "fail" || undefined,
    skip: outcome === "skip" || undefined,
    error: error && {
      code: error.code,
      message: error.message,
      location:
        error.code !== "limit" && error.location
          ? { file: error.location.file, row: error.location.row, col: error.location.col }
          : undefined,
    },
    duration,
    // Bytes are base64 in Go's JSON.
    output:
      printed.length > 0 ? Buffer.from(printed.map((line) => `${line}\n`).join("")).toString("base64") : undefined,
    sub_results: cases.length > 0 ? casesToReport(cases) : undefined,
    failed_at: outcome === "fail" && hasReasons(result) ? failureText(result) : undefined,
    benchmark_result: measurement && measurementToReport(measurement),
  };
}

function hasReasons({ gaveUp, decided }: ReportedTest): boolean {
  return gaveUp.length > 0 || decided !== undefined;
}

function casesToReport(cases: readonly TestCase[]): Report {
  return Object.fromEntries(
    cases.map(({ name, hasFailed, cases: inner }) => [
      name,
      { name, fail: hasFailed || undefined, sub_results: inner.length > 0 ? casesToReport(inner) : undefined },
    ]),
  );
}

function failureText({ gaveUp, error, cases, decided = [] }: ReportedTest): string {
  const failed = cases.flatMap((item) => caseLines(item, 0, false));
  const said = error ? [error.message] : gaveUp.map((each) => gaveUpToText(each).trimEnd());
  return [...failed, ...decided, ...said].join("\n");
}

/** The XML that JUnit's Ant task writes, and build servers read: a suite for each package. */
function junit(results: readonly ReportedTest[]): string {
  const byPackage = Map.groupBy(results, (result) => result.package);
  const suites = Array.from(byPackage, ([name, tests]) => {
    const count = (outcome: ReportedTest["outcome"]) => tests.filter((test) => test.outcome === outcome).length;
    const time = seconds(tests.reduce((sum, { duration }) => sum + duration, 0));
    const attributes = `name="${xml(name)}" tests="${tests.length}" failures="${count("fail")}" errors="${count("error")}" skipped="${count("skip")}" time="${time}"`;
    return `  <testsuite ${attributes}>\n${tests.map(junitCase).join("\n")}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("\n")}\n</testsuites>`;
}

function junitCase(result: ReportedTest): string {
  const { outcome, printed, location } = result;
  const attributes = `name="${xml(result.name)}" classname="${xml(result.package)}" file="${xml(location.file)}" line="${location.row}" time="${seconds(result.duration)}"`;
  const message = xml(failureText(result));
  const parts = [
    outcome === "fail" ? `<failure message="failed">${message}</failure>` : "",
    outcome === "error" ? `<error message="${message}"/>` : "",
    outcome === "skip" ? "<skipped/>" : "",
    printed.length > 0 ? `<system-out>${xml(printed.join("\n"))}</system-out>` : "",
  ].filter((part) => part !== "");
  return parts.length === 0
    ? `    <testcase ${attributes}/>`
    : `    <testcase ${attributes}>${parts.join("")}</testcase>`;
}

const XML_ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML 1.0 §2.2: most control characters cannot be written at all. */
function xml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be replaced
  const allowed = text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  return allowed.replace(/[&<>"]/g, (character) => XML_ESCAPES[character] ?? character);
}

function seconds(nanoseconds: number): string {
  return (nanoseconds / 1e9).toFixed(6);
}

function sarif(results: readonly ReportedTest[]): string {
  const findings = results
    .filter(({ outcome }) => outcome === "fail" || outcome === "error")
    .map((result) => {
      const { location, outcome } = result;
      const place = result.gaveUp[0]?.location ?? location;
      return {
        rule: outcome === "fail" ? "test-failed" : "test-error",
        level: "error" as const,
        message: `${result.package}.${result.name}: ${failureText(result)}`,
        file: place.file,
        row: place.row,
        col: place.col,
      };
    });
  return reportToJson(findingsToSarif(findings));
}
