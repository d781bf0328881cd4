import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { compileQuery } from "../compile/compile.ts";
import { requireInput } from "../compile/require-input.ts";
import { parseQuery } from "../syntax/parse.ts";
import type { Value } from "../values/value.ts";
import { closures } from "./closures.ts";
import { javascript } from "./javascript.ts";
import { createRegoPolicy } from "./query.ts";
import { testAsk, testCompile } from "./query-fixture.test.ts";

// What the fuzzer found (testing/conformance/src/rego-fuzz.ts), each in the fewest words.

test("digits in a name are no index of a text or a list", () => {
  const policy = testCompile('package t\n\np := input.x["0"]\n\nq if "w" == input.x["0"]\n');
  for (const x of ["write", ["w"], 7, true])
    for (const query of ["data.t.p", "data.t.q"]) assert.equal(testAsk(policy, query, { input: { x } }), "undefined");
  assert.equal(testAsk(policy, "data.t.p", { input: { x: { "0": "w" } } }), '"w"');
});

test("of nothing nobody asks for the key, which could end the query", () => {
  const policy = testCompile("package t\n\nkey := 1\n\nkey := 2 if input.other\n\np if input.x[key] == 1\n");
  assert.equal(testAsk(policy, "data.t.p", { input: { other: true } }), "undefined");
  assert.equal(testAsk(policy, "data.t.p", { input: { other: true, x: [0] } }), "eval_conflict_error");
});

test("of two members of a literal with one key the last stands, whatever comes behind it", () => {
  const policy = testCompile(
    "package t\n\np(x, y) := {x: 1, y: 2}\n\nq := count([{input.a: 1, input.b: 2}, input.missing])\n",
  );
  assert.equal(testAsk(policy, 'data.t.p("k", "k")'), '{"k":2}');
  assert.equal(testAsk(policy, "data.t.q", { input: { a: 1, b: 1 } }), "undefined");
  const constant = testCompile('package t\n\np := {"a": input.missing, "a": 1}\n\nq := {"a": 1, "a": 2}\n');
  assert.equal(testAsk(constant, "data.t.p"), '{"a":1}');
  assert.equal(testAsk(constant, "data.t.q"), '{"a":2}');
});

test("a comprehension whose key is undefined does not ask for the value", () => {
  const policy = testCompile("package t\n\np := {input.x: concat(input.n, []) | true}\n");
  assert.equal(testAsk(policy, "data.t.p", { isStrict: true, input: { n: 1 } }), "{}");
  assert.equal(testAsk(policy, "data.t.p", { isStrict: true, input: { n: 1, x: "k" } }), "eval_type_error");
});

test("what is printed is not computed when nobody reads it", () => {
  const policy = testCompile("package t\n\np if { print(concat(input.x, [])) }\n");
  assert.equal(testAsk(policy, "data.t.p", { isStrict: true, input: { x: 1 } }), "true");
});

test("an index of definitions leaves out none that ends the query before it gives up", () => {
  const clauses = ["a", "b", "c", "d", "e", "f"].map(
    (name) => `p := "${name}" if { f(input.n); input.user == "${name}" }`,
  );
  const policy = testCompile(["package t", "f(x) := x", "f(x) := 1 if x > 1", ...clauses].join("\n\n"));
  assert.equal(testAsk(policy, "data.t.p", { input: { user: "c", n: 1 } }), '"c"');
  assert.equal(testAsk(policy, "data.t.p", { input: { user: "nobody", n: 2 } }), "eval_conflict_error");
});

test("an object has the places at which rules were written, though they add nothing", () => {
  const none = "some v, x in input.none";
  const policy = testCompile(
    `package t

p[100][v] contains x if { ${none} }

p[0][v] := x if { ${none} }

q[100] contains x if { ${none} }

r.a[v] := x if { ${none} }

r[7].b := 1 if input.none

s[v].b := x if { ${none} }

s[7][v] := x if { ${none} }

u[x] := 1 if some x in [100]

u[100][y] := 2 if some y in input.none
`,
  );
  const wanted = { p: '{"0":{},"100":{}}', q: '{"100":[]}', r: '{"7":{},"a":{}}', s: "{}", u: '{"100":1}' };
  for (const [name, value] of Object.entries(wanted)) assert.equal(testAsk(policy, `data.t.${name}`), value, name);
});

test("both back ends tell that something of the input is missing", () => {
  const policy = testCompile("package t\n\nother := 1 if input.never\n\np if object.get(input.x, other, 1) == 1\n");
  const program = requireInput(policy.program);
  const told = [closures, javascript].map((backEnd) => {
    const body = parseQuery("data.t.p");
    assert.ok(body.ok);
    const query = compileQuery({ ...policy, program }, body.value);
    assert.ok(query.ok);
    const input: Value = { x: {}, never: false };
    let isMissing = false;
    const missed = () => {
      isMissing = true;
    };
    const prepared = createRegoPolicy({ ...policy, program }, { backEnd }).prepare(query.value);
    const deps = { now: instant(0), crypto: createNodeCrypto(), random: systemRandom };
    prepared.evaluate({ input, observer: { missed }, ...deps });
    return isMissing;
  });
  assert.deepEqual(told, [true, true]);
});

test("what a statement puts in place loops anew for each call that is taken out of it", () => {
  const policy = testCompile(`package t

p if { not {count(input.x), sum(input.x)} with input as {k: v | some k, v in {"x": [1, 2]}} }

q := x if x := [count(input.x), sum(input.x)] with input as {k: v | some k, v in {"x": input.list}}

r if { not {object.get(input, s, s)} with input as {"x": y | s[_] = _; some y in input.list} }

s contains x if some x in input.none
`);
  assert.equal(testAsk(policy, "data.t.p"), "undefined");
  assert.equal(testAsk(policy, "data.t.q", { input: { list: [1, 2] } }), "[2,3]");
  assert.equal(testAsk(policy, "data.t.r", { input: { list: [1, 2] } }), "undefined");
});

test("null is a value, in a whole document and in base data as well (the differential)", () => {
  const policy = testCompile(
    "package t\n\np.a := input.x\n\nq := data.base.list[0]\n\nr contains x if some x in data.t.p\n",
  );
  const asked = { input: { x: null }, data: { base: { list: [null] } } };
  assert.equal(testAsk(policy, "data.t.p", asked), '{"a":null}');
  assert.equal(testAsk(policy, "data.t.q", asked), "null");
  assert.equal(testAsk(policy, "data.t.r", asked), "[null]");
});
