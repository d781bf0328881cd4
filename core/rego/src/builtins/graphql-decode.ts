import { LimitExceeded } from "../limits.ts";
import { isObject, kindOf, memberOf, type ObjectValue, type Value } from "../values/value.ts";
import {
  type Argument,
  type ArgumentDefinition,
  type Child,
  type CommentGroup,
  DEFINITION_KINDS,
  type Definition,
  type Directive,
  type DirectiveDefinition,
  type EnumValueDefinition,
  type Field,
  type FieldDefinition,
  type Fragment,
  GraphqlRefusal,
  LITERAL_KIND,
  type Literal,
  type Located,
  NESTING_MAX,
  node,
  OPERATION_TYPES,
  type Operation,
  type OperationTypeDefinition,
  type QueryDocument,
  type SchemaDefinition,
  type SchemaDocument,
  type TypeReference,
  type VariableDefinition,
} from "./graphql-ast.ts";
import { elementsOf } from "./operands.ts";

type Decode<Node> = (members: Members) => Node;

/** Reads an object as `graphql.parse_query` makes it. Throws a `GraphqlRefusal` where a member is not of its type. */
export function decodeQuery(value: ObjectValue, spend: (steps: number) => void): Located<QueryDocument> {
  const members = new Members(value, spend);
  const document = node<QueryDocument>({
    Operations: members.nodes("Operations", decodeOperation),
    Fragments: members.nodes("Fragments", decodeFragment),
  });
  return { document, positions: new Map() };
}

/** Reads an object as `graphql.parse_schema` makes it. Throws a `GraphqlRefusal` where a member is not of its type. */
export function decodeSchema(value: ObjectValue, spend: (steps: number) => void): Located<SchemaDocument> {
  const members = new Members(value, spend);
  const document = node<SchemaDocument>({
    Schema: members.nodes("Schema", decodeSchemaDefinition),
    SchemaExtension: members.nodes("SchemaExtension", decodeSchemaDefinition),
    Directives: members.nodes("Directives", decodeDirectiveDefinition),
    Definitions: members.nodes("Definitions", decodeDefinition),
    Extensions: members.nodes("Extensions", decodeDefinition),
    Comment: members.comment("Comment"),
  });
  return { document, positions: new Map() };
}

function decodeOperation(members: Members): Operation {
  return node<Operation>({
    Operation: members.oneOf("Operation", ["", ...OPERATION_TYPES]),
    Name: members.text("Name"),
    VariableDefinitions: members.nodes("VariableDefinitions", decodeVariableDefinition),
    Directives: members.nodes("Directives", decodeDirective),
    SelectionSet: members.nodes("SelectionSet", decodeField),
    Comment: undefined,
  });
}

function decodeFragment(members: Members): Fragment {
  return node<Fragment>({
    Name: members.text("Name"),
    VariableDefinition: members.nodes("VariableDefinition", decodeVariableDefinition),
    TypeCondition: members.text("TypeCondition"),
    Directives: members.nodes("Directives", decodeDirective),
    SelectionSet: members.nodes("SelectionSet", decodeField),
    Comment: undefined,
  });
}

/** OPA reads every selection of an object as a field, so that one with fragments is refused by the schema. */
function decodeField(members: Members): Field {
  return node<Field>({
    Alias: members.text("Alias"),
    Name: members.text("Name"),
    Arguments: members.nodes("Arguments", decodeNamedValue),
    Directives: members.nodes("Directives", decodeDirective),
    SelectionSet: members.nodes("SelectionSet", decodeField),
    Comment: undefined,
  });
}

function decodeVariableDefinition(members: Members): VariableDefinition {
  return node<VariableDefinition>({
    Variable: members.text("Variable"),
    Type: members.required("Type", decodeType),
    DefaultValue: members.optional("DefaultValue", decodeLiteral),
    Directives: members.nodes("Directives", decodeDirective),
    Used: members.flag("Used"),
    Comment: members.comment("Comment"),
  });
}

function decodeDirective(members: Members): Directive {
  return node<Directive>({
    Name: members.text("Name"),
    Arguments: members.nodes("Arguments", decodeNamedValue),
    Location: members.text("Location"),
  });
}

function decodeNamedValue(members: Members): Argument & Child {
  return node<Argument & Child>({
    Name: members.text("Name"),
    Value: members.required("Value", decodeLiteral),
    Comment: members.comment("Comment"),
  });
}

function decodeLiteral(members: Members): Literal {
  return node<Literal>({
    Kind: members.oneOf("Kind", Object.values(LITERAL_KIND)),
    Raw: members.text("Raw"),
    Children: members.nodes("Children", decodeNamedValue),
    ExpectedTypeHasDefault: members.flag("ExpectedTypeHasDefault"),
    Comment: members.comment("Comment"),
  });
}

function decodeType(members: Members): TypeReference {
  const name = members.text("NamedType");
  return node<TypeReference>({
    NamedType: name,
    Elem: name === "" ? members.required("Elem", decodeType) : undefined,
    NonNull: members.flag("NonNull"),
  });
}

function decodeSchemaDefinition(members: Members): SchemaDefinition {
  return node<SchemaDefinition>({
    ...decodeDescription(members),
    Directives: members.nodes("Directives", decodeDirective),
    OperationTypes: members.nodes("OperationTypes", decodeOperationType),
    EndOfDefinitionComment: members.comment("EndOfDefinitionComment"),
  });
}

