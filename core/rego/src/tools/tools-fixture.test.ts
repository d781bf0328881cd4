import { instant } from "@vedette/base";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { BUILTINS } from "../builtins/registry.ts";
import { type CompiledModules, compileModules, compileQuery } from "../compile/compile.ts";
import { closures } from "../evaluate/closures.ts";
import type { Observer } from "../evaluate/evaluation.ts";
import { createRegoPolicy } from "../evaluate/query.ts";
import type { Module } from "../syntax/ast.ts";
import { parseModule, parseQuery } from "../syntax/parse.ts";
import type { Value } from "../values/value.ts";
import { answersOf, type QueryAnswer } from "./answers.ts";
import { type Instrumented, instrument } from "./instrument.ts";
import { SourceIndex } from "./source-index.ts";
import { createTestSuite, type TestOptions, type TestResult, type TestSuite } from "./test-runner.ts";

export const testDeps = { now: instant(0), crypto: createNodeCrypto(), random: systemRandom };

/** Modules by file name; each is Rego v1. */
export function testParse(texts: Readonly<Record<string, string>>): readonly Module[] {
  return Object.entries(texts).map(([file, text]) => {
    const parsed = parseModule(text, { file });
    if (!parsed.ok) throw new Error(`${file}: ${JSON.stringify(parsed.error)}`);
    return parsed.value;
  });
}

export interface TestQuery {
  readonly answers: readonly QueryAnswer[];
  readonly modules: readonly Module[];
}

/** Asks a query and lets `observe` watch it. */
export function testAsk(
  texts: Readonly<Record<string, string>>,
  text: string,
  input?: Value,
  observe?: (
    instrumented: Instrumented,
    statements: CompiledModules["program"]["statements"],
    source: SourceIndex,
  ) => Observer,
): TestQuery {
  const modules = testParse(texts);
  const compiled = compileModules(modules, BUILTINS);
  const body = parseQuery(text);
  if (!compiled.ok || !body.ok) throw new Error(JSON.stringify([compiled, body]));
  const instrumented = instrument(compiled.value);
  const query = compileQuery(instrumented.compiled, body.value);
  if (!query.ok) throw new Error(JSON.stringify(query.error));
  const source = new SourceIndex(modules, { body: body.value, text });
  const observer = observe?.(instrumented, query.value.program.statements, source);
  const prepared = createRegoPolicy(instrumented.compiled, { backEnd: closures, isLiteral: true }).prepare(query.value);
  const rows = prepared.evaluate({ ...testDeps, input, ...(observer && { observer }) });
  if (!rows.ok) throw new Error(rows.error.message);
  return { answers: answersOf({ body: body.value, text }, prepared.names, rows.value), modules };
}

export function testSuite(texts: Readonly<Record<string, string>>, options: Partial<TestOptions> = {}): TestSuite {
  let nanoseconds = 0;
  const stopwatch = (): number => (nanoseconds += 1_000);
  const suite = createTestSuite(testParse(texts), { builtins: BUILTINS, ...options }, { ...testDeps, stopwatch });
  if (!suite.ok) throw new Error(JSON.stringify(suite.error));
  return suite.value;
}

export function testRun(
  texts: Readonly<Record<string, string>>,
  options: Partial<TestOptions> = {},
): readonly TestResult[] {
  const suite = testSuite(texts, options);
  return suite.tests.map((test) => suite.run(test));
}
