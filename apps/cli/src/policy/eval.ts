import { readFileSync } from "node:fs";
import { ok, parseUtf8, type Result } from "@vedette/base";
import {
  answersOf,
  type CompiledModules,
  CoverageObserver,
  closures,
  createRegoPolicy,
  type ExplainedCall,
  ExplainingObserver,
  type Explanation,
  explanationToText,
  type GaveUp,
  type Instrumented,
  instrument,
  javascript,
  joinObservers,
  type Observer,
  type ProfiledLine,
  ProfilingObserver,
  type QueryAnswer,
  refToText,
  SourceIndex,
  type TraceEvent,
  TraceObserver,
  traceToText,
  type Value,
} from "@vedette/rego";
import { type Command, exitCode, type Invocation, type Options, type Terminal, UsageError } from "../command.ts";
import { coverageToReport } from "./coverage-report.ts";
import { decideRequest, decisionOptions } from "./decide.ts";
import { evalOutput } from "./eval-output.ts";
import { textOf } from "./json-rules.ts";
import { PolicyValue, type Report, reportToJson } from "./json-text.ts";
import { readInstant } from "./option-values.ts";
import {
  compileSources,
  FUEL,
  now,
  policyDeps,
  type ReadyQuery,
  readCapabilities,
  readQuery,
  stopwatch,
} from "./prepared-policy.ts";
import { type Problem, problemOf, problemsToReport, problemsToText } from "./problems.ts";
import { loadSources, type PolicySources, readDocument, sourceOptions } from "./sources.ts";

const EVAL_FORMATS: readonly string[] = ["json", "pretty", "raw", "values", "bindings", "discard"];
const EXPLANATIONS: readonly string[] = ["off", "why", "fails", "notes", "full", "debug"];

/** Options of what asks a query: `eval` and `bench`. */
export const queryOptions: Options = {
  data: {
    summary: "modules and data: files and folders; a.b:PATH puts data below a.b",
    short: "d",
    value: "PATH",
    repeated: true,
  },
  bundle: { summary: "a policy bundle, packed or as a folder", short: "b", value: "BUNDLE", repeated: true },
  input: { summary: "the input document, JSON or YAML; of a decision, an AuthZEN request", short: "i", value: "FILE" },
  package: { summary: "ask from within this package", value: "NAME" },
  import: { summary: "import this into the query, such as data.lib", value: "PATH", repeated: true },
  capabilities: { summary: "edge, gate, or an OPA capabilities file: what else is called is refused", value: "FILE" },
  ...sourceOptions,
};

export const evaluate: Command = {
  name: "policy eval",
  summary: "ask a query of Rego modules and data; or decide one request, as the gateway would, and say why",
  operands: "[QUERY]",
  options: {
    ...queryOptions,
    stdin: { summary: "read the query from standard input" },
    "stdin-input": { summary: "read the input document from standard input", short: "I" },
    format: {
      summary: `${EVAL_FORMATS.join(", ")} (default: json)`,
      short: "f",
      value: "FORMAT",
      choices: EVAL_FORMATS,
    },
    fail: { summary: "exit code 1 when the answer is undefined or empty, or the decision deny" },
    "fail-defined": { summary: "exit code 1 when there is an answer" },
    "strict-builtin-errors": { summary: "a builtin that fails ends the query" },
    explain: {
      summary: "why (in words, also: fails), notes, full or debug: what the query did",
      value: "MODE",
      choices: EXPLANATIONS,
      bare: "why",
    },
    coverage: { summary: "report which lines the query reached" },
    profile: { summary: "report which lines took how long" },
    metrics: { summary: "report how long loading, compiling and evaluating took" },
    ...decisionOptions,
  },
  details: `
Reports, formats and exit codes are those of \`opa eval\`: 2 when there are errors. With --rules or --decide there is no
query: the answer is an access decision.`,
  examples: [
    "vedette policy eval -d policy.rego -i input.json 'data.example.allow'",
    "vedette policy eval -d policy.rego -i input.json --explain -f pretty 'data.example.allow'",
    "vedette policy eval --rules examples/store-17/rules.json --input request.json",
  ],
  async run(invocation, terminal) {
    if (invocation.optional("rules") !== undefined || invocation.isSet("decide"))
      return decideRequest(invocation, terminal);
    const text = queryText(invocation);
    const format = terminal.isJson ? "json" : (invocation.optional("format") ?? "json");
    const session = new EvalSession(invocation, terminal);
    const outcome = session.run(text);
    if (!outcome.ok) {
      const hasJson = format === "json" || format === "discard";
      if (hasJson) terminal.out(reportToJson(problemsToReport(outcome.error)));
      else terminal.progress(problemsToText(outcome.error, (file) => (file === "" ? text : session.textOf(file))));
      return exitCode.usage;
    }
    terminal.out(evalOutput(outcome.value, format));
    const isDefined = outcome.value.answers.length > 0;
    return invocation.isSet(isDefined ? "fail-defined" : "fail") ? exitCode.no : exitCode.done;
  },
};

