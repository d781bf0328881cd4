import {
  type Child,
  LITERAL_KIND,
  type Literal,
  literalToText,
  type TypeReference,
  typeToText,
  type VariableDefinition,
} from "./graphql-ast.ts";
import { type CheckContext, isCompatible, type SchemaType } from "./graphql-schema.ts";

/** What is wanted where a literal stands. */
export interface Expected {
  readonly type: TypeReference;
  /** The named type inside; undefined where the schema has none of that name. */
  readonly definition: SchemaType | undefined;
  readonly hasDefault: boolean;
}

/** GraphQL §5.6.3 "Input Object Field Uniqueness". */
export function checkFieldUniqueness(context: CheckContext, literal: Literal): void {
  if (literal.Kind !== LITERAL_KIND.object) return;
  const seen = new Set<string>();
  for (const child of literal.Children ?? []) {
    if (seen.has(child.Name)) throw context.refusal(`There can be only one input field named "${child.Name}".`, child);
    seen.add(child.Name);
  }
}

const SPECIFIED_SCALARS: ReadonlySet<string> = new Set(["Int", "Float", "String", "Boolean", "ID"]);
const NAMES_BY_KIND: ReadonlyMap<Literal["Kind"], readonly string[]> = new Map([
  [LITERAL_KIND.int, ["Int", "Float", "ID"]],
  [LITERAL_KIND.float, ["Float"]],
  [LITERAL_KIND.string, ["String", "ID"]],
  [LITERAL_KIND.block, ["String", "ID"]],
  [LITERAL_KIND.boolean, ["Boolean"]],
]);

/**
 * GraphQL §5.6.1 "Values of Correct Type", as far as gqlparser goes: it takes an Int of up to 64 bits, and any object
 * without fields for a scalar or an enum. A scalar of the schema's own takes everything.
 */
export function checkLiteralType(context: CheckContext, literal: Literal, expected: Expected): void {
  const { type, definition } = expected;
  if (definition === undefined) return;
  if (literal.Kind === LITERAL_KIND.null && type.NonNull)
    throw context.refusal(`Expected value of type "${typeToText(type)}", found null.`, literal);
  if (definition.kind === "SCALAR" && !SPECIFIED_SCALARS.has(definition.name)) return;
  if (!isInRange(context, literal)) throw unexpectedLiteral(context, literal, type, definition);
  switch (literal.Kind) {
    case LITERAL_KIND.null:
    case LITERAL_KIND.variable:
      return;
    case LITERAL_KIND.list:
      if (type.Elem === undefined) throw unexpectedLiteral(context, literal, type, definition);
      return;
    case LITERAL_KIND.object:
      checkObjectLiteral(context, literal, definition);
      return;
    case LITERAL_KIND.enum:
      checkEnumLiteral(context, literal, type, definition);
      return;
    default:
      if (!NAMES_BY_KIND.get(literal.Kind)?.includes(definition.name))
        throw unexpectedLiteral(context, literal, type, definition);
  }
}

function checkEnumLiteral(context: CheckContext, literal: Literal, type: TypeReference, definition: SchemaType): void {
  if (definition.kind !== "ENUM") throw unexpectedLiteral(context, literal, type, definition);
  context.spend(definition.enumValues.length);
  if (!definition.enumValues.some((value) => value.Name === literal.Raw))
    throw context.refusal(`Value "${literal.Raw}" does not exist in "${typeToText(type)}" enum.`, literal);
}

/** GraphQL §5.6.2 "Input Object Field Names", §5.6.4 "Input Object Required Fields", and OneOf input objects. */
function checkObjectLiteral(context: CheckContext, literal: Literal, definition: SchemaType): void {
  const children = literal.Children ?? [];
  const given = new Set(children.map((child) => child.Name));
  context.spend(definition.fields.length + children.length);
  for (const field of definition.fields)
    if (field.Type.NonNull && field.DefaultValue === undefined && !given.has(field.Name))
      throw context.refusal(
        `Field "${definition.name}.${field.Name}" of required type "${typeToText(field.Type)}" was not provided.`,
        literal,
      );
  if (isOneOf(definition)) {
    const [child, second] = children;
    if (child === undefined || second !== undefined)
      throw context.refusal(`OneOf Input Object "${definition.name}" must specify exactly one key.`, literal);
    if (child.Value.Kind === LITERAL_KIND.null)
      throw context.refusal(`Field "${definition.name}.${child.Name}" must be non-null.`, child.Value);
  }
  for (const child of children)
    if (!definition.fieldByName.has(child.Name))
      throw context.refusal(`Field "${child.Name}" is not defined by type "${definition.name}".`, child);
}

