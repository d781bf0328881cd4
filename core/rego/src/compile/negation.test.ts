import assert from "node:assert/strict";
import { test } from "node:test";
import { testAsk, testCompile } from "../evaluate/query-fixture.test.ts";

/** As OPA has it: of a negated statement only the outermost call or reference is negated. */
function holds(statement: string, input: { readonly [name: string]: string | number } = {}): boolean {
  return (
    testAsk(testCompile(`package t\np if { ${statement} }\nq.a := 1\nf(x) if x == 1`), "x := data.t.p", { input }) !==
    "undefined"
  );
}

test("a negated call does not hold when an operand is not there", () => {
  assert.ok(!holds(`not startswith(input.path, "/admin")`));
  assert.ok(holds(`not startswith(input.path, "/admin")`, { path: "/home" }));
  assert.ok(!holds(`not startswith(input.path, "/admin")`, { path: "/admin" }));
  assert.ok(!holds(`not f(input.x)`));
  assert.ok(!holds(`not input.x in [1]`));
  assert.ok(!holds(`not input.x < 1`));
});

test("a negated reference holds when it leads nowhere, but not when there is no key to follow", () => {
  assert.ok(holds(`not q.b`));
  assert.ok(!holds(`not q[input.key]`));
  assert.ok(holds(`not q[input.key]`, { key: "b" }));
});

test("a negated comparison holds when one of its sides is not there", () => {
  assert.ok(holds(`not input.x == 1`));
  assert.ok(!holds(`not count(input.x) == 1`));
  assert.ok(!holds(`not [input.x] == input.y`));
});

test("a comprehension is always there to be negated", () => {
  assert.ok(holds(`not count([x | x := input.x]) == 1`));
});

test("what a negated statement asks for is asked with what replaces it", () => {
  assert.ok(holds(`not startswith(input.path, "/admin") with input as {"path": "/home"}`));
});
