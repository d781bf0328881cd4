import { ANY, anyOf, BOOLEAN, functionOf, objectOf, STRING, tupleOf } from "../types.ts";
import { isObject, type ObjectValue, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, failure } from "./builtin.ts";
import { GraphqlRefusal, type Located, type QueryDocument, type SchemaDocument } from "./graphql-ast.ts";
import { checkQuery } from "./graphql-check-query.ts";
import { decodeQuery, decodeSchema } from "./graphql-decode.ts";
import { loadSchema } from "./graphql-load-schema.ts";
import { parseQuery } from "./graphql-parse-query.ts";
import { parseSchema } from "./graphql-parse-schema.ts";
import type { Schema } from "./graphql-schema.ts";
import { operandOneOfFailure, taking } from "./operands.ts";

const AST = objectOf(ANY, ANY);
const TEXT_OR_AST = anyOf(STRING, AST);

/**
 * OPA policy reference, "GraphQL". Texts and syntax trees are read and checked as gqlparser does, which is OPA's
 * library: a query is valid here where it is there. A failure names the first thing that is wrong and guesses no other
 * names; gqlparser's goes on with all the rest.
 */
export const GRAPHQL_BUILTINS: readonly Builtin[] = [
  {
    name: "graphql.parse",
    type: functionOf([TEXT_OR_AST, TEXT_OR_AST], tupleOf(AST, AST)),
    run: (context, query, schema) => verify(context, query as Value, schema as Value),
  },
  {
    name: "graphql.parse_and_verify",
    type: functionOf([TEXT_OR_AST, TEXT_OR_AST], tupleOf(BOOLEAN, AST, AST)),
    run: (context, query, schema) => {
      const verified = verify(context, query as Value, schema as Value);
      return verified instanceof BuiltinFailure ? [false, {}, {}] : [true, ...verified];
    },
  },
  {
    name: "graphql.parse_query",
    type: functionOf([STRING], AST),
    run: taking(["string"], (context, text) => documentOf(readQuery(context, text))),
  },
  {
    name: "graphql.parse_schema",
    type: functionOf([STRING], AST),
    run: taking(["string"], (context, text) => documentOf(readSchema(context, text))),
  },
  {
    name: "graphql.is_valid",
    type: functionOf([TEXT_OR_AST, TEXT_OR_AST], BOOLEAN),
    run: (context, query, schema) => !(verify(context, query as Value, schema as Value) instanceof BuiltinFailure),
  },
  {
    name: "graphql.schema_is_valid",
    type: functionOf([TEXT_OR_AST], BOOLEAN),
    run: (context, schema) => !(loadedSchema(context, schema as Value, 1) instanceof BuiltinFailure),
  },
];

/** Both documents, when the query is valid under the schema. */
function verify(
  context: BuiltinContext,
  query: Value,
  schema: Value,
): readonly [QueryDocument, SchemaDocument] | BuiltinFailure {
  if (typeof query !== "string" && !isObject(query)) return operandOneOfFailure(1, ["string", "object"], query);
  const read = readQuery(context, query);
  if (read instanceof BuiltinFailure) return read;
  const loaded = loadedSchema(context, schema, 2);
  if (loaded instanceof BuiltinFailure) return loaded;
  const broken = refusalOf(() => checkQuery(loaded.schema, read, (steps) => context.spend(steps)));
  return broken instanceof GraphqlRefusal ? failure(refusalText(broken)) : [read.document, loaded.document];
}

interface LoadedSchema {
  readonly document: SchemaDocument;
  readonly schema: Schema;
}

/** A query often asks many things of one schema, so that a text is read once. */
function loadedSchema(context: BuiltinContext, operand: Value, position: number): LoadedSchema | BuiltinFailure {
  if (isObject(operand)) return loadOperand(context, operand);
  if (typeof operand !== "string") return operandOneOfFailure(position, ["string", "object"], operand);
  const key = `graphql.schema ${operand}`;
  // Nothing else writes a key that begins so.
  const known = context.memo.get(key) as LoadedSchema | BuiltinFailure | undefined;
  if (known !== undefined) return known;
  const loaded = loadOperand(context, operand);
  context.memo.set(key, loaded);
  return loaded;
}

function loadOperand(context: BuiltinContext, operand: string | ObjectValue): LoadedSchema | BuiltinFailure {
  const read = readSchema(context, operand);
  if (read instanceof BuiltinFailure) return read;
  const schema = refusalOf(() => loadSchema(read, (steps) => context.spend(steps)));
  if (!(schema instanceof GraphqlRefusal)) return { document: read.document, schema };
  const { line, column } = schema.position ?? { line: -1, column: -1 };
  return failure(`Error in gqlparser SchemaDocument to Schema conversion: input:${line}:${column}: ${schema.message}`);
}

function readQuery(context: BuiltinContext, operand: string | ObjectValue): Located<QueryDocument> | BuiltinFailure {
  return readDocument(context, operand, parseQuery, decodeQuery);
}

function readSchema(context: BuiltinContext, operand: string | ObjectValue): Located<SchemaDocument> | BuiltinFailure {
  return readDocument(context, operand, parseSchema, decodeSchema);
}

type Spend = (steps: number) => void;

function readDocument<Document>(
  context: BuiltinContext,
  operand: string | ObjectValue,
  parse: (text: string, spend: Spend) => Located<Document>,
  decode: (object: ObjectValue, spend: Spend) => Located<Document>,
): Located<Document> | BuiltinFailure {
  const spend: Spend = (steps) => context.spend(steps);
  if (typeof operand === "string") spend(operand.length >>> 3);
  const read = refusalOf(() => (typeof operand === "string" ? parse(operand, spend) : decode(operand, spend)));
  return read instanceof GraphqlRefusal ? failure(refusalText(read)) : read;
}

function documentOf<Document>(read: Located<Document> | BuiltinFailure): Document | BuiltinFailure {
  return read instanceof BuiltinFailure ? read : read.document;
}

/** What `act` gives, or the refusal that it throws. */
function refusalOf<Result>(act: () => Result): Result | GraphqlRefusal {
  try {
    return act();
  } catch (error) {
    if (error instanceof GraphqlRefusal) return error;
    throw error;
  }
}

/** As OPA turns gqlparser's message around; not where a column is before the first, as in a string of many lines. */
function refusalText({ message, position }: GraphqlRefusal): string {
  if (position === undefined) return `GraphQL parse error: input: ${message}`;
  const { line, column } = position;
  if (column < 0) return `GraphQL parse error: input:${line}:${column}: ${message}`;
  const isSentence = message.endsWith(".") && !message.endsWith("...");
  return `${isSentence ? message.slice(0, -1) : message} in GraphQL string at location ${line}:${column}`;
}
