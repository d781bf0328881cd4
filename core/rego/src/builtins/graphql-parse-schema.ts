import {
  type ArgumentDefinition,
  type CommentGroup,
  type Definition,
  type DefinitionKind,
  DIRECTIVE_LOCATIONS,
  type DirectiveDefinition,
  type EnumValueDefinition,
  type FieldDefinition,
  type Located,
  node,
  OPERATION_TYPES,
  type OperationTypeDefinition,
  type SchemaDefinition,
  type SchemaDocument,
} from "./graphql-ast.ts";
import type { Token } from "./graphql-lexer.ts";
import { parseDefault, parseDirectives, parseType } from "./graphql-parse-value.ts";
import { commentGroup, GraphqlReader } from "./graphql-reader.ts";

const KIND_BY_KEYWORD: ReadonlyMap<string, DefinitionKind> = new Map([
  ["scalar", "SCALAR"],
  ["type", "OBJECT"],
  ["interface", "INTERFACE"],
  ["union", "UNION"],
  ["enum", "ENUM"],
  ["input", "INPUT_OBJECT"],
]);

/** Reads a type system document (GraphQL §3.1), or throws a `GraphqlRefusal`. As gqlparser it takes an empty one. */
export function parseSchema(text: string, spend: (steps: number) => void): Located<SchemaDocument> {
  const reader = new GraphqlReader(text, spend);
  const schema: SchemaDefinition[] = [];
  const schemaExtensions: SchemaDefinition[] = [];
  const directives: DirectiveDefinition[] = [];
  const definitions: Definition[] = [];
  const extensions: Definition[] = [];
  while (reader.token.kind !== "<EOF>") {
    const description = parseDescription(reader);
    const kind = reader.token.kind === "Name" ? KIND_BY_KEYWORD.get(reader.token.value) : undefined;
    if (kind !== undefined) definitions.push(parseDefinition(reader, kind, description));
    else if (reader.isKeyword("schema")) schema.push(parseSchemaDefinition(reader, reader.token, description));
    else if (reader.isKeyword("directive")) directives.push(parseDirectiveDefinition(reader, description));
    else if (reader.isKeyword("extend")) {
      if (description !== undefined && description.value !== "") throw reader.unexpected(description);
      const extend = reader.next();
      if (reader.token.value === "schema") schemaExtensions.push(parseSchemaExtension(reader, extend));
      else extensions.push(parseExtension(reader, extend));
    } else throw reader.unexpected();
  }
  const document = node<SchemaDocument>({
    Schema: schema,
    SchemaExtension: schemaExtensions,
    Directives: directives,
    Definitions: definitions,
    Extensions: extensions,
    Comment: commentGroup(reader.token),
  });
  return { document, positions: reader.positions };
}

function parseDescription(reader: GraphqlReader): Token | undefined {
  const { kind } = reader.token;
  return kind === "String" || kind === "BlockString" ? reader.next() : undefined;
}

/** GraphQL §3.3 "Schema". */
function parseSchemaDefinition(reader: GraphqlReader, begin: Token, description?: Token): SchemaDefinition {
  reader.expectKeyword("schema");
  const { position } = reader.token;
  const directives = parseDirectives(reader, true);
  const operations = reader.optionalBlock("{", "}", () => parseOperationType(reader));
  const definition = node<SchemaDefinition>({
    ...describedBy(description, begin),
    Directives: directives,
    OperationTypes: operations.items,
    EndOfDefinitionComment: operations.comments,
  });
  return reader.at(position, definition);
}

/** GraphQL §3.3.2 "Schema Extension". */
function parseSchemaExtension(reader: GraphqlReader, extend: Token): SchemaDefinition {
  const extension = parseSchemaDefinition(reader, extend);
  if (extension.Directives === undefined && extension.OperationTypes === undefined) throw reader.unexpected();
  return extension;
}

function parseOperationType(reader: GraphqlReader): OperationTypeDefinition {
  const begin = reader.token;
  const operation = OPERATION_TYPES.find((type) => type === begin.value);
  if (operation === undefined) throw reader.unexpected();
  reader.next();
  reader.expect(":");
  const definition = node<OperationTypeDefinition>({
    Operation: operation,
    Type: reader.name(),
    Comment: commentGroup(begin),
  });
  return reader.at(begin.position, definition);
}

/** GraphQL §3.5 to §3.10: a definition of any kind. */
function parseDefinition(reader: GraphqlReader, kind: DefinitionKind, description: Token | undefined): Definition {
  const keyword = reader.next();
  const canImplement = kind === "OBJECT" || kind === "INTERFACE";
  return parseNamedDefinition(reader, kind, keyword, { canImplement, hasConstantDirectives: true, description });
}

/** GraphQL §3.4.3 "Type Extensions". gqlparser has none that lets an interface implement another. */
function parseExtension(reader: GraphqlReader, extend: Token): Definition {
  const kind = KIND_BY_KEYWORD.get(reader.token.value);
  if (kind === undefined) throw reader.unexpected();
  reader.expectKeyword(reader.token.value);
  const extension = parseNamedDefinition(reader, kind, extend, {
    canImplement: kind === "OBJECT",
    hasConstantDirectives: kind !== "INPUT_OBJECT",
    description: undefined,
  });
  const { Interfaces, Directives, Fields, Types, EnumValues } = extension;
  if ((Interfaces ?? Directives ?? Fields ?? Types ?? EnumValues) === undefined) throw reader.unexpected();
  return extension;
}

interface DefinitionForm {
  readonly canImplement: boolean;
  readonly hasConstantDirectives: boolean;
  readonly description: Token | undefined;
}

