import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { compileQuery } from "../compile/compile.ts";
import { parseQuery } from "../syntax/parse.ts";
import { closures } from "./closures.ts";
import { javascript } from "./javascript.ts";
import { createRegoPolicy } from "./query.ts";
import { testAsk, testCompile } from "./query-fixture.test.ts";

/** A module's body, what is asked, and the answer as JSON. */
const CASES: readonly (readonly [name: string, body: string, asked: object, answer: string])[] = [
  ["a rule without a body always holds", "p := 1", {}, "1"],
  ["a rule that does not hold is undefined", "p if 1 == 2", {}, "undefined"],
  ["a default stands where no definition holds", "default p := 7\n\np := 1 if input.x", {}, "7"],
  ["false is defined, and does not satisfy a condition", "q := false\n\np if q", {}, "undefined"],
  [
    "else is tried where its definition does not hold",
    "p := 1 if input.a else := 2 if input.b",
    { input: { b: true } },
    "2",
  ],
  ["two definitions may agree", "p := 1 if input.a\n\np := 1 if input.b", { input: { a: true, b: true } }, "1"],
  [
    "two that do not agree are a conflict",
    "p := 1 if input.a\n\np := 2 if input.b",
    { input: { a: 1, b: 1 } },
    "eval_conflict_error",
  ],
  [
    "a partial set has each element once, in Rego's order",
    'p contains x if some x in ["b", "a", "b", 1, null]',
    {},
    '[null,1,"a","b"]',
  ],
  [
    "a partial object has a key for each way through",
    "p[k] := v if some k, v in input",
    { input: { a: 1, b: 2 } },
    '{"a":1,"b":2}',
  ],
  ["one key with two values is a conflict", 'p["a"] := v if some v in [1, 2]', {}, "eval_conflict_error"],
  [
    "heads nest",
    "p[x].y[z] := 1 if {\n\tsome x in {1, 2}\n\tz := x + 1\n}",
    {},
    '{"1":{"y":{"2":1}},"2":{"y":{"3":1}}}',
  ],
  ["a function takes its operands apart", 'f([x, {"a": y}]) := x + y\n\np := f([1, {"a": 2}])', {}, "3"],
  ["a function that does not match is undefined", "f(1) := 1\n\np := f(2)", {}, "undefined"],
  ["unification binds either side", "p := [x, y] if [x, 2] = [1, y]", {}, "[1,2]"],
  ["objects unify by their keys", 'p := x if {"a": x, "b": 2} = {"a": 1, "b": 2}', {}, "1"],
  [
    "a reference enumerates what is not bound",
    "p contains i if input.xs[i] == 2",
    { input: { xs: [2, 1, 2] } },
    "[0,2]",
  ],
  ["a set is looked up by the whole element", 'p if {[1, "a"], 2}[[1, "a"]]', {}, "true"],
  ["statements run in the order that binds", "p := y if {\n\ty = x + 1\n\tx = 1\n}", {}, "2"],
  ["not holds where nothing satisfies the rest", "p if not 3 in input.xs", { input: { xs: [1] } }, "true"],
  ["every holds over nothing", "p if every x in [] { x > 1 }", {}, "true"],
  ["every fails over what holds no elements", "p if every x in 1 { x > 1 }", {}, "undefined"],
  [
    "comprehensions see the body around them",
    "p := [y | some x in [3, 1, 2]; y := x * k] if k := 10",
    {},
    "[30,10,20]",
  ],
  ["over a set an array comprehension is in order", "p := [x | some x in {3, 1, 2}]", {}, "[1,2,3]"],
  [
    "over an object too, whatever the order of its text",
    "p := [k | some k, _ in input]",
    { input: { b: 1, a: 2 } },
    '["a","b"]',
  ],
  [
    "with replaces a part of the input",
    "p := x if x := q with input.a as 2\n\nq := [input.a, input.b]",
    { input: { a: 1, b: 3 } },
    "[2,3]",
  ],
  ["with replaces a function", "f(x) := x\n\ng(_) := 9\n\np := x if x := f(1) with f as g", {}, "9"],
  ["with replaces a builtin by a value", "p := x if x := count([1]) with count as 5", {}, "5"],
  ["with replaces a rule", "q := 1\n\np := x if x := q with data.t.q as 4", {}, "4"],
  [
    "what with changed is as before outside",
    "p := [a, b] if {\n\ta := q with input.x as 1\n\tb := q\n}\n\nq := input.x",
    { input: { x: 0 } },
    "[1,0]",
  ],
  [
    "bindings leave a with, changes do not",
    "p contains [x, input.n] if some x in input.xs with input.xs as [7]",
    { input: { xs: [], n: 1 } },
    "[[7,1]]",
  ],
  ["a builtin that fails is undefined", "p := to_number(input.x)", { input: { x: "a" } }, "undefined"],
  [
    "or an error, when asked to be strict",
    "p := 1 / input.x",
    { input: { x: 0 }, isStrict: true },
    "eval_builtin_error",
  ],
  [
    "numbers are exact",
    "p := [0.1 + 0.2, 9007199254740993 + 1, 1 / 3]",
    {},
    "[0.3,9007199254740994,0.33333333333333333334]",
  ],
  ["base data is seen below packages", "p := data.shop.open", { data: { shop: { open: true } } }, "true"],
  ["rules stand on top of base data", "p := object.keys(data.t2)", { data: { t2: { base: 1 } } }, '["base"]'],
  [
    "names of prototypes are names like any other",
    'p := [input.__proto__, input.constructor.x, input["toString"]]',
    { input: JSON.parse('{"__proto__": 1, "constructor": {"x": 2}, "toString": 3}') },
    "[1,2,3]",
  ],
  ["and undefined where nobody wrote them", "p if input.constructor", { input: {} }, "undefined"],
  [
    "templates print what is undefined",
    'p := $"{input.x} and {input.y}"',
    { input: { x: 1 } },
    '"1 and \\u003cundefined\\u003e"',
  ],
  [
    "a query out of fuel has no answer",
    "p := count([1 | some a in numbers.range(1, 1000); some b in numbers.range(1, 1000)])",
    { fuel: 5_000 },
    "limit: fuel",
  ],
];

