import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crypto } from "@vedette/base";
import fc from "fast-check";
import { LimitExceeded } from "../limits.ts";
import { RegoSet, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";
import { GRAPHQL_BUILTINS } from "./graphql-builtins.ts";

function setupContext(fuel: number = Number.POSITIVE_INFINITY): BuiltinContext {
  let left = fuel;
  return {
    now: 0n,
    // They ask for neither.
    crypto: {} as Crypto,
    random: { bytes: (length) => new Uint8Array(length) },
    memo: new Map(),
    spend(steps) {
      left -= steps;
      if (left < 0) throw new LimitExceeded("fuel");
    },
  };
}

function call(name: string, operands: readonly Value[], context: BuiltinContext = setupContext()): BuiltinResult {
  const builtin = GRAPHQL_BUILTINS.find((candidate) => candidate.name === `graphql.${name}`) as Builtin;
  return builtin.run(context, ...operands);
}

function why(result: BuiltinResult): string {
  assert.ok(result instanceof BuiltinFailure, `${JSON.stringify(result)} is no failure`);
  return result.message;
}

function isValid(query: Value, schema: Value = SCHEMA): BuiltinResult {
  return call("is_valid", [query, schema]);
}

/** Why a query is not valid, without where. */
function whyNot(query: string, schema: string = SCHEMA): string {
  return why(call("parse", [query, schema])).replace(/ in GraphQL string at location .*/, "");
}

function whyNoSchema(schema: string): string {
  assert.equal(call("schema_is_valid", [schema]), false);
  return why(call("parse", ["", schema])).replace(/^Error in gqlparser .* conversion: input:[-0-9]+:[-0-9]+: /, "");
}

const SCHEMA = `
  directive @once on FIELD | QUERY
  directive @many(n: Int!) repeatable on FIELD
  interface Node { id: ID! }
  type User implements Node { id: ID! name(short: Boolean = false): String role: Role friends(first: Int!): [User!]! }
  type Robot implements Node { id: ID! model: String name: Int }
  union Actor = User | Robot
  enum Role { ADMIN GUEST }
  scalar Date
  input Filter { role: Role = GUEST tags: [String!] after: Date nested: Filter limit: Int! }
  input Key @oneOf { id: ID name: String }
  type Query { me: User node(id: ID!): Node actor: Actor users(filter: Filter, ids: [ID!]): [User] pick(by: Key!): User }
  type Mutation { rename(name: String!): User }
  type Subscription { changed: User left: User }
`;

test("a query becomes the tree that gqlparser makes of it, without what is empty", () => {
  assert.deepEqual(call("parse_query", ['query Q($n: [Int!] = [1]) { me: user(a: {b: "c", d: $n}) @once { id } }']), {
    Operations: [
      {
        Operation: "query",
        Name: "Q",
        VariableDefinitions: [
          {
            Variable: "n",
            Type: { NamedType: "", Elem: { NamedType: "Int", NonNull: true }, NonNull: false },
            DefaultValue: {
              Kind: 8,
              Raw: "",
              Children: [{ Name: "", Value: { Kind: 1, Raw: "1", ExpectedTypeHasDefault: false } }],
              ExpectedTypeHasDefault: false,
            },
            Used: false,
          },
        ],
        SelectionSet: [
          {
            Alias: "me",
            Name: "user",
            Arguments: [
              {
                Name: "a",
                Value: {
                  Kind: 9,
                  Raw: "",
                  Children: [
                    { Name: "b", Value: { Kind: 3, Raw: "c", ExpectedTypeHasDefault: false } },
                    { Name: "d", Value: { Kind: 0, Raw: "n", ExpectedTypeHasDefault: false } },
                  ],
                  ExpectedTypeHasDefault: false,
                },
              },
            ],
            Directives: [{ Name: "once", Location: "" }],
            SelectionSet: [{ Alias: "id", Name: "id" }],
          },
        ],
      },
    ],
  });
  assert.deepEqual(call("parse_query", ["fragment F on T { ...G ... { a } ... on U @x { b } }"]), {
    Fragments: [
      {
        Name: "F",
        TypeCondition: "T",
        SelectionSet: [
          { Name: "G" },
          { TypeCondition: "", SelectionSet: [{ Alias: "a", Name: "a" }] },
          {
            TypeCondition: "U",
            Directives: [{ Name: "x", Location: "" }],
            SelectionSet: [{ Alias: "b", Name: "b" }],
          },
        ],
      },
    ],
  });
  assert.deepEqual(call("parse_query", [""]), {});
});

test("a schema becomes a tree with its descriptions and comments", () => {
  const tree = call("parse_schema", [
    `# why
     "People" # who
     type User { # first
       # second
       id: ID!
       # last
     }
     extend union A = | B | C
     extend schema { mutation: M }
     directive @d(a: Int = 1) repeatable on | FIELD | ENUM
     # end`,
  ]);
  const comments = (...texts: string[]) => ({ List: texts.map((Value) => ({ Value })) });
  assert.deepEqual(tree, {
    Definitions: [
      {
        Kind: "OBJECT",
        Description: "People",
        BeforeDescriptionComment: comments("# why"),
        AfterDescriptionComment: comments("# who"),
        Name: "User",
        Fields: [
          {
            Description: "",
            AfterDescriptionComment: comments("# first", "# second"),
            Name: "id",
            Type: { NamedType: "ID", NonNull: true },
          },
        ],
        EndOfDefinitionComment: comments("# last"),
        BuiltIn: false,
      },
    ],
    Extensions: [{ Kind: "UNION", Description: "", Name: "A", Types: ["B", "C"], BuiltIn: false }],
    SchemaExtension: [{ Description: "", OperationTypes: [{ Operation: "mutation", Type: "M" }] }],
    Directives: [
      {
        Description: "",
        Name: "d",
        Arguments: [
          {
            Description: "",
            Name: "a",
            Type: { NamedType: "Int", NonNull: false },
            DefaultValue: { Kind: 1, Raw: "1", ExpectedTypeHasDefault: false },
          },
        ],
        Locations: ["FIELD", "ENUM"],
        IsRepeatable: true,
      },
    ],
    Comment: comments("# end"),
  });
});

test("strings lose their quotes, escapes and common indentation", () => {
  const raw = (literal: string): unknown => {
    const tree = call("parse_query", [`{ a(b: ${literal}) }`]);
    return /"Kind":(\d),"Raw":("(?:[^"\\]|\\.)*")/
      .exec(JSON.stringify(tree))
      ?.slice(1)
      .map((part) => JSON.parse(part));
  };
  assert.deepEqual(raw('"\\u00e9\\n\\"\\/"'), [3, 'é\n"/']);
  assert.deepEqual(raw('"""\n    a\r\n      b\\"""\n\n"""'), [4, 'a\n  b"""']);
  assert.deepEqual(raw('"""a""""'), [4, 'a"']);
  assert.deepEqual(raw('""'), [3, ""]);
  assert.deepEqual(raw('"\\ud83d\\ude00 😀"'), [3, "\ufffd\ufffd 😀"]);
});

