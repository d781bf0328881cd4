import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  absolute,
  add,
  ceil,
  costOf,
  divide,
  floor,
  multiply,
  negate,
  product,
  remainder,
  round,
  subtract,
  sum,
  truncate,
} from "./arithmetic.ts";
import { floatOf, numberOfFloat } from "./big-float.ts";
import { compareNumbers, DIGITS_MAX, integerOf, numberOfInteger, numberToText, parseNumber } from "./big-number.ts";
import type { NumberValue } from "./value.ts";

function number(text: string): NumberValue {
  const value = parseNumber(text);
  assert.ok(value !== undefined, `${text} is a number`);
  return value;
}

function text(value: NumberValue | undefined): string {
  return value === undefined ? "undefined" : numberToText(value);
}

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
);

test("integers are exact at any size, on the fast path and beyond it", () => {
  fc.assert(
    fc.property(integer, integer, (a, b) => {
      const [x, y] = [numberOfInteger(a), numberOfInteger(b)];
      assert.equal(integerOf(add(x, y)), a + b);
      assert.equal(integerOf(subtract(x, y)), a - b);
      assert.equal(integerOf(multiply(x, y)), a * b);
      assert.equal(integerOf(negate(x)), -a);
      assert.equal(integerOf(absolute(x)), a < 0n ? -a : a);
      assert.deepEqual(subtract(add(x, y), y), x);
      for (const same of [round, ceil, floor]) assert.deepEqual(same(x), x);
      if (b !== 0n) assert.equal(integerOf(remainder(x, y) as NumberValue), a % b);
    }),
  );
});

test("a zero is never negative", () => {
  const zeros = [multiply(0, -5), negate(0), divide(0, -5), remainder(-5, 5), round(-0.3), ceil(-0.3), subtract(5, 5)];
  for (const zero of zeros) assert.ok(Object.is(zero, 0));
});

test("fractions are rounded to 64 bits and written with the fewest digits that tell them apart", () => {
  for (const [result, expected] of [
    [add(0.1, 0.2), "0.3"],
    [subtract(1.1, 1), "0.10000000000000000002"],
    [divide(1, 3), "0.33333333333333333334"],
    [divide(2, 3), "0.6666666666666666667"],
    [divide(5, -2), "-2.5"],
    [divide(number("100000000000000000000000"), 3), "33333333333333333334000"],
    [divide(number("1e20"), 7), "14285714285714285714"],
    [divide(number("1e109"), number("1e100")), "1000000000"],
    [multiply(0.5, 2), "1"],
    [multiply(number("1e400"), 2), `2${"0".repeat(400)}`],
    [multiply(number("1e-400"), 2), "2e-400"],
    [add(1234567.25, 0.25), "1234567.5"],
  ] as const)
    assert.equal(text(result), expected);
});

test("a number of 18 digits comes through a float of 64 bits unchanged, a longer one as the same float", () => {
  const exponent = fc.integer({ min: -200, max: 200 });
  const written = (max: bigint) =>
    fc.tuple(fc.bigInt({ min: 1n, max }), exponent).map(([digits, tens]) => number(`${digits}e${tens}`));
  // 63 bits behind the first are 18.96 digits.
  fc.assert(fc.property(written(10n ** 18n - 1n), (value) => assert.deepEqual(numberOfFloat(floatOf(value)), value)));
  fc.assert(
    fc.property(written(10n ** 30n - 1n), (value) => {
      const float = floatOf(value);
      const again = floatOf(numberOfFloat(float));
      const scale = (a: number, b: number) => 1n << BigInt(Math.max(0, a - b));
      assert.equal(
        again.mantissa * scale(again.exponent, float.exponent),
        float.mantissa * scale(float.exponent, again.exponent),
      );
    }),
  );
});

test("an addition is the same from both sides, and so is a multiplication", () => {
  const fraction = fc.double({ noNaN: true, min: -1e100, max: 1e100 }).map((value) => number(String(value)));
  fc.assert(
    fc.property(fraction, fraction, (a, b) => {
      assert.deepEqual(add(a, b), add(b, a));
      assert.deepEqual(multiply(a, b), multiply(b, a));
      assert.deepEqual(subtract(a, b), negate(subtract(b, a)));
    }),
  );
});

