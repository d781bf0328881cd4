import type { PolicyFinding } from "@vedette/policy";
import type { Location } from "@vedette/rego";
import { type Command, exitCode, type Invocation, type Terminal, UsageError } from "../command.ts";
import { Refusal } from "../refusal.ts";
import { checkRulesFile, describeFinding, isRulesDocument, textOf } from "./json-rules.ts";
import { reportToJson } from "./json-text.ts";
import { readCount } from "./option-values.ts";
import { compileSources, readCapabilities } from "./prepared-policy.ts";
import { type Problem, problemsToReport, problemsToText } from "./problems.ts";
import { type Finding, findingsToSarif } from "./sarif.ts";
import { findFiles, type SourceFile } from "./source-files.ts";
import { ignoredNames, loadSources, type PolicySources, sourceOptions } from "./sources.ts";

const FORMATS: readonly string[] = ["pretty", "json", "sarif"];

export const check: Command = {
  name: "policy check",
  summary: "check JSON rules and Rego: everything that is wrong, with file, line, column and what was expected",
  operands: "PATH...",
  options: {
    bundle: { summary: "the paths are policy bundles, packed or as folders", short: "b" },
    capabilities: { summary: "edge, gate, or an OPA capabilities file: what else is called is refused", value: "FILE" },
    format: { summary: "pretty, json or sarif", short: "f", value: "FORMAT", choices: FORMATS, default: "pretty" },
    "max-errors": { summary: "show at most so many; 0 is all", short: "m", value: "NUMBER", default: "10" },
    strict: { summary: "refuse unused variables and imports as well", short: "S" },
    ...sourceOptions,
  },
  details: `
Files of JSON rules (their kind says so) are checked as rules, modules as Rego; other data must be JSON or YAML that can
be merged. Modules are checked together: what one calls, another may define.`,
  examples: ["vedette policy check examples/store-17/rules.json", "vedette policy check --strict policy/"],
  async run(invocation, terminal) {
    if (invocation.operands.length === 0) throw new UsageError("name at least one file of rules, or a folder");
    const report = checkAll(invocation);
    const isGood = report.rules.every(({ errors }) => errors.length === 0) && report.problems.length === 0;
    write(report, invocation, terminal, isGood);
    return isGood ? exitCode.done : exitCode.no;
  },
};

interface CheckReport {
  readonly rules: readonly RulesFile[];
  readonly problems: readonly Problem[];
  readonly sources: PolicySources;
}

interface RulesFile {
  readonly file: string;
  readonly errors: readonly PolicyFinding[];
  readonly warnings: readonly PolicyFinding[];
}

function checkAll(invocation: Invocation): CheckReport {
  const paths = invocation.operands;
  if (invocation.isSet("bundle")) return checkModules(loadSources(invocation, [], paths), [], invocation);
  const files = findFiles(paths, ignoredNames(invocation));
  const hasModules = files.some(({ path }) => path.endsWith(".rego"));
  const rules = files.filter((file) => isRulesFile(file, hasModules));
  const reports = rules.map(({ path }) => ({ file: path, ...checkRulesFile(path) }));
  const sources = loadSources(invocation, paths, [], new Set(rules.map(({ path }) => path)));
  if (rules.length === 0 && sources.modules.length === 0 && files.every(({ isNamed }) => !isNamed))
    throw new Refusal("NOTHING_TO_CHECK", `no module and no rules in ${paths.join(", ")}`, {}, exitCode.usage);
  return checkModules(sources, reports, invocation);
}

/** What is named is meant to be rules, unless its name says otherwise or it is data beside modules. */
function isRulesFile({ path, isNamed }: SourceFile, hasModules: boolean): boolean {
  if (/\.(?:rego|ya?ml|tar\.gz)$/.test(path)) return false;
  return isNamed && !hasModules ? true : path.endsWith(".json") && isRulesDocument(textOf(path));
}

function checkModules(sources: PolicySources, rules: readonly RulesFile[], invocation: Invocation): CheckReport {
  const capabilities = readCapabilities(invocation.optional("capabilities"));
  const compiled = compileSources(sources, capabilities, invocation.isSet("strict"));
  return { rules, problems: compiled.ok ? [] : compiled.error, sources };
}

function write(
  { rules, problems, sources }: CheckReport,
  invocation: Invocation,
  terminal: Terminal,
  isGood: boolean,
): void {
  const max = readCount("max-errors", invocation.value("max-errors")) || Number.POSITIVE_INFINITY;
  const shown = problems.slice(0, max);
  const format = invocation.value("format");
  if (format === "sarif") {
    terminal.out(reportToJson(findingsToSarif([...rules.flatMap(findingsOf), ...problems.map(findingOf)])));
    return;
  }
  if (terminal.isJson) {
    terminal.out(
      JSON.stringify({ ok: isGood, files: rules, ...(problems.length > 0 && { errors: shown.map(problemToJson) }) }),
    );
    return;
  }
  if (format === "json") {
    const findings = rules.flatMap(({ errors }) => errors).map(problemOfFinding);
    terminal.out(isGood ? "{}" : reportToJson(problemsToReport([...findings, ...shown].slice(0, max))));
    return;
  }
  for (const report of rules) terminal.out(describeReport(report));
  if (shown.length > 0) terminal.out(problemsToText(shown, (file) => sources.textOf(file)));
  if (problems.length > shown.length) terminal.out(`${problems.length - shown.length} more: --max-errors 0 shows all`);
  const isSilent = rules.length === 0 && problems.length === 0;
  if (isSilent) terminal.out(`${countOf(sources.modules.length, "module")}: good`);
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function describeReport({ file, errors, warnings }: RulesFile): string {
  const lines = [
    ...errors.map((each) => `error    ${describeFinding(each)}`),
    ...warnings.map((each) => `warning  ${describeFinding(each)}`),
  ];
  return lines.length > 0 ? lines.join("\n") : `${file}: good`;
}

function problemToJson({ message, code, location }: Problem): object {
  return { code, message, ...(location && { location: placeOf(location) }) };
}

function placeOf({ file, row, col }: Location): { readonly file: string; readonly row: number; readonly col: number } {
  return { file, row, col };
}

function problemOfFinding({ file, line, column, code, message, expected }: PolicyFinding): Problem {
  const location = { file, row: line, col: column, start: 0, end: 0 };
  return { code, message: `${message}; expected ${expected}`, location };
}

function findingOf({ message, code = "error", location }: Problem): Finding {
  return { rule: code, level: "error", message, file: location?.file, row: location?.row, col: location?.col };
}

function findingsOf({ errors, warnings }: RulesFile): readonly Finding[] {
  const of = (level: Finding["level"]) => (each: PolicyFinding) => {
    const { file, line: row, column: col, code: rule, message, expected } = each;
    return { rule, level, message: `${message}; expected ${expected}`, file, row, col };
  };
  return [...errors.map(of("error")), ...warnings.map(of("warning"))];
}