test("what is no GraphQL is refused where it begins", () => {
  for (const [text, message] of [
    ["{ a", "Expected Name, found <EOF> in GraphQL string at location 1:4"],
    ["{ a(b: 01) }", "Unexpected <Invalid> in GraphQL string at location 1:9"],
    ["# 😀\n{ 😀 }", "Expected Name, found <Invalid> in GraphQL string at location 2:3"],
    ['{ a(b: "😀" ?) }', "Expected Name, found <Invalid> in GraphQL string at location 1:12"],
    ["type A { a: Int }", 'Unexpected Name "type" in GraphQL string at location 1:1'],
    ["{ a(b: $c { ", "Expected Name, found { in GraphQL string at location 1:11"],
    ["query ($a: Int = $b) { c }", "Unexpected $ in GraphQL string at location 1:18"],
    ["{}", "expected at least one definition, found } in GraphQL string at location 1:2"],
    ['{ a(b: "x\n") }', "Unexpected <Invalid> in GraphQL string at location 1:10"],
    ['{ a(b: "\\x") }', "Unexpected <Invalid> in GraphQL string at location 1:10"],
  ] as const)
    assert.equal(why(call("parse_query", [text])), message, text);
  for (const [text, message] of [
    ["{ a }", "Unexpected { in GraphQL string at location 1:1"],
    ["schema { read: Q }", 'Unexpected Name "read" in GraphQL string at location 1:10'],
    ["extend interface A implements B", 'Unexpected Name "implements" in GraphQL string at location 1:20'],
    ["directive @a(b: Int = $c) on FIELD", "Unexpected $ in GraphQL string at location 1:23"],
    ['"a"\r\n"b"', 'Unexpected String "b" in GraphQL string at location 2:3'],
  ] as const)
    assert.equal(why(call("parse_schema", [text])), message, text);
});

