import { LimitExceeded } from "../limits.ts";
import { ANY, anyOf, arrayOf, BOOLEAN, functionOf, NULL, NUMBER, STRING, setOf } from "../types.ts";
import {
  absolute,
  add,
  ceil,
  costOf,
  costOfDigits,
  divide,
  floor,
  multiply,
  remainder,
  round,
  subtract,
  truncate,
} from "../values/arithmetic.ts";
import {
  DIGITS_MAX,
  integerOf,
  isInteger,
  isTooLarge,
  numberOfDecimal,
  numberOfInteger,
  parseLooseDecimal,
} from "../values/big-number.ts";
import { quote } from "../values/print.ts";
import {
  compare,
  isEqual,
  isNumber,
  isSet,
  kindOf,
  type Meter,
  type NumberValue,
  RegoSet,
  type Value,
} from "../values/value.ts";
import {
  type Builtin,
  type BuiltinContext,
  BuiltinFailure,
  type BuiltinResult,
  failure,
  operandFailure,
} from "./builtin.ts";
import { operandMeaningFailure, operandOneOfFailure, taking } from "./operands.ts";

function arithmetic(
  name: string,
  infix: string,
  operation: (a: NumberValue, b: NumberValue) => NumberValue | BuiltinFailure,
): Builtin {
  return {
    name,
    infix,
    type: functionOf([NUMBER, NUMBER], NUMBER),
    run: taking(["number", "number"], (context, a, b) => {
      context.spend(costOf(a, b));
      return operation(a, b);
    }),
  };
}

function rounding(name: string, operation: (a: NumberValue) => NumberValue): Builtin {
  return {
    name,
    type: functionOf([NUMBER], NUMBER),
    run: taking(["number"], (context, a) => {
      context.spend(costOf(a));
      return operation(a);
    }),
  };
}

const plus: Builtin = arithmetic("plus", "+", add);
const mul: Builtin = arithmetic("mul", "*", multiply);
const div: Builtin = arithmetic("div", "/", (a, b) => divide(a, b) ?? failure("divide by zero"));
const rem: Builtin = arithmetic("rem", "%", (a, b) => remainder(a, b) ?? remainderFailure(a, b));

function remainderFailure(a: NumberValue, b: NumberValue): BuiltinFailure {
  return failure(isInteger(a) && isInteger(b) ? "modulo by zero" : "modulo on floating-point number");
}

/** Of numbers, and of sets: what is in the first and not in the second. */
const minus: Builtin = {
  name: "minus",
  infix: "-",
  type: functionOf([anyOf(NUMBER, setOf(ANY)), anyOf(NUMBER, setOf(ANY))], anyOf(NUMBER, setOf(ANY))),
  run: (context, a, b) => {
    if (isNumber(a) && isNumber(b)) {
      context.spend(costOf(a, b));
      return subtract(a, b);
    }
    if (isSet(a) && isSet(b)) {
      context.spend(a.size);
      return RegoSet.of(a.elements.filter((element) => !b.has(element)));
    }
    if (!isNumber(a) && !isSet(a)) return operandOneOfFailure(1, ["number", "set"], a);
    return operandFailure(2, isNumber(b) ? "set" : "number", kindOf(b));
  },
};

function comparison(name: string, infix: string, holds: (a: Value, b: Value, meter: Meter) => boolean): Builtin {
  return { name, infix, type: functionOf([ANY, ANY], BOOLEAN), run: (context, a, b) => holds(a, b, context) };
}

function bits(
  name: string,
  operation: (a: bigint, b: bigint, context: BuiltinContext) => bigint | BuiltinFailure,
): Builtin {
  return {
    name: `bits.${name}`,
    type: functionOf([NUMBER, NUMBER], NUMBER),
    run: (context, a, b) => {
      const integers = integersOf(context, a, b);
      if (integers instanceof BuiltinFailure) return integers;
      const result = operation(integers[0] as bigint, integers[1] as bigint, context);
      return typeof result === "bigint" ? numberOfInteger(result) : result;
    },
  };
}

const bitsNegate: Builtin = {
  name: "bits.negate",
  type: functionOf([NUMBER], NUMBER),
  run: (context, a) => {
    const integers = integersOf(context, a);
    return integers instanceof BuiltinFailure ? integers : numberOfInteger(~(integers[0] as bigint));
  },
};

/** The operands as integers, or what the first that is none is. */
function integersOf(context: BuiltinContext, ...operands: readonly Value[]): readonly bigint[] | BuiltinFailure {
  const integers: bigint[] = [];
  for (const [i, operand] of operands.entries()) {
    if (!isNumber(operand)) return operandFailure(i + 1, "integer", kindOf(operand));
    context.spend(costOf(operand));
    const integer = integerOf(operand);
    if (integer === undefined) return operandFailure(i + 1, "integer number", "floating-point number");
    integers.push(integer);
  }
  return integers;
}

/** As many bits as `DIGITS_MAX` digits have. */
const SHIFT_MAX = BigInt(Math.ceil(DIGITS_MAX * Math.log2(10)));

function shiftLeft(a: bigint, count: bigint, context: BuiltinContext): bigint | BuiltinFailure {
  if (count < 0n) return NEGATIVE_SHIFT;
  if (a === 0n) return a;
  if (count > SHIFT_MAX) throw new LimitExceeded("result-size");
  context.spend(costOfDigits(Number(count) * Math.log10(2)));
  return a << count;
}

function shiftRight(a: bigint, count: bigint): bigint | BuiltinFailure {
  if (count < 0n) return NEGATIVE_SHIFT;
  return a >> (count > SHIFT_MAX ? SHIFT_MAX : count);
}

