import { type BigFloat, exactDecimal } from "../values/big-float.ts";
import { type Decimal, decimalOf, roundToDigits } from "../values/big-number.ts";

export type FloatVerb = "b" | "e" | "E" | "f" | "g" | "G" | "x" | "X";

/**
 * A double's text as Go's `strconv.FormatFloat` writes it. Without a precision: as many digits as it takes to read
 * the same double again.
 */
export function formatFloat(value: number, verb: FloatVerb, precision: number | undefined): string {
  const sign = value < 0 ? "-" : "";
  const size = Math.abs(value);
  if (verb === "b") return sign + formatBinary(size);
  if (verb === "x" || verb === "X") return sign + formatHexadecimal(size, verb, precision);
  if (precision === undefined) return sign + formatShortest(decimalOf(size), verb);
  const exact = exactDecimal(binaryOf(size));
  if (verb === "f") return sign + formatFixed(roundToDigits(exact, exact.point + precision), precision);
  if (verb === "e" || verb === "E") return sign + formatExponent(roundToDigits(exact, precision + 1), precision, verb);
  return sign + formatGeneral(exact, Math.max(precision, 1), verb);
}

function formatShortest(shortest: Decimal, verb: "e" | "E" | "f" | "g" | "G"): string {
  const { digits, point } = shortest;
  if (verb === "f") return formatFixed(shortest, Math.max(digits.length - point, 0));
  if (verb === "e" || verb === "E") return formatExponent(shortest, digits.length - 1, verb);
  return pickForm(shortest, digits.length, SHORTEST_POINT_MAX, verb);
}

/** Without a precision, numbers of a million and more get an exponent. */
const SHORTEST_POINT_MAX = 6;

function formatGeneral(exact: Decimal, precision: number, verb: "g" | "G"): string {
  const rounded = roundToDigits(exact, precision);
  const { digits, point } = rounded;
  const pointMax = precision > digits.length && digits.length >= point ? digits.length : precision;
  return pickForm(rounded, precision, pointMax, verb);
}

/** The shorter form: with an exponent below 0.0001 and from `pointMax` digits in front of the point. */
function pickForm(rounded: Decimal, precision: number, pointMax: number, verb: "g" | "G"): string {
  const { digits, point } = rounded;
  const exponent = digits === "" ? -1 : point - 1;
  if (exponent < -4 || exponent >= pointMax)
    return formatExponent(rounded, Math.min(precision, digits.length) - 1, verb === "g" ? "e" : "E");
  return formatFixed(rounded, Math.max((precision > point ? digits.length : precision) - point, 0));
}

function formatFixed({ digits, point }: Decimal, precision: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (precision <= 0) return whole;
  const fraction = "0".repeat(Math.min(Math.max(-point, 0), precision)) + digits.slice(Math.max(point, 0));
  return `${whole}.${fraction.slice(0, precision).padEnd(precision, "0")}`;
}

function formatExponent({ digits, point }: Decimal, precision: number, marker: "e" | "E"): string {
  const fraction = precision > 0 ? `.${digits.slice(1, precision + 1).padEnd(precision, "0")}` : "";
  return (digits[0] ?? "0") + fraction + marker + formatPower(digits === "" ? 0 : point - 1);
}

/** With a sign and at least two digits. */
function formatPower(exponent: number): string {
  return (exponent < 0 ? "-" : "+") + String(Math.abs(exponent)).padStart(2, "0");
}

function formatBinary(size: number): string {
  const { mantissa, exponent } = binaryOf(size);
  return `${mantissa}p${exponent < 0 ? "" : "+"}${exponent}`;
}

/** One bit in front of the point, 52 bits behind it. */
const FRACTION_BITS = 52;
const FRACTION_DIGITS: number = FRACTION_BITS / 4;

function formatHexadecimal(size: number, verb: "x" | "X", precision: number | undefined): string {
  let { mantissa, exponent } = normalized(binaryOf(size));
  if (precision !== undefined && precision < FRACTION_DIGITS) {
    const dropped = BigInt(FRACTION_BITS - 4 * precision);
    const rest = BigInt.asUintN(Number(dropped), mantissa);
    const half = 1n << (dropped - 1n);
    mantissa >>= dropped;
    if (rest > half || (rest === half && mantissa % 2n === 1n)) mantissa += 1n;
    mantissa <<= dropped;
    if (mantissa >> BigInt(FRACTION_BITS + 1) !== 0n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const digits = mantissa.toString(16).padStart(FRACTION_DIGITS + 1, "0");
  const all = digits.slice(1);
  const fraction = precision === undefined ? all.replace(TRAILING_ZEROS, "") : fit(all, precision);
  const power = formatPower(mantissa === 0n ? 0 : exponent + FRACTION_BITS);
  const text = `0x${digits[0]}${fraction === "" ? "" : `.${fraction}`}p${power}`;
  return verb === "X" ? text.toUpperCase() : text;
}

const TRAILING_ZEROS: RegExp = /0{1,13}$/;

function fit(digits: string, length: number): string {
  return digits.slice(0, length).padEnd(length, "0");
}

function normalized({ mantissa, exponent }: BigFloat): BigFloat {
  if (mantissa === 0n) return { mantissa, exponent };
  const shift = FRACTION_BITS + 1 - mantissa.toString(2).length;
  return { mantissa: mantissa << BigInt(shift), exponent: exponent - shift };
}

/** What a double's bits say (IEEE 754 §3.4); it is finite and not negative. */
function binaryOf(size: number): BigFloat {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const biased = Number(bits >> 52n);
  const fraction = BigInt.asUintN(52, bits);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}
