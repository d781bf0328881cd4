import { ANY, anyOf, arrayOf, BOOLEAN, functionOf, NUMBER, objectOf, STRING, setOf, type Type } from "../types.ts";
import { product, type Spend, sum } from "../values/arithmetic.ts";
import {
  compare,
  isArray,
  isNumber,
  isObject,
  isSet,
  type NumberValue,
  sizeOfObject,
  type Value,
} from "../values/value.ts";
import type { Builtin, BuiltinContext, BuiltinFailure, BuiltinResult } from "./builtin.ts";
import { elementFailure, elementsOf, operandOneOfFailure } from "./operands.ts";
import { countCharacters } from "./text-characters.ts";

const COLLECTION: Type = anyOf(arrayOf(ANY), setOf(ANY));
const NUMBERS: Type = anyOf(arrayOf(NUMBER), setOf(NUMBER));

const count: Builtin = {
  name: "count",
  type: functionOf([anyOf(STRING, arrayOf(ANY), objectOf(ANY, ANY), setOf(ANY))], NUMBER),
  run: (context, collection) => {
    if (isArray(collection)) return collection.length;
    if (isSet(collection)) return collection.size;
    if (isObject(collection)) return sizeOfObject(collection);
    if (typeof collection !== "string") return operandOneOfFailure(1, ["array", "object", "set", "string"], collection);
    context.spend(collection.length >>> 3);
    return countCharacters(collection);
  },
};

/** A builtin over the elements of an array or a set; a set's are in Rego's order. */
function aggregate(
  name: string,
  operand: Type,
  result: Type,
  run: (elements: readonly Value[], context: BuiltinContext, collection: Value) => BuiltinResult,
): Builtin {
  return {
    name,
    type: functionOf([operand], result),
    run: (context, collection) => {
      const elements = elementsOf(collection);
      if (elements === undefined) return operandOneOfFailure(1, ["set", "array"], collection);
      context.spend(elements.length);
      return run(elements, context, collection);
    },
  };
}

function aggregateNumbers(
  name: string,
  accumulate: (numbers: readonly NumberValue[], spend: Spend) => NumberValue,
): Builtin {
  return aggregate(name, NUMBERS, NUMBER, (elements, context, collection) =>
    elements.every(isNumber) ? accumulate(elements, (steps) => context.spend(steps)) : notNumbers(collection, elements),
  );
}

function notNumbers(collection: Value, elements: readonly Value[]): BuiltinFailure {
  const wrong = elements.find((element) => !isNumber(element)) as Value;
  return elementFailure(1, collection, "number", wrong);
}

const max: Builtin = aggregate("max", COLLECTION, ANY, (elements) =>
  elements.length === 0 ? undefined : elements.reduce((best, element) => (compare(best, element) < 0 ? element : best)),
);

const min: Builtin = aggregate("min", COLLECTION, ANY, (elements) =>
  elements.length === 0 ? undefined : elements.reduce((best, element) => (compare(best, element) > 0 ? element : best)),
);

const sort: Builtin = aggregate("sort", COLLECTION, arrayOf(ANY), (elements, context, collection) =>
  isSet(collection) ? elements : elements.toSorted((a, b) => compare(a, b, context)),
);

/** Deprecated, and refused in modules of Rego v1. */
function quantifier(name: string, holds: (elements: readonly Value[]) => boolean): Builtin {
  return {
    name,
    type: functionOf([COLLECTION], BOOLEAN),
    run: (context, collection) => {
      const elements = elementsOf(collection);
      if (elements === undefined) return operandOneOfFailure(1, ["array", "set"], collection);
      context.spend(elements.length);
      return holds(elements);
    },
  };
}

/** OPA policy reference, "Aggregates". */
export const AGGREGATE_BUILTINS: readonly Builtin[] = [
  count,
  aggregateNumbers("sum", sum),
  aggregateNumbers("product", product),
  max,
  min,
  sort,
  quantifier("any", (elements) => elements.includes(true)),
  quantifier("all", (elements) => elements.every((element) => element === true)),
];
