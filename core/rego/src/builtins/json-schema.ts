import type { NumberValue, Value } from "../values/value.ts";
import type { Pattern } from "./pattern.ts";

export type SchemaType = "array" | "boolean" | "integer" | "null" | "number" | "object" | "string";

/** A schema of JSON Schema draft 4, 6 or 7, ready to be asked. What it does not say is absent. */
export interface Schema {
  /** A boolean schema (draft 6 §4.4): everything passes, or nothing. */
  pass?: boolean;
  /** Where `$ref` leads; what stands beside it is ignored (draft 7 §8.3). */
  reference?: Schema;
  types: readonly SchemaType[];
  properties: readonly (readonly [string, Schema])[];
  patternProperties: readonly (readonly [Pattern, Schema])[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  dependencies: ReadonlyMap<string, readonly string[] | Schema>;
  /** One for every item, or one for each place. */
  items?: Schema | readonly Schema[];
  additionalItems?: boolean | Schema;
  contains?: Schema;
  multipleOf?: NumberValue;
  minimum?: NumberValue;
  exclusiveMinimum?: NumberValue;
  maximum?: NumberValue;
  exclusiveMaximum?: NumberValue;
  minLength?: number;
  maxLength?: number;
  pattern?: { readonly text: string; readonly compiled: Pattern };
  format?: string;
  minProperties?: number;
  maxProperties?: number;
  required: readonly string[];
  minItems?: number;
  maxItems?: number;
  uniqueItems: boolean;
  constant?: Value;
  enumeration?: readonly Value[];
  oneOf: readonly Schema[];
  anyOf: readonly Schema[];
  allOf: readonly Schema[];
  not?: Schema;
  condition?: { readonly if: Schema; readonly then?: Schema; readonly else?: Schema };
}
