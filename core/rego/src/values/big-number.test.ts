import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BigNumber,
  compareNumbers,
  DIGITS_MAX,
  integerOf,
  numberOfInteger,
  numberToText,
  parseLooseDecimal,
  parseNumber,
} from "./big-number.ts";
import type { NumberValue } from "./value.ts";

function number(text: string): NumberValue {
  const value = parseNumber(text);
  assert.ok(value !== undefined, `${text} is a number`);
  return value;
}

/** JSON number literals of every shape, with the exact value as a fraction of two integers. */
const literal = fc
  .record({
    isNegative: fc.boolean(),
    whole: fc.bigInt({ min: 0n, max: 10n ** 25n }),
    fraction: fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 25 }),
    exponent: fc.option(fc.integer({ min: -400, max: 400 }), { nil: undefined }),
  })
  .map(({ isNegative, whole, fraction, exponent = undefined }) => {
    const text = `${isNegative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
    const tens = (exponent ?? 0) - fraction.length;
    const digits = BigInt(`${whole}${fraction}`) * (isNegative ? -1n : 1n);
    return {
      text: exponent === undefined ? text : `${text}e${exponent}`,
      // Scaled by 10^500, which no literal here reaches below.
      scaled: digits * 10n ** BigInt(500 + tens),
    };
  });

test("a number that a double prints is a double", () => {
  for (const text of ["0", "1", "-1", "0.1", "1.5", "9007199254740991", "0.30000000000000004", "5e-324"])
    assert.equal(number(text), Number(text), text);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
      assert.equal(number(String(value)), value + 0),
    ),
  );
});

test("a number that no double prints keeps its digits", () => {
  for (const text of [
    "9007199254740993",
    "123456789123456789123",
    "0.33333333333333333334",
    "-1.00000000000000000001",
  ]) {
    const value = number(text);
    assert.ok(value instanceof BigNumber, text);
    assert.equal(numberToText(value), text);
  }
  assert.equal(numberToText(number("1e400")), `1${"0".repeat(400)}`);
  assert.equal(numberToText(number("4.94e-324")), "4.94e-324");
});

test("only the value is kept of a literal, not how it was written", () => {
  for (const [written, kept] of [
    ["1.0", "1"],
    ["1e3", "1000"],
    ["10E-1", "1"],
    ["-0", "0"],
    ["-0.0e5", "0"],
    ["0e999999999", "0"],
    ["0.10", "0.1"],
    ["1.50000000000000000000000", "1.5"],
    ["12345678901234567890.0", "12345678901234567890"],
    ["1e21", `1${"0".repeat(21)}`],
    ["0.0000001", "1e-7"],
    ["0.000001", "0.000001"],
  ] as const)
    assert.equal(numberToText(number(written)), kept, written);
});

test("what is no JSON number is refused", () => {
  for (const text of [
    "",
    "-",
    "+1",
    "01",
    ".5",
    "5.",
    "1e",
    "1e+",
    "0x10",
    "1_000",
    " 1",
    "1 ",
    "NaN",
    "Infinity",
    "-Infinity",
    "1n",
    "١",
  ])
    assert.equal(parseNumber(text), undefined, text);
});

test("a number too large to write out is refused before it is", () => {
  assert.ok(parseNumber(`1e${DIGITS_MAX - 1}`));
  for (const text of [
    `1e${DIGITS_MAX}`,
    `1e-${DIGITS_MAX + 2}`,
    "1e1000000000",
    `1e${"9".repeat(500)}`,
    "7".repeat(DIGITS_MAX + 1),
  ])
    assert.equal(parseNumber(text), undefined, text.slice(0, 20));
  assert.throws(() => numberOfInteger(10n ** BigInt(DIGITS_MAX)), { name: "LimitExceeded", limit: "result-size" });
});

test("what a number prints is read as the same number, and says its value", () => {
  fc.assert(
    fc.property(literal, ({ text, scaled }) => {
      const value = number(text);
      assert.deepEqual(parseNumber(numberToText(value)), value);
      const zoomed = integerOf(number(`${text.replace(/e.*/, "")}e${Number(text.split("e")[1] ?? 0) + 500}`));
      assert.equal(zoomed, scaled);
    }),
  );
});

test("numbers are ordered by their values, and equal numbers have one representation", () => {
  fc.assert(
    fc.property(literal, literal, (a, b) => {
      const [x, y] = [number(a.text), number(b.text)];
      const order = a.scaled < b.scaled ? -1 : a.scaled > b.scaled ? 1 : 0;
      assert.equal(Math.sign(compareNumbers(x, y)), order);
      assert.equal(Math.sign(compareNumbers(y, x)), -order + 0);
      assert.equal(compareNumbers(x, x), 0);
      if (order === 0) assert.deepEqual(x, y);
    }),
  );
});

test("integers beyond 2^53 differ when they differ by one", () => {
  const [a, b] = [number("28857836529306024611912"), number("28857836529306024611913")];
  assert.ok(compareNumbers(a, b) < 0);
  assert.ok(compareNumbers(number("9007199254740992"), number("9007199254740993")) < 0);
  assert.ok(compareNumbers(number("-9007199254740992"), number("-9007199254740993")) > 0);
  assert.ok(compareNumbers(number("1e-400"), 0) > 0);
});

test("an integer goes to bits and back", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), (integer) =>
      assert.equal(integerOf(numberOfInteger(integer)), integer),
    ),
  );
  assert.equal(integerOf(1e23), 10n ** 23n);
  assert.equal(integerOf(1.5), undefined);
  assert.equal(integerOf(number("0.33333333333333333334")), undefined);
  assert.equal(integerOf(number("1e-400")), undefined);
});

test("people may write a plus, a bare point and zeros in front", () => {
  for (const [text, digits, point] of [
    ["+1", "1", 1],
    ["007", "7", 1],
    [".5", "5", 0],
    ["5.", "5", 1],
    ["-.5e3", "5", 3],
  ] as const)
    assert.deepEqual(parseLooseDecimal(text), { isNegative: text.startsWith("-"), digits, point }, text);
  for (const text of ["", ".", "+", "1..2", "1e", "--1", "1_000", "inf"])
    assert.equal(parseLooseDecimal(text), undefined, text);
});
