import { addFloats, type BigFloat, divideFloats, floatOf, multiplyFloats, numberOfFloat } from "./big-float.ts";
import { BigNumber, type Decimal, decimalOf, integerOf, isInteger, numberOfInteger } from "./big-number.ts";
import type { NumberValue } from "./value.ts";

// OPA policy reference, "Numbers". Integers are exact at any size; a sum, difference or product in which a fraction
// takes part, and every quotient that is no integer, is a binary number of 64 bits (big-float.ts). Each function
// throws `LimitExceeded` where the result would have more than `DIGITS_MAX` digits.

export function add(a: NumberValue, b: NumberValue): NumberValue {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(a) && Number.isSafeInteger(b) && Number.isSafeInteger(sum)) return sum;
  }
  return addExactly(a, b);
}

export function subtract(a: NumberValue, b: NumberValue): NumberValue {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (Number.isSafeInteger(a) && Number.isSafeInteger(b) && Number.isSafeInteger(difference)) return difference;
  }
  return addExactly(a, negate(b));
}

export function multiply(a: NumberValue, b: NumberValue): NumberValue {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    // Adding 0 turns -0 into 0.
    if (Number.isSafeInteger(a) && Number.isSafeInteger(b) && Number.isSafeInteger(product)) return product + 0;
  }
  return multiplyExactly(a, b);
}

/** Undefined when the divisor is zero. */
export function divide(a: NumberValue, b: NumberValue): NumberValue | undefined {
  if (b === 0) return undefined;
  if (Number.isSafeInteger(a) && Number.isSafeInteger(b) && (a as number) % (b as number) === 0)
    return (a as number) / (b as number) + 0;
  return numberOfFloat(divideFloats(floatOf(a), floatOf(b)));
}

/** With the sign of the dividend. Undefined when the divisor is zero or one of them is no integer. */
export function remainder(a: NumberValue, b: NumberValue): NumberValue | undefined {
  if (b === 0) return undefined;
  if (Number.isSafeInteger(a) && Number.isSafeInteger(b)) return ((a as number) % (b as number)) + 0;
  const dividend = integerOf(a);
  const divisor = integerOf(b);
  return dividend === undefined || divisor === undefined ? undefined : numberOfInteger(dividend % divisor);
}

export function negate(a: NumberValue): NumberValue {
  if (typeof a === "number") return 0 - a;
  return new BigNumber(a.text.startsWith("-") ? a.text.slice(1) : `-${a.text}`);
}

export function absolute(a: NumberValue): NumberValue {
  if (typeof a === "number") return Math.abs(a);
  return a.text.startsWith("-") ? negate(a) : a;
}

// OPA sends what these three round through a float of 64 bits, and so loses digits of large integers; and it gives
// 1 for ceil(-0.3) and 0 for floor(-0.3). Ours are exact.

/** Half away from zero. */
export function round(a: NumberValue): NumberValue {
  if (typeof a === "number") return a < 0 ? -Math.round(-a) + 0 : Math.round(a);
  const exact = decimalOf(a);
  const isUp = exact.point >= 0 && (exact.digits[exact.point] ?? "0") >= "5";
  return isInteger(a) ? a : signed(exact, wholeOf(exact) + (isUp ? 1n : 0n));
}

export function ceil(a: NumberValue): NumberValue {
  if (typeof a === "number") return Math.ceil(a) + 0;
  const exact = decimalOf(a);
  return isInteger(a) ? a : signed(exact, wholeOf(exact) + (exact.isNegative ? 0n : 1n));
}

export function floor(a: NumberValue): NumberValue {
  if (typeof a === "number") return Math.floor(a);
  const exact = decimalOf(a);
  return isInteger(a) ? a : signed(exact, wholeOf(exact) + (exact.isNegative ? 1n : 0n));
}

/** Towards zero. */
export function truncate(a: NumberValue): bigint {
  const exact = decimalOf(a);
  const whole = wholeOf(exact);
  return exact.isNegative ? -whole : whole;
}

/** Pays for work beyond the call itself, before it is done (`BuiltinContext.spend`). */
export type Spend = (steps: number) => void;

/** Unlike repeated `add`, it rounds a sum with a fraction in it only to 64 bits, and to the fewest digits at the end. */
export function sum(numbers: readonly NumberValue[], spend: Spend): NumberValue {
  if (numbers.every(isInteger)) return accumulate(numbers, 0, add, spend);
  let sum: BigFloat = { mantissa: 0n, exponent: 0 };
  for (const value of numbers) {
    spend(costOf(value));
    sum = addFloats(sum, floatOf(value));
  }
  return numberOfFloat(sum);
}

/** As `sum`; OPA begins with a float that was made of a double, so that fractions are rounded to its 53 bits. */
export function product(numbers: readonly NumberValue[], spend: Spend): NumberValue {
  if (numbers.every(isInteger)) return accumulate(numbers, 1, multiply, spend);
  let product: BigFloat = { mantissa: 1n, exponent: 0 };
  for (const value of numbers) {
    spend(costOf(value));
    product = multiplyFloats(product, floatOf(value), DOUBLE_BITS);
  }
  return numberOfFloat(product, DOUBLE_BITS);
}

/** The steps of an operation on these: none for small integers, and for large numbers the square of their digits. */
export function costOf(a: NumberValue, b: NumberValue = 0): number {
  return Number.isSafeInteger(a) && Number.isSafeInteger(b) ? 0 : costOfDigits(extentOf(a) + extentOf(b));
}

export function costOfDigits(digits: number): number {
  return SLOW_COST + Math.floor(digits ** 2 / 256);
}

const DOUBLE_BITS = 53;
const SLOW_COST = 64;

/** How many digits it has when written without an exponent. */
function extentOf(a: NumberValue): number {
  if (Number.isSafeInteger(a)) return 16;
  const { digits, point } = decimalOf(a);
  return Math.max(digits.length, Math.abs(point));
}

function accumulate(
  numbers: readonly NumberValue[],
  start: number,
  operation: (a: NumberValue, b: NumberValue) => NumberValue,
  spend: Spend,
): NumberValue {
  let total: NumberValue = start;
  for (const value of numbers) {
    spend(costOf(total, value));
    total = operation(total, value);
  }
  return total;
}

function addExactly(a: NumberValue, b: NumberValue): NumberValue {
  const x = integerOf(a);
  const y = integerOf(b);
  return x === undefined || y === undefined ? numberOfFloat(addFloats(floatOf(a), floatOf(b))) : numberOfInteger(x + y);
}

function multiplyExactly(a: NumberValue, b: NumberValue): NumberValue {
  const x = integerOf(a);
  const y = integerOf(b);
  return x === undefined || y === undefined
    ? numberOfFloat(multiplyFloats(floatOf(a), floatOf(b)))
    : numberOfInteger(x * y);
}

function wholeOf({ digits, point }: Decimal): bigint {
  return BigInt(digits.slice(0, Math.max(point, 0)).padEnd(point, "0"));
}

function signed({ isNegative }: Decimal, whole: bigint): NumberValue {
  return numberOfInteger(isNegative ? -whole : whole);
}
