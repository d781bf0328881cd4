import assert from "node:assert/strict";
import { test } from "node:test";
import { testAsk, testCompile } from "../evaluate/query-fixture.test.ts";
import type { Value } from "../values/value.ts";
import { indexClauses } from "./clause-index.ts";
import type { Program } from "./ir.ts";
import { optimise } from "./optimise.ts";

const RBAC = `package rbac

allow if {
	some grant in granted
	grant == input.grant
}

granted contains grant if {
	some role in data.roles[input.user]
	some grant in data.grants[role]
}
`;
const ROLES = { roles: { ann: ["a", "b"], bob: ["c"] }, grants: { a: [1], b: [2, 3] } };

const textOf = (program: Program, name: string): string =>
  JSON.stringify(program.procedures.find(({ path }) => path.at(-1) === name)?.clauses);

test("data that is fixed becomes constants", () => {
  const { program } = testCompile("package t\n\np := data.limits.cash\n");
  assert.match(textOf(program, "p"), /"op":"data"/);
  assert.match(textOf(optimise(program, { limits: { cash: 300 } }), "p"), /"op":"constant","value":300/);
});

test("but not where some with replaces data", () => {
  const { program } = testCompile(
    "package t\n\np := data.limits.cash\n\nq := x if x := p with data.limits.cash as 1\n",
  );
  assert.match(textOf(optimise(program, { limits: { cash: 300 } }), "p"), /"op":"data"/);
});

test("a rule that is a constant stands where it is asked for", () => {
  const { program } = testCompile('package t\n\nroles := {"a", "b"}\n\np if input.role in roles\n');
  assert.doesNotMatch(textOf(optimise(program, {}), "p"), /"op":"rule"/);
});

test("a set that is only looped over is not built, and its two loops over constants are one", () => {
  const { program } = testCompile(RBAC);
  assert.match(textOf(program, "allow"), /"op":"rule"/);
  const optimised = textOf(optimise(program, ROLES), "allow");
  assert.doesNotMatch(optimised, /"op":"(?:rule|invoke)"/);
  assert.equal(optimised.match(/"op":"scan"/g)?.length, 1);
});

test("a set that is asked for twice is built once and kept", () => {
  const { program } = testCompile(`${RBAC}\nmany if count(granted) > 1\n`);
  assert.match(textOf(optimise(program, ROLES), "allow"), /"op":"rule"/);
});

test("a list of a set's elements is not taken from the middle of its making", () => {
  const compiled = testCompile("package t\n\np := [x | some x in s]\n\ns contains 1 if some _ in [3, 1, 2]\n");
  assert.equal(testAsk(compiled, "data.t.p"), "[1]");
});

for (const [user, grant, answer] of [
  ["ann", 3, "true"],
  ["ann", 4, "undefined"],
  ["bob", 1, "undefined"],
  ["nobody", 1, "undefined"],
] as const)
  test(`the optimised policy says the same: ${user}, ${grant}`, () =>
    assert.equal(testAsk(testCompile(RBAC), "data.rbac.allow", { data: ROLES, input: { user, grant } }), answer));

const many = (count: number, body: (index: number) => string): string =>
  `package t\n\n${Array.from({ length: count }, (_, index) => body(index)).join("\n")}\n`;

test("definitions are chosen by the member that most of them compare", () => {
  const text = many(20, (i) => `p if {\n\tinput.action == "a${i}"\n\tinput.role == "r${i % 3}"\n}`);
  const index = indexClauses(testCompile(text).program.procedures[0]!);
  assert.deepEqual(index?.path, ["action"]);
  assert.deepEqual(index?.byValue.get("a7"), [7]);
  assert.deepEqual(index?.others, []);
});

test("definitions that do not compare it are always tried, in their place", () => {
  const text = `${many(8, (i) => `p := ${i} if input.x == "k${i}"`)}p := 100 if input.y\n`;
  const compiled = testCompile(text);
  assert.equal(testAsk(compiled, "data.t.p", { input: { x: "k3" } }), "3");
  assert.equal(testAsk(compiled, "data.t.p", { input: { y: true } }), "100");
  assert.equal(testAsk(compiled, "data.t.p", { input: { x: "k3", y: true } }), "eval_conflict_error");
  assert.equal(testAsk(compiled, "data.t.p", { input: { x: { deep: true } } }), "undefined");
});

test("a definition with an else is never left out", () => {
  const text = `${many(8, (i) => `p := ${i} if input.x == "k${i}"`)}p := 8 if input.x == "k8" else := 9 if input.z\n`;
  assert.equal(testAsk(testCompile(text), "data.t.p", { input: { z: true } }), "9");
});

for (const [name, value] of Object.entries({ null: null, true: true, one: 1, text: "1" }) satisfies [string, Value][])
  test(`the index tells constants of different types apart: ${name}`, () => {
    const constants = ["null", "true", "1", '"1"', '"a"', '"b"', "2"];
    const text = many(constants.length, (i) => `s contains ${i} if input.x == ${constants[i]}`);
    const at = constants.indexOf(JSON.stringify(value));
    assert.equal(testAsk(testCompile(text), "data.t.s", { input: { x: value } }), `[${at}]`);
  });

test("a set whose making may end the query is built whole, so that the conflict is seen", () => {
  const compiled = testCompile(`package t

allow if {
	some x in s
	x == 1
}

s contains x if {
	some x in [1, 2]
	f(x)
}

f(x) := true if x > 0

f(x) := 3 if x == 2
`);
  assert.equal(testAsk(compiled, "data.t.allow"), "eval_conflict_error");
});

test("what is known of a slot in one definition is forgotten in the next", () => {
  const compiled = testCompile(`package t

p if {
	some v in data.list
	v.a == 99
}

p if {
	some k, _ in input.x
	k.a != 1
}
`);
  const data = { list: [{ a: 1 }, { a: 2 }] };
  assert.equal(testAsk(compiled, "data.t.p", { data, input: { x: { foo: 1 } } }), "undefined");
});
