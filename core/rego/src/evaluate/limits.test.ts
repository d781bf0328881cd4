import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { compileQuery } from "../compile/compile.ts";
import type { LimitName } from "../limits.ts";
import { parseQuery } from "../syntax/parse.ts";
import type { Value } from "../values/value.ts";
import type { BackEnd } from "./back-end.ts";
import { closures } from "./closures.ts";
import { javascript } from "./javascript.ts";
import { createRegoPolicy } from "./query.ts";
import { testAsk, testCompile } from "./query-fixture.test.ts";

const LONG: Value = "x".repeat(1_000_000);

/** Each meets its limit: the query, what it meets, the input it is asked with. */
const MEETINGS: readonly (readonly [rule: string, limit: LimitName, input: Value])[] = [
  ["p := [1 | some _ in input; some _ in input; some _ in input]", "fuel", Array.from({ length: 200 }, () => 1)],
  [`p := {[x, ${"input, ".repeat(10_000)}1] | some x in numbers.range(1, 10000)}`, "fuel", 1],
  [`p := {{${Array.from({ length: 10_000 }, (_, i) => `${i}: x`)}} | some x in numbers.range(1, 10000)}`, "fuel", 1],
  ["p := numbers.range(1, input)", "fuel", 1e9],
  ["p := numbers.range(1, input)", "fuel", -9_007_199_254_740_991],
  // Each element costs one step, and what is done for it as many as what it looks through.
  ["p := count([1 | some _ in numbers.range(1, 1000); input.a == input.b])", "fuel", twins()],
  ["p := count([1 | some _ in numbers.range(1, 1000); input.a <= input.b])", "fuel", twins()],
  ["p := count([1 | some _ in numbers.range(1, 1000); input.a in [input.b]])", "fuel", twins()],
  ["p := count([1 | some x in numbers.range(1, 1000); input.a in {[x, input.b], input.b}])", "fuel", twins()],
  ["p := {[x, input.a] | some x in numbers.range(1, 1000)}", "fuel", twins()],
  ["p := {[x, input.a]: 1 | some x in numbers.range(1, 1000)}", "fuel", twins()],
  [
    "p := count(sort([[input.a, 1], [input.b, 2]])) if count([1 | some _ in numbers.range(1, 1000); sort([input.a, input.b])]) > 0",
    "fuel",
    twins(),
  ],
  ["p contains [x, input.a] if some x in numbers.range(1, 1000)", "fuel", twins()],
  [
    "p := count([1 | some x in numbers.range(1, 100); input.a with input.a.k0 as x])",
    "fuel",
    { a: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])), c: 1 },
  ],
  ['p := replace(input, "x", input)', "fuel", LONG],
  ["p := concat(input, [input, input, input])", "fuel", "x".repeat(20_000_000)],
  ["p := [x | walk(input, [x, _])]", "fuel", Array.from({ length: 1_000_001 }, () => 1)],
  ["p := bits.lsh(1, input)", "result-size", 1e9],
  ['p := regex.match(input, "x")', "regex-size", `${"(".repeat(20)}x${"){100}".repeat(20)}`],
  ["p if input == input.x", "nesting", nested(100_000)],
  ["p := json.marshal(input)", "nesting", nested(100_000)],
];

/** Two lists that only a walk along both tells to be equal. */
function twins(): Value {
  const list = () => Array.from({ length: 20_000 }, (_, i) => i);
  return { a: list(), b: list() };
}

function nested(depth: number): Value {
  let value: Value = { x: [] };
  let other: Value = { x: [] };
  for (let i = 0; i < depth; i++) [value, other] = [{ x: value }, { x: other }];
  return { ...value, x: other };
}

for (const [rule, limit, input] of MEETINGS)
  test(`a query ends in the limit ${limit}: ${rule}`, () => {
    const answer = testAsk(testCompile(`package t\n\n${rule}\n`), "data.t.p", { input });
    assert.equal(answer, `limit: ${limit}`);
  });

for (const [name, backEnd] of Object.entries({ closures, javascript }))
  test(`a query that runs past its deadline ends in the limit clock, in ${name}`, () => {
    assert.deepEqual(testRunWithClock(backEnd, 0), "limit: clock");
    assert.deepEqual(testRunWithClock(backEnd, 1_000_000), "1000000");
  });

/** A loop of a million steps; the deadline passes when it has been asked for `patience` times. */
function testRunWithClock(backEnd: BackEnd, patience: number): string {
  const compiled = testCompile("package t\n\np := count([1 | some _ in input; some _ in input])\n");
  const body = parseQuery("data.t.p");
  assert.ok(body.ok);
  const query = compileQuery(compiled, body.value);
  assert.ok(query.ok);
  let asked = 0;
  const result = createRegoPolicy(compiled, { backEnd })
    .prepare(query.value)
    .evaluate({
      input: Array.from({ length: 1_000 }, () => 1),
      now: instant(0),
      crypto: createNodeCrypto(),
      random: systemRandom,
      fuel: 10_000_000,
      isPastDeadline: () => ++asked > patience,
    });
  if (result.ok) return JSON.stringify(result.value[0]?.[0]) ?? "undefined";
  return result.error.code === "limit" ? `limit: ${result.error.limit}` : result.error.code;
}
