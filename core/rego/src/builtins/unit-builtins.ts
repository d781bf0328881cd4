import { functionOf, NUMBER, STRING } from "../types.ts";
import { truncate } from "../values/arithmetic.ts";
import {
  cutToDigits,
  type Decimal,
  decimal,
  isTooLarge,
  numberOfDecimal,
  numberOfInteger,
  parseLooseDecimal,
  raiseToDigits,
} from "../values/big-number.ts";
import { type Builtin, BuiltinFailure, failure } from "./builtin.ts";
import { taking } from "./operands.ts";
import { lower } from "./string-case.ts";

// OPA computes both through inexact numbers: a thousandth as the double 0.001, bytes as floats of 64 bits. Ours are
// exact, which differs beyond some nineteen digits.

/** `10Gi`, `500m` (a thousandth), `1.5M`: amounts as Kubernetes writes them. At most ten places behind the point. */
const unitsParse: Builtin = {
  name: "units.parse",
  type: functionOf([STRING], NUMBER),
  run: taking(["string"], (_context, text) => {
    const amount = readAmount(text.replaceAll('"', ""), UNITS_WORDING);
    if (amount instanceof BuiltinFailure) return amount;
    // Only the first letter tells `m` from `M`.
    const unit = amount.unit.slice(0, 1) + lower(amount.unit.slice(1));
    const factor = UNITS.get(unit);
    if (factor === undefined) return failure(`unit ${unit} not recognized`);
    const value = multiplied(amount.number, factor, UNITS_WORDING);
    return value instanceof BuiltinFailure ? value : numberOfDecimal(roundedToPlaces(value));
  }),
};

/** `10GiB`, `1.5 MB` without the space, `3k`: whole bytes, what is left is dropped. */
const unitsParseBytes: Builtin = {
  name: "units.parse_bytes",
  type: functionOf([STRING], NUMBER),
  run: taking(["string"], (_context, text) => {
    const amount = readAmount(lower(text).replaceAll('"', ""), BYTES_WORDING);
    if (amount instanceof BuiltinFailure) return amount;
    const factor = BYTE_UNITS.get(amount.unit);
    if (factor === undefined) return failure(`byte unit ${amount.unit} not recognized`);
    const value = multiplied(amount.number, factor, BYTES_WORDING);
    return value instanceof BuiltinFailure ? value : numberOfInteger(truncate(numberOfDecimal(value)));
  }),
};

export const UNIT_BUILTINS: readonly Builtin[] = [unitsParse, unitsParseBytes];

interface Wording {
  readonly noAmount: string;
  readonly noNumber: string;
}

const UNITS_WORDING: Wording = {
  noAmount: "no amount provided",
  noNumber: "could not parse amount to a number",
};
const BYTES_WORDING: Wording = {
  noAmount: "no byte amount provided",
  noNumber: "could not parse byte amount to a number",
};

// An `e` belongs to the number only where an exponent follows; else it is the unit for 10^18.
const AMOUNT: RegExp = /^(?:[0-9.+-]|[eE](?=[0-9+-]))*/;
const LONG_EXPONENT: RegExp = /[eE][+-]?[0-9]{7}/;

function readAmount(text: string, wording: Wording): { number: string; unit: string } | BuiltinFailure {
  if (text.includes(" ")) return failure("spaces not allowed in resource strings");
  const number = AMOUNT.exec(text)?.[0] ?? "";
  if (LONG_EXPONENT.test(number)) return TOO_LARGE;
  return number === "" ? failure(wording.noAmount) : { number, unit: text.slice(number.length) };
}

const TOO_LARGE: BuiltinFailure = failure("exponent too large");

interface Factor {
  readonly by: bigint;
  /** A further power of ten. */
  readonly tens: number;
}

function multiplied(number: string, { by, tens }: Factor, wording: Wording): Decimal | BuiltinFailure {
  const amount = parseLooseDecimal(number);
  if (amount === undefined) return failure(wording.noNumber);
  if (isTooLarge(amount)) return TOO_LARGE;
  const digits = (BigInt(amount.digits) * by).toString();
  const product = decimal(amount.isNegative, digits, amount.point - amount.digits.length + digits.length + tens);
  return isTooLarge(product) ? TOO_LARGE : product;
}

const PLACES_MAX = 10;

/** Half away from zero. */
function roundedToPlaces(exact: Decimal): Decimal {
  const count = exact.point + PLACES_MAX;
  if (count >= exact.digits.length) return exact;
  return count >= 0 && (exact.digits[count] as string) >= "5" ? raiseToDigits(exact, count) : cutToDigits(exact, count);
}

const PREFIXES: readonly string[] = ["k", "m", "g", "t", "p", "e"];

/** Powers of a thousand, or with an `i` of 1024 (IEC 80000-13). */
function factorOf(prefix: number, isBinary: boolean): Factor {
  return { by: (isBinary ? 1024n : 1000n) ** BigInt(prefix + 1), tens: 0 };
}

const ONE: Factor = { by: 1n, tens: 0 };

const UNITS: ReadonlyMap<string, Factor> = new Map([
  ["", ONE],
  ...PREFIXES.flatMap((letter, i): [string, Factor][] => [
    [letter, factorOf(i, false)],
    [letter.toUpperCase(), factorOf(i, false)],
    [`${letter}i`, factorOf(i, true)],
    [`${letter.toUpperCase()}i`, factorOf(i, true)],
  ]),
  ["m", { by: 1n, tens: -3 }],
]);

const BYTE_UNITS: ReadonlyMap<string, Factor> = new Map([
  ["", ONE],
  ...PREFIXES.flatMap((letter, i): [string, Factor][] => [
    [letter, factorOf(i, false)],
    [`${letter}b`, factorOf(i, false)],
    [`${letter}i`, factorOf(i, true)],
    [`${letter}ib`, factorOf(i, true)],
  ]),
]);
