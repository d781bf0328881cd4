import { type Crypto, err, type Instant, ok, type Random, type Result } from "@vedette/base";
import type { Builtin } from "../builtins/builtin.ts";
import { type CompiledModules, compileModules, compileQuery } from "../compile/compile.ts";
import type { RegoError } from "../errors.ts";
import { closures } from "../evaluate/closures.ts";
import type { Observer, QueryOptions } from "../evaluate/evaluation.ts";
import { createRegoPolicy, type PreparedQuery, type QueryFailure } from "../evaluate/query.ts";
import type { Location, Module } from "../syntax/ast.ts";
import { parseQuery } from "../syntax/parse.ts";
import { valueToJson } from "../values/json.ts";
import { isArray, isObject, memberOf, type ObjectValue, sortedKeysOf, type Value } from "../values/value.ts";
import { CoverageObserver, type CoverageReport } from "./coverage.ts";
import { ExplainingObserver, type GaveUp } from "./explain.ts";
import { refToText } from "./explain-text.ts";
import { type Instrumented, instrument } from "./instrument.ts";
import { joinObservers } from "./join-observers.ts";
import { SourceIndex } from "./source-index.ts";
import { findTests, type Test } from "./test-cases.ts";

/** What the tests need from the world. */
export interface TestDeps {
  readonly now: Instant;
  readonly crypto: Crypto;
  readonly random: Random;
  /** Nanoseconds since some moment. */
  readonly stopwatch: () => number;
}

export interface TestOptions {
  readonly builtins: readonly Builtin[];
  readonly data?: Value | undefined;
  /** Asked with the test's full name, such as `data.pkg.test_x`. */
  readonly isWanted?: (name: string) => boolean;
  /** Nanoseconds for each test. */
  readonly timeout?: number;
  readonly withCoverage?: boolean;
}

export type TestOutcome = "pass" | "fail" | "skip" | "error";

export interface TestResult {
  /** `data.pkg` */
  readonly package: string;
  readonly name: string;
  readonly location: Location;
  readonly outcome: TestOutcome;
  readonly error: QueryFailure | undefined;
  /** Nanoseconds. */
  readonly duration: number;
  readonly printed: readonly string[];
  readonly cases: readonly TestCase[];
  /** Why it failed: where the test gave up, and below that what it asked. */
  readonly gaveUp: readonly GaveUp[];
}

/** A case of a test, and the cases within it. */
export interface TestCase {
  readonly name: string;
  readonly hasFailed: boolean;
  readonly cases: readonly TestCase[];
}

/** Compiled tests, each of which can be run as often as is wanted. */
export interface TestSuite {
  readonly tests: readonly Test[];
  run(test: Test): TestResult;
  /** One evaluation, unobserved; for measuring. */
  prepare(test: Test): Result<() => Result<unknown, QueryFailure>, readonly RegoError[]>;
  /** Of all that has run, when it was asked for. */
  coverage(): CoverageReport | undefined;
}

/** Far beyond any test; the timeout ends it sooner. */
const FUEL = Number.MAX_SAFE_INTEGER;

/**
 * Compiles modules with their tests as `opa test` does: a test passes when its rule is true, or when all its cases are.
 * What a test says about a program holds for both back ends; the one that can be watched runs it.
 */