function parseNamedDefinition(
  reader: GraphqlReader,
  kind: DefinitionKind,
  begin: Token,
  form: DefinitionForm,
): Definition {
  const { position } = reader.token;
  const definition = node<Definition>({
    Kind: kind,
    ...describedBy(form.description, begin),
    Name: reader.name(),
    Interfaces: form.canImplement ? parseInterfaces(reader) : undefined,
    Directives: parseDirectives(reader, form.hasConstantDirectives),
    ...parseMembers(reader, kind),
    BuiltIn: false,
  });
  return reader.at(position, definition);
}

function parseInterfaces(reader: GraphqlReader): readonly string[] {
  if (reader.token.value !== "implements") return [];
  reader.next();
  return parseNames(reader, "&");
}

/** At least one name, with the separator between them and at will before the first. */
function parseNames(reader: GraphqlReader, separator: "&" | "|"): readonly string[] {
  reader.skip(separator);
  const names = [reader.name()];
  while (reader.skip(separator)) names.push(reader.name());
  return names;
}

interface Members {
  readonly Fields: readonly FieldDefinition[] | undefined;
  readonly Types: readonly string[] | undefined;
  readonly EnumValues: readonly EnumValueDefinition[] | undefined;
  readonly EndOfDefinitionComment: CommentGroup | undefined;
}

const NO_MEMBERS: Members = {
  Fields: undefined,
  Types: undefined,
  EnumValues: undefined,
  EndOfDefinitionComment: undefined,
};

function parseMembers(reader: GraphqlReader, kind: DefinitionKind): Members {
  switch (kind) {
    case "SCALAR":
      return NO_MEMBERS;
    case "UNION":
      return { ...NO_MEMBERS, Types: reader.skip("=") ? parseNames(reader, "|") : undefined };
    case "ENUM": {
      const { items, comments } = reader.optionalBlock("{", "}", () => parseEnumValue(reader));
      return { ...NO_MEMBERS, EnumValues: items, EndOfDefinitionComment: comments };
    }
    case "INPUT_OBJECT": {
      const { items, comments } = reader.optionalBlock("{", "}", () => parseInputValue(reader));
      return { ...NO_MEMBERS, Fields: items, EndOfDefinitionComment: comments };
    }
    default: {
      const { items, comments } = reader.optionalBlock("{", "}", () => parseField(reader));
      return { ...NO_MEMBERS, Fields: items, EndOfDefinitionComment: comments };
    }
  }
}

/** GraphQL §3.6 "Objects", a field. */
function parseField(reader: GraphqlReader): FieldDefinition {
  const description = parseDescription(reader);
  const begin = reader.expect("Name");
  const args = parseArgumentDefinitions(reader);
  reader.expect(":");
  const field = node<FieldDefinition>({
    ...describedInside(description, begin),
    Name: begin.value,
    Arguments: args,
    DefaultValue: undefined,
    Type: parseType(reader),
    Directives: parseDirectives(reader, true),
  });
  return reader.at(begin.position, field);
}

function parseArgumentDefinitions(reader: GraphqlReader): readonly ArgumentDefinition[] {
  return reader.some("(", ")", () => parseInputValue(reader));
}

/** GraphQL §3.6.1 "Field Arguments": an argument, or a field of an input object. */
function parseInputValue(reader: GraphqlReader): ArgumentDefinition {
  const description = parseDescription(reader);
  const begin = reader.expect("Name");
  reader.expect(":");
  const value = node<ArgumentDefinition>({
    ...describedInside(description, begin),
    Name: begin.value,
    Type: parseType(reader),
    DefaultValue: parseDefault(reader),
    Directives: parseDirectives(reader, true),
  });
  return reader.at(begin.position, value);
}

/** GraphQL §3.9 "Enums", a value. */
function parseEnumValue(reader: GraphqlReader): EnumValueDefinition {
  const description = parseDescription(reader);
  const begin = reader.expect("Name");
  const value = node<EnumValueDefinition>({
    ...describedInside(description, begin),
    Name: begin.value,
    Directives: parseDirectives(reader, true),
  });
  return reader.at(begin.position, value);
}

/** GraphQL §3.13 "Directives". */
function parseDirectiveDefinition(reader: GraphqlReader, description: Token | undefined): DirectiveDefinition {
  const keyword = reader.next();
  reader.expect("@");
  const { position } = reader.token;
  const name = reader.name();
  const args = parseArgumentDefinitions(reader);
  const isRepeatable = reader.isKeyword("repeatable");
  if (isRepeatable) reader.next();
  reader.expectKeyword("on");
  const definition = node<DirectiveDefinition>({
    ...describedBy(description, keyword),
    Name: name,
    Arguments: args,
    Locations: parseLocations(reader),
    IsRepeatable: isRepeatable,
  });
  return reader.at(position, definition);
}

function parseLocations(reader: GraphqlReader): readonly string[] {
  reader.skip("|");
  const locations = [parseLocation(reader)];
  while (reader.skip("|")) locations.push(parseLocation(reader));
  return locations;
}

function parseLocation(reader: GraphqlReader): string {
  const token = reader.expect("Name");
  if (!DIRECTIVE_LOCATIONS.has(token.value)) throw reader.unexpected(token);
  return token.value;
}

interface Described {
  readonly Description: string;
  readonly BeforeDescriptionComment: CommentGroup | undefined;
  readonly AfterDescriptionComment: CommentGroup | undefined;
}

function describedBy(description: Token | undefined, begin: Token): Described {
  return {
    Description: description?.value ?? "",
    BeforeDescriptionComment: description && commentGroup(description),
    AfterDescriptionComment: commentGroup(begin),
  };
}

/** Inside a definition gqlparser forgets the comments of an empty description. */
function describedInside(description: Token | undefined, begin: Token): Described {
  return describedBy(description?.value === "" ? undefined : description, begin);
}
