import { LimitExceeded } from "../limits.ts";
import {
  type BigNumber,
  cutToDigits,
  type Decimal,
  DIGITS_MAX,
  decimal,
  decimalOf,
  numberOfDecimal,
  raiseToDigits,
  roundToDigits,
} from "./big-number.ts";

/**
 * `mantissa` times two to the power of `exponent`. OPA computes with fractions as Go's `big.Float`: binary numbers of
 * 64 significant bits, each result rounded to the nearest, half to the even. So `0.1 + 0.2` is 0.3 and `1 / 3` is
 * 0.33333333333333333334, and so must ours be.
 */
export interface BigFloat {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** As many significant bits as a `big.Float` gets that is read from a text. */
const PRECISION = 64;

/**
 * The nearest number of 64 bits. Go takes powers of five above 5^55 from a rounded product; this is exact, which
 * differs in the last bit for one number in 2^60.
 */
export function floatOf(value: number | BigNumber): BigFloat {
  const { isNegative, digits, point } = decimalOf(value);
  if (digits === "") return { mantissa: 0n, exponent: 0 };
  const mantissa = BigInt(isNegative ? `-${digits}` : digits);
  // 10^n is 5^n times 2^n, and the latter is only an exponent.
  const tens = point - digits.length;
  const fives = 5n ** BigInt(Math.abs(tens));
  return tens >= 0
    ? round({ mantissa: mantissa * fives, exponent: tens })
    : divideFloats({ mantissa, exponent: tens }, { mantissa: fives, exponent: 0 });
}

/** The number with the fewest digits that reads as this float again. Throws `LimitExceeded` beyond `DIGITS_MAX`. */
export function numberOfFloat(float: BigFloat, precision: number = PRECISION): number | BigNumber {
  return numberOfDecimal(shortestDecimal(float, precision));
}

export function addFloats(a: BigFloat, b: BigFloat): BigFloat {
  if (a.mantissa === 0n) return b;
  if (b.mantissa === 0n) return a;
  const exponent = Math.min(a.exponent, b.exponent);
  return round({ mantissa: shifted(a, exponent) + shifted(b, exponent), exponent });
}

export function multiplyFloats(a: BigFloat, b: BigFloat, precision: number = PRECISION): BigFloat {
  return round({ mantissa: a.mantissa * b.mantissa, exponent: a.exponent + b.exponent }, precision);
}

/** The divisor is not zero. */
export function divideFloats(dividend: BigFloat, divisor: BigFloat): BigFloat {
  const isNegative = dividend.mantissa < 0n !== divisor.mantissa < 0n;
  const numerator = magnitude(dividend.mantissa);
  const denominator = magnitude(divisor.mantissa);
  const shift = Math.max(0, PRECISION + 2 - (bitLength(numerator) - bitLength(denominator)));
  const widened = numerator << BigInt(shift);
  const quotient = widened / denominator;
  // One more bit says whether something was left, so that a half is told from a little more than that.
  const mantissa = (quotient << 1n) | (quotient * denominator === widened ? 0n : 1n);
  return round({
    mantissa: isNegative ? -mantissa : mantissa,
    exponent: dividend.exponent - divisor.exponent - shift - 1,
  });
}

/** To the nearest of so many bits, half to the even (IEEE 754 §4.3.1). */
function round(float: BigFloat, precision: number = PRECISION): BigFloat {
  const exact = magnitude(float.mantissa);
  const excess = bitLength(exact) - precision;
  if (excess <= 0) return float;
  const shift = BigInt(excess);
  const kept = exact >> shift;
  const dropped = BigInt.asUintN(excess, exact);
  const half = 1n << (shift - 1n);
  const isUp = dropped > half || (dropped === half && (kept & 1n) === 1n);
  const mantissa = isUp ? kept + 1n : kept;
  return { mantissa: float.mantissa < 0n ? -mantissa : mantissa, exponent: float.exponent + excess };
}

/** All digits of a binary number: a finite one has always an end. */
export function exactDecimal(float: BigFloat): Decimal {
  const isNegative = float.mantissa < 0n;
  const mantissa = magnitude(float.mantissa);
  const isWhole = float.exponent >= 0;
  const scaled = isWhole ? mantissa << BigInt(float.exponent) : mantissa * 5n ** BigInt(-float.exponent);
  const digits = scaled.toString();
  return decimal(isNegative, digits, digits.length + (isWhole ? 0 : float.exponent));
}

/** log2(10), rounded up. */
const BITS_PER_DIGIT = 3.33;

/**
 * The digits are taken one by one until the number they make, or the next above it, lies nearer to the float than
 * half of its last bit (Steele and White, "How to Print Floating-Point Numbers Accurately", 1990).
 */
function shortestDecimal(float: BigFloat, precision: number): Decimal {
  const bits = bitLength(magnitude(float.mantissa));
  if (Math.abs(float.exponent + bits) > DIGITS_MAX * BITS_PER_DIGIT) throw new LimitExceeded("result-size");
  // The lowest bit is worth half of the last one that the float can have.
  const spare = precision + 1 - bits;
  const mantissa = float.mantissa << BigInt(spare);
  const exponent = float.exponent - spare;
  const outward = mantissa < 0n ? -1n : 1n;
  const exact = exactDecimal(float);
  const lower = exactDecimal({ mantissa: mantissa - outward, exponent });
  const upper = exactDecimal({ mantissa: mantissa + outward, exponent });
  // The bounds themselves read as this float only if its last bit is even.
  const isInclusive = (mantissa & 2n) === 0n;
  for (let i = 0; i < exact.digits.length; i++) {
    const digit = digitAt(exact, i);
    const above = digitAt(upper, i);
    const mayCut = digitAt(lower, i) !== digit || (isInclusive && i + 1 === lower.digits.length);
    const mayRaise = digit !== above && (isInclusive || digit + 1 < above || i + 1 < upper.digits.length);
    if (mayCut && mayRaise) return roundToDigits(exact, i + 1);
    if (mayCut) return cutToDigits(exact, i + 1);
    if (mayRaise) return raiseToDigits(exact, i + 1);
  }
  return exact;
}

function digitAt({ digits }: Decimal, index: number): number {
  return index < digits.length ? digits.charCodeAt(index) : 0x30;
}

function shifted(float: BigFloat, exponent: number): bigint {
  return float.mantissa << BigInt(float.exponent - exponent);
}

function magnitude(integer: bigint): bigint {
  return integer < 0n ? -integer : integer;
}

/** Of an integer that is not negative; 0 has none. */
function bitLength(integer: bigint): number {
  if (integer === 0n) return 0;
  const digits = integer.toString(16);
  return digits.length * 4 - (Math.clz32(Number.parseInt(digits[0] as string, 16)) - 28);
}