test("a query is valid when the schema knows all that it asks for", () => {
  for (const query of [
    "",
    "{ me { id name(short: true) role } }",
    "query A { me { __typename id } } query B @once { me { id @many(n: 1) @many(n: 2) } }",
    "{ node(id: 5) { id ... on User { name } ...R } } fragment R on Robot { model }",
    "{ actor { ... on Node { id } ... on User { x: name } ... on Robot { x: model } } }",
    "query ($f: Filter! = {limit: 1}, $id: ID!) { users(filter: $f, ids: [$id]) { id } }",
    '{ users(filter: {limit: 1, role: ADMIN, tags: ["a"], after: {any: [1]}}, ids: "one") { id } }',
    "query ($k: ID!) { pick(by: {id: $k}) { id } }",
    'mutation { rename(name: "x") { id } }',
    "subscription { changed { id } }",
    '{ __schema { types { fields { args { name } } } } __type(name: "User") { name } }',
    '{ me { ... @include(if: true) { id } ... @defer(label: "x") { name } } }',
    "{ me @skip(if: false) { friends(first: 3) { friends(first: 1) { id } } } users(ids: []) { id } ...F } fragment F on Query { me { friends(first: 3) { id } } }",
  ])
    assert.equal(isValid(query), true, query);
});

test("a query that asks for something else is told what the schema does not know", () => {
  for (const [query, message] of [
    ["{ you { id } }", 'Cannot query field "you" on type "Query"'],
    ["{ me }", 'Field "me" of type "User" must have a selection of subfields. Did you mean "me { ... }"?'],
    ["{ me { id { __typename } } }", 'Field "id" must not have a selection since type "ID" has no subfields'],
    ["{ node { id } }", 'Field "node" argument "id" of type "ID!" is required, but it was not provided'],
    ["{ node(id: 1, x: 2) { id } }", 'Unknown argument "x" on field "Query.node"'],
    ["{ node(id: 1, id: 2) { id } }", 'There can be only one argument named "id"'],
    ["{ node(id: true) { id } }", "ID cannot represent a non-string and non-integer value: true"],
    ["{ node(id: null) { id } }", 'Expected value of type "ID!", found null'],
    ["{ me @none { id } }", 'Unknown directive "@none"'],
    ["{ me @deprecated { id } }", 'Directive "@deprecated" may not be used on FIELD'],
    ["{ me @once @once { id } }", 'The directive "@once" can only be used once at this location'],
    ["{ me @many { id } }", 'Directive "@many" argument "n" of type "Int!" is required, but it was not provided'],
    ["{ me { ...F } }", 'Unknown fragment "F"'],
    [
      "{ me { ... on Robot { id } } }",
      'Fragment cannot be spread here as objects of type "User" can never be of type "Robot"',
    ],
    ["{ me { ... on Role { id } } }", 'Cannot query field "id" on type "Role"'],
    ["{ me { ... on None { id } } }", 'Unknown type "None"'],
    ["{ me { id } } fragment F on User { id }", 'Fragment "F" is never used'],
    [
      "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }",
      'Cannot spread fragment "F" within itself via "G"',
    ],
    ["{ me { id } } query { me { id } }", "This anonymous operation must be the only defined operation"],
    ["query A { me { id } } query A { me { id } }", 'There can be only one operation named "A"'],
    ["query ($a: Int) { me { id } }", 'Variable "$a" is never used'],
    ["query Q { node(id: $a) { id } }", 'Variable "$a" is not defined by operation "Q"'],
    ["query ($a: User) { node(id: $a) { id } }", 'Variable "$a" of type "User" used in position expecting type "ID!"'],
    ["query ($a: None) { node(id: $a) { id } }", 'Unknown type "None"'],
    ["query ($a: ID) { node(id: $a) { id } }", 'Variable "$a" of type "ID" used in position expecting type "ID!"'],
    ["{ users(filter: {}) { id } }", 'Field "Filter.limit" of required type "Int!" was not provided'],
    ["{ users(filter: {limit: 1, x: 2}) { id } }", 'Field "x" is not defined by type "Filter"'],
    ["{ users(filter: {limit: 1, limit: 2}) { id } }", 'There can be only one input field named "limit"'],
    ["{ users(filter: {limit: 1, role: KING}) { id } }", 'Value "KING" does not exist in "Role" enum'],
    ["{ users(filter: {limit: 1.0}) { id } }", "Int cannot represent non-integer value: 1.0"],
    [
      "{ users(filter: {limit: 9223372036854775808}) { id } }",
      "Int cannot represent non 32-bit signed integer value: 9223372036854775808",
    ],
    ["{ pick(by: {}) { id } }", 'OneOf Input Object "Key" must specify exactly one key'],
    [
      "query ($k: ID) { pick(by: {id: $k}) { id } }",
      'Variable "$k" is of type "ID" but must be non-nullable to be used for OneOf Input Object "Key"',
    ],
    ["subscription { changed { id } left { id } }", "Anonymous Subscription must select only one top level field"],
    [
      "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
      "Maximum introspection depth exceeded",
    ],
  ] as const) {
    assert.equal(whyNot(query), message, query);
    assert.equal(isValid(query), false, query);
  }
  assert.equal(whyNot("mutation { a }", "type Query { a: Int }"), 'Schema does not support operation type "mutation"');
});

