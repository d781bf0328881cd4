import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTINS } from "../builtins/registry.ts";
import type { RegoError } from "../errors.ts";
import { testAsk, testCompile } from "../evaluate/query-fixture.test.ts";
import { parseModule } from "../syntax/parse.ts";
import { compileModules } from "./compile.ts";

/** Long enough for a slow machine; what takes time in the square of the size takes minutes. */
const TIME_MS_MAX = 30_000;

const SIZE = 2_100;

function times(count: number, write: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => write(index)).join("\n");
}

/** Bodies, rules and packages of which the parts meet each other; `size` of them. */
const SHAPES: Readonly<Record<string, (size: number) => readonly string[]>> = {
  "rules that need the one before": (n) => [times(n, (i) => (i === 0 ? "r0 := input.x" : `r${i} if r${i - 1}`))],
  "rules that each hold the one before twice": (n) => [
    `p0 := [input.x]\n${times(n, (i) => `p${i + 1} := [p${i}, {"a": p${i}}]`)}\nq if p${n} == p${n - 1}`,
  ],
  "two towers of lists that are compared": (n) => [
    `p0 := [1]\nq0 := [1]\n${times(n, (i) => `p${i + 1} := [p${i}, p${i}]\nq${i + 1} := [q${i}, q${i}]\nr${i} if p${i} == q${i}`)}`,
  ],
  "variables that each hold the one before twice": (n) => [
    `p if {\nx0 := [input.x]\n${times(n, (i) => `x${i + 1} := [x${i}, x${i}]`)}\n}`,
  ],
  "results that all differ in type": (n) => [
    times(n, (i) => `p := {"k${i}": 1} if input.x == ${i}\nq := {"j${i}": 1} if input.x == ${i}`),
    "r if p == q",
  ],
  "elements that all differ in type": (n) => [times(n, (i) => `p contains {"k${i}": 1} if input.x == ${i}`)],
  "keys of one large table": (n) => [
    `o := {${Array.from({ length: n }, (_, i) => `"k${i}": [${i}]`)}}`,
    times(n, (i) => `p${i} if o[input.x${i}][0] == 1`),
  ],
  "statements in the reverse of their order": (n) => [
    `p if {\n${times(n, (i) => `x${i} = x${i + 1}`)}\nx${n} = input.x\n}`,
  ],
  "calls in the reverse of their order": (n) => [
    `p if {\n${times(n, (i) => `plus(x${i + 1}, 1, x${i})`)}\nx${n} = input.x\n}`,
  ],
  "a pattern that is known from its end": (n) => [
    `p if {\n[${Array.from({ length: n }, (_, i) => `x${i}`)}] = [${Array.from({ length: n }, (_, i) => `x${i + 1}`)}]\nx${n} = 1\n}`,
  ],
  "objects taken apart key by key": (n) => [
    `p if {\nx := input.x\n{${Array.from({ length: n }, (_, i) => `"k${i}": x`)}} = {${Array.from({ length: n }, (_, i) => `"k${n - 1 - i}": y${i}`)}}\n}`,
  ],
  "comprehensions in one body": (n) => [`p if {\n${times(n, (i) => `count([x | some x in input.l${i}]) > ${i}`)}\n}`],
  "conditions that loop": (n) => [`p if {\n${times(n, (i) => `input.x${i}[_] == ${i}`)}\n}`],
  "documents replaced in rules that need each other": (n) => [
    times(n, (i) => (i === 0 ? "r0 := input.x" : `r${i} if r${i - 1}`)),
    times(n, (i) => `w${i} if r${n - 1} with data.t.r${i} as 1`),
  ],
};

for (const [name, write] of Object.entries(SHAPES))
  test(`a policy is compiled in time in proportion to its size: ${name}`, () => {
    const before = performance.now();
    const compiled = compile(write(SIZE));
    assert.ok(compiled.ok || compiled.errors.every(({ code }) => code === "rego_type_error"));
    assert.ok(performance.now() - before < TIME_MS_MAX, "it took too long");
  });

test("modules of one package do not each look through all of it", () => {
  const before = performance.now();
  testCompile(...Array.from({ length: SIZE }, (_, i) => `package t\n\nr${i} := input.x`));
  assert.ok(performance.now() - before < TIME_MS_MAX, "it took too long");
});

test("a package in which rules need each other is evaluated rule by rule, not path by path", () => {
  const chain = times(SIZE, (i) => (i === 0 ? "r0 if input" : `r${i} if r${i - 1}`));
  assert.equal(testAsk(testCompile(`package t\n\n${chain}\n`), "count(data.t)", { input: 1 }), String(SIZE));
  const sets = times(SIZE, (i) => (i === 0 ? "r0 contains 1" : `r${i} contains x if some x in r${i - 1}`));
  assert.equal(testAsk(testCompile(`package t\n\n${sets}\n`), "count(data.t)", { input: 1 }), String(SIZE));
});

test("rules that may need each other in too many ways are refused", () => {
  const rules = times(1_100, (i) => `p contains ${i} if input.x == ${i}\nq contains x if { some x in p; x == ${i} }`);
  const compiled = compile([rules]);
  assert.ok(!compiled.ok);
  assert.match(compiled.errors[0]?.message ?? "", /^too many rules that may need each other/);
});

test("a type with more than ten thousand parts may be anything", () => {
  const tower = times(12, (i) => `p${i + 1} := [p${i}, p${i}]`);
  assert.ok(!compile([`p0 := [1]\n${tower}\nq if p11 == "x"`]).ok);
  assert.ok(compile([`p0 := [1]\n${tower}\nq if p12 == "x"`]).ok);
});

function compile(
  rules: readonly string[],
): { readonly ok: true } | { readonly ok: false; readonly errors: readonly RegoError[] } {
  const parsed = parseModule(`package t\n\n${rules.join("\n\n")}\n`, { file: "large.rego" });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const compiled = compileModules([parsed.value], BUILTINS);
  return compiled.ok ? { ok: true } : { ok: false, errors: compiled.error };
}