/** What a query answered, and what was asked to be said about it. */
export interface EvalResult {
  readonly answers: readonly QueryAnswer[];
  readonly explanation: { readonly text: string; readonly report: Report } | undefined;
  readonly coverage: Report | undefined;
  readonly coveragePercent: number | undefined;
  readonly profile: readonly ProfiledLine[] | undefined;
  readonly metrics: Readonly<Record<string, number>> | undefined;
}

class EvalSession {
  readonly #invocation: Invocation;
  readonly #terminal: Terminal;
  readonly #metrics: Record<string, number> = {};
  #sources: PolicySources | undefined;

  constructor(invocation: Invocation, terminal: Terminal) {
    this.#invocation = invocation;
    this.#terminal = terminal;
  }

  textOf(file: string): string | undefined {
    return this.#sources?.textOf(file);
  }

  run(text: string): Result<EvalResult, readonly Problem[]> {
    const invocation = this.#invocation;
    const sources = this.#timed("rego_load_files", () =>
      loadSources(invocation, invocation.all("data"), invocation.all("bundle")),
    );
    this.#sources = sources;
    const input = readInputDocument(invocation);
    const compiled = this.#timed("rego_module_compile", () =>
      compileSources(sources, readCapabilities(invocation.optional("capabilities"))),
    );
    if (!compiled.ok) return compiled;
    const query = this.#timed("rego_query_compile", () =>
      readQuery(compiled.value, text, {
        package: invocation.optional("package"),
        imports: invocation.all("import"),
        regoVersion: invocation.isSet("v0-compatible") ? 0 : 1,
      }),
    );
    return query.ok ? this.#evaluate(compiled.value, query.value, sources, input) : query;
  }

  #evaluate(
    compiled: CompiledModules,
    query: ReadyQuery,
    sources: PolicySources,
    input: Value | undefined,
  ): Result<EvalResult, readonly Problem[]> {
    const invocation = this.#invocation;
    const watched = this.#watch(compiled, query, sources);
    const prepared = createRegoPolicy(watched?.instrumented.compiled ?? compiled, {
      backEnd: watched ? closures : javascript,
      data: sources.data,
      isLiteral: watched !== undefined,
    }).prepare(watched?.query.compiled ?? query.compiled);
    const printed = (line: string): void => this.#terminal.progress(line);
    const at = invocation.optional("at");
    const rows = this.#timed("rego_query_eval", () =>
      prepared.evaluate({
        ...policyDeps,
        now: at === undefined ? now() : readInstant(at),
        input,
        isStrict: invocation.isSet("strict-builtin-errors"),
        fuel: FUEL,
        isPastDeadline: () => this.#terminal.signal.aborted,
        observer: joinObservers([...(watched?.observers ?? []), { printed }]),
      }),
    );
    if (!rows.ok) return { ok: false, error: [problemOf(rows.error)] };
    const coverage = watched?.coverage?.report(sources.modules);
    return ok({
      answers: answersOf(query, prepared.names, rows.value),
      explanation: watched?.explain(),
      coverage: coverage && coverageToReport(coverage),
      coveragePercent: coverage?.coverage,
      profile: watched?.profile?.lines(),
      metrics: invocation.isSet("metrics") || invocation.isSet("profile") ? this.#metrics : undefined,
    });
  }

  /** Undefined when nothing is to be said but the answer. */
  #watch(compiled: CompiledModules, query: ReadyQuery, sources: PolicySources): Watched | undefined {
    const mode = this.#invocation.optional("explain") ?? "off";
    const hasCoverage = this.#invocation.isSet("coverage");
    const hasProfile = this.#invocation.isSet("profile");
    if (mode === "off" && !hasCoverage && !hasProfile) return undefined;
    const instrumented = instrument(compiled);
    const again = readQuery(instrumented.compiled, query.text, {
      package: this.#invocation.optional("package"),
      imports: this.#invocation.all("import"),
      regoVersion: this.#invocation.isSet("v0-compatible") ? 0 : 1,
    });
    // It compiled before, and marks do not change what compiles.
    const own = again.ok ? again.value : query;
    const { statements } = own.compiled.program;
    const source = new SourceIndex(sources.modules, own);
    const coverage = hasCoverage ? new CoverageObserver(instrumented) : undefined;
    const profile = hasProfile ? new ProfilingObserver(statements, stopwatch) : undefined;
    const isTrace = mode === "notes" || mode === "full" || mode === "debug";
    const trace = isTrace ? new TraceObserver(instrumented, statements, source) : undefined;
    const words =
      mode === "why" || mode === "fails" ? new ExplainingObserver(instrumented, statements, source) : undefined;
    return {
      instrumented,
      query: own,
      coverage,
      profile,
      observers: [coverage, profile, trace, words].flatMap((observer) => observer ?? []),
      explain: () => {
        const explanation = words?.explanation();
        if (explanation) return { text: explanationToText(explanation), report: explanationToReport(explanation) };
        const events = trace?.events.filter(({ step }) => mode !== "notes" || step === "Note");
        return events && { text: traceToText(events), report: events.map(eventToReport) };
      },
    };
  }

  #timed<T>(name: string, act: () => T): T {
    const start = stopwatch();
    const result = act();
    this.#metrics[`timer_${name}_ns`] = stopwatch() - start;
    return result;
  }
}

