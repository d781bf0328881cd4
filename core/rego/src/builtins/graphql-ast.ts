// The documents that `graphql.parse` and its kin give and take: the JSON of gqlparser's syntax tree, which is OPA's
// parser, without what is null or empty. They are type aliases, not interfaces, so that each is a Rego value as it is.

export type QueryDocument = {
  readonly Operations?: readonly Operation[];
  readonly Fragments?: readonly Fragment[];
};

export type Operation = {
  /** Empty in an object that does not say, which is a query. */
  readonly Operation: OperationType | "";
  readonly Name: string;
  readonly VariableDefinitions?: readonly VariableDefinition[];
  readonly Directives?: readonly Directive[];
  readonly SelectionSet?: SelectionSet;
  readonly Comment?: CommentGroup;
};

export type VariableDefinition = {
  readonly Variable: string;
  readonly Type: TypeReference;
  readonly DefaultValue?: Literal;
  readonly Directives?: readonly Directive[];
  /** False as parsed; where it is true the variable counts as used. */
  readonly Used: boolean;
  readonly Comment?: CommentGroup;
};

export type Fragment = {
  readonly Name: string;
  readonly VariableDefinition?: readonly VariableDefinition[];
  readonly TypeCondition: string;
  readonly Directives?: readonly Directive[];
  readonly SelectionSet?: SelectionSet;
  readonly Comment?: CommentGroup;
};

export type SelectionSet = readonly Selection[];
/** Nothing but their members tells them apart: a field has an alias, an inline fragment a type condition. */
export type Selection = Field | InlineFragment | FragmentSpread;

export type Field = {
  /** The name itself where no alias was written. */
  readonly Alias: string;
  readonly Name: string;
  readonly Arguments?: readonly Argument[];
  readonly Directives?: readonly Directive[];
  readonly SelectionSet?: SelectionSet;
  readonly Comment?: CommentGroup;
};

export type InlineFragment = {
  /** Empty where none was written. */
  readonly TypeCondition: string;
  readonly Directives?: readonly Directive[];
  readonly SelectionSet?: SelectionSet;
  readonly Comment?: CommentGroup;
};

export type FragmentSpread = {
  readonly Name: string;
  readonly Directives?: readonly Directive[];
  readonly Comment?: CommentGroup;
};

export type Argument = {
  readonly Name: string;
  readonly Value: Literal;
  readonly Comment?: CommentGroup;
};

export type Directive = {
  readonly Name: string;
  readonly Arguments?: readonly Argument[];
  readonly Location: string;
};

export const LITERAL_KIND = {
  variable: 0,
  int: 1,
  float: 2,
  string: 3,
  block: 4,
  boolean: 5,
  null: 6,
  enum: 7,
  list: 8,
  object: 9,
} as const;
export type LiteralKind = (typeof LITERAL_KIND)[keyof typeof LITERAL_KIND];

export type Literal = {
  readonly Kind: LiteralKind;
  /** As written, a string without its quotes and escapes; empty for a list and an object. */
  readonly Raw: string;
  readonly Children?: readonly Child[];
  readonly ExpectedTypeHasDefault: boolean;
  readonly Comment?: CommentGroup;
};

/** A field of an object, or with an empty name an element of a list. */
export type Child = {
  readonly Name: string;
  readonly Value: Literal;
  readonly Comment?: CommentGroup;
};

/** A named type, or with an empty name the list of `Elem`. */
export type TypeReference = {
  readonly NamedType: string;
  readonly Elem?: TypeReference;
  readonly NonNull: boolean;
};

export type SchemaDocument = {
  readonly Schema?: readonly SchemaDefinition[];
  readonly SchemaExtension?: readonly SchemaDefinition[];
  readonly Directives?: readonly DirectiveDefinition[];
  readonly Definitions?: readonly Definition[];
  readonly Extensions?: readonly Definition[];
  readonly Comment?: CommentGroup;
};

type DefinitionComments = {
  readonly BeforeDescriptionComment?: CommentGroup;
  readonly AfterDescriptionComment?: CommentGroup;
};

export type SchemaDefinition = DefinitionComments & {
  readonly Description: string;
  readonly Directives?: readonly Directive[];
  readonly OperationTypes?: readonly OperationTypeDefinition[];
  readonly EndOfDefinitionComment?: CommentGroup;
};

export type OperationTypeDefinition = {
  readonly Operation: OperationType | "";
  readonly Type: string;
  readonly Comment?: CommentGroup;
};

export const OPERATION_TYPES = ["query", "mutation", "subscription"] as const;
export type OperationType = (typeof OPERATION_TYPES)[number];

