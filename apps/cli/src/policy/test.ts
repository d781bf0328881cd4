import { watch } from "node:fs";
import { type CoverageReport, createTestSuite, type TestSuite } from "@vedette/rego";
import { type Command, exitCode, type Invocation, type Terminal, UsageError } from "../command.ts";
import { readCases } from "./access-cases.ts";
import { CaseTest } from "./case-test.ts";
import { coverageToReport, linesNotCovered } from "./coverage-report.ts";
import { activateSources } from "./decide.ts";
import { reportToJson } from "./json-text.ts";
import { type Measurement, measure } from "./measure.ts";
import { readCount, readDuration } from "./option-values.ts";
import { type Documents, findDocuments } from "./policy-documents.ts";
import { now, policyDeps, readCapabilities, stopwatch } from "./prepared-policy.ts";
import { type Problem, problemOf, problemsToReport, problemsToText } from "./problems.ts";
import { isTest } from "./site-bundle.ts";
import { ignoredNames, loadSources, type PolicySources, sourceOptions } from "./sources.ts";
import { type ReportedTest, summaryOf, type TestReport, testReport } from "./test-report.ts";

const FORMATS: readonly string[] = ["pretty", "json", "junit", "sarif", "gobench"];
/** What a change of may change a result. */
const LOADED = /\.(?:rego|json|ya?ml|tar\.gz)$/;
/** Editors write a file in several steps. */
const QUIET_MS = 100;

export const test: Command = {
  name: "policy test",
  summary: "run the tests of a policy: rules whose names begin with test_, and access cases",
  operands: "PATH...",
  options: {
    bench: { summary: "measure the tests that pass" },
    bundle: { summary: "the paths are policy bundles, packed or as folders", short: "b" },
    capabilities: { summary: "edge, gate, or an OPA capabilities file: what else is called is refused", value: "FILE" },
    count: { summary: "run each test so many times", value: "NUMBER", default: "1" },
    coverage: { summary: "report which lines the tests reached, as JSON", short: "c" },
    "exit-zero-on-skipped": { summary: "skipped tests do not make the exit code 2", short: "z" },
    "fail-on-empty": { summary: "exit code 1 when there is no test" },
    format: { summary: FORMATS.join(", "), short: "f", value: "FORMAT", choices: FORMATS, default: "pretty" },
    rules: { summary: "the JSON rules that decide access cases, where the paths hold several", value: "FILE" },
    run: { summary: "only tests whose full name (data.pkg.test_x) this expression finds", short: "r", value: "REGEX" },
    threshold: { summary: "exit code 2 when fewer percent of the lines are covered", value: "PERCENT" },
    timeout: { summary: "for each test", value: "DURATION", default: "5s" },
    "var-values": { summary: "show what a failed test looked at (always done)" },
    verbose: { summary: "show the tests that passed as well", short: "v" },
    watch: { summary: "run again whenever a file changes, until stopped", short: "w" },
    ...sourceOptions,
  },
  details: `
As \`opa test\`: todo_test_ is skipped, test_x[case] has a result for each case, and the exit code is 2 when a test fails,
is skipped or ends in an error, 1 when the policy does not compile. A failed test shows where it gave up and why.

A JSON file of the kind "cases/v1" holds access cases: requests and what must be decided on them, by the JSON rules
(kind "rules/v1") and the package vedette.access of the same paths.`,
  examples: [
    "vedette policy test policy/",
    "vedette policy test policy/ -r deny -v --format junit > results.xml",
    "vedette policy test examples/pos-pricing -v",
  ],
  async run(invocation, terminal) {
    if (invocation.operands.length === 0) throw new UsageError("name at least one file or folder");
    if (!invocation.isSet("watch")) return runOnce(invocation, terminal);
    await runOnChange(invocation, terminal);
    return exitCode.done;
  },
};

function runOnce(invocation: Invocation, terminal: Terminal): number {
  const format = terminal.isJson ? "json" : invocation.value("format");
  const paths = invocation.operands;
  const isBundle = invocation.isSet("bundle");
  const found = findDocuments(paths, ignoredNames(invocation));
  const sources = loadSources(invocation, isBundle ? [] : paths, isBundle ? paths : [], found.all);
  const suite = suiteOf(sources, invocation);
  if ("problems" in suite) {
    if (format === "json") terminal.out(reportToJson(problemsToReport(suite.problems)));
    else terminal.progress(problemsToText(suite.problems, (file) => sources.textOf(file)));
    return exitCode.no;
  }
  const cases = caseTests(found, sources, invocation);
  const report = runTests(suite.tests, cases, invocation, terminal.signal);
  return conclude(report, suite.tests, format, invocation, terminal);
}

