import { BigNumber } from "../values/big-number.ts";
import {
  isArray,
  isNumber,
  isSet,
  kindOf,
  type NumberValue,
  type ObjectValue,
  type RegoSet,
  type Value,
} from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult, operandFailure } from "./builtin.ts";

interface Operands {
  readonly any: Value;
  readonly string: string;
  readonly number: NumberValue;
  readonly integer: number;
  readonly array: readonly Value[];
  readonly object: ObjectValue;
  readonly set: RegoSet;
}
type OperandKind = keyof Operands;
type OperandsOf<Kinds extends readonly OperandKind[]> = { readonly [I in keyof Kinds]: Operands[Kinds[I]] };

/**
 * A builtin's `run` whose operands must be of these kinds; the first that is not is its failure. A text costs one
 * step for each eight units, as every builtin reads its texts at least once.
 */
export function taking<const Kinds extends readonly OperandKind[]>(
  kinds: Kinds,
  run: (context: BuiltinContext, ...operands: OperandsOf<Kinds>) => BuiltinResult,
): Builtin["run"] {
  return (context, ...operands) => {
    for (let i = 0; i < operands.length; i++) {
      const operand = operands[i];
      if (typeof operand === "string") context.spend(operand.length >>> 3);
      else if (operand instanceof BigNumber && kinds[i] === "integer") operands[i] = roundLarge(operand);
    }
    const given: readonly unknown[] = operands;
    return areOfKinds(kinds, given) ? run(context, ...given) : firstFailure(kinds, operands);
  };
}

function areOfKinds<const Kinds extends readonly OperandKind[]>(
  kinds: Kinds,
  operands: readonly unknown[],
): operands is OperandsOf<Kinds> {
  for (let i = 0; i < kinds.length; i++) if (!isOfKind(kinds[i] as OperandKind, operands[i] as Value)) return false;
  return true;
}

function isOfKind(kind: OperandKind, operand: Value): boolean {
  if (kind === "any") return true;
  return kind === "integer" ? Number.isInteger(operand) : kindOf(operand) === kind;
}

function firstFailure(kinds: readonly OperandKind[], operands: readonly Value[]): BuiltinFailure {
  const at = kinds.findIndex((kind, i) => !isOfKind(kind, operands[i] as Value));
  const operand = operands[at] as Value;
  if (kinds[at] !== "integer") return operandFailure(at + 1, kinds[at] as OperandKind, kindOf(operand));
  return isNumber(operand)
    ? operandFailure(at + 1, "integer number", "floating-point number")
    : operandFailure(at + 1, "number", kindOf(operand));
}

/** Places and lengths of 2^53 and more are beyond any text and array, so a little of them may be lost. */
function roundLarge(value: BigNumber): NumberValue {
  const rounded = Number(value.text);
  return Number.isInteger(rounded) && Math.abs(rounded) <= 2 ** 63 ? rounded : value;
}

/** An operand that may be of several kinds: `operand 2 must be one of {set, array} but got null`. */
export function operandOneOfFailure(position: number, expected: readonly string[], actual: Value): BuiltinFailure {
  return new BuiltinFailure(
    "eval_type_error",
    `operand ${position} must be one of {${expected.join(", ")}} but got ${kindOf(actual)}`,
  );
}

/** What is inside an operand is wrong: `operand 2 must be array of strings but got array containing number`. */
export function elementFailure(position: number, collection: Value, expected: string, actual: Value): BuiltinFailure {
  const kind = kindOf(collection);
  return new BuiltinFailure(
    "eval_type_error",
    `operand ${position} must be ${kind} of ${expected}s but got ${kind} containing ${kindOf(actual)}`,
  );
}

/** An operand of the right type that means nothing to the builtin. */
export function operandMeaningFailure(position: number, what: string): BuiltinFailure {
  return new BuiltinFailure("eval_type_error", `operand ${position} ${what}`);
}

/** The elements of an array or a set; undefined for any other value. */
export function elementsOf(value: Value): readonly Value[] | undefined {
  return isArray(value) ? value : isSet(value) ? value.sorted : undefined;
}

/** The texts in an array or a set of strings. */
export function textsOf(
  position: number,
  collection: Value,
  elements: readonly Value[],
): readonly string[] | BuiltinFailure {
  const wrong = elements.find((element) => typeof element !== "string");
  return wrong === undefined ? (elements as readonly string[]) : elementFailure(position, collection, "string", wrong);
}