for (const [name, body, asked, answer] of CASES)
  test(name, () =>
    assert.equal(testAsk(testCompile(`package t\n\n${body}\n`), "x := data.t.p", asked).split("; ")[0], answer),
  );

test("a walk yields every path and value", () => {
  const compiled = testCompile("package t\n\np contains path if {\n\twalk(input, [path, value])\n\tvalue == 1\n}\n");
  assert.equal(testAsk(compiled, "data.t.p", { input: { a: [1, { b: 1 }] } }), '[["a",0],["a",1,"b"]]');
});

test("a dynamic reference reaches rules and base data of all packages", () => {
  const compiled = testCompile(
    "package a.x\n\np := 1\n",
    "package a.y\n\np := 2\n",
    "package q\n\nr contains [k, v] if v := data.a[k].p\n",
  );
  assert.equal(testAsk(compiled, "data.q.r", { data: { a: { z: { p: 3 } } } }), '[["x",1],["y",2],["z",3]]');
});

test("a query that says one thing tells its value, false as well", () => {
  assert.equal(testAsk(testCompile("package t\n\np := 1\n"), "data.t.p == 3"), "false");
  assert.equal(testAsk(testCompile("package t\n\np := 1\n"), "x := 2; data.t.p"), "2; true; 1");
});

test("of a query that binds something, answers are the ways in which all of it holds", () => {
  const compiled = testCompile("package t\n\np := 1\n");
  assert.equal(testAsk(compiled, "x := [1, 2][_]; x != 1"), "2; true; true");
  assert.equal(testAsk(compiled, "x := 1; x != 1"), "undefined");
});

test("one prepared query keeps nothing of one input for the next", () => {
  const compiled = testCompile("package t\n\nq := input.x\n\np := [q, q]\n");
  assert.equal(testAsk(compiled, "data.t.p", { input: { x: 1 } }), "[1,1]");
  assert.equal(testAsk(compiled, "data.t.p", { input: {} }), "undefined");
});

for (const [name, backEnd] of Object.entries({ closures, javascript }))
  test(`an observer may ask the same query while it runs, and neither sees the other's answers, in ${name}`, () => {
    const compiled = testCompile(`package t

doubled contains x * 2 if { some x in input; print(x) }

found[x] := [y | some y in input; print(y); y <= x] if some x in doubled
`);
    const body = parseQuery("some x in data.t.doubled; print(x); y := data.t.found");
    assert.ok(body.ok);
    const query = compileQuery(compiled, body.value);
    assert.ok(query.ok);
    const policy = createRegoPolicy(compiled, { backEnd });
    const [prepared, other] = [policy.prepare(query.value), policy.prepare(query.value)];
    const ports = { now: instant(0), crypto: createNodeCrypto(), random: systemRandom };
    const alone = [[1, 2, 3], [7]].map((input) => prepared.evaluate({ ...ports, input }));
    const stepsAlone = prepared.steps;
    const meanwhile: unknown[] = [];
    const printed = () => {
      // With the fuel of one step a query ends in the middle of whatever it collects.
      for (const again of [prepared, other]) {
        for (const fuel of [1, 5, 10, 20]) again.evaluate({ ...ports, input: [4, 5, 6], fuel });
        meanwhile.push(again.evaluate({ ...ports, input: [7] }));
      }
    };
    const watched = prepared.evaluate({ ...ports, input: [1, 2, 3], observer: { printed } });
    assert.deepEqual(watched, alone[0]);
    assert.ok(meanwhile.length > 6);
    for (const answer of meanwhile) assert.deepEqual(answer, alone[1]);
    assert.deepEqual(prepared.evaluate({ ...ports, input: [7] }), alone[1]);
    assert.equal(prepared.steps, stepsAlone);
  });
