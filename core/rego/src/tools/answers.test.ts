import assert from "node:assert/strict";
import { test } from "node:test";
import { testAsk } from "./tools-fixture.test.ts";

function ask(query: string): unknown {
  return testAsk({}, query).answers.map(({ expressions, bindings }) => [
    expressions.map(({ text, value }) => `${text}: ${JSON.stringify(value)}`),
    bindings,
  ]);
}

test("an answer has the value and the text of each statement, and the variables", () => {
  assert.deepEqual(ask("x := [1, 2][_]; y = x + 1"), [
    [["x := [1, 2][_]: true", "y = x + 1: true"], { x: 1, y: 2 }],
    [["x := [1, 2][_]: true", "y = x + 1: true"], { x: 2, y: 3 }],
  ]);
});

test("declarations are no statements, and wildcards no variables", () => {
  assert.deepEqual(ask("some x; x = 1; [y, _] = [1, 2]"), [[["x = 1: true", "[y, _] = [1, 2]: true"], { x: 1, y: 1 }]]);
});

test("false is an answer to who asks for nothing else, and none to who asks for more or for many", () => {
  assert.deepEqual(ask("1 == 2"), [[["1 == 2: false"], {}]]);
  assert.deepEqual(ask("1; false"), []);
  assert.deepEqual(ask("x := 1; false"), []);
  assert.deepEqual(ask("[false, true][_]"), [[["[false, true][_]: true"], {}]]);
  assert.deepEqual(ask("[x | x := [false][_]]"), [[["[x | x := [false][_]]: [false]"], {}]]);
});

test("places count from 1, in characters", () => {
  const [answer] = testAsk({}, '"é🙂"; 1').answers;
  assert.deepEqual(
    answer?.expressions.map(({ row, col }) => [row, col]),
    [
      [1, 1],
      [1, 7],
    ],
  );
});
