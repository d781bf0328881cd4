import { decide } from "@vedette/policy";
import { createRegoPolicy, javascript } from "@vedette/rego";
import { type Command, exitCode, type Invocation, type Terminal, UsageError } from "../command.ts";
import { Refusal } from "../refusal.ts";
import { activate, contextOf, decisionOptions, readRequest } from "./decide.ts";
import { queryOptions, readInputDocument } from "./eval.ts";
import { reportToJson } from "./json-text.ts";
import { type Measurement, measure, measurementRows, measurementToGoBench, measurementToReport } from "./measure.ts";
import { readCount } from "./option-values.ts";
import { compileSources, FUEL, now, policyDeps, readCapabilities, readQuery } from "./prepared-policy.ts";
import { type Problem, problemOf, problemsToText } from "./problems.ts";
import { loadSources } from "./sources.ts";
import { tableToText } from "./table.ts";

const FORMATS: readonly string[] = ["pretty", "json", "gobench"];

export const bench: Command = {
  name: "policy bench",
  summary: "measure how long a query, or with --rules an access decision, takes",
  operands: "[QUERY]",
  options: {
    ...queryOptions,
    count: { summary: "measure so many times", value: "NUMBER", default: "1" },
    format: { summary: FORMATS.join(", "), short: "f", value: "FORMAT", choices: FORMATS, default: "pretty" },
    ...decisionOptions,
  },
  details: `
Modules are compiled and data is bound before; what is measured is one evaluation with the input there already, after
warming up. Repeat on an idle machine: the first run is the least reliable.`,
  examples: [
    "vedette policy bench -d policy.rego -i input.json 'data.example.allow'",
    "vedette policy bench --rules examples/store-17/rules.json --input request.json",
  ],
  async run(invocation, terminal) {
    const act = actOf(invocation);
    const runs = Array.from({ length: readCount("count", invocation.value("count")) }, () => measure(act));
    const format = terminal.isJson ? "json" : invocation.value("format");
    for (const run of runs) write(run, format, terminal);
    return exitCode.done;
  },
};

function write(run: Measurement, format: string, terminal: Terminal): void {
  if (format === "json") terminal.out(reportToJson(measurementToReport(run)));
  else if (format === "gobench") terminal.out(measurementToGoBench("BenchmarkVedetteEval", run));
  else terminal.out(tableToText([], measurementRows(run)));
}

/** One evaluation. Ends the command when there is no answer, as nothing would be measured. */
function actOf(invocation: Invocation): () => void {
  if (invocation.optional("rules") !== undefined || invocation.isSet("decide")) {
    const { policy } = activate(invocation);
    const input = invocation.optional("input");
    if (input === undefined) throw new UsageError("--input FILE is missing: the request to decide");
    const request = readRequest(input);
    const context = contextOf(invocation);
    return () => void decide(policy, request, context);
  }
  const [text] = invocation.operands;
  if (text === undefined) throw new UsageError("name a query, or --rules FILE to decide a request");
  const sources = loadSources(invocation, invocation.all("data"), invocation.all("bundle"));
  const input = readInputDocument(invocation);
  const compiled = compileSources(sources, readCapabilities(invocation.optional("capabilities")));
  if (!compiled.ok) throw refusal(compiled.error);
  const context = { package: invocation.optional("package"), imports: invocation.all("import") };
  const query = readQuery(compiled.value, text, context);
  if (!query.ok) throw refusal(query.error);
  const policy = createRegoPolicy(compiled.value, { backEnd: javascript, data: sources.data });
  const prepared = policy.prepare(query.value.compiled);
  const options = { ...policyDeps, now: now(), input, fuel: FUEL };
  const rows = prepared.evaluate(options);
  if (!rows.ok) throw refusal([problemOf(rows.error)]);
  if (rows.value.length === 0) throw new Refusal("QUERY_UNDEFINED", "the query is undefined: nothing to measure");
  return () => void prepared.evaluate(options);
}

function refusal(problems: readonly Problem[]): Refusal {
  return new Refusal("POLICY_REFUSED", problemsToText(problems));
}