function suiteOf(
  sources: PolicySources,
  invocation: Invocation,
): { readonly tests: TestSuite } | { readonly problems: readonly Problem[] } {
  if (sources.problems.length > 0) return { problems: sources.problems };
  const suite = createTestSuite(
    sources.modules,
    {
      builtins: readCapabilities(invocation.optional("capabilities")).builtins,
      data: sources.data,
      isWanted: wantedTests(invocation),
      timeout: readDuration("timeout", invocation.value("timeout")),
      withCoverage: hasCoverage(invocation),
    },
    { ...policyDeps, now: now(), stopwatch },
  );
  return suite.ok ? { tests: suite.value } : { problems: suite.error.map(problemOf) };
}

function wantedTests(invocation: Invocation): (name: string) => boolean {
  const text = invocation.optional("run");
  if (text === undefined) return () => true;
  const expression = readExpression(text);
  return (name) => expression.test(name);
}

function caseTests({ rules, cases }: Documents, sources: PolicySources, invocation: Invocation): readonly CaseTest[] {
  const wanted = wantedTests(invocation);
  const items = cases.flatMap(readCases).filter((item) => wanted(`${item.location.file}.${item.name}`));
  if (items.length === 0) return [];
  const named = invocation.optional("rules");
  if (named === undefined && rules.length > 1)
    throw new UsageError(`${rules.join(" and ")} hold rules: name with --rules those that decide the cases`);
  const access = activateSources(withoutTests(sources), named ?? rules[0]);
  return items.map((item) => new CaseTest(access, item, now()));
}

/** As a node has them. */
function withoutTests(sources: PolicySources): PolicySources {
  return { ...sources, modules: sources.modules.filter((module) => !isTest(module)) };
}

function runTests(
  suite: TestSuite,
  cases: readonly CaseTest[],
  invocation: Invocation,
  signal: AbortSignal,
): TestReport {
  const results: ReportedTest[] = [];
  const measured = new Map<ReportedTest, Measurement>();
  const hasBench = invocation.isSet("bench");
  const count = Math.max(1, readCount("count", invocation.value("count")));
  for (let round = 0; round < count && !signal.aborted; round++) {
    for (const test of suite.tests) {
      if (signal.aborted) break;
      const result = suite.run(test);
      results.push(result);
      const act = hasBench && result.outcome === "pass" ? suite.prepare(test) : undefined;
      if (act?.ok)
        measured.set(
          result,
          measure(() => void act.value()),
        );
    }
    for (const test of cases) {
      const result = test.run();
      results.push(result);
      if (hasBench && result.outcome === "pass")
        measured.set(
          result,
          measure(() => void test.decide()),
        );
    }
  }
  return { results, measured };
}

function conclude(
  report: TestReport,
  suite: TestSuite,
  format: string,
  invocation: Invocation,
  terminal: Terminal,
): number {
  const { failed, skipped, errors } = summaryOf(report.results);
  if (invocation.isSet("fail-on-empty") && report.results.length === 0) {
    terminal.progress("no tests were run");
    return exitCode.no;
  }
  // Of tests that fail, coverage says nothing.
  const coverage = failed + errors === 0 ? suite.coverage() : undefined;
  const threshold = Number(invocation.optional("threshold") ?? 0);
  if (coverage !== undefined && coverage.coverage < threshold) {
    terminal.progress(belowThreshold(coverage, threshold, invocation.isSet("verbose")));
    return exitCode.usage;
  }
  const hasReport = invocation.isSet("coverage") && coverage !== undefined;
  const text = hasReport
    ? reportToJson(coverageToReport(coverage))
    : testReport(report, format, invocation.isSet("verbose"));
  if (text !== "") terminal.out(text);
  const hasFailed = failed + errors > 0 || (skipped > 0 && !invocation.isSet("exit-zero-on-skipped"));
  return hasFailed ? exitCode.usage : exitCode.done;
}

function belowThreshold(report: CoverageReport, threshold: number, isVerbose: boolean): string {
  const said = `code coverage threshold not met: got ${report.coverage.toFixed(2)} instead of ${threshold.toFixed(2)}`;
  const lines = isVerbose ? linesNotCovered(report).map((line) => `\n\t${line}`) : [];
  return lines.length > 0 ? `${said}\nlines not covered:${lines.join("")}` : said;
}

function hasCoverage(invocation: Invocation): boolean {
  const threshold = invocation.optional("threshold");
  if (threshold !== undefined && !(Number(threshold) >= 0 && Number(threshold) <= 100))
    throw new UsageError(`--threshold "${threshold}" is not a number of percent`);
  return invocation.isSet("coverage") || threshold !== undefined;
}

function readExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new UsageError(`--run "${text}" is not a regular expression`);
  }
}

/** Once now, and again after each change, until stopped. */
async function runOnChange(invocation: Invocation, terminal: Terminal): Promise<void> {
  const { signal } = terminal;
  let notify: () => void = () => {};
  const watchers = invocation.operands.map((path) =>
    watch(path, { recursive: true, signal }, (_, name) => {
      if (name === null || LOADED.test(name)) notify();
    }),
  );
  try {
    while (!signal.aborted) {
      runOnce(invocation, terminal);
      terminal.progress("watching for changes …");
      await new Promise<void>((resolve) => {
        notify = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}
