import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import fc from "fast-check";
import { LimitExceeded } from "../limits.ts";
import { numberOfInteger, numberToText, parseNumber } from "../values/big-number.ts";
import { isNumber, type NumberValue, RegoSet, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";
import { NUMBER_BUILTINS } from "./number-builtins.ts";

function setupContext(fuel: number = Number.POSITIVE_INFINITY): BuiltinContext {
  let left = fuel;
  let drawn = 0;
  return {
    now: 0n,
    // None of these builtins asks for it.
    crypto: {} as Crypto,
    random: { bytes: (length) => new Uint8Array(length).fill(++drawn) },
    memo: new Map(),
    spend(steps) {
      left -= steps;
      if (left < 0) throw new LimitExceeded("fuel");
    },
  };
}

function call(name: string, operands: readonly Value[], context: BuiltinContext = setupContext()): BuiltinResult {
  const builtin = NUMBER_BUILTINS.find((candidate) => candidate.name === name) as Builtin;
  return builtin.run(context, ...operands);
}

function number(text: string): NumberValue {
  return parseNumber(text) as NumberValue;
}

function text(result: BuiltinResult): string {
  if (result instanceof BuiltinFailure) return `${result.code}: ${result.message}`;
  return result !== undefined && isNumber(result) ? numberToText(result) : (JSON.stringify(result) ?? "undefined");
}

test("each builtin has the names and operators of OPA's capabilities", () => {
  const names = NUMBER_BUILTINS.map(({ name, infix }) => (infix === undefined ? name : `${name} ${infix}`));
  assert.deepEqual(names, [
    ...["plus +", "minus -", "mul *", "div /", "rem %", "abs", "round", "ceil", "floor"],
    ...["equal ==", "neq !=", "lt <", "lte <=", "gt >", "gte >="],
    ...["bits.and", "bits.or", "bits.xor", "bits.lsh", "bits.rsh", "bits.negate"],
    ...["numbers.range", "numbers.range_step", "rand.intn", "format_int", "to_number"],
  ]);
  assert.deepEqual(
    NUMBER_BUILTINS.filter((builtin) => builtin.isNondeterministic).map((builtin) => builtin.name),
    ["rand.intn"],
  );
});

test("operators refuse operands that are no numbers, and say which", () => {
  for (const [name, operands, message] of [
    ["plus", ["a", 1], "operand 1 must be number but got string"],
    ["mul", [1, null], "operand 2 must be number but got null"],
    ["abs", [[]], "operand 1 must be number but got array"],
    ["minus", ["a", 1], "operand 1 must be one of {number, set} but got string"],
    ["minus", [1, RegoSet.of([1])], "operand 2 must be number but got set"],
    ["minus", [RegoSet.of([1]), 1], "operand 2 must be set but got number"],
    ["bits.or", [1, "a"], "operand 2 must be integer but got string"],
    ["bits.and", [7.2, 42], "operand 1 must be integer number but got floating-point number"],
    ["bits.lsh", [7, -1], "operand 2 must be an unsigned integer number but got a negative integer"],
    ["numbers.range", [3, 3.14], "operand 2 must be integer number but got floating-point number"],
    ["rand.intn", ["key", 1.5], "operand 2 must be integer number but got floating-point number"],
    ["format_int", [1, 3], "operand 2 must be one of {2, 8, 10, 16}"],
    ["to_number", [[]], "operand 1 must be one of {null, boolean, number, string} but got array"],
    ["to_number", ["-Infinity"], "operand 1 must be valid number string but got string"],
  ] as readonly [string, readonly Value[], string][])
    assert.equal(text(call(name, operands)), `eval_type_error: ${message}`);
});

test("arithmetic that has no answer fails", () => {
  for (const [name, operands, message] of [
    ["div", [1, 0], "divide by zero"],
    ["rem", [7, 0], "modulo by zero"],
    ["rem", [1.1, 1], "modulo on floating-point number"],
    ["rem", [1.1, 0], "modulo on floating-point number"],
    ["numbers.range_step", [0, 10, -2], "step must be a positive integer"],
    ["to_number", ["broken"], 'parsing "broken": invalid syntax'],
    ["to_number", [""], 'parsing "": invalid syntax'],
    ["to_number", ["1e400"], 'parsing "1e400": value out of range'],
  ] as readonly [string, readonly Value[], string][])
    assert.equal(text(call(name, operands)), `eval_builtin_error: ${message}`);
});

test("the difference of two sets is what only the first has", () => {
  const difference = call("minus", [RegoSet.of([1, 2, 3]), RegoSet.of([2, 4])]);
  assert.deepEqual(difference instanceof RegoSet && difference.sorted, [1, 3]);
});

test("comparisons are those of Rego's order, between all types", () => {
  assert.equal(call("lt", [null, false]), true);
  assert.equal(call("gte", [RegoSet.of([]), { a: 1 }]), true);
  assert.equal(call("equal", [number("1.0"), 1]), true);
  assert.equal(call("neq", [number("28857836529306024611912"), number("28857836529306024611913")]), true);
  assert.equal(call("gt", [number("18446744073709551617"), number("18446744073709551616")]), true);
  assert.equal(call("lte", ["a", "b"]), true);
});

test("bits are those of two's complement without an end", () => {
  const integer = fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n });
  fc.assert(
    fc.property(integer, integer, fc.bigInt({ min: 0n, max: 200n }), (a, b, count) => {
      const [x, y] = [numberOfInteger(a), numberOfInteger(b)];
      assert.equal(text(call("bits.and", [x, y])), String(a & b));
      assert.equal(text(call("bits.or", [x, y])), String(a | b));
      assert.equal(text(call("bits.xor", [x, y])), String(a ^ b));
      assert.equal(text(call("bits.negate", [x])), String(~a));
      assert.equal(text(call("bits.lsh", [x, numberOfInteger(count)])), String(a << count));
      assert.equal(text(call("bits.rsh", [x, numberOfInteger(count)])), String(a >> count));
    }),
  );
});