test("fields that share a name in the response must mean the same", () => {
  const conflict = (reason: string) =>
    new RegExp(
      `conflict because ${reason}\\. Use different aliases on the fields to fetch both if this was intentional$`,
    );
  assert.match(whyNot("{ me { a: id a: name } }"), conflict('"id" and "name" are different fields'));
  assert.match(whyNot("{ me { name name(short: true) } }"), conflict("they have differing arguments"));
  assert.match(
    whyNot("{ actor { ... on User { name } ... on Robot { name } } }"),
    conflict('they return conflicting types "String" and "Int"'),
  );
  assert.match(
    whyNot("{ me { a: id } ...F } fragment F on Query { me { a: name } }"),
    conflict('subfields "a" conflict because "id" and "name" are different fields'),
  );
  assert.match(
    whyNot("{ me { ...F ...G } } fragment F on User { a: id } fragment G on User { a: name }"),
    conflict('"id" and "name" are different fields'),
  );
  assert.equal(
    isValid("{ users(filter: {limit: 1, tags: []}) { id } users(filter: {tags: [], limit: 1}) { id } }"),
    true,
  );
});

test("a schema needs no root, and its extensions need no definition", () => {
  for (const schema of ["", "type A { a: Int }", "extend type A { a: Int }", "scalar S", "directive @d on FIELD"])
    assert.equal(call("schema_is_valid", [schema]), true, schema);
  assert.equal(isValid("{ a b }", "type Query { a: Int } extend type Query { b: Int }"), true);
  assert.equal(isValid("{ a }", "schema { query: Root } type Root { a: Int } type Query { b: Int }"), true);
  assert.equal(isValid("mutation { a }", "schema { query: A } type A { a: Int } type Mutation { a: Int }"), false);
  assert.equal(
    isValid(
      "{ a @skip(if: true, unless: 1) }",
      "directive @skip(if: Boolean!, unless: Int) on FIELD type Query { a: Int }",
    ),
    true,
  );
});

