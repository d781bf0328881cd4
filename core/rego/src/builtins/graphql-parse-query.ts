import {
  type Field,
  type Fragment,
  type FragmentSpread,
  type InlineFragment,
  type Located,
  node,
  OPERATION_TYPES,
  type Operation,
  type QueryDocument,
  type Selection,
  type SelectionSet,
  type VariableDefinition,
} from "./graphql-ast.ts";
import type { Token } from "./graphql-lexer.ts";
import { parseArguments, parseDefault, parseDirectives, parseType, parseVariable } from "./graphql-parse-value.ts";
import { commentGroup, GraphqlReader } from "./graphql-reader.ts";

/**
 * Reads an executable document (GraphQL §2.2), or throws a `GraphqlRefusal`. As gqlparser it also takes an empty
 * document, fragments with variables, and variables in the directives of a variable.
 */
export function parseQuery(text: string, spend: (steps: number) => void): Located<QueryDocument> {
  const reader = new GraphqlReader(text, spend);
  const operations: Operation[] = [];
  const fragments: Fragment[] = [];
  while (reader.token.kind !== "<EOF>") {
    const type = OPERATION_TYPES.find((keyword) => reader.isKeyword(keyword));
    if (reader.token.kind === "{") operations.push(parseAnonymousQuery(reader));
    else if (type !== undefined) operations.push(parseOperation(reader, type));
    else if (reader.isKeyword("fragment")) fragments.push(parseFragment(reader));
    else throw reader.unexpected();
  }
  const document = node<QueryDocument>({ Operations: operations, Fragments: fragments });
  return { document, positions: reader.positions };
}

function parseAnonymousQuery(reader: GraphqlReader): Operation {
  const { position } = reader.token;
  const set = parseSelectionSet(reader);
  return reader.at(position, node<Operation>({ Operation: "query", Name: "", SelectionSet: set }));
}

function parseOperation(reader: GraphqlReader, type: Operation["Operation"]): Operation {
  const begin = reader.next();
  const operation = node<Operation>({
    Operation: type,
    Name: reader.token.kind === "Name" ? reader.name() : "",
    VariableDefinitions: parseVariableDefinitions(reader),
    Directives: parseDirectives(reader, false),
    SelectionSet: parseSelectionSet(reader),
    Comment: commentGroup(begin),
  });
  return reader.at(begin.position, operation);
}

function parseFragment(reader: GraphqlReader): Fragment {
  const begin = reader.next();
  const name = parseFragmentName(reader);
  const variables = parseVariableDefinitions(reader);
  reader.expectKeyword("on");
  const fragment = node<Fragment>({
    Name: name,
    VariableDefinition: variables,
    TypeCondition: reader.name(),
    Directives: parseDirectives(reader, false),
    SelectionSet: parseSelectionSet(reader),
    Comment: commentGroup(begin),
  });
  return reader.at(begin.position, fragment);
}

function parseFragmentName(reader: GraphqlReader): string {
  if (reader.token.value === "on") throw reader.unexpected();
  return reader.name();
}

function parseVariableDefinitions(reader: GraphqlReader): readonly VariableDefinition[] {
  return reader.some("(", ")", () => {
    const begin = reader.token;
    const variable = parseVariable(reader);
    reader.expect(":");
    const definition = node<VariableDefinition>({
      Variable: variable,
      Type: parseType(reader),
      DefaultValue: parseDefault(reader),
      Directives: parseDirectives(reader, false),
      Used: false,
      Comment: commentGroup(begin),
    });
    return reader.at(begin.position, definition);
  });
}

function parseSelectionSet(reader: GraphqlReader): SelectionSet {
  return reader.block("{", "}", () => parseSelection(reader)).items;
}

function parseSelection(reader: GraphqlReader): Selection {
  const dots = reader.token;
  if (!reader.skip("...")) return parseField(reader);
  const isSpread = reader.token.kind === "Name" && reader.token.value !== "on";
  return isSpread ? parseSpread(reader, dots) : parseInlineFragment(reader, dots);
}

function parseField(reader: GraphqlReader): Field {
  const begin = reader.expect("Name");
  const field = node<Field>({
    Alias: begin.value,
    Name: reader.skip(":") ? reader.name() : begin.value,
    Arguments: parseArguments(reader, false),
    Directives: parseDirectives(reader, false),
    SelectionSet: reader.token.kind === "{" ? parseSelectionSet(reader) : undefined,
    Comment: commentGroup(begin),
  });
  return reader.at(begin.position, field);
}

function parseSpread(reader: GraphqlReader, dots: Token): FragmentSpread {
  const { position, value } = reader.expect("Name");
  const directives = parseDirectives(reader, false);
  return reader.at(
    position,
    node<FragmentSpread>({ Name: value, Directives: directives, Comment: commentGroup(dots) }),
  );
}

function parseInlineFragment(reader: GraphqlReader, dots: Token): InlineFragment {
  const { position, value } = reader.token;
  const isConditional = value === "on";
  if (isConditional) reader.next();
  const fragment = node<InlineFragment>({
    TypeCondition: isConditional ? reader.name() : "",
    Directives: parseDirectives(reader, false),
    SelectionSet: parseSelectionSet(reader),
    Comment: commentGroup(dots),
  });
  return reader.at(position, fragment);
}
