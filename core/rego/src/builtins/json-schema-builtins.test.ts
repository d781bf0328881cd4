import assert from "node:assert/strict";
import { test } from "node:test";
import { RegoSet, type Value } from "../values/value.ts";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { JSON_SCHEMA_BUILTINS } from "./json-schema-builtins.ts";

const call = testCreateCaller(JSON_SCHEMA_BUILTINS);

/** The errors as `field: description`, or the failure. */
function match(document: Value, schema: Value): readonly string[] | string {
  const answer = call("json.match_schema", document, schema);
  if (!answer.startsWith("[")) return answer;
  const [isValid, errors] = JSON.parse(answer);
  assert.equal(isValid, errors.length === 0);
  return errors.map(({ error }: { error: string }) => error);
}

test("a document meets a schema or is told everything it fails", () => {
  const schema = { type: "object", required: ["id"], properties: { id: { type: "integer" }, tags: { maxItems: 1 } } };
  assert.deepEqual(match({ id: 5 }, schema), []);
  assert.deepEqual(match({ id: "x", tags: [1, 2] }, schema), [
    "id: Invalid type. Expected: integer, given: string",
    "tags: Array must have at most 1 items",
  ]);
  assert.deepEqual(match([], schema), ["(Root): Invalid type. Expected: object, given: array"]);
  assert.deepEqual(match({ id: null }, { properties: { id: { type: "null" } }, required: ["id"] }), []);
});

test("an error says what it is of, in OPA's words", () => {
  assert.equal(
    call("json.match_schema", '"ab"', { maxLength: 1 }),
    '[false,[{"desc":"String length must be less than or equal to 1","error":"(Root): String length must be less than or equal to 1","field":"(Root)","type":"string_lte"}]]',
  );
});

test("of failed alternatives the errors of the closest are told", () => {
  const schema = { oneOf: [{ type: "string" }, { required: ["a", "b"], properties: { a: { type: "integer" } } }] };
  assert.deepEqual(match({ a: 1 }, schema), [
    "(Root): Must validate one and only one schema (oneOf)",
    "(Root): b is required",
  ]);
});

test("numbers are exact", () => {
  assert.deepEqual(match("0.3", { multipleOf: 0.1 }), []);
  assert.deepEqual(match("9007199254740993", '{"maximum": 9007199254740992}').length, 1);
  assert.deepEqual(match("1.0", { type: "integer" }), []);
});

test("a limit is exclusive as its draft has it", () => {
  const draft4 = "http://json-schema.org/draft-04/schema#";
  assert.deepEqual(match("3", { $schema: draft4, minimum: 3, exclusiveMinimum: true }), [
    "(Root): Must be greater than 3",
  ]);
  assert.deepEqual(match("3", { exclusiveMinimum: 3 }), ["(Root): Must be greater than 3"]);
  assert.equal(
    call("json.verify_schema", { $schema: draft4, exclusiveMinimum: 3 }),
    '[false,"jsonschema: Invalid type. Expected: boolean, given: exclusiveMinimum"]',
  );
});

test("references reach into the schema, by pointer and by name, and to the schema itself", () => {
  const tree = { properties: { value: { type: "integer" }, left: { $ref: "#" } } };
  assert.deepEqual(match({ left: { left: { value: "x" } } }, tree), [
    "left.left.value: Invalid type. Expected: integer, given: string",
  ]);
  const named = {
    $id: "http://a.b/root.json",
    definitions: { p: { $id: "item.json", type: "integer" } },
    $ref: "item.json",
  };
  assert.deepEqual(match("1", named), []);
  assert.deepEqual(match('"x"', named).length, 1);
});

test("a reference out of the schema is refused, never fetched", () => {
  assert.equal(
    match({}, { $ref: "https://example.com/other.json" }),
    "Reference https://example.com/other.json is not in the schema",
  );
});

test("a schema that is none is told from one that is", () => {
  assert.equal(call("json.verify_schema", '{"type": "boolean"}'), "[true,null]");
  assert.match(
    call("json.verify_schema", { type: "wrong" }),
    /has a primitive type that is NOT VALID -- given: \/wrong\//,
  );
  assert.equal(call("json.verify_schema", { pattern: "(" }), '[false,"jsonschema: pattern must be a valid regex"]');
  assert.equal(call("json.verify_schema", "{"), '[false,"jsonschema: invalid JSON string"]');
  assert.equal(call("json.verify_schema", 1), '[false,"jsonschema: wrong type, expected string or object"]');
  assert.equal(match(1, {}), "wrong type, expected string or object");
});

test("formats are checked of strings only, and unknown ones of none", () => {
  const valid = {
    date: "2024-02-29",
    hostname: "a.b-c",
    email: "a+b@c.d",
    ipv6: "::1",
    uuid: "123e4567-e89b-12d3-a456-426614174000",
    uri: "http://a:80/b?c#d",
    regex: "a+",
  };
  const invalid = {
    date: "2023-02-29",
    hostname: "-a",
    email: "a@",
    ipv6: "1.2.3.4",
    uuid: "x",
    uri: "/a",
    regex: "(",
  };
  for (const [format, text] of Object.entries(valid))
    assert.deepEqual(match(JSON.stringify(text), { format }), [], format);
  for (const [format, text] of Object.entries(invalid))
    assert.deepEqual(match(JSON.stringify(text), { format }), [`(Root): Does not match format '${format}'`]);
  assert.deepEqual(match("1", { format: "date" }), []);
  assert.deepEqual(match('"x"', { format: "own" }), []);
});

test("sets are arrays to a schema", () => {
  assert.deepEqual(match([RegoSet.of([1, 2])], { items: { type: "array", minItems: 2 } }), []);
});

test("a schema that refers to itself without end runs out of fuel", () => {
  const loop = { allOf: [{ $ref: "#" }, { $ref: "#" }] };
  assert.throws(
    () => match("1", loop),
    (error) => error instanceof RangeError || (error as { limit?: string }).limit === "fuel",
  );
});
