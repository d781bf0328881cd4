import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import fc from "fast-check";
import { numberToText, parseNumber } from "../values/big-number.ts";
import { compare, isNumber, type NumberValue, RegoSet, type Value } from "../values/value.ts";
import { AGGREGATE_BUILTINS } from "./aggregate-builtins.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";

const context: BuiltinContext = {
  now: 0n,
  // None of these builtins asks for them.
  crypto: {} as Crypto,
  random: { bytes: (length) => new Uint8Array(length) },
  memo: new Map(),
  spend() {},
};

function call(name: string, operand: Value): BuiltinResult {
  const builtin = AGGREGATE_BUILTINS.find((candidate) => candidate.name === name) as Builtin;
  return builtin.run(context, operand);
}

function text(result: BuiltinResult): string {
  if (result instanceof BuiltinFailure) return `${result.code}: ${result.message}`;
  return result !== undefined && isNumber(result) ? numberToText(result) : (JSON.stringify(result) ?? "undefined");
}

test("what has elements, members or characters is counted", () => {
  assert.equal(call("count", [1, 1]), 2);
  assert.equal(call("count", RegoSet.of([1, 1])), 1);
  assert.equal(call("count", { a: 1, b: 2 }), 2);
  assert.equal(call("count", "añ😀"), 3);
  assert.equal(
    text(call("count", 5)),
    "eval_type_error: operand 1 must be one of {array, object, set, string} but got number",
  );
});

test("sums and products are of arrays and of sets, and exact for integers", () => {
  const big = parseNumber("9007199254740993") as NumberValue;
  assert.equal(text(call("sum", [big, 1, -3])), "9007199254740991");
  assert.equal(text(call("sum", RegoSet.of([1, 1, 0.5]))), "1.5");
  assert.equal(text(call("product", [big, 10])), "90071992547409930");
  assert.equal(text(call("sum", [])), "0");
  assert.equal(text(call("product", [])), "1");
});

test("an aggregate says what it cannot take", () => {
  assert.equal(text(call("sum", 5)), "eval_type_error: operand 1 must be one of {set, array} but got number");
  assert.equal(
    text(call("sum", [1, "a"])),
    "eval_type_error: operand 1 must be array of numbers but got array containing string",
  );
  assert.equal(
    text(call("product", RegoSet.of([1, null]))),
    "eval_type_error: operand 1 must be set of numbers but got set containing null",
  );
  assert.equal(text(call("max", {})), "eval_type_error: operand 1 must be one of {set, array} but got object");
  assert.equal(text(call("any", {})), "eval_type_error: operand 1 must be one of {array, set} but got object");
});

test("the smallest and the greatest are the ends of the sorted elements; of nothing there is none", () => {
  const element = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.constant([]));
  fc.assert(
    fc.property(fc.array(element, { minLength: 1 }), (elements: readonly Value[]) => {
      const sorted = call("sort", elements) as readonly Value[];
      assert.deepEqual(sorted, elements.toSorted(compare));
      assert.deepEqual(call("min", elements), sorted[0]);
      assert.deepEqual(call("max", elements), sorted.at(-1));
      assert.deepEqual(call("max", RegoSet.of(elements)), sorted.at(-1));
    }),
  );
  for (const empty of [[], RegoSet.of([])])
    for (const name of ["min", "max"]) assert.equal(call(name, empty), undefined);
});

test("any and all ask for true itself", () => {
  assert.equal(call("any", [false, 1, true]), true);
  assert.equal(call("any", RegoSet.of(["true"])), false);
  assert.equal(call("all", [true, true]), true);
  assert.equal(call("all", [true, 1]), false);
  assert.equal(call("all", []), true);
  assert.equal(call("any", []), false);
});
