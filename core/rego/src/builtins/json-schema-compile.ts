import { err, ok, type Result } from "@vedette/base";
import { compareNumbers } from "../values/big-number.ts";
import {
  isArray,
  isEqual,
  isNumber,
  isObject,
  memberOf,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { BuiltinFailure } from "./builtin.ts";
import type { Schema, SchemaType } from "./json-schema.ts";
import { SchemaReferences } from "./json-schema-references.ts";
import type { Pattern } from "./pattern.ts";

export type PatternCompiler = (text: string) => Pattern | BuiltinFailure;

/** `hybrid` is a schema that does not say: draft 7, but `id` and boolean limits are understood as in draft 4. */
type Draft = 4 | 6 | 7 | "hybrid";

const DRAFTS: ReadonlyMap<string, Draft> = new Map([
  ["http://json-schema.org/draft-04/schema", 4],
  ["http://json-schema.org/draft-06/schema", 6],
  ["http://json-schema.org/draft-07/schema", 7],
]);

/**
 * Checks a schema's form and makes it ready. The messages are those of OPA (github.com/xeipuuv/gojsonschema).
 * References reach into the schema itself only. Throws `LimitExceeded` for a pattern that is too large.
 */
export function compileSchema(document: Value, compilePattern: PatternCompiler): Result<Schema, string> {
  try {
    const draft = draftOf(document);
    return ok(new Compiler(new SchemaReferences(document), draft, compilePattern).compile(document));
  } catch (fault) {
    if (fault instanceof SchemaFault) return err(fault.message);
    throw fault;
  }
}

class SchemaFault extends Error {}

function draftOf(document: Value): Draft {
  if (typeof document === "boolean") return "hybrid";
  if (!isObject(document)) throw new SchemaFault("schema is invalid");
  const uri = memberOf(document, "$schema");
  if (uri === undefined) return "hybrid";
  if (typeof uri !== "string") throw new SchemaFault("$schema must be of type string");
  return DRAFTS.get(uri.replace(/#$/, "")) ?? "hybrid";
}

class Compiler {
  readonly #references: SchemaReferences;
  readonly #draft: Draft;
  readonly #compilePattern: PatternCompiler;
  readonly #byUri = new Map<string, Schema>();

  constructor(references: SchemaReferences, draft: Draft, compilePattern: PatternCompiler) {
    this.#references = references;
    this.#draft = draft;
    this.#compilePattern = compilePattern;
  }

  compile(node: Value): Schema {
    const schema = emptySchema();
    this.#fill(schema, node);
    return schema;
  }

  #fill(schema: Schema, node: Value): void {
    if (typeof node === "boolean" && this.#draft !== 4) schema.pass = node;
    else if (!isObject(node)) throw new SchemaFault("Expected: Valid Schema, given: Invalid JSON");
    else this.#fillKeywords(schema, new Keywords(node));
  }

  #fillKeywords(schema: Schema, keywords: Keywords): void {
    this.#checkAnnotations(keywords);
    if (keywords.string("$ref") !== undefined) {
      schema.reference = this.#resolve(keywords.node);
      return;
    }
    schema.types = typesOf(keywords.get("type"));
    this.#fillObject(schema, keywords);
    this.#fillArray(schema, keywords);
    this.#fillNumber(schema, keywords);
    this.#fillString(schema, keywords);
    this.#fillAny(schema, keywords);
    this.#fillCombinations(schema, keywords);
  }

  /** What means nothing to a document, but must be well formed. */
  #checkAnnotations(keywords: Keywords): void {
    keywords.string(this.#draft === 4 || (this.#draft === "hybrid" && keywords.get("id") !== undefined) ? "id" : "$id");
    const definitions = keywords.get("definitions");
    if (definitions !== undefined && !isObject(definitions)) throw invalidType("Array Of Schemas", "definitions");
    for (const [, definition] of membersOf(definitions ?? {})) {
      if (!isSchemaNode(definition)) throw invalidType("Array Of Schemas", "definitions");
      this.compile(definition);
    }
    keywords.string("title");
    keywords.string("description");
  }

  /** A schema that is being compiled is found as well, so that schemas may refer to themselves. */
  #resolve(node: ObjectValue): Schema {
    const uri = this.#references.uriOf(node) ?? "";
    const known = this.#byUri.get(uri);
    if (known !== undefined) return known;
    const target = this.#references.find(uri);
    if (target === undefined) throw new SchemaFault(`Reference ${uri} is not in the schema`);
    if (!isSchemaNode(target)) throw new SchemaFault("Valid Schema must be of type object");
    const schema = emptySchema();
    this.#byUri.set(uri, schema);
    this.#fill(schema, target);
    return schema;
  }

  #fillObject(schema: Schema, keywords: Keywords): void {
    const properties = keywords.get("properties");
    if (properties !== undefined && !isObject(properties)) throw mustBeOfType("Properties", "object");
    schema.properties = membersOf(properties ?? {}).map(([name, node]) => [name, this.compile(node)]);
    setIfKnown(schema, "additionalProperties", this.#booleanOrSchema(keywords, "additionalProperties"));
    schema.patternProperties = membersOf(keywords.object("patternProperties")).map(([text, node]) => {
      const pattern = this.#compilePattern(text);
      if (pattern instanceof BuiltinFailure) throw new SchemaFault(`Invalid regex pattern '${text}'`);
      return [pattern, this.compile(node)];
    });
    const names = this.#draft === 4 ? undefined : keywords.get("propertyNames");
    if (names !== undefined) {
      if (!isSchemaNode(names)) throw invalidType("Valid Schema", "patternProperties");
      schema.propertyNames = this.compile(names);
    }
    schema.dependencies = this.#dependencies(keywords.get("dependencies"));
    setRange(schema, keywords, "minProperties", "maxProperties");
    schema.required = requiredOf(keywords);
  }

  #dependencies(node: Value | undefined): ReadonlyMap<string, readonly string[] | Schema> {
    if (node !== undefined && !isObject(node)) throw mustBeOfType("dependencies", "object");
    const dependencies = new Map<string, readonly string[] | Schema>();
    for (const [name, dependency] of membersOf(node ?? {})) {
      if (isSchemaNode(dependency)) dependencies.set(name, this.compile(dependency));
      else if (isArray(dependency) && isStrings(dependency)) dependencies.set(name, dependency);
      else throw mustBeOfType("Dependency", "Schema Or Array Of Strings");
    }
    return dependencies;
  }

  #fillArray(schema: Schema, keywords: Keywords): void {
    const items = keywords.get("items");
    if (items !== undefined) {
      if (isSchemaNode(items)) schema.items = this.compile(items);
      else if (isArray(items) && items.every(isSchemaNode)) schema.items = items.map((item) => this.compile(item));
      else throw invalidType("Valid Schema/Array Of Schemas", "items");
    }
    setIfKnown(schema, "additionalItems", this.#booleanOrSchema(keywords, "additionalItems"));
    setRange(schema, keywords, "minItems", "maxItems");
    const unique = keywords.get("uniqueItems");
    if (unique !== undefined && typeof unique !== "boolean") throw new SchemaFault("uniqueItems must be of a boolean");
    schema.uniqueItems = unique === true;
    const contains = this.#draft === 4 ? undefined : keywords.get("contains");
    if (contains !== undefined) schema.contains = this.compile(contains);
  }

  #fillString(schema: Schema, keywords: Keywords): void {
    setRange(schema, keywords, "minLength", "maxLength");
    const text = keywords.string("pattern");
    if (text !== undefined) {
      const compiled = this.#compilePattern(text);
      if (compiled instanceof BuiltinFailure) throw new SchemaFault("pattern must be a valid regex");
      schema.pattern = { text, compiled };
    }
    setIfKnown(schema, "format", keywords.string("format"));
  }

  #fillNumber(schema: Schema, keywords: Keywords): void {
    const multipleOf = keywords.get("multipleOf");
    if (multipleOf !== undefined) {
      if (!isNumber(multipleOf)) throw invalidType("Number", "multipleOf");
      if (compareNumbers(multipleOf, 0) <= 0) throw new SchemaFault("multipleOf must be strictly greater than 0");
      schema.multipleOf = multipleOf;
    }
    this.#fillLimit(schema, keywords, "minimum", "exclusiveMinimum");
    this.#fillLimit(schema, keywords, "maximum", "exclusiveMaximum");
  }

  /** Draft 4 §5.1.3: a boolean beside the limit. From draft 6 §6.3 on: a limit of its own. */
  #fillLimit(
    schema: Schema,
    keywords: Keywords,
    name: "minimum" | "maximum",
    exclusiveName: "exclusiveMinimum" | "exclusiveMaximum",
  ): void {
    const limit = keywords.get(name);
    if (limit !== undefined && !isNumber(limit)) throw new SchemaFault(`${name} must be of a Number`);
    const exclusive = keywords.get(exclusiveName);
    const isAllowed =
      exclusive === undefined ||
      (typeof exclusive === "boolean" && (this.#draft === 4 || this.#draft === "hybrid")) ||
      (isNumber(exclusive) && this.#draft !== 4);
    if (!isAllowed) {
      const expected = this.#draft === 4 ? "boolean" : this.#draft === "hybrid" ? "boolean/number" : "number";
      throw invalidType(expected, exclusiveName);
    }
    if (typeof exclusive === "boolean" && limit === undefined)
      throw new SchemaFault(`${exclusiveName} cannot be used without ${name}`);
    if (exclusive === true) setIfKnown(schema, exclusiveName, limit);
    else setIfKnown(schema, name, limit);
    if (exclusive !== undefined && isNumber(exclusive)) schema[exclusiveName] = exclusive;
  }

  #fillAny(schema: Schema, keywords: Keywords): void {
    const constant = this.#draft === 4 ? undefined : keywords.get("const");
    setIfKnown(schema, "constant", constant);
    if (keywords.get("enum") === undefined) return;
    const values: Value[] = [];
    for (const value of keywords.array("enum")) {
      if (values.some((other) => isEqual(other, value))) throw new SchemaFault("enum items must be unique");
      values.push(value);
    }
    schema.enumeration = values;
  }

  #fillCombinations(schema: Schema, keywords: Keywords): void {
    schema.oneOf = keywords.array("oneOf").map((node) => this.compile(node));
    schema.anyOf = keywords.array("anyOf").map((node) => this.compile(node));
    schema.allOf = keywords.array("allOf").map((node) => this.compile(node));
    setIfKnown(schema, "not", this.#schemaAt(keywords, "not"));
    if (this.#draft === 4 || this.#draft === 6) return;
    const [condition, then, otherwise] = ["if", "then", "else"].map((name) => this.#schemaAt(keywords, name));
    if (condition === undefined) return;
    schema.condition = {
      if: condition,
      ...(then === undefined ? {} : { then }),
      ...(otherwise === undefined ? {} : { else: otherwise }),
    };
  }

  #schemaAt(keywords: Keywords, name: string): Schema | undefined {
    const node = keywords.get(name);
    if (node === undefined) return undefined;
    if (!isSchemaNode(node)) throw new SchemaFault(`${name} must be of an object`);
    return this.compile(node);
  }

  #booleanOrSchema(keywords: Keywords, name: string): boolean | Schema | undefined {
    const node = keywords.get(name);
    if (node === undefined || typeof node === "boolean") return node;
    if (!isObject(node)) throw invalidType("boolean/Valid Schema", name);
    return this.compile(node);
  }
}

class Keywords {
  readonly node: ObjectValue;

  constructor(node: ObjectValue) {
    this.node = node;
  }

  get(name: string): Value | undefined {
    return memberOf(this.node, name);
  }

  string(name: string): string | undefined {
    const value = this.get(name);
    if (value !== undefined && typeof value !== "string") throw invalidType("string", name);
    return value;
  }

  object(name: string): ObjectValue {
    const value = this.get(name);
    if (value === undefined) return {};
    if (!isObject(value)) throw invalidType("Valid Schema", name);
    return value;
  }

  array(name: string): readonly Value[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (!isArray(value)) throw new SchemaFault(`${name} must be of an array`);
    return value;
  }

  count(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value)) throw new SchemaFault(`${name} must be of an integer`);
    if (value < 0) throw new SchemaFault(`${name} must be greater than or equal to 0`);
    return value;
  }
}