test("a schema that breaks a rule of type systems is not valid", () => {
  for (const [schema, message] of [
    ["type A { a: B }", "Undefined type B."],
    ["type A { a: Int } type A { b: Int }", "Cannot redeclare type A."],
    [
      "type A { a: Int } extend input A { b: Int }",
      "Cannot extend type A because the base type is a OBJECT, not INPUT_OBJECT.",
    ],
    ["type String { a: Int }", "Cannot redeclare type String."],
    ["type __A { a: Int }", 'Name "__A" must not begin with "__", which is reserved by GraphQL introspection.'],
    ["type A { a: Int a: Int }", "Field A.a can only be defined once."],
    ["enum A { B B }", "Enum value A.B can only be defined once."],
    ["enum A { true }", "ENUM A: non-enum value true."],
    ["scalar A union B = A", 'UNION type "A" must be OBJECT.'],
    ["type A { a: Int } union B = A | A", "Union type B can only include type A once."],
    ["type A { a(b: A): Int }", "cannot use A as argument b because OBJECT is not a valid input type"],
    ["input A { a: A! }", 'Cannot reference Input Object "A" within itself through a series of non-null fields: "a".'],
    [
      "input A { b: B! } input B { a: A! }",
      'Cannot reference Input Object "A" within itself through a series of non-null fields: "b.a".',
    ],
    ["interface A { a: Int } type B implements A { b: Int }", "For B to implement A it must have a field called a."],
    [
      "interface A { a: Int } type B implements A { a: String }",
      "For B to implement A the field a must have type Int.",
    ],
    [
      "interface A { a: Int } type B implements A { a(b: Int!): Int }",
      "For B to implement A any additional arguments on a must be optional or have a default value but b is required.",
    ],
    [
      "interface A { a(b: Int): Int } type B implements A { a: Int }",
      "For B to implement A the field a must have the same arguments but it is missing b.",
    ],
    [
      "interface A { a: Int } interface B implements A { a: Int } type C implements B { a: Int }",
      "Type C must implement A because it is implemented by B.",
    ],
    ["type A @none { a: Int }", "Undefined directive none."],
    ["type A @deprecated { a: Int }", "Directive deprecated is not applicable on OBJECT."],
    ["type A { a: Int @deprecated @deprecated }", "The directive deprecated can only be used once at this location."],
    ["scalar A @specifiedBy", "Argument url for directive specifiedBy cannot be null."],
    ["directive @a(b: Int @a) on ARGUMENT_DEFINITION", "Directive a cannot refer to itself."],
    ["directive @a on FIELD directive @a on FIELD", "Cannot redeclare directive a."],
    ["schema { query: A }", "Schema root query refers to a type A that does not exist."],
    [
      "type A { a: Int } schema { query: A } schema { query: A }",
      "Cannot have multiple schema entry points, consider schema extensions instead.",
    ],
  ] as const)
    assert.equal(whyNoSchema(schema), message, schema);
});

test("a tree stands for the text it was made of", () => {
  const query = call("parse_query", ["query ($n: Int!) { me { friends(first: $n) { id } } }"]) as Value;
  const schema = call("parse_schema", [SCHEMA]) as Value;
  assert.deepEqual(call("parse", [query, schema]), [query, schema]);
  assert.deepEqual(call("parse_and_verify", [query, schema]), [true, query, schema]);
  assert.equal(call("schema_is_valid", [schema]), true);
  assert.deepEqual(
    call("parse", [
      { Operations: RegoSet.of([{ SelectionSet: [{ Name: "me", SelectionSet: [{ Name: "id" }] }] }]) },
      SCHEMA,
    ]),
    [
      {
        Operations: [
          {
            Operation: "",
            Name: "",
            SelectionSet: [{ Alias: "", Name: "me", SelectionSet: [{ Alias: "", Name: "id" }] }],
          },
        ],
      },
      schema,
    ],
  );
});