test("a shift that would fill the memory is refused", () => {
  assert.throws(() => call("bits.lsh", [1, number("1e30")]), { name: "LimitExceeded", limit: "result-size" });
  assert.equal(call("bits.lsh", [0, number("1e30")]), 0);
  assert.equal(call("bits.rsh", [-5, number("1e30")]), -1);
});

test("a range goes up or down and never beyond its end", () => {
  assert.deepEqual(call("numbers.range", [-2, 3]), [-2, -1, 0, 1, 2, 3]);
  assert.deepEqual(call("numbers.range", [2, -1]), [2, 1, 0, -1]);
  assert.deepEqual(call("numbers.range_step", [2, 5, 2]), [2, 4]);
  assert.deepEqual(call("numbers.range_step", [10, 3, 2]), [10, 8, 6, 4]);
  assert.deepEqual(call("numbers.range_step", [0, 10, number("99999999999999999999")]), [0]);
  const large = call("numbers.range", [number("9007199254740991"), number("9007199254740994")]) as readonly Value[];
  assert.deepEqual(large.map(text), ["9007199254740991", "9007199254740992", "9007199254740993", "9007199254740994"]);
});

test("a range is paid for before it is made", () => {
  const start = setupContext(1_000);
  assert.throws(() => call("numbers.range", [1, number("1e300")], start), { name: "LimitExceeded", limit: "fuel" });
  assert.throws(() => call("numbers.range", [1, 2_000], setupContext(1_000)), { name: "LimitExceeded", limit: "fuel" });
});

test("a drawn number stays the same for one query, key and limit", () => {
  const context = setupContext();
  const first = call("rand.intn", ["key", 1_000_000], context);
  assert.equal(call("rand.intn", ["key", 1_000_000], context), first);
  assert.equal(call("rand.intn", ["key", -1_000_000], context), first);
  assert.notEqual(call("rand.intn", ["other", 1_000_000], context), first);
  assert.equal(call("rand.intn", ["key", 0], context), 0);
  assert.equal(call("rand.intn", ["key", 1], context), 0);
});

test("an integer is written in a base, a fraction without its places", () => {
  assert.equal(call("format_int", [number("18446744073709551617"), 16]), "10000000000000001");
  assert.equal(call("format_int", [-15.9, 16]), "-f");
  assert.equal(call("format_int", [10, 2]), "1010");
  assert.equal(call("format_int", [-0.5, 10]), "0");
});

test("a number is read from what people write", () => {
  for (const [written, expected] of [
    [null, "0"],
    [true, "1"],
    [1.5, "1.5"],
    ["-1.50", "-1.5"],
    ["+007", "7"],
    [".5", "0.5"],
    ["5.", "5"],
    ["1e3", "1000"],
    ["12345678901234567890123", "12345678901234567890123"],
  ] as const)
    assert.equal(text(call("to_number", [written])), expected);
  for (const written of ["0x1p-2", "1_000", " 5", "1e", "--1"])
    assert.match(text(call("to_number", [written])), /invalid syntax/);
});

test("arithmetic on long numbers costs fuel", () => {
  const long = number("7".repeat(20_000));
  assert.throws(() => call("mul", [long, long], setupContext(100_000)), { name: "LimitExceeded", limit: "fuel" });
  assert.equal(call("mul", [3, 4], setupContext(0)), 12);
});
