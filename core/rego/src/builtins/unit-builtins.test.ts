import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import { numberToText } from "../values/big-number.ts";
import { isNumber, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { UNIT_BUILTINS } from "./unit-builtins.ts";

const context: BuiltinContext = {
  now: 0n,
  // None of these builtins asks for them.
  crypto: {} as Crypto,
  random: { bytes: (length) => new Uint8Array(length) },
  memo: new Map(),
  spend() {},
};

function read(name: string, operand: Value): string {
  const builtin = UNIT_BUILTINS.find((candidate) => candidate.name === name) as Builtin;
  const result = builtin.run(context, operand);
  if (result instanceof BuiltinFailure) return result.message;
  return result !== undefined && isNumber(result) ? numberToText(result) : (JSON.stringify(result) ?? "undefined");
}

test("an amount is read with its unit", () => {
  for (const [text, expected] of [
    ["42", "42"],
    ["1k", "1000"],
    ["1K", "1000"],
    ["1Ki", "1024"],
    ["2.5e3K", "2500000"],
    ["500m", "0.5"],
    ["1M", "1000000"],
    ["-3.5E2m", "-0.35"],
    ["5E", "5000000000000000000"],
    ["10Ei", "11529215046068469760"],
    ["1e-2", "0.01"],
    ['"3"G', "3000000000"],
    [".5", "0.5"],
    // Ten places behind the point, half away from zero.
    ["0.00000000025", "3e-10"],
    ["0.00000000004", "0"],
    ["-0.00000000005", "-1e-10"],
    // Exactly a thousandth.
    ["100000000000000000000m", "100000000000000000"],
  ] as const)
    assert.equal(read("units.parse", text), expected, text);
});

test("bytes are whole, and their units have no case", () => {
  for (const [text, expected] of [
    ["100", "100"],
    ["100KB", "100000"],
    ["100kib", "102400"],
    ["1.5MiB", "1572864"],
    ["0.0009k", "0"],
    ["1.9999", "1"],
    ["-1.5", "-1"],
    ["1e", "1000000000000000000"],
    ["1e3E", "1000000000000000000000"],
    ["18446744073709551617", "18446744073709551617"],
  ] as const)
    assert.equal(read("units.parse_bytes", text), expected, text);
});

test("what is no amount is refused with the reason", () => {
  for (const [text, message] of [
    ["", "no amount provided"],
    ["G", "no amount provided"],
    ["1 G", "spaces not allowed in resource strings"],
    ["1XY", "unit Xy not recognized"],
    ["1MB", "unit Mb not recognized"],
    ["1.1.1", "could not parse amount to a number"],
    ["+-1", "could not parse amount to a number"],
    ["1e1234567", "exponent too large"],
    ["1e999999", "exponent too large"],
    ["1e-999999", "exponent too large"],
  ] as const)
    assert.equal(read("units.parse", text), message, text);
  assert.equal(read("units.parse_bytes", "x"), "no byte amount provided");
  assert.equal(read("units.parse_bytes", "1X"), "byte unit x not recognized");
  assert.equal(read("units.parse_bytes", "1..1"), "could not parse byte amount to a number");
  assert.equal(read("units.parse_bytes", 1), "operand 1 must be string but got number");
});