test("what is given for a tree must have its shape", () => {
  for (const [query, message] of [
    [{ Operations: 5 }, "member Operations must be array but got number"],
    [{ Operations: [5] }, "member Operations must be object but got number"],
    [{ Operations: [{ Name: 5 }] }, "member Name must be string but got number"],
    [{ Operations: [{ Operation: "drop" }] }, "member Operation is none of , query, mutation, subscription"],
    [{ Operations: [{ VariableDefinitions: [{ Variable: "a" }] }] }, "member Type is missing"],
  ] as const) {
    assert.equal(why(call("parse", [query, SCHEMA])), `GraphQL parse error: input: ${message}`);
    assert.equal(isValid(query), false);
  }
  assert.equal(why(call("parse", [5, SCHEMA])), "operand 1 must be one of {string, object} but got number");
  assert.equal(why(call("parse", ["", null])), "operand 2 must be one of {string, object} but got null");
  assert.equal(why(call("parse_query", [{}])), "operand 1 must be string but got object");
  assert.equal(isValid(5), false);
  assert.equal(call("schema_is_valid", [[]]), false);
  assert.deepEqual(call("parse_and_verify", ["{ a", SCHEMA]), [false, {}, {}]);
});

test("a schema is read once for all that a query asks of it", () => {
  const context = setupContext();
  call("is_valid", ["{ me { id } }", SCHEMA], context);
  const { size } = context.memo;
  call("parse", ["{ me { name } }", SCHEMA], context);
  assert.equal(call("is_valid", ["{ you }", SCHEMA], context), false);
  assert.equal(context.memo.size, size);
});

test("nothing hostile costs more than its fuel or is followed too deep", () => {
  const fuel = 1_000_000;
  const many = 50_000;
  const chain = (name: string, last: string) =>
    Array.from({ length: many }, (_, i) => `fragment ${name}${i} on Query { ...${name}${i + 1} }`).join(" ") + last;
  const doubling = Array.from({ length: 40 }, (_, i) => `fragment F${i} on __Type { ...F${i + 1} ...F${i + 1} }`);
  for (const [query, limit] of [
    ["{ me".repeat(many), "nesting"],
    [`{ me(a: ${"[".repeat(many)}`, "nesting"],
    [`query ($a: ${"[".repeat(many)}`, "nesting"],
    [`{ me { ${"id ".repeat(many)} } }`, "fuel"],
    [`{ ...F0 } ${chain("F", "")}`, "nesting"],
    [`{ __type(name: "a") { ...F0 } } ${doubling.join(" ")} fragment F40 on __Type { name }`, "fuel"],
  ] as const)
    assert.throws(
      () => call("is_valid", [query, SCHEMA], setupContext(fuel)),
      (error: unknown) => error instanceof LimitExceeded && error.limit === limit,
      query.slice(0, 40),
    );
});

const WORDS =
  "query mutation fragment on type extend input enum union schema directive implements me id name users filter limit role friends first __typename __type Query User Filter F".split(
    " ",
  );
const PIECES = [
  ...WORDS,
  ..."{}()[]!$:=@|&",
  "...",
  "1",
  "-2.5e3",
  '"x"',
  '"""\n a"""',
  "true",
  "null",
  "#c\n",
  '"',
  "\\",
  "é",
  "😀",
];
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(" "));

test("no text makes it throw, and what parses is the same when it is given back", () => {
  fc.assert(
    fc.property(text, text, (query, schema) => {
      assert.equal(typeof isValid(query, schema), "boolean");
      const tree = call("parse_schema", [schema]);
      if (tree instanceof BuiltinFailure) return;
      assert.equal(call("schema_is_valid", [tree as Value]), call("schema_is_valid", [schema]));
    }),
    { numRuns: 2_000 },
  );
});

test("what parse_and_verify, is_valid and parse say of a query agrees", () => {
  fc.assert(
    fc.property(text, (inner) => {
      const query = `{ me { ${inner} } }`;
      const verified = call("parse_and_verify", [query, SCHEMA]) as readonly Value[];
      const parsed = call("parse", [query, SCHEMA]);
      assert.equal(verified[0], isValid(query));
      assert.equal(verified[0], !(parsed instanceof BuiltinFailure));
      if (!(parsed instanceof BuiltinFailure)) assert.deepEqual(verified.slice(1), parsed);
    }),
    { numRuns: 1_000 },
  );
});
