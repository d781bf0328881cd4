import {
  type Argument,
  type Child,
  type CommentGroup,
  type Directive,
  LITERAL_KIND,
  type Literal,
  type LiteralKind,
  node,
  type TypeReference,
} from "./graphql-ast.ts";
import { commentGroup, type GraphqlReader } from "./graphql-reader.ts";

/** GraphQL §2.9 "Input Values". A constant one has no variables. */
function parseLiteral(reader: GraphqlReader, isConstant: boolean): Literal {
  const { kind, value, position } = reader.token;
  switch (kind) {
    case "[":
      return parseList(reader, isConstant);
    case "{":
      return parseObject(reader, isConstant);
    case "$":
      if (isConstant) throw reader.unexpected();
      return reader.at(position, literal(LITERAL_KIND.variable, parseVariable(reader)));
    case "Int":
      return parseScalar(reader, LITERAL_KIND.int);
    case "Float":
      return parseScalar(reader, LITERAL_KIND.float);
    case "String":
      return parseScalar(reader, LITERAL_KIND.string);
    case "BlockString":
      return parseScalar(reader, LITERAL_KIND.block);
    case "Name":
      if (value === "null") return parseScalar(reader, LITERAL_KIND.null);
      return parseScalar(reader, value === "true" || value === "false" ? LITERAL_KIND.boolean : LITERAL_KIND.enum);
    default:
      throw reader.unexpected();
  }
}

/** GraphQL §2.10 "Variables", without the definition. */
export function parseVariable(reader: GraphqlReader): string {
  reader.expect("$");
  return reader.name();
}

/** The default of a variable, an argument or an input field, where there is one. */
export function parseDefault(reader: GraphqlReader): Literal | undefined {
  return reader.skip("=") ? parseLiteral(reader, true) : undefined;
}

/** GraphQL §2.6 "Arguments". */
export function parseArguments(reader: GraphqlReader, isConstant: boolean): readonly Argument[] {
  return reader.some("(", ")", () => parseNamedValue(reader, isConstant));
}

/** GraphQL §2.12 "Directives". */
export function parseDirectives(reader: GraphqlReader, isConstant: boolean): readonly Directive[] {
  const directives: Directive[] = [];
  while (reader.skip("@")) {
    const { position } = reader.token;
    const name = reader.name();
    const args = parseArguments(reader, isConstant);
    directives.push(reader.at(position, node<Directive>({ Name: name, Arguments: args, Location: "" })));
  }
  return directives;
}

/** GraphQL §2.11 "Type References". */
export function parseType(reader: GraphqlReader): TypeReference {
  const isList = reader.skip("[");
  const { position } = reader.token;
  const inner = isList ? parseInnerType(reader) : undefined;
  const name = isList ? "" : reader.name();
  const isNonNull = reader.skip("!");
  return reader.at(position, node<TypeReference>({ NamedType: name, Elem: inner, NonNull: isNonNull }));
}

function parseInnerType(reader: GraphqlReader): TypeReference {
  const inner = reader.nest(() => parseType(reader));
  reader.expect("]");
  return inner;
}

function parseScalar(reader: GraphqlReader, kind: LiteralKind): Literal {
  const { position, value } = reader.next();
  return reader.at(position, literal(kind, value));
}

function parseList(reader: GraphqlReader, isConstant: boolean): Literal {
  const begin = reader.token;
  const children = reader.many("[", "]", () => ({ Name: "", Value: parseLiteral(reader, isConstant) }));
  return reader.at(begin.position, literal(LITERAL_KIND.list, "", children, commentGroup(begin)));
}

function parseObject(reader: GraphqlReader, isConstant: boolean): Literal {
  const begin = reader.token;
  const children = reader.many("{", "}", () => parseNamedValue(reader, isConstant));
  return reader.at(begin.position, literal(LITERAL_KIND.object, "", children, commentGroup(begin)));
}

/** An argument, or a field of an object. */
function parseNamedValue(reader: GraphqlReader, isConstant: boolean): Argument & Child {
  const begin = reader.expect("Name");
  reader.expect(":");
  const value = parseLiteral(reader, isConstant);
  const named = node<Argument & Child>({ Name: begin.value, Value: value, Comment: commentGroup(begin) });
  return reader.at(begin.position, named);
}

function literal(kind: LiteralKind, raw: string, children?: readonly Child[], comment?: CommentGroup): Literal {
  return node<Literal>({
    Kind: kind,
    Raw: raw,
    Children: children,
    ExpectedTypeHasDefault: false,
    Comment: comment,
  });
}
