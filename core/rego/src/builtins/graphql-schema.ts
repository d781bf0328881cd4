import type {
  Definition,
  DefinitionKind,
  Directive,
  DirectiveDefinition,
  EnumValueDefinition,
  FieldDefinition,
  GraphqlRefusal,
  OperationType,
  TypeReference,
} from "./graphql-ast.ts";

/** Fragments or input objects that refer to each other in a row: as far as a check follows them. */
export const CHAIN_MAX = 1000;

/** The definitions of a schema, each with its extensions. */
export interface TypeSystem {
  readonly typeByName: ReadonlyMap<string, SchemaType>;
  readonly directiveByName: ReadonlyMap<string, DirectiveDefinition>;
  /** By the name of an object (itself), an interface (what implements it) or a union (its members). */
  readonly possibleTypesByName: ReadonlyMap<string, readonly SchemaType[]>;
}

/** A type system that keeps its rules, and where operations begin: what queries are checked against. */
export interface Schema extends TypeSystem {
  readonly rootByOperation: ReadonlyMap<OperationType, SchemaType>;
}

/** A definition with its extensions. */
export interface SchemaType {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly isBuiltIn: boolean;
  readonly directives: readonly Directive[];
  readonly interfaces: readonly string[];
  readonly fields: readonly FieldDefinition[];
  readonly fieldByName: ReadonlyMap<string, FieldDefinition>;
  readonly members: readonly string[];
  readonly enumValues: readonly EnumValueDefinition[];
  /** Where a message points: the definition, or the first extension where there is none. */
  readonly origin: Definition;
}

/** What the rules of a schema or a query look at, and how they refuse. */
export interface CheckContext<Checked extends TypeSystem = TypeSystem> {
  readonly schema: Checked;
  /** Charges the query's fuel before the work. */
  spend(steps: number): void;
  refusal(message: string, node: object): GraphqlRefusal;
}

/** GraphQL §3.4.2 IsInputType, of the named type. */
export function isInputKind(kind: DefinitionKind): boolean {
  return kind === "SCALAR" || kind === "ENUM" || kind === "INPUT_OBJECT";
}

/** A type that has selections: object, interface or union. */
export function isCompositeKind(kind: DefinitionKind): boolean {
  return kind === "OBJECT" || kind === "INTERFACE" || kind === "UNION";
}

/** GraphQL §4.1 and §4.2: what may be asked though no schema defines it. */
const TYPENAME: FieldDefinition = {
  Description: "",
  Name: "__typename",
  Type: { NamedType: "String", NonNull: false },
};
const INTROSPECTION: ReadonlyMap<string, FieldDefinition> = new Map([
  ["__schema", { Description: "", Name: "__schema", Type: { NamedType: "__Schema", NonNull: true } }],
  [
    "__type",
    {
      Description: "",
      Name: "__type",
      Arguments: [{ Description: "", Name: "name", Type: { NamedType: "String", NonNull: true } }],
      Type: { NamedType: "__Type", NonNull: false },
    },
  ],
]);

/** The field that a selection on a type means; undefined where there is none. */
export function fieldNamed(schema: Schema, type: SchemaType | undefined, name: string): FieldDefinition | undefined {
  if (name === TYPENAME.Name) return TYPENAME;
  const field = type?.fieldByName.get(name);
  if (field !== undefined || type === undefined) return field;
  return type === schema.rootByOperation.get("query") ? INTROSPECTION.get(name) : undefined;
}

/** GraphQL §5.8.5 AreTypesCompatible: may a variable of this type stand where that one is expected? */
export function isCompatible(type: TypeReference, expected: TypeReference): boolean {
  if (type.NamedType !== expected.NamedType) return false;
  if (type.Elem !== undefined && (expected.Elem === undefined || !isCompatible(type.Elem, expected.Elem))) return false;
  return type.NonNull || !expected.NonNull;
}

/** The first of each name. */
export function firstByName<Named extends { readonly Name: string }>(
  list: readonly Named[],
): ReadonlyMap<string, Named> {
  return new Map(list.toReversed().map((named) => [named.Name, named]));
}
