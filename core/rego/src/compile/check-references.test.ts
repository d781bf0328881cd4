import assert from "node:assert/strict";
import { test } from "node:test";
import { testAsk, testCompile } from "../evaluate/query-fixture.test.ts";

test("a variable that is a key of base data may be of any type", () => {
  // Nothing is known of base data: rules in other places say nothing of its keys.
  testCompile("package a.b\n\nsets contains 1\n\np(x) if { data.base.rows[x]; x == sets }\n");
  testCompile("package a.b\n\np(x) if { 1 == data.base.s[x]; some _ in array.concat(x, []) }\n");
});

test("a pattern takes a constant apart in which an empty set is", () => {
  const policy = testCompile(
    'package t\n\np := [x, y] if { [x, y] := [set(), "a"] }\n\nq if { {"a": x} = {"a": set()}; x == set() }\n',
  );
  assert.equal(testAsk(policy, "data.t.p"), '[[],"a"]');
  assert.equal(testAsk(policy, "data.t.q"), "true");
});

test("a loop over a scalar that is written there holds nothing, and is no mistake", () => {
  const policy = testCompile('package t\n\np := {y | some y in false}\n\nq if { some k, y in "a"; k == 1; y == 2 }\n');
  assert.equal(testAsk(policy, "data.t.p"), "[]");
  assert.equal(testAsk(policy, "data.t.q"), "undefined");
});