export const DEFINITION_KINDS = ["SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT"] as const;
export type DefinitionKind = (typeof DEFINITION_KINDS)[number];

export type Definition = DefinitionComments & {
  readonly Kind: DefinitionKind;
  readonly Description: string;
  readonly Name: string;
  readonly Directives?: readonly Directive[];
  readonly Interfaces?: readonly string[];
  readonly Fields?: readonly FieldDefinition[];
  /** The members of a union. */
  readonly Types?: readonly string[];
  readonly EnumValues?: readonly EnumValueDefinition[];
  /** Of GraphQL itself: its name may begin with two underscores. */
  readonly BuiltIn: boolean;
  readonly EndOfDefinitionComment?: CommentGroup;
};

/** Of an object, an interface or an input object. */
export type FieldDefinition = DefinitionComments & {
  readonly Description: string;
  readonly Name: string;
  readonly Arguments?: readonly ArgumentDefinition[];
  readonly DefaultValue?: Literal;
  readonly Type: TypeReference;
  readonly Directives?: readonly Directive[];
};

export type ArgumentDefinition = DefinitionComments & {
  readonly Description: string;
  readonly Name: string;
  readonly DefaultValue?: Literal;
  readonly Type: TypeReference;
  readonly Directives?: readonly Directive[];
};

export type EnumValueDefinition = DefinitionComments & {
  readonly Description: string;
  readonly Name: string;
  readonly Directives?: readonly Directive[];
};

export type DirectiveDefinition = DefinitionComments & {
  readonly Description: string;
  readonly Name: string;
  readonly Arguments?: readonly ArgumentDefinition[];
  readonly Locations?: readonly string[];
  readonly IsRepeatable: boolean;
};

export const DIRECTIVE_LOCATIONS: ReadonlySet<string> = new Set([
  "QUERY",
  "MUTATION",
  "SUBSCRIPTION",
  "FIELD",
  "FRAGMENT_DEFINITION",
  "FRAGMENT_SPREAD",
  "INLINE_FRAGMENT",
  "VARIABLE_DEFINITION",
  "SCHEMA",
  "SCALAR",
  "OBJECT",
  "FIELD_DEFINITION",
  "ARGUMENT_DEFINITION",
  "INTERFACE",
  "UNION",
  "ENUM",
  "ENUM_VALUE",
  "INPUT_OBJECT",
  "INPUT_FIELD_DEFINITION",
]);

export type CommentGroup = { readonly List: readonly { readonly Value: string }[] };

/** Lines and columns count from 1, columns in characters (code points). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A document and where its nodes were written; a document given as an object has no positions. */
export interface Located<Document> {
  readonly document: Document;
  readonly positions: ReadonlyMap<object, Position>;
}

/** A text or a document that is no GraphQL, or breaks a rule of it. Thrown inside, a result at the border. */
export class GraphqlRefusal extends Error {
  readonly position: Position | undefined;
  constructor(message: string, position: Position | undefined) {
    super(message);
    this.position = position;
  }
}

/** Lists, objects, types and selections inside each other; nothing that people write comes near. */
export const NESTING_MAX = 200;

/** A node with optional members left out where they are undefined or empty. */
export function node<T extends object>(members: { readonly [Member in keyof T]: T[Member] | undefined }): T {
  const kept = Object.entries(members).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  // Only an optional member is ever undefined or an array, so every other is still there.
  return Object.fromEntries(kept) as T;
}

/** The type without its lists and exclamation marks. */
export function namedTypeOf(type: TypeReference): string {
  let inner = type;
  while (inner.Elem !== undefined) inner = inner.Elem;
  return inner.NamedType;
}

/** As GraphQL writes it: `[String!]!`. */
export function typeToText(type: TypeReference): string {
  const text = type.Elem === undefined ? type.NamedType : `[${typeToText(type.Elem)}]`;
  return type.NonNull ? `${text}!` : text;
}

/** As GraphQL writes it. */
export function literalToText(literal: Literal): string {
  const children = literal.Children ?? [];
  switch (literal.Kind) {
    case LITERAL_KIND.variable:
      return `$${literal.Raw}`;
    case LITERAL_KIND.string:
    case LITERAL_KIND.block:
      return JSON.stringify(literal.Raw);
    case LITERAL_KIND.list:
      return `[${children.map((child) => literalToText(child.Value)).join(",")}]`;
    case LITERAL_KIND.object:
      return `{${children.map((child) => `${child.Name}:${literalToText(child.Value)}`).join(",")}}`;
    default:
      return literal.Raw;
  }
}
