import { compareNumbers, decimalOf, isInteger } from "../values/big-number.ts";
import { valueToJson } from "../values/json.ts";
import {
  isArray,
  isEqual,
  isNumber,
  isObject,
  memberOf,
  type NumberValue,
  ObjectBuilder,
  type ObjectValue,
  sizeOfObject,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import type { BuiltinContext } from "./builtin.ts";
import { formatFloat } from "./format-float.ts";
import type { Schema, SchemaType } from "./json-schema.ts";
import { isOfFormat } from "./json-schema-format.ts";
import { countCharacters } from "./text-characters.ts";

export interface SchemaError {
  /** Names what was not met: `invalid_type`. */
  readonly type: string;
  /** Where in the document: `servers.0.name`, or `(Root)`. */
  readonly field: string;
  readonly description: string;
}

/** Everything that keeps a document from being what the schema says, in the order of the document's keys. */
export function validateDocument(context: BuiltinContext, schema: Schema, document: Value): readonly SchemaError[] {
  const outcome = new Outcome(ROOT);
  new Validator(context).validate(schema, document, outcome);
  return outcome.errors;
}

const ROOT = "(Root)";

/**
 * What was found of one value. The score tells which of several alternatives came closest: its errors are reported
 * (gojsonschema `Result`).
 */
class Outcome {
  readonly path: string;
  readonly errors: SchemaError[] = [];
  score = 0;

  constructor(path: string) {
    this.path = path;
  }

  get isValid(): boolean {
    return this.errors.length === 0;
  }

  get field(): string {
    return this.path.startsWith(`${ROOT}.`) ? this.path.slice(ROOT.length + 1) : this.path;
  }

  add(type: string, description: string): void {
    this.errors.push({ type, field: this.field, description });
    this.score -= 2;
  }

  merge(other: Outcome | undefined): void {
    if (other === undefined) return;
    for (const error of other.errors) this.errors.push(error);
    this.score += other.score;
  }
}

class Validator {
  readonly #context: BuiltinContext;

  constructor(context: BuiltinContext) {
    this.#context = context;
  }

  validate(schema: Schema, value: Value, outcome: Outcome): void {
    this.#context.spend(1);
    if (schema.pass !== undefined) {
      if (!schema.pass) outcome.add("false", "False always fails validation");
      return;
    }
    if (schema.reference !== undefined) {
      this.validate(schema.reference, value, outcome);
      return;
    }
    if (!hasType(schema, value)) {
      const expected = schema.types.length > 1 ? `[${schema.types.join(",")}]` : schema.types[0];
      outcome.add("invalid_type", `Invalid type. Expected: ${expected}, given: ${typeOf(value)}`);
      return;
    }
    this.#checkCombinations(schema, value, outcome);
    if (isNumber(value)) checkNumber(schema, value, outcome);
    else if (isArray(value)) this.#checkArray(schema, value, outcome);
    else if (isObject(value)) this.#checkObject(schema, value, outcome);
    this.#checkCommon(schema, value, outcome);
    if (typeof value === "string") this.#checkString(schema, value, outcome);
    else if (isObject(value)) this.#checkProperties(schema, value, outcome);
    outcome.score++;
  }

  #try(schema: Schema, value: Value, path: string): Outcome {
    const outcome = new Outcome(path);
    this.validate(schema, value, outcome);
    return outcome;
  }

  #checkCombinations(schema: Schema, value: Value, outcome: Outcome): void {
    this.#checkAnyOf(schema, value, outcome);
    this.#checkOneOf(schema, value, outcome);
    this.#checkAllOf(schema, value, outcome);
    if (schema.not !== undefined && this.#try(schema.not, value, outcome.path).isValid)
      outcome.add("number_not", "Must not validate the schema (not)");
    if (isObject(value)) this.#checkDependencies(schema, value, outcome);
    this.#checkCondition(schema, value, outcome);
    outcome.score++;
  }

  #checkAnyOf(schema: Schema, value: Value, outcome: Outcome): void {
    if (schema.anyOf.length === 0) return;
    let best: Outcome | undefined;
    for (const alternative of schema.anyOf) {
      const attempt = this.#try(alternative, value, outcome.path);
      if (attempt.isValid) return;
      best = closest(best, attempt);
    }
    outcome.add("number_any_of", "Must validate at least one schema (anyOf)");
    outcome.merge(best);
  }

  #checkOneOf(schema: Schema, value: Value, outcome: Outcome): void {
    if (schema.oneOf.length === 0) return;
    const attempts = schema.oneOf.map((alternative) => this.#try(alternative, value, outcome.path));
    const valid = attempts.filter((attempt) => attempt.isValid).length;
    if (valid === 1) return;
    outcome.add("number_one_of", "Must validate one and only one schema (oneOf)");
    if (valid === 0) outcome.merge(attempts.reduce(closest));
  }

  #checkAllOf(schema: Schema, value: Value, outcome: Outcome): void {
    let isMet = true;
    for (const part of schema.allOf) {
      const attempt = this.#try(part, value, outcome.path);
      isMet &&= attempt.isValid;
      outcome.merge(attempt);
    }
    if (!isMet) outcome.add("number_all_of", "Must validate all the schemas (allOf)");
  }

  #checkDependencies(schema: Schema, value: ObjectValue, outcome: Outcome): void {
    for (const [name, dependency] of schema.dependencies) {
      if (memberOf(value, name) === undefined) continue;
      if (!isNames(dependency)) this.validate(dependency, value, outcome);
      else
        for (const other of dependency)
          if (memberOf(value, other) === undefined) outcome.add("missing_dependency", `Has a dependency on ${other}`);
    }
  }

  #checkCondition({ condition }: Schema, value: Value, outcome: Outcome): void {
    if (condition === undefined) return;
    const isMet = this.#try(condition.if, value, outcome.path).isValid;
    const branch = isMet ? condition.then : condition.else;
    if (branch === undefined) return;
    const attempt = this.#try(branch, value, outcome.path);
    if (attempt.isValid) return;
    if (isMet) outcome.add("condition_then", 'Must validate "then" as "if" was valid');
    else outcome.add("condition_else", 'Must validate "else" as "if" was not valid');
    outcome.merge(attempt);
  }

  #checkCommon(schema: Schema, value: Value, outcome: Outcome): void {
    if (schema.constant !== undefined && !isEqual(schema.constant, value))
      outcome.add("const", `${outcome.field} does not match: ${valueToJson(schema.constant)}`);
    const { enumeration } = schema;
    if (enumeration !== undefined) {
      this.#context.spend(enumeration.length);
      if (!enumeration.some((allowed) => isEqual(allowed, value))) {
        const allowed = enumeration.map((item) => valueToJson(item)).join(", ");
        outcome.add("enum", `${outcome.field} must be one of the following: ${allowed}`);
      }
    }
    if (schema.format !== undefined && typeof value === "string" && !isOfFormat(this.#context, schema.format, value))
      outcome.add("format", `Does not match format '${schema.format}'`);
    outcome.score++;
  }

  #checkArray(schema: Schema, items: readonly Value[], outcome: Outcome): void {
    this.#checkItems(schema, items, outcome);
    if (schema.minItems !== undefined && items.length < schema.minItems)
      outcome.add("array_min_items", `Array must have at least ${schema.minItems} items`);
    if (schema.maxItems !== undefined && items.length > schema.maxItems)
      outcome.add("array_max_items", `Array must have at most ${schema.maxItems} items`);
    if (schema.uniqueItems) checkUnique(items, outcome);
    if (schema.contains !== undefined) this.#checkContains(schema.contains, items, outcome);
    outcome.score++;
  }

  #checkItems({ items: schemas, additionalItems }: Schema, items: readonly Value[], outcome: Outcome): void {
    for (const [i, item] of items.entries()) {
      const schema = isPlaces(schemas) ? (schemas[i] ?? additionalItems) : schemas;
      if (schema === undefined || (isPlaces(schemas) && schemas.length === 0)) return;
      if (typeof schema !== "boolean") outcome.merge(this.#try(schema, item, `${outcome.path}.${i}`));
      else if (!schema) {
        outcome.add("array_no_additional_items", "No additional items allowed on array");
        return;
      }
    }
  }

  #checkContains(schema: Schema, items: readonly Value[], outcome: Outcome): void {
    let best: Outcome | undefined;
    for (const [i, item] of items.entries()) {
      const attempt = this.#try(schema, item, `${outcome.path}.${i}`);
      if (attempt.isValid) return;
      best = closest(best, attempt);
    }
    outcome.add("contains", "At least one of the items must match");
    outcome.merge(best);
  }

  #checkObject(schema: Schema, object: ObjectValue, outcome: Outcome): void {
    const size = sizeOfObject(object);
    if (schema.minProperties !== undefined && size < schema.minProperties)
      outcome.add("array_min_properties", `Must have at least ${schema.minProperties} properties`);
    if (schema.maxProperties !== undefined && size > schema.maxProperties)
      outcome.add("array_max_properties", `Must have at most ${schema.maxProperties} properties`);
    for (const name of schema.required) {
      if (memberOf(object, name) !== undefined) outcome.score++;
      else outcome.add("required", `${name} is required`);
    }
    this.#checkOtherProperties(schema, object, outcome);
    if (schema.propertyNames !== undefined) this.#checkNames(schema.propertyNames, object, outcome);
    outcome.score++;
  }

  #checkOtherProperties(schema: Schema, object: ObjectValue, outcome: Outcome): void {
    const known = new Set(schema.properties.map(([name]) => name));
    for (const name of namesOf(object)) {
      this.#context.spend(1);
      const value = memberOf(object, name) as Value;
      const isMatched = this.#checkPatterns(schema, name, value, outcome);
      const { additionalProperties } = schema;
      if (isMatched || known.has(name) || additionalProperties === undefined) continue;
      if (typeof additionalProperties !== "boolean")
        outcome.merge(this.#try(additionalProperties, value, `${outcome.path}.${name}`));
      else if (!additionalProperties)
        outcome.add("additional_property_not_allowed", `Additional property ${name} is not allowed`);
    }
  }

  #checkPatterns(schema: Schema, name: string, value: Value, outcome: Outcome): boolean {
    let isMatched = false;
    for (const [pattern, valueSchema] of schema.patternProperties) {
      if (!pattern.isFoundIn(this.#context, name)) continue;
      isMatched = true;
      outcome.merge(this.#try(valueSchema, value, `${outcome.path}.${name}`));
    }
    if (isMatched) outcome.score++;
    return isMatched;
  }

  #checkNames(schema: Schema, object: ObjectValue, outcome: Outcome): void {
    for (const name of namesOf(object)) {
      const attempt = this.#try(schema, name, outcome.path);
      if (attempt.isValid) continue;
      outcome.add("invalid_property_name", `Property name of "${name}" does not match`);
      outcome.merge(attempt);
    }
  }

  #checkProperties(schema: Schema, object: ObjectValue, outcome: Outcome): void {
    for (const [name, valueSchema] of schema.properties) {
      const value = memberOf(object, name);
      if (value !== undefined) outcome.merge(this.#try(valueSchema, value, `${outcome.path}.${name}`));
    }
  }

  #checkString(schema: Schema, text: string, outcome: Outcome): void {
    this.#context.spend(text.length >>> 3);
    const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : countCharacters(text);
    if (schema.minLength !== undefined && length < schema.minLength)
      outcome.add("string_gte", `String length must be greater than or equal to ${schema.minLength}`);
    if (schema.maxLength !== undefined && length > schema.maxLength)
      outcome.add("string_lte", `String length must be less than or equal to ${schema.maxLength}`);
    if (schema.pattern !== undefined && !schema.pattern.compiled.isFoundIn(this.#context, text))
      outcome.add("pattern", `Does not match pattern '${schema.pattern.text}'`);
    outcome.score++;
  }
}

/** The one with the higher score, the earlier of equals. */
function closest(best: Outcome | undefined, attempt: Outcome): Outcome {
  return best === undefined || attempt.score > best.score ? attempt : best;
}

function isNames(dependency: readonly string[] | Schema): dependency is readonly string[] {
  return Array.isArray(dependency);
}

function isPlaces(items: Schema["items"]): items is readonly Schema[] {
  return Array.isArray(items);
}

function namesOf(object: ObjectValue): readonly string[] {
  // A JSON document has no other keys.
  return sortedKeysOf(object) as readonly string[];
}

function typeOf(value: Value): SchemaType {
  if (value === null) return "null";
  if (isNumber(value)) return isInteger(value) ? "integer" : "number";
  if (isArray(value)) return "array";
  return isObject(value) ? "object" : typeof value === "string" ? "string" : "boolean";
}

function hasType({ types }: Schema, value: Value): boolean {
  if (types.length === 0) return true;
  const type = typeOf(value);
  return types.includes(type) || (type === "integer" && types.includes("number"));
}

function checkUnique(items: readonly Value[], outcome: Outcome): void {
  const places = new ObjectBuilder();
  for (const [i, item] of items.entries()) {
    const earlier = places.get(item);
    if (typeof earlier === "number") outcome.add("unique", `array items[${earlier},${i}] must be unique`);
    places.set(item, i);
  }
}

function checkNumber(schema: Schema, value: NumberValue, outcome: Outcome): void {
  const { multipleOf, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    outcome.add("multiple_of", `Must be a multiple of ${limitToText(multipleOf)}`);
  if (maximum !== undefined && compareNumbers(value, maximum) > 0)
    outcome.add("number_lte", `Must be less than or equal to ${limitToText(maximum)}`);
  if (exclusiveMaximum !== undefined && compareNumbers(value, exclusiveMaximum) >= 0)
    outcome.add("number_lt", `Must be less than ${limitToText(exclusiveMaximum)}`);
  if (minimum !== undefined && compareNumbers(value, minimum) < 0)
    outcome.add("number_gte", `Must be greater than or equal to ${limitToText(minimum)}`);
  if (exclusiveMinimum !== undefined && compareNumbers(value, exclusiveMinimum) <= 0)
    outcome.add("number_gt", `Must be greater than ${limitToText(exclusiveMinimum)}`);
  outcome.score++;
}

/** Exact: 0.3 is a multiple of 0.1. */
function isMultiple(value: NumberValue, divisor: NumberValue): boolean {
  const a = decimalOf(value);
  const b = decimalOf(divisor);
  if (a.digits === "") return true;
  const exponentA = a.point - a.digits.length;
  const exponentB = b.point - b.digits.length;
  const least = Math.min(exponentA, exponentB);
  return scaled(a.digits, exponentA - least) % scaled(b.digits, exponentB - least) === 0n;
}

function scaled(digits: string, zeros: number): bigint {
  return BigInt(digits) * 10n ** BigInt(zeros);
}

function limitToText(limit: NumberValue): string {
  return formatFloat(typeof limit === "number" ? limit : Number(limit.text), "g", undefined);
}