function decodeOperationType(members: Members): OperationTypeDefinition {
  return node<OperationTypeDefinition>({
    Operation: members.oneOf("Operation", ["", ...OPERATION_TYPES]),
    Type: members.text("Type"),
    Comment: members.comment("Comment"),
  });
}

function decodeDefinition(members: Members): Definition {
  return node<Definition>({
    Kind: members.oneOf("Kind", DEFINITION_KINDS),
    ...decodeDescription(members),
    Name: members.text("Name"),
    Directives: members.nodes("Directives", decodeDirective),
    Interfaces: members.texts("Interfaces"),
    Fields: members.nodes("Fields", decodeFieldDefinition),
    Types: members.texts("Types"),
    EnumValues: members.nodes("EnumValues", decodeEnumValue),
    BuiltIn: members.flag("BuiltIn"),
    EndOfDefinitionComment: members.comment("EndOfDefinitionComment"),
  });
}

function decodeFieldDefinition(members: Members): FieldDefinition {
  return node<FieldDefinition>({
    ...decodeDescription(members),
    Name: members.text("Name"),
    Arguments: members.nodes("Arguments", decodeArgumentDefinition),
    DefaultValue: members.optional("DefaultValue", decodeLiteral),
    Type: members.required("Type", decodeType),
    Directives: members.nodes("Directives", decodeDirective),
  });
}

function decodeArgumentDefinition(members: Members): ArgumentDefinition {
  return node<ArgumentDefinition>({
    ...decodeDescription(members),
    Name: members.text("Name"),
    DefaultValue: members.optional("DefaultValue", decodeLiteral),
    Type: members.required("Type", decodeType),
    Directives: members.nodes("Directives", decodeDirective),
  });
}

function decodeEnumValue(members: Members): EnumValueDefinition {
  return node<EnumValueDefinition>({
    ...decodeDescription(members),
    Name: members.text("Name"),
    Directives: members.nodes("Directives", decodeDirective),
  });
}

function decodeDirectiveDefinition(members: Members): DirectiveDefinition {
  return node<DirectiveDefinition>({
    ...decodeDescription(members),
    Name: members.text("Name"),
    Arguments: members.nodes("Arguments", decodeArgumentDefinition),
    Locations: members.texts("Locations"),
    IsRepeatable: members.flag("IsRepeatable"),
  });
}

function decodeDescription(members: Members) {
  return {
    Description: members.text("Description"),
    BeforeDescriptionComment: members.comment("BeforeDescriptionComment"),
    AfterDescriptionComment: members.comment("AfterDescriptionComment"),
  };
}

/** The members of one object. What is absent or null is empty; what is not of its type is refused. */
class Members {
  readonly #object: ObjectValue;
  readonly #spend: (steps: number) => void;
  readonly #depth: number;

  constructor(object: ObjectValue, spend: (steps: number) => void, depth = 0) {
    if (depth > NESTING_MAX) throw new LimitExceeded("nesting");
    spend(1);
    this.#object = object;
    this.#spend = spend;
    this.#depth = depth;
  }

  text(name: string): string {
    const value = this.#member(name) ?? "";
    if (typeof value !== "string") throw wrongMember(name, "string", value);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#member(name) ?? false;
    if (typeof value !== "boolean") throw wrongMember(name, "boolean", value);
    return value;
  }

  /** The first stands for what is absent. */
  oneOf<const Known extends string | number>(name: string, known: readonly Known[]): Known {
    const value = this.#member(name) ?? known[0];
    const found = known.find((each) => each === value);
    if (found === undefined) throw new GraphqlRefusal(`member ${name} is none of ${known.join(", ")}`, undefined);
    return found;
  }

  optional<Node>(name: string, decode: Decode<Node>): Node | undefined {
    const value = this.#member(name);
    return value === undefined ? undefined : this.#node(name, value, decode);
  }

  required<Node>(name: string, decode: Decode<Node>): Node {
    const decoded = this.optional(name, decode);
    if (decoded === undefined) throw new GraphqlRefusal(`member ${name} is missing`, undefined);
    return decoded;
  }

  nodes<Node>(name: string, decode: Decode<Node>): readonly Node[] {
    return this.#elements(name).map((element) => this.#node(name, element, decode));
  }

  texts(name: string): readonly string[] {
    return this.#elements(name).map((element) => {
      if (typeof element !== "string") throw wrongMember(name, "array of strings", element);
      return element;
    });
  }

  comment(name: string): CommentGroup | undefined {
    const comments = this.optional(name, (group) => group.nodes("List", (each) => ({ Value: each.text("Value") })));
    return comments === undefined || comments.length === 0 ? undefined : { List: comments };
  }

  #member(name: string): Value | undefined {
    return memberOf(this.#object, name) ?? undefined;
  }

  #elements(name: string): readonly Value[] {
    const value = this.#member(name) ?? [];
    const elements = elementsOf(value);
    if (elements === undefined) throw wrongMember(name, "array", value);
    this.#spend(elements.length);
    return elements;
  }

  #node<Node>(name: string, value: Value, decode: Decode<Node>): Node {
    if (!isObject(value)) throw wrongMember(name, "object", value);
    return decode(new Members(value, this.#spend, this.#depth + 1));
  }
}

function wrongMember(name: string, expected: string, actual: Value): GraphqlRefusal {
  return new GraphqlRefusal(`member ${name} must be ${expected} but got ${kindOf(actual)}`, undefined);
}