export function createTestSuite(
  modules: readonly Module[],
  options: TestOptions,
  deps: TestDeps,
): Result<TestSuite, readonly RegoError[]> {
  const found = findTests(modules);
  let reported: (readonly Value[])[] = [];
  const builtins = options.builtins.map((builtin) =>
    builtin.name === "internal.test_case"
      ? { ...builtin, run: (_: unknown, path: Value) => isArray(path) && reported.push(path) > 0 }
      : builtin,
  );
  const compiled = compileModules(found.modules, builtins);
  if (!compiled.ok) return compiled;
  const instrumented = instrument(compiled.value);
  const policy = createRegoPolicy(instrumented.compiled, { backEnd: closures, data: options.data, isLiteral: true });
  const source = new SourceIndex(found.modules);
  const coverage = options.withCoverage === true ? new CoverageObserver(instrumented) : undefined;
  const wanted = found.tests.filter((test) => options.isWanted?.(fullName(test)) ?? true);
  const compileTest = (test: Test) => queryFor(instrumented.compiled, refToText([...test.package, ...test.path]));
  const optionsFor = (observer: Observer): QueryOptions => {
    const start = deps.stopwatch();
    const { timeout = Number.POSITIVE_INFINITY } = options;
    const isPastDeadline = () => deps.stopwatch() - start > timeout;
    return { now: deps.now, crypto: deps.crypto, random: deps.random, fuel: FUEL, isPastDeadline, observer };
  };

  const run = (test: Test): TestResult => {
    const base = {
      package: refToText(test.package),
      name: nameOf(test),
      location: test.rule.location,
      error: undefined,
      duration: 0,
      printed: [],
      cases: [],
      gaveUp: [],
    };
    if (test.isSkipped) return { ...base, outcome: "skip" };
    const query = compileTest(test);
    if (!query.ok) return { ...base, outcome: "error", error: compileFailure(query.error) };
    const prepared = policy.prepare(query.value);
    const printed: string[] = [];
    reported = [];
    const start = deps.stopwatch();
    const rows = prepared.evaluate(
      optionsFor(joinObservers([coverage, { printed: (text) => void printed.push(text) }])),
    );
    const ran = { ...base, printed, duration: deps.stopwatch() - start };
    if (!rows.ok) return { ...ran, outcome: "error", error: rows.error };
    const value = rows.value[0]?.at(-1);
    const cases = test.hasCases && value !== undefined && isObject(value) ? casesOf(value, reported) : [];
    const hasPassed = test.hasCases ? value !== undefined && !cases.some(hasFailed) : value === true;
    if (hasPassed) return { ...ran, outcome: "pass", cases };
    const gaveUp = explain(prepared, query.value.program.statements, instrumented, source, optionsFor);
    return { ...ran, outcome: "fail", cases, gaveUp };
  };

  return ok({
    tests: wanted,
    run,
    prepare: (test) => {
      const query = compileTest(test);
      if (!query.ok) return query;
      const prepared = policy.prepare(query.value);
      return ok(() => prepared.evaluate(optionsFor({})));
    },
    coverage: () => coverage?.report(modules),
  });
}

/** A failed test once more, watched: where its own definition gave up. */
function explain(
  prepared: PreparedQuery,
  statements: Instrumented["compiled"]["program"]["statements"],
  instrumented: Instrumented,
  source: SourceIndex,
  optionsFor: (observer: Observer) => QueryOptions,
): readonly GaveUp[] {
  const observer = new ExplainingObserver(instrumented, statements, source);
  prepared.evaluate(optionsFor(observer));
  return observer.explanation().calls.flatMap(({ gaveUp }) => gaveUp);
}

function queryFor(compiled: CompiledModules, text: string) {
  const body = parseQuery(text);
  if (!body.ok) return err(body.error);
  return compileQuery(compiled, body.value);
}

function compileFailure([error]: readonly RegoError[]): QueryFailure {
  const { message, location } = error as RegoError;
  return { code: "eval_internal_error", message, location };
}

/** Cases that have a value, and those that were begun and have none. */
function casesOf(value: ObjectValue, reported: readonly (readonly Value[])[]): readonly TestCase[] {
  const root: CaseNode = { value: undefined, children: new Map() };
  addValues(root, value);
  for (const path of reported) {
    let node = root;
    for (const key of path.map(caseName)) {
      const child: CaseNode = node.children.get(key) ?? { value: undefined, children: new Map() };
      node.children.set(key, child);
      node = child;
    }
  }
  return finish(root);
}

interface CaseNode {
  value: Value | undefined;
  readonly children: Map<string, CaseNode>;
}

function addValues(node: CaseNode, value: Value): void {
  if (!isObject(value)) {
    node.value = value;
    return;
  }
  for (const key of sortedKeysOf(value)) {
    const child: CaseNode = { value: undefined, children: new Map() };
    node.children.set(caseName(key), child);
    addValues(child, memberOf(value, key) as Value);
  }
}

function finish(node: CaseNode): readonly TestCase[] {
  return Array.from(node.children)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, child]) => {
      const cases = finish(child);
      return { name, cases, hasFailed: cases.length > 0 ? cases.some(hasFailed) : child.value !== true };
    });
}

function hasFailed(item: TestCase): boolean {
  return item.hasFailed;
}

function caseName(key: Value): string {
  return typeof key === "string" ? key : valueToJson(key);
}

function nameOf({ path: [first, ...rest] }: Test): string {
  return `${first}${refToText(rest).slice("data".length)}`;
}

function fullName(test: Test): string {
  return refToText([...test.package, ...test.path]);
}