test("nothing is divided by zero, and fractions have no remainder", () => {
  assert.equal(divide(1, 0), undefined);
  assert.equal(divide(0.5, 0), undefined);
  assert.equal(remainder(7, 0), undefined);
  assert.equal(remainder(1.5, 1), undefined);
  assert.equal(remainder(7, 0.5), undefined);
  assert.equal(remainder(7, -4), 3);
  assert.equal(remainder(-7, 4), -3);
  assert.equal(text(remainder(number("18446744073709551617"), 10)), "7");
});

test("rounding goes half away from zero, ceil up, floor down, also between -1 and 0 and beyond 64 bits", () => {
  for (const [value, rounded, up, down] of [
    ["2.5", "3", "3", "2"],
    ["-2.5", "-3", "-2", "-3"],
    ["0.49999999999999994", "0", "1", "0"],
    ["-0.3", "0", "0", "-1"],
    ["4294967295.5", "4294967296", "4294967296", "4294967295"],
    ["123456789123456789123.7", "123456789123456789124", "123456789123456789124", "123456789123456789123"],
    ["-123456789123456789123.4", "-123456789123456789123", "-123456789123456789123", "-123456789123456789124"],
    ["0.50000000000000000001", "1", "1", "0"],
    ["0.05000000000000000000001", "0", "1", "0"],
    ["-1e-400", "0", "0", "-1"],
  ] as const)
    assert.deepEqual(
      [text(round(number(value))), text(ceil(number(value))), text(floor(number(value)))],
      [rounded, up, down],
    );
  assert.equal(truncate(number("-15.9")), -15n);
  assert.equal(truncate(number("1e30")), 10n ** 30n);
});

test("fast and slow paths of rounding agree", () => {
  const half = fc.tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), fc.integer({ min: 0, max: 9999 }));
  fc.assert(
    fc.property(half, ([whole, fraction]) => {
      const written = `${whole}.${String(fraction).padStart(4, "0")}`;
      // Zeros and one further digit make it a number that no double carries; a fraction of 0 stays beside the integer.
      const near = number(`${written}00000000000000000000001`);
      for (const way of [round, ceil, floor])
        if (fraction !== 0) assert.deepEqual(way(near), way(number(written)), written);
    }),
  );
});

test("a sum is rounded once, a product at every step to the bits of a double", () => {
  const free = (): void => {};
  assert.equal(text(sum([], free)), "0");
  assert.equal(text(sum([number("9007199254740993"), 1, 2], free)), "9007199254740996");
  assert.equal(text(sum([0.1, 0.2, 0.3], free)), "0.6");
  assert.equal(text(product([], free)), "1");
  assert.equal(text(product([number("123456789123456789123"), 10], free)), "1234567891234567891230");
  assert.equal(text(product([0.1, 3], free)), "0.30000000000000004");
});

test("a result with too many digits is refused, and large operands cost more than small ones", () => {
  const large = number(`1e${DIGITS_MAX - 1}`);
  const small = number(`1e-${DIGITS_MAX - 1}`);
  const limit = { name: "LimitExceeded", limit: "result-size" };
  assert.throws(() => multiply(large, large), limit);
  assert.throws(() => multiply(small, small), limit);
  assert.throws(() => divide(small, large), limit);
  assert.throws(
    () =>
      product(
        Array.from({ length: 1000 }, () => large),
        () => {},
      ),
    limit,
  );
  assert.equal(costOf(1, 2 ** 53 - 1), 0);
  assert.ok(costOf(0.5, 1) > 0);
  assert.ok(costOf(large, 1) > 1_000_000);
});

test("subtraction tells which of two numbers is greater", () => {
  const value = fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map((double) => number(String(double)));
  fc.assert(
    fc.property(value, value, (a, b) => {
      assert.equal(Math.sign(compareNumbers(a, b)), Math.sign(compareNumbers(subtract(a, b), 0)));
    }),
  );
});
