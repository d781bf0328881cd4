// `node testing/conformance/src/rego-fuzz.ts --count 1000000 --seed 1`: random policies and inputs on every way to run them.
import { parseArgs } from "node:util";
import { type Instant, instant } from "@vedette/base";
import {
  BUILTINS,
  type CompiledModules,
  type CompiledQuery,
  closures,
  compileModules,
  compileQuery,
  createRegoPolicy,
  javascript,
  type Module,
  type Observer,
  type PreparedQuery,
  parseJson,
  parseModule,
  parseQuery,
  type QueryFailure,
  type RegoError,
  type RegoPolicy,
  requireInput,
  type Value,
  valueToText,
} from "@vedette/rego";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { type FuzzCase, generateCase } from "./rego-fuzz-modules.ts";
import { handedOver } from "./rego-handed-over.ts";

/** What all ways to run a case made of it, and where they did not make the same. */
interface FuzzReport {
  readonly seed: number;
  /** The code of the error for which the modules do not compile. */
  readonly refused: string | undefined;
  readonly queries: number;
  readonly evaluations: number;
  readonly outcomes: Readonly<Record<Outcome["type"], number>>;
  readonly faults: readonly Fault[];
}

interface Fault {
  readonly seed: number;
  readonly query: string;
  readonly input: string;
  readonly made: Readonly<Record<string, string>>;
}

type Outcome =
  | { readonly type: "value" | "undefined"; readonly text: string }
  | { readonly type: "error" | "limit"; readonly text: string }
  | { readonly type: "crash"; readonly text: string };

/** Enough for all that the generator writes but loops within loops over long ranges. */
const FUEL = 20_000;
const NOW: Instant = instant(1_750_000_000_000);

const crypto = createNodeCrypto();

/** A case as it is asked: what compiled, and what of it did not. */
interface CompiledCase {
  readonly compiled: CompiledModules;
  readonly data: Value;
  readonly queries: readonly { readonly text: string; readonly query: CompiledQuery }[];
}

export type CompileOutcome =
  | { readonly type: "compiled"; readonly value: CompiledCase }
  | { readonly type: "refused"; readonly error: RegoError };

export function compileCase(item: FuzzCase): CompileOutcome {
  const modules: Module[] = [];
  for (const [index, text] of item.modules.entries()) {
    const parsed = parseModule(text, { file: `${index}.rego` });
    if (!parsed.ok) return { type: "refused", error: parsed.error[0]! };
    modules.push(parsed.value);
  }
  const compiled = compileModules(modules, BUILTINS);
  if (!compiled.ok) return { type: "refused", error: compiled.error[0]! };
  const queries = item.queries.flatMap((text) => {
    const body = parseQuery(text);
    const query = body.ok ? compileQuery(compiled.value, body.value) : undefined;
    return query?.ok ? [{ text, query: query.value }] : [];
  });
  return { type: "compiled", value: { compiled: compiled.value, data: frozenJson(item.data)!, queries } };
}

/** Whoever runs policies may run them in any of these ways, and gets the same answers. */
function waysToRun({ compiled, data }: CompiledCase): readonly Way[] {
  const asking = { ...compiled, program: requireInput(compiled.program) };
  return [
    { name: "literal", policy: createRegoPolicy(compiled, { backEnd: closures, data, isLiteral: true }), asks: false },
    { name: "closures", policy: createRegoPolicy(compiled, { backEnd: closures, data }), asks: false },
    { name: "javascript", policy: createRegoPolicy(compiled, { backEnd: javascript, data }), asks: false },
    { name: "handed over", policy: createRegoPolicy(compiled, { backEnd: handedOver(BUILTINS), data }), asks: false },
    { name: "asking closures", policy: createRegoPolicy(asking, { backEnd: closures, data }), asks: true },
    { name: "asking javascript", policy: createRegoPolicy(asking, { backEnd: javascript, data }), asks: true },
    {
      name: "asking, handed over",
      policy: createRegoPolicy(asking, { backEnd: handedOver(BUILTINS), data }),
      asks: true,
    },
  ];
}

interface Way {
  readonly name: string;
  readonly policy: RegoPolicy;
  /** Whether it tells what of the input is missing (`requireInput`). */
  readonly asks: boolean;
}

interface PreparedWay {
  readonly name: string;
  readonly query: PreparedQuery | Error;
  readonly asks: boolean;
}

function fuzz(seed: number): FuzzReport {
  const item = generateCase(seed);
  const outcomes = { value: 0, undefined: 0, error: 0, limit: 0, crash: 0 };
  const compiled = attempt(() => compileCase(item));
  if (compiled instanceof Error)
    return {
      seed,
      refused: "crash",
      queries: 0,
      evaluations: 0,
      outcomes: { ...outcomes, crash: 1 },
      faults: [{ seed, query: "", input: "", made: { compiler: compiled.stack ?? compiled.message } }],
    };
  if (compiled.type === "refused")
    return { seed, refused: compiled.error.code, queries: 0, evaluations: 0, outcomes, faults: [] };
  const { queries } = compiled.value;
  const ways = waysToRun(compiled.value);
  const faults: Fault[] = [];
  let evaluations = 0;
  for (const { text, query } of queries) {
    const prepared = ways.map(({ name, policy, asks }): PreparedWay => {
      const program = asks ? requireInput(query.program) : query.program;
      return { name, query: attempt(() => policy.prepare({ ...query, program })), asks };
    });
    for (const [index, input] of [undefined, ...item.inputs].entries()) {
      const document = input === undefined ? undefined : frozenJson(input);
      if (input !== undefined && document === undefined) continue;
      const isStrict = index % 2 === 1;
      const made = prepared.map((way) => ({ ...ask(way, document, isStrict), way }));
      evaluations++;
      outcomes[made[0]!.type]++;
      if (areAgreed(made) && areAgreedOnMissing(made)) continue;
      const texts = made.map(({ way, text, isMissing }) => [
        way.name,
        isMissing ? `${text} (something is missing)` : text,
      ]);
      faults.push({ seed, query: text, input: input ?? "", made: Object.fromEntries(texts) });
    }
  }
  return { seed, refused: undefined, queries: queries.length, evaluations, outcomes, faults };
}

