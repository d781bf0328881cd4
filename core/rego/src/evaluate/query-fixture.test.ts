import assert from "node:assert/strict";
import { instant } from "@vedette/base";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { BUILTINS } from "../builtins/registry.ts";
import { type CompiledModules, compileModules, compileQuery } from "../compile/compile.ts";
import { parseModule, parseQuery } from "../syntax/parse.ts";
import { valueToJson } from "../values/json.ts";
import type { Value } from "../values/value.ts";
import { closures } from "./closures.ts";
import { javascript } from "./javascript.ts";
import { createRegoPolicy, type PolicyOptions, type QueryFailure } from "./query.ts";

export interface Asked {
  readonly input?: Value;
  readonly data?: Value;
  readonly isStrict?: boolean;
  readonly fuel?: number;
}

const WAYS: Readonly<Record<string, Pick<PolicyOptions, "backEnd" | "isLiteral">>> = {
  "closures, as written": { backEnd: closures, isLiteral: true },
  "closures, optimised": { backEnd: closures },
  "generated code": { backEnd: javascript },
};

export function testCompile(...texts: readonly string[]): CompiledModules {
  const modules = texts.map((text, index) => {
    const parsed = parseModule(text, { file: `${index}.rego` });
    if (!parsed.ok) assert.fail(JSON.stringify(parsed.error));
    return parsed.value;
  });
  const compiled = compileModules(modules, BUILTINS);
  if (!compiled.ok) assert.fail(JSON.stringify(compiled.error));
  return compiled.value;
}

/** What all ways of running a query make of it: its first answer as JSON, "undefined", or the code of its failure. */
export function testAsk(compiled: CompiledModules, query: string, asked: Asked = {}): string {
  const answers = Object.entries(WAYS).map(([way, options]) => [way, ask(compiled, query, asked, options)] as const);
  const [first] = answers;
  for (const [way, answer] of answers) assert.equal(answer, first?.[1], `${way} says something else`);
  return first?.[1] ?? "";
}

function ask(compiled: CompiledModules, text: string, { data, ...asked }: Asked, options: PolicyOptions): string {
  const body = parseQuery(text);
  assert.ok(body.ok, JSON.stringify(body));
  const query = compileQuery(compiled, body.value);
  if (!query.ok) assert.fail(JSON.stringify(query.error));
  const prepared = createRegoPolicy(compiled, { ...options, data }).prepare(query.value);
  const now = instant(Date.UTC(2026, 10, 22, 12));
  const rows = prepared.evaluate({ ...asked, now, crypto: createNodeCrypto(), random: systemRandom });
  if (!rows.ok) return failureText(rows.error);
  const [row] = rows.value;
  return row === undefined ? "undefined" : row.map((value) => valueToJson(value)).join("; ");
}

function failureText(failure: QueryFailure): string {
  return failure.code === "limit" ? `limit: ${failure.limit}` : failure.code;
}
