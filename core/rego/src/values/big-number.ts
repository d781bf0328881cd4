import { LimitExceeded } from "../limits.ts";

/**
 * A number that no double prints exactly: more than 15 to 17 significant digits, or beyond a double's range.
 * `text` is its canonical decimal form, so equal numbers have equal texts.
 */
export class BigNumber {
  readonly text: string;

  /** Use `parseNumber`: only it knows whether a double would do. */
  constructor(text: string) {
    this.text = text;
  }
}

/**
 * `0.digits` times ten to the power of `point`. The digits neither begin nor end with a zero, so that equal numbers
 * have equal members; zero has no digits.
 */
export interface Decimal {
  readonly isNegative: boolean;
  readonly digits: string;
  readonly point: number;
}

/**
 * No number has more digits, nor its first digit further from the point: OPA refuses to read a number beyond
 * 2^±100,000, which has about as many digits, and a `1e1000000000` would have to be written out to be computed with.
 */
export const DIGITS_MAX = 30_103;

// A double carries every decimal of 15 digits (IEEE 754 binary64), and this many characters have no more.
const SHORT_LENGTH = 15;
const SHORT: RegExp = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const LITERAL: RegExp = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/**
 * The number that a JSON number literal (RFC 8259 §6) says, exactly. Undefined for any other text and beyond
 * `DIGITS_MAX`. Only the value is kept: `1.0` and `10e-1` are 1, and `-0` is 0.
 */
export function parseNumber(text: string): number | BigNumber | undefined {
  if (text.length <= SHORT_LENGTH && SHORT.test(text)) return Number(text) + 0;
  if (!LITERAL.test(text)) return undefined;
  const value = Number(text);
  if (String(value) === text) return value;
  const decimal = parseDecimal(text);
  return isTooLarge(decimal) ? undefined : represent(decimal);
}

/**
 * As Rego prints it: an integer with all of its digits, a fraction as JSON writers in JavaScript and Go do
 * (ECMA-262 Number::toString): `1`, `0.1`, `1e-7`.
 */
export function numberToText(value: number | BigNumber): string {
  if (typeof value !== "number") return value.text;
  return Math.abs(value) < 1e21 ? String(value) : decimalToText(decimalOf(value));
}

export function compareNumbers(a: number | BigNumber, b: number | BigNumber): number {
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  return compareDecimals(decimalOf(a), decimalOf(b));
}

export function decimalOf(value: number | BigNumber): Decimal {
  return parseDecimal(typeof value === "number" ? String(value) : value.text);
}

/** Throws `LimitExceeded` beyond `DIGITS_MAX`. */
export function numberOfDecimal(decimal: Decimal): number | BigNumber {
  if (isTooLarge(decimal)) throw new LimitExceeded("result-size");
  return represent(decimal);
}

export function isInteger(value: number | BigNumber): boolean {
  return typeof value === "number" ? Number.isInteger(value) : !value.text.includes(".") && !value.text.includes("e");
}

/** Undefined when it is no integer. */
export function integerOf(value: number | BigNumber): bigint | undefined {
  if (!isInteger(value)) return undefined;
  return Number.isSafeInteger(value) ? BigInt(value as number) : BigInt(numberToText(value));
}

/** Throws `LimitExceeded` beyond `DIGITS_MAX`. */
export function numberOfInteger(integer: bigint): number | BigNumber {
  const value = Number(integer);
  return Number.isSafeInteger(value) ? value : numberOfDecimal(parseDecimal(integer.toString()));
}

// Each digit can be matched in one way only, so that a long text that is no number costs one walk.
const LOOSE: RegExp = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** A number as people and Go write it, which is more than JSON allows: `+1`, `.5`, `5.`, `007`. */
export function parseLooseDecimal(text: string): Decimal | undefined {
  return LOOSE.test(text) ? parseDecimal(text.startsWith("+") ? text.slice(1) : text) : undefined;
}