const NEGATIVE_SHIFT: BuiltinFailure = operandMeaningFailure(
  2,
  "must be an unsigned integer number but got a negative integer",
);

const numbersRange: Builtin = {
  name: "numbers.range",
  type: functionOf([NUMBER, NUMBER], arrayOf(NUMBER)),
  run: (context, from, to) => {
    const integers = integersOf(context, from, to);
    return integers instanceof BuiltinFailure
      ? integers
      : rangeOf(context, integers[0] as bigint, integers[1] as bigint, 1n);
  },
};

const numbersRangeStep: Builtin = {
  name: "numbers.range_step",
  type: functionOf([NUMBER, NUMBER, NUMBER], arrayOf(NUMBER)),
  run: (context, from, to, step) => {
    const integers = integersOf(context, from, to, step);
    if (integers instanceof BuiltinFailure) return integers;
    if ((integers[2] as bigint) <= 0n) return failure("step must be a positive integer");
    return rangeOf(context, integers[0] as bigint, integers[1] as bigint, integers[2] as bigint);
  },
};

/** From one to the other and no further, up or down. */
function rangeOf(context: BuiltinContext, from: bigint, to: bigint, step: bigint): readonly NumberValue[] {
  const length = (from <= to ? to - from : from - to) / step + 1n;
  // The ends bound the cost of each number between them.
  const cost = 1 + costOf(numberOfInteger(from), numberOfInteger(to));
  context.spend(Number(length) * cost);
  let next = numberOfInteger(from);
  const range = [next];
  const stride = numberOfInteger(from <= to ? step : -step);
  for (let left = Number(length) - 1; left > 0; left--) {
    next = add(next, stride);
    range.push(next);
  }
  return range;
}

const randIntn: Builtin = {
  name: "rand.intn",
  type: functionOf([STRING, NUMBER], NUMBER),
  isNondeterministic: true,
  run: taking(["string", "number"], (context, key, limit) => {
    const size = integerOf(limit);
    if (size === undefined || BigInt.asIntN(64, size) !== size)
      return operandFailure(2, "integer number", "floating-point number");
    return drawNumber(context, key, size < 0n ? -size : size);
  }),
};

/** One query, one key, one limit: one number. */
function drawNumber(context: BuiltinContext, key: string, limit: bigint): NumberValue {
  if (limit === 0n) return 0;
  const name = `rand.intn ${limit} ${key}`;
  const drawn = context.memo.get(name);
  if (typeof drawn === "bigint") return numberOfInteger(drawn);
  // 128 bits for a limit of 63: the smaller remainders are more likely by less than one in 2^64.
  const number = context.random.bytes(16).reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n) % limit;
  context.memo.set(name, number);
  return numberOfInteger(number);
}

const formatInt: Builtin = {
  name: "format_int",
  type: functionOf([NUMBER, NUMBER], STRING),
  run: taking(["number", "number"], (context, number, base) => {
    if (base !== 2 && base !== 8 && base !== 10 && base !== 16)
      return operandMeaningFailure(2, "must be one of {2, 8, 10, 16}");
    context.spend(costOf(number));
    return truncate(number).toString(base);
  }),
};

const toNumber: Builtin = {
  name: "to_number",
  type: functionOf([anyOf(NULL, BOOLEAN, NUMBER, STRING)], NUMBER),
  run: (context, value) => {
    if (isNumber(value)) return value;
    if (value === null) return 0;
    if (typeof value === "boolean") return value ? 1 : 0;
    if (typeof value !== "string") return operandOneOfFailure(1, ["null", "boolean", "number", "string"], value);
    context.spend(value.length >>> 3);
    return readNumber(value);
  },
};

const NO_NUMBER: RegExp = /^[+-]*(?:inf|infinity|nan)$/i;

/** OPA also takes Go's `0x1p-2` and `1_000`, which it then cannot print. */
function readNumber(text: string): BuiltinResult {
  if (NO_NUMBER.test(text)) return operandFailure(1, "valid number string", "string");
  const exact = parseLooseDecimal(text);
  if (exact === undefined) return failure(`parsing ${quote(text)}: invalid syntax`);
  // OPA refuses what no double is near to, although it then goes on with the text.
  const isInRange = Number.isFinite(Number(text)) && !isTooLarge(exact);
  return isInRange ? numberOfDecimal(exact) : failure(`parsing ${quote(text)}: value out of range`);
}

/** Arithmetic, comparison, bits and ranges: OPA policy reference, "Numbers", "Comparison", "Bits", "Conversions". */
export const NUMBER_BUILTINS: readonly Builtin[] = [
  plus,
  minus,
  mul,
  div,
  rem,
  rounding("abs", absolute),
  rounding("round", round),
  rounding("ceil", ceil),
  rounding("floor", floor),
  comparison("equal", "==", isEqual),
  comparison("neq", "!=", (a, b, meter) => !isEqual(a, b, meter)),
  comparison("lt", "<", (a, b, meter) => compare(a, b, meter) < 0),
  comparison("lte", "<=", (a, b, meter) => compare(a, b, meter) <= 0),
  comparison("gt", ">", (a, b, meter) => compare(a, b, meter) > 0),
  comparison("gte", ">=", (a, b, meter) => compare(a, b, meter) >= 0),
  bits("and", (a, b) => a & b),
  bits("or", (a, b) => a | b),
  bits("xor", (a, b) => a ^ b),
  bits("lsh", shiftLeft),
  bits("rsh", shiftRight),
  bitsNegate,
  numbersRange,
  numbersRangeStep,
  randIntn,
  formatInt,
  toNumber,
];
