// `npm run conformance:rego [-- --json]`: OPA's own suite against both back ends; writes docs/conformance/rego.md.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BackEnd, closures, javascript } from "@vedette/rego";
import { handedOver } from "./rego-handed-over.ts";
import { judge, type Outcome, readSuite, runCase, SUITE_BUILTINS, type SuiteCase, suiteMissing } from "./rego-suite.ts";

export interface CaseScore {
  readonly item: SuiteCase;
  /** Undefined when it passed. */
  readonly fault: string | undefined;
  /** Why it is left out; then its fault does not count as a failure. */
  readonly omission: string | undefined;
  readonly isDeterministic: boolean;
  /** Both back ends made the same of it, and so did the one over a program that was handed over. */
  readonly isAgreed: boolean;
}

/** Asks somebody else for part of the answer: left out on purpose, whatever the case wants. */
const OMITTED: Readonly<Record<string, string>> = {
  "http.send": "asks a server; a policy that cannot run offline does not belong on the edge",
  "net.lookup_ip_addr": "asks a name server; a policy that cannot run offline does not belong on the edge",
  "opa.runtime": "tells of OPA's own process",
};

/** Failures that stay, and why: by category and note. */
const EXPLAINED: Readonly<Record<string, string>> = {
  "reachable: reachable_paths/cycle_1022_3":
    "OPA 1.22.2 itself answers as we do: it follows one, five, six on to seven, eight, three, where the suite wants it to end",
  "strings: strings/sprintf: float too big":
    "a number is its value here, not how it was written: 2e308, beyond any double, prints all its digits",
};

const NONDETERMINISTIC: ReadonlySet<string> = new Set([
  ...["http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "time.now_ns", "uuid.rfc4122", "test.sleep"],
]);

/** Both back ends, and the first one over a program that another thread compiled. */
const BACK_ENDS: readonly BackEnd[] = [closures, javascript, handedOver(SUITE_BUILTINS)];

export function scoreSuite(): CaseScore[] {
  return readSuite().map((item) => {
    const [first, ...others] = BACK_ENDS.map((backEnd) => attempt(item, backEnd));
    const fault = judge(item, first!);
    const reason = item.builtins.map((name) => OMITTED[name]).find((found) => found !== undefined);
    return {
      item,
      fault,
      omission: fault === undefined ? undefined : reason,
      isDeterministic: !item.builtins.some((name) => NONDETERMINISTIC.has(name)),
      isAgreed: others.every((other) => isSame(first!, other)) || !isRepeatable(item),
    };
  });
}

/** A case that draws numbers or reads the clock says something else each time. */
function isRepeatable(item: SuiteCase): boolean {
  return !item.builtins.some((name) => NONDETERMINISTIC.has(name));
}

function attempt(item: SuiteCase, backEnd: BackEnd): Outcome {
  try {
    return runCase(item, backEnd);
  } catch (cause) {
    return { type: "error", code: "crash", text: `crash: ${String(cause)}` };
  }
}

function isSame(a: Outcome, b: Outcome): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

interface Tally {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly omitted: number;
}

function tally(scores: readonly CaseScore[]): Tally {
  const omitted = scores.filter(({ omission }) => omission !== undefined).length;
  const failed = scores.filter(({ fault, omission }) => fault !== undefined && omission === undefined).length;
  return { total: scores.length, passed: scores.length - failed - omitted, failed, omitted };
}

const share = ({ passed, total }: Tally): string => `${((100 * passed) / total).toFixed(2)} %`;

function report(scores: readonly CaseScore[]): string {
  const all = tally(scores);
  const deterministic = tally(scores.filter((score) => score.isDeterministic));
  const agreed = scores.filter((score) => score.isAgreed).length;
  const categories = Map.groupBy(scores, ({ item }) => item.category);
  const rows = Array.from(categories, ([name, own]) => [name, tally(own)] as const).map(
    ([name, own]) => `| ${name} | ${own.total} | ${own.passed} | ${own.failed || ""} | ${own.omitted || ""} |`,
  );
  const notPassed = scores.filter(({ fault }) => fault !== undefined);
  return `# Conformance: Rego

OPA's own suite of Rego v1 (as data in swift-opa, see \`SOURCES.md\` of the vectors), run by \`npm run conformance:rego\`. A case passes
when its answers, or its error code and message, are those that the suite wants; each runs on both back ends.

| | cases | passed | failed | left out | share |
| --- | --- | --- | --- | --- | --- |
| all | ${all.total} | ${all.passed} | ${all.failed} | ${all.omitted} | ${share(all)} |
| whose builtins are deterministic | ${deterministic.total} | ${deterministic.passed} | ${deterministic.failed} | ${deterministic.omitted} | ${share(deterministic)} |

Both back ends agree on ${agreed} of ${all.total} cases.

## What does not pass
${notPassed.length === 0 ? "Nothing." : "| case | why |\n| --- | --- |"}
${notPassed.map(faultRow).join("\n")}

## By category
| category | cases | passed | failed | left out |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function faultRow({ item, fault, omission }: CaseScore): string {
  const name = `${item.category}: ${item.note}`;
  return `| ${cell(name)} | ${cell(omission ?? EXPLAINED[name] ?? fault ?? "")} |`;
}

function cell(text: string): string {
  return text.slice(0, 200).replaceAll("|", "\\|").replaceAll("\n", " ");
}

function main(): void {
  const { values } = parseArgs({ options: { json: { type: "boolean" } } });
  if (suiteMissing) {
    console.error(`conformance: ${suiteMissing}`);
    process.exitCode = 1;
    return;
  }
  const scores = scoreSuite();
  const deterministic = tally(scores.filter((score) => score.isDeterministic));
  if (values.json) {
    console.log(JSON.stringify({ ...tally(scores), deterministic }));
    return;
  }
  const text = report(scores);
  const folder = join(import.meta.dirname, "../../../docs/conformance");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "rego.md"), text);
  console.log(text);
}

if (import.meta.main) main();
