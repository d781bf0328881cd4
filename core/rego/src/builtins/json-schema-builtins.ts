import { err, ok, type Result } from "@vedette/base";
import { ANY, anyOf, arrayOf, BOOLEAN, functionOf, NULL, objectOf, STRING, type Type, tupleOf } from "../types.ts";
import { parseJson, valueToJson } from "../values/json.ts";
import { isArray, isObject, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, type BuiltinResult, failure } from "./builtin.ts";
import type { Schema } from "./json-schema.ts";
import { compileSchema } from "./json-schema-compile.ts";
import { validateDocument } from "./json-schema-validate.ts";
import { taking } from "./operands.ts";
import { patternOf } from "./pattern.ts";

const DOCUMENT = anyOf(STRING, objectOf(ANY, ANY));
const ERROR: Type = {
  type: "object",
  static: ["desc", "error", "field", "type"].map((key) => ({ key, value: STRING })),
};

/** What reading one character of a schema costs; compiling its patterns comes on top. */
const SCHEMA_STEPS = 4;

/** OPA policy reference, "Objects": documents and schemas are values, or JSON texts. */
export const JSON_SCHEMA_BUILTINS: readonly Builtin[] = [
  {
    name: "json.verify_schema",
    type: functionOf([DOCUMENT], tupleOf(BOOLEAN, anyOf(NULL, STRING))),
    run: taking(["any"], (context, operand) => {
      const schema = schemaOf(context, operand);
      return schema.ok ? [true, null] : [false, `jsonschema: ${schema.error}`];
    }),
  },
  {
    name: "json.match_schema",
    type: functionOf([DOCUMENT, DOCUMENT], tupleOf(BOOLEAN, arrayOf(ERROR))),
    run: taking(["any", "any"], matchSchema),
  },
];

function matchSchema(context: BuiltinContext, operand: Value, schemaOperand: Value): BuiltinResult {
  const text = jsonTextOf(context, operand);
  if (!text.ok) return failure(text.error);
  const document = parseJson(text.value);
  if (!document.ok) return failure("invalid JSON string");
  const schema = schemaOf(context, schemaOperand);
  if (!schema.ok) return failure(schema.error);
  const errors = validateDocument(context, schema.value, document.value);
  return [
    errors.length === 0,
    errors.map(({ type, field, description }) => ({
      desc: description,
      error: `${field}: ${description}`,
      field,
      type,
    })),
  ];
}

/** Compiled once for each query. */
function schemaOf(context: BuiltinContext, operand: Value): Result<Schema, string> {
  const text = jsonTextOf(context, operand);
  if (!text.ok) return text;
  const key = `schema:${text.value}`;
  const known = context.memo.get(key);
  if (known instanceof KnownSchema) return known.schema;
  context.spend(text.value.length * SCHEMA_STEPS);
  const document = parseJson(text.value);
  const schema = document.ok
    ? compileSchema(document.value, (pattern) => patternOf(context, pattern))
    : err("invalid JSON string");
  context.memo.set(key, new KnownSchema(schema));
  return schema;
}

class KnownSchema {
  readonly schema: Result<Schema, string>;
  constructor(schema: Result<Schema, string>) {
    this.schema = schema;
  }
}

/** As JSON, in which sets are arrays and all keys strings. */
function jsonTextOf(context: BuiltinContext, operand: Value): Result<string, string> {
  if (typeof operand === "string") {
    context.spend(operand.length >>> 2);
    return ok(operand);
  }
  if (!isObject(operand) && !isArray(operand)) return err("wrong type, expected string or object");
  return ok(valueToJson(operand, { spend: (steps) => context.spend(steps) }));
}