interface Watched {
  readonly instrumented: Instrumented;
  readonly query: ReadyQuery;
  readonly coverage: CoverageObserver | undefined;
  readonly profile: ProfilingObserver | undefined;
  readonly observers: readonly Observer[];
  explain(): { readonly text: string; readonly report: Report } | undefined;
}

function queryText(invocation: Invocation): string {
  const [text, ...others] = invocation.operands;
  if (invocation.isSet("stdin")) return readFileSync(0, "utf8");
  if (text === undefined) throw new UsageError("name a query, or --rules FILE to decide a request");
  if (others.length > 0) throw new UsageError(`unexpected "${others[0]}": a query is one operand, in quotes`);
  return text;
}

export function readInputDocument(invocation: Invocation): Value | undefined {
  const file = invocation.optional("input");
  if (invocation.isSet("stdin-input")) {
    const text = parseUtf8(new Uint8Array(readFileSync(0)));
    if (!text.ok) throw new UsageError("standard input is not UTF-8 text");
    return readDocument("stdin.json", text.value);
  }
  return file === undefined ? undefined : readDocument(file, textOf(file));
}

function explanationToReport({ calls, gaveUp }: Explanation): Report {
  return { calls: calls.map(callToReport), gave_up: gaveUp.map(gaveUpToReport) };
}

function callToReport({ path, args, value, fallback, held, gaveUp, isFunction }: ExplainedCall): Report {
  return {
    rule: refToText(path),
    args: isFunction ? args.map((arg) => new PolicyValue(arg)) : undefined,
    value: value === undefined ? undefined : new PolicyValue(value),
    default: fallback && placeOf(fallback),
    held: held.map(placeOf),
    gave_up: gaveUp.map(gaveUpToReport),
  };
}

function gaveUpToReport({ head, location, text, count, examples, calls, inside }: GaveUp): Report {
  return {
    definition: head && placeOf(head),
    location: placeOf(location),
    text,
    count,
    examples: examples.map(({ values }) =>
      Object.fromEntries(values.map(({ text, value }) => [text, value === undefined ? null : new PolicyValue(value)])),
    ),
    inside: inside.length > 0 ? inside.map(gaveUpToReport) : undefined,
    calls: calls.length > 0 ? calls.map(callToReport) : undefined,
  };
}

function eventToReport({ step, depth, location, text }: TraceEvent): Report {
  return { step, depth, location: placeOf(location), text };
}

function placeOf({ file, row, col }: { readonly file: string; readonly row: number; readonly col: number }): Report {
  return { file, row, col };
}
