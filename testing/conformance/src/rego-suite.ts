import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type BackEnd,
  BUILTINS,
  type Builtin,
  compileModules,
  compileQuery,
  createRegoPolicy,
  type Module,
  parseJson,
  parseModule,
  parseQuery,
  parseTerm,
  type QueryFailure,
  type RegoError,
  type Value,
  valueOfTerm,
  valueToJson,
} from "@vedette/rego";
import { createNodeCrypto, systemClock, systemRandom } from "@vedette/runtime";

/** OPA's own conformance suite, as the vectors' `SOURCES.md` describes it. */
const SUITE: string = join(
  process.env["VEDETTE_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors"),
  "rego/v1",
);
export const suiteMissing: false | string = existsSync(SUITE) ? false : `no vectors at ${SUITE}: set VEDETTE_VECTORS`;

/** One case; its file stands in the folder `category`. */
export interface SuiteCase {
  readonly category: string;
  readonly note: string;
  readonly query: string;
  readonly modules: readonly string[];
  readonly data: Value | undefined;
  readonly input: Value | undefined;
  /** A Rego term instead of JSON. */
  readonly inputTerm: string | undefined;
  readonly wantResult: readonly unknown[] | undefined;
  readonly isUnordered: boolean;
  readonly wantErrorCode: string | undefined;
  readonly wantError: string | undefined;
  readonly isStrict: boolean;
  /** Names of the builtins in OPA's own plan of the case, with what the rules of the case call. */
  readonly builtins: readonly string[];
}

export function readSuite(): SuiteCase[] {
  return readdirSync(SUITE)
    .sort()
    .flatMap((category) =>
      readdirSync(join(SUITE, category))
        .sort()
        .flatMap((file) => {
          const text = readFileSync(join(SUITE, category, file), "utf8");
          const exact = parseJson(text);
          if (!exact.ok) throw new Error(`${category}/${file} is no JSON: ${exact.error.message}`);
          // Data and input keep their exact numbers; the rest of a case is plain JSON.
          const cases = (exact.value as { readonly [key: string]: Value })["cases"] as readonly Value[];
          return JSON.parse(text).cases.map((item: RawCase, index: number) => toCase(category, item, cases[index]!));
        }),
    );
}

interface RawCase {
  readonly note: string;
  readonly query: string;
  readonly modules?: readonly string[];
  readonly input_term?: string;
  readonly want_result?: readonly unknown[];
  readonly sort_bindings?: boolean;
  readonly want_error_code?: string;
  readonly want_error?: string;
  readonly strict_error?: boolean;
  readonly plan?: { readonly static?: { readonly builtin_funcs?: readonly { readonly name: string }[] } };
}

function toCase(category: string, raw: RawCase, exact: Value): SuiteCase {
  const { data, input } = exact as { readonly [key: string]: Value };
  return {
    category,
    note: raw.note,
    query: raw.query,
    modules: raw.modules ?? [],
    data: data ?? undefined,
    input: input ?? undefined,
    inputTerm: raw.input_term,
    wantResult: raw.want_result,
    isUnordered: raw.sort_bindings ?? false,
    wantErrorCode: raw.want_error_code,
    wantError: raw.want_error,
    isStrict: raw.strict_error ?? false,
    builtins: (raw.plan?.static?.builtin_funcs ?? []).map(({ name }) => name),
  };
}

/** The suite brings this one itself: it waits, and there is nothing to wait for here. */
const TEST_SLEEP: Builtin = {
  name: "test.sleep",
  type: { args: [{ type: "string" }], result: { type: "null" } },
  isNondeterministic: true,
  run: () => null,
};

export const SUITE_BUILTINS: readonly Builtin[] = [...BUILTINS, TEST_SLEEP];

export type Outcome =
  | { readonly type: "rows"; readonly rows: readonly unknown[] }
  | { readonly type: "error"; readonly code: string; readonly text: string };

/** What we make of a case with one back end. */
export function runCase(item: SuiteCase, backEnd: BackEnd): Outcome {
  const modules: Module[] = [];
  for (const [index, text] of item.modules.entries()) {
    const parsed = parseModule(text, { file: `test-${index}.rego` });
    if (!parsed.ok) return refused(parsed.error);
    modules.push(parsed.value);
  }
  const compiled = compileModules(modules, SUITE_BUILTINS);
  if (!compiled.ok) return refused(compiled.error);
  const body = parseQuery(item.query);
  if (!body.ok) return refused(body.error);
  const query = compileQuery(compiled.value, body.value);
  if (!query.ok) return refused(query.error);
  const input = item.inputTerm === undefined ? item.input : inputOf(item.inputTerm);
  const prepared = createRegoPolicy(compiled.value, { backEnd, data: item.data }).prepare(query.value);
  const result = prepared.evaluate({
    input,
    now: systemClock.now(),
    crypto: createNodeCrypto(),
    random: systemRandom,
    isStrict: item.isStrict,
    fuel: 20_000_000,
  });
  if (!result.ok) return failed(result.error);
  const rows = result.value.map((row) =>
    Object.fromEntries(prepared.names.map((name, index) => [name, JSON.parse(valueToJson(row[index]!))])),
  );
  return { type: "rows", rows };
}

function inputOf(text: string): Value {
  const term = parseTerm(text);
  const value = term.ok ? valueOfTerm(term.value) : undefined;
  if (value === undefined) throw new Error(`the suite has an input that is no value: ${text}`);
  return value;
}

function refused([first]: readonly RegoError[]): Outcome {
  const { code, message, location } = first!;
  return { type: "error", code, text: `${location.file}:${location.row}: ${code}: ${message}` };
}

function failed(failure: QueryFailure): Outcome {
  const at = failure.code !== "limit" && failure.location ? `${failure.location.file}:${failure.location.row}: ` : "";
  return { type: "error", code: failure.code, text: `${at}${failure.code}: ${failure.message}` };
}

/** Undefined when the case passed; else what is wrong. */
export function judge(item: SuiteCase, outcome: Outcome): string | undefined {
  const wantsError = item.wantErrorCode !== undefined || item.wantError !== undefined;
  if (outcome.type === "error") {
    if (!wantsError) return outcome.text;
    if (item.wantErrorCode !== undefined && outcome.code !== item.wantErrorCode)
      return `wanted ${item.wantErrorCode}, got ${outcome.text}`;
    if (item.wantError !== undefined && !outcome.text.includes(item.wantError))
      return `wanted "${item.wantError}", got "${outcome.text}"`;
    return undefined;
  }
  const got = JSON.stringify(outcome.rows);
  if (wantsError) return `wanted ${item.wantErrorCode ?? item.wantError}, got ${got}`;
  const wanted = item.wantResult ?? [];
  const [a, b] = item.isUnordered
    ? [wanted.map(withSortedLists), outcome.rows.map(withSortedLists)]
    : [wanted, outcome.rows];
  return isDeepStrictEqual(sortedRows(a), sortedRows(b)) ? undefined : `wanted ${JSON.stringify(wanted)}, got ${got}`;
}

/** The order of answers means nothing. */
function sortedRows(rows: readonly unknown[]): unknown[] {
  return rows.map((row) => JSON.stringify(sortedKeys(row))).sort();
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortedKeys(item)]),
  );
}

/** `sort_bindings`: lists that were sets on the way are compared as such. */
function withSortedLists(row: unknown): unknown {
  if (typeof row !== "object" || row === null) return row;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((item) => JSON.stringify(sortedKeys(item))).sort() : value,
    ]),
  );
}