function isOneOf(definition: SchemaType): boolean {
  return definition.directives.some((directive) => directive.Name === "oneOf");
}

const INT_MAX = 2n ** 63n - 1n;
const INT_MIN = -(2n ** 63n);
/** The digits of 2⁶³ and a sign: what is longer is out of range, and not worth a BigInt. */
const INT_LENGTH_MAX = 20;
const INT_FORM = /^-?[0-9]+$/;
const FLOAT_FORM = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** Whether every number and boolean in it can be read: gqlparser reads them as int64, float64 and bool. */
function isInRange(context: CheckContext, literal: Literal): boolean {
  context.spend(1);
  switch (literal.Kind) {
    case LITERAL_KIND.int:
      return isInteger(literal.Raw, INT_MIN, INT_MAX);
    case LITERAL_KIND.float:
      return FLOAT_FORM.test(literal.Raw) && Number.isFinite(Number(literal.Raw));
    case LITERAL_KIND.boolean:
      return literal.Raw === "true" || literal.Raw === "false";
    default:
      return (literal.Children ?? []).every((child) => isInRange(context, child.Value));
  }
}

function isInteger(raw: string, min: bigint, max: bigint): boolean {
  if (raw.length > INT_LENGTH_MAX || !INT_FORM.test(raw)) return false;
  const value = BigInt(raw);
  return min <= value && value <= max;
}

function unexpectedLiteral(context: CheckContext, literal: Literal, type: TypeReference, definition: SchemaType) {
  return context.refusal(unexpectedText(literal, type, definition), literal);
}

function unexpectedText(literal: Literal, type: TypeReference, definition: SchemaType): string {
  const text = literalToText(literal);
  switch (typeToText(type)) {
    case "Int":
    case "Int!":
      return INT_FORM.test(literal.Raw) && !isInteger(literal.Raw, -(2n ** 31n), 2n ** 31n - 1n)
        ? `Int cannot represent non 32-bit signed integer value: ${text}`
        : `Int cannot represent non-integer value: ${text}`;
    case "String":
    case "String!":
    case "[String]":
      return `String cannot represent a non string value: ${text}`;
    case "Boolean":
    case "Boolean!":
      return `Boolean cannot represent a non boolean value: ${text}`;
    case "Float":
    case "Float!":
      return `Float cannot represent non numeric value: ${text}`;
    case "ID":
    case "ID!":
      return `ID cannot represent a non-string and non-integer value: ${text}`;
    default:
      return definition.kind === "ENUM"
        ? `Enum "${typeToText(type)}" cannot represent non-enum value: ${text}.`
        : `Expected value of type "${typeToText(type)}", found ${text}.`;
  }
}

/** GraphQL §5.8.5 "All Variable Usages Are Allowed". */
export function checkVariablePosition(
  context: CheckContext,
  literal: Literal,
  expected: Expected,
  variable: VariableDefinition,
): void {
  const hasDefault = variable.DefaultValue !== undefined && variable.DefaultValue.Kind !== LITERAL_KIND.null;
  const mayBeNull = hasDefault || expected.hasDefault;
  const type = mayBeNull ? { ...expected.type, NonNull: false } : expected.type;
  if (!isCompatible(variable.Type, type))
    throw context.refusal(
      `Variable "$${literal.Raw}" of type "${typeToText(variable.Type)}" used in position expecting type "${typeToText(expected.type)}".`,
      literal,
    );
}

/** GraphQL §5.8.5, for the one field of a OneOf input object: a variable there must not be null. */
export function checkOneOfVariables(
  context: CheckContext,
  literal: Literal,
  definition: SchemaType,
  variableOf: (child: Child) => VariableDefinition | undefined,
): void {
  if (literal.Kind !== LITERAL_KIND.object || !isOneOf(definition)) return;
  for (const child of literal.Children ?? []) {
    const variable = variableOf(child);
    if (variable !== undefined && !variable.Type.NonNull)
      throw context.refusal(
        `Variable "$${child.Value.Raw}" is of type "${typeToText(variable.Type)}" but must be non-nullable to be used for OneOf Input Object "${definition.name}".`,
        variable,
      );
  }
}