/** Reads what `LITERAL` and, but for a plus in front, `LOOSE` accept. */
function parseDecimal(text: string): Decimal {
  const isNegative = text.startsWith("-");
  const marker = text.search(/[eE]/);
  const end = marker < 0 ? text.length : marker;
  const dot = text.indexOf(".");
  const whole = text.slice(isNegative ? 1 : 0, dot < 0 ? end : dot);
  const fraction = dot < 0 ? "" : text.slice(dot + 1, end);
  // An exponent of hundreds of digits is infinite here, and too large later.
  const exponent = marker < 0 ? 0 : Number(text.slice(marker + 1));
  return decimal(isNegative, whole + fraction, whole.length + exponent);
}

/** `0.digits` times ten to the power of `point`, made canonical. */
export function decimal(isNegative: boolean, digits: string, point: number): Decimal {
  let start = 0;
  while (digits.charCodeAt(start) === DIGIT_0) start++;
  let end = digits.length;
  while (end > start && digits.charCodeAt(end - 1) === DIGIT_0) end--;
  return start === end ? ZERO : { isNegative, digits: digits.slice(start, end), point: point - start };
}

/** Its first digits, so many of them; half of the last one goes to the even neighbour (IEEE 754 §4.3.1). */
export function roundToDigits(exact: Decimal, count: number): Decimal {
  if (count >= exact.digits.length) return exact;
  return count < 0 || !isRoundedUp(exact.digits, count) ? cutToDigits(exact, count) : raiseToDigits(exact, count);
}

export function cutToDigits(exact: Decimal, count: number): Decimal {
  return decimal(exact.isNegative, exact.digits.slice(0, Math.max(count, 0)), exact.point);
}

/** The next number away from zero that has so many digits. */
export function raiseToDigits(exact: Decimal, count: number): Decimal {
  const raised = String(BigInt(exact.digits.slice(0, count)) + 1n);
  // A carry out of the first digit (999 to 1000) moves the point.
  return decimal(exact.isNegative, raised, exact.point + (raised.length > count ? 1 : 0));
}

const DIGIT_0 = 0x30;
const ZERO: Decimal = { isNegative: false, digits: "", point: 0 };

function isRoundedUp(digits: string, count: number): boolean {
  const next = digits[count] as string;
  if (next !== "5" || count + 1 < digits.length) return next >= "5";
  return count > 0 && digits.charCodeAt(count - 1) % 2 === 1;
}

/** Beyond `DIGITS_MAX`. */
export function isTooLarge({ digits, point }: Decimal): boolean {
  return digits.length > DIGITS_MAX || Math.abs(point) > DIGITS_MAX;
}

/** Seventeen digits are the most that a double prints (ECMA-262 Number::toString). */
const DOUBLE_DIGITS_MAX = 17;

function represent(exact: Decimal): number | BigNumber {
  const text = decimalToText(exact);
  if (exact.digits.length > DOUBLE_DIGITS_MAX) return new BigNumber(text);
  const value = Number(text);
  return Number.isFinite(value) && isSameDecimal(parseDecimal(String(value)), exact) ? value : new BigNumber(text);
}

function isSameDecimal(a: Decimal, b: Decimal): boolean {
  return a.digits === b.digits && a.point === b.point && a.isNegative === b.isNegative;
}

/** The smallest exponent that is written out as zeros. */
const POINT_MIN = -5;

function decimalToText({ isNegative, digits, point }: Decimal): string {
  const sign = isNegative ? "-" : "";
  if (digits === "") return "0";
  if (point >= digits.length) return sign + digits.padEnd(point, "0");
  if (point > 0) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point >= POINT_MIN) return `${sign}0.${"0".repeat(-point)}${digits}`;
  const rest = digits.length > 1 ? `.${digits.slice(1)}` : "";
  return `${sign}${digits[0]}${rest}e${point - 1}`;
}

function compareDecimals(a: Decimal, b: Decimal): number {
  const sign = signOf(a);
  if (sign !== signOf(b)) return sign - signOf(b);
  if (a.point !== b.point) return a.point < b.point ? -sign : sign;
  // Without trailing zeros the order of the texts is the order of the fractions.
  return a.digits < b.digits ? -sign : a.digits > b.digits ? sign : 0;
}

function signOf({ isNegative, digits }: Decimal): number {
  return digits === "" ? 0 : isNegative ? -1 : 1;
}