/**
 * A limit is met at another step when there are fewer steps. A definition whose value became a constant settles its rule,
 * and the definitions behind it cannot end the query any more: only as it was written, it may end in an error.
 */
function areAgreed([literal, ...others]: readonly Outcome[]): boolean {
  const outcomes = literal === undefined || literal.type === "error" ? others : [literal, ...others];
  if (literal?.type === "crash" || others.some(({ type }) => type === "crash")) return false;
  const counted = outcomes.filter(({ type }) => type !== "limit");
  return counted.every(({ text }) => text === counted[0]!.text);
}

function areAgreedOnMissing(
  made: readonly (Outcome & { readonly way: PreparedWay; readonly isMissing: boolean })[],
): boolean {
  const asking = made.filter(({ way, type }) => way.asks && type !== "limit");
  return asking.every(({ isMissing }) => isMissing === asking[0]!.isMissing);
}

function ask(
  { query }: PreparedWay,
  input: Value | undefined,
  isStrict: boolean,
): Outcome & { readonly isMissing: boolean } {
  if (query instanceof Error) return { type: "crash", text: query.stack ?? query.message, isMissing: false };
  let isMissing = false;
  const observer: Observer = {
    missed: () => {
      isMissing = true;
    },
  };
  const options = { input, now: NOW, crypto, random: systemRandom, isStrict, fuel: FUEL, observer };
  const result = attempt(() => query.evaluate(options));
  if (result instanceof Error) return { type: "crash", text: result.stack ?? result.message, isMissing };
  if (!result.ok) return { ...failed(result.error), isMissing };
  const text = result.value.map((row) => row.map((value) => valueToText(value)).join(" ; ")).join("\n");
  return { type: result.value.length === 0 ? "undefined" : "value", text, isMissing };
}

function failed(failure: QueryFailure): Outcome {
  if (failure.code === "limit") return { type: "limit", text: `limit: ${failure.limit}` };
  return { type: failure.code === "eval_internal_error" ? "crash" : "error", text: failure.code };
}

function attempt<T>(act: () => T): T | Error {
  try {
    return act();
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause));
  }
}

/** Evaluation changes nothing that it is given: an attempt would throw. Undefined for what is no JSON. */
function frozenJson(text: string): Value | undefined {
  const parsed = parseJson(text);
  return parsed.ok ? deepFrozen(parsed.value) : undefined;
}

function deepFrozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFrozen(member);
  return Object.freeze(value);
}

export interface FuzzTotals {
  readonly cases: number;
  readonly compiled: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly queries: number;
  readonly evaluations: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly faults: readonly Fault[];
}

/** Seeds from `first` on. `told` sees the totals from time to time. */
export function fuzzMany(first: number, count: number, told: (totals: FuzzTotals) => void = () => {}): FuzzTotals {
  const refused: Record<string, number> = {};
  const outcomes: Record<string, number> = {};
  const faults: Fault[] = [];
  const sums = { cases: 0, compiled: 0, queries: 0, evaluations: 0 };
  const totals = () => ({ ...sums, refused, outcomes, faults });
  for (let seed = first; seed < first + count; seed++) {
    const report = fuzz(seed);
    sums.cases++;
    sums.compiled += report.refused === undefined ? 1 : 0;
    sums.queries += report.queries;
    sums.evaluations += report.evaluations;
    if (report.refused !== undefined) refused[report.refused] = (refused[report.refused] ?? 0) + 1;
    for (const [type, number] of Object.entries(report.outcomes)) outcomes[type] = (outcomes[type] ?? 0) + number;
    faults.push(...report.faults);
    if (sums.cases % 1_000 === 0) told(totals());
  }
  return totals();
}

function main(): void {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "1000" },
      seed: { type: "string", default: "1" },
      show: { type: "string" },
    },
  });
  if (values.show !== undefined) {
    const item = generateCase(Number(values.show));
    process.stdout.write(`${item.modules.join("\n\n# ----\n\n")}\n\n# data: ${item.data}\n`);
    for (const input of item.inputs) process.stdout.write(`# input: ${input}\n`);
    process.stdout.write(`${JSON.stringify(fuzz(item.seed).faults, undefined, 2)}\n`);
    return;
  }
  const first = Number(values.seed);
  let shown = 0;
  const totals = fuzzMany(first, Number(values.count), ({ cases, evaluations, faults }) => {
    process.stderr.write(
      `${cases} cases, ${evaluations} evaluations, ${faults.length} faults; next seed ${first + cases}\n`,
    );
    for (const fault of faults.slice(shown)) process.stderr.write(`${JSON.stringify(fault)}\n`);
    shown = faults.length;
  });
  process.stdout.write(`${JSON.stringify(totals, undefined, 2)}\n`);
  process.exitCode = totals.faults.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