function setRange(
  schema: Schema,
  keywords: Keywords,
  least: "minLength" | "minProperties" | "minItems",
  most: "maxLength" | "maxProperties" | "maxItems",
): void {
  const min = keywords.count(least);
  const max = keywords.count(most);
  // Items may be limited to nothing, as in OPA.
  if (min !== undefined && max !== undefined && min > max && least !== "minItems")
    throw new SchemaFault(`${least} cannot be greater than ${most}`);
  setIfKnown(schema, least, min);
  setIfKnown(schema, most, max);
}

function setIfKnown<Key extends keyof Schema>(schema: Schema, key: Key, value: Schema[Key] | undefined): void {
  if (value !== undefined) schema[key] = value;
}

function requiredOf(keywords: Keywords): readonly string[] {
  const required = keywords.array("required");
  if (!isStrings(required)) throw invalidType("string", "required");
  if (new Set(required).size < required.length) throw new SchemaFault("required items must be unique");
  return required;
}

const TYPES: readonly SchemaType[] = ["array", "boolean", "integer", "number", "null", "object", "string"];

function typesOf(node: Value | undefined): readonly SchemaType[] {
  if (node === undefined) return [];
  const names = isArray(node) ? node : [node];
  if (!isStrings(names)) throw invalidType("type", "string/Array Of Strings");
  return names.map((name, i) => {
    const type = TYPES.find((known) => known === name);
    if (type === undefined)
      throw new SchemaFault(
        `has a primitive type that is NOT VALID -- given: /${name}/ Expected valid values are:[array boolean integer number null object string]`,
      );
    if (names.indexOf(name) < i) throw new SchemaFault(`${name} type is duplicated`);
    return type;
  });
}

function emptySchema(): Schema {
  return {
    types: [],
    properties: [],
    patternProperties: [],
    dependencies: new Map(),
    required: [],
    uniqueItems: false,
    oneOf: [],
    anyOf: [],
    allOf: [],
  };
}

function membersOf(object: ObjectValue): readonly (readonly [string, Value])[] {
  // A JSON document has no other keys.
  return sortedKeysOf(object).map((key) => [key as string, memberOf(object, key) as Value] as const);
}

function isSchemaNode(value: Value): value is boolean | ObjectValue {
  return typeof value === "boolean" || isObject(value);
}

function isStrings(values: readonly Value[]): values is readonly string[] {
  return values.every((value) => typeof value === "string");
}

function invalidType(expected: string, given: string): SchemaFault {
  return new SchemaFault(`Invalid type. Expected: ${expected}, given: ${given}`);
}

function mustBeOfType(what: string, type: string): SchemaFault {
  return new SchemaFault(`${what} must be of type ${type}`);
}
