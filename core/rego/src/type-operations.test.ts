import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TypeFacts } from "./compile/type-facts.ts";
import {
  compareTypes,
  type Known,
  keyType,
  memberType,
  objectType,
  typeOfValue,
  unionOf,
  unionOfAll,
  valueType,
} from "./type-operations.ts";
import { typeToText } from "./type-text.ts";
import { ANY, anyOf, arrayOf, BOOLEAN, NULL, NUMBER, objectOf, STRING, setOf, type Type, tupleOf } from "./types.ts";
import { parseJson } from "./values/json.ts";

const mayUnify = (a: Known, b: Known): boolean => new TypeFacts().mayUnify(a, b);

const type: fc.Arbitrary<Type> = fc.letrec<{ type: Type }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(NULL, BOOLEAN, NUMBER, STRING, ANY),
    tie("type").map(setOf),
    tie("type").map(arrayOf),
    fc.array(tie("type"), { maxLength: 3 }).map((types) => tupleOf(...types)),
    fc.tuple(tie("type"), tie("type")).map(([key, value]) => objectOf(key, value)),
    fc
      .uniqueArray(fc.tuple(fc.string({ maxLength: 2 }), tie("type")), { selector: ([key]) => key, maxLength: 3 })
      .map((entries) =>
        objectType(
          entries.map(([key, value]) => ({ key, value })),
          undefined,
        ),
      ),
    fc.array(tie("type"), { minLength: 2, maxLength: 3 }).map((types) => unionOfAll(types) ?? ANY),
  ),
})).type;

test("types are ordered, and equal types compare as equal", () => {
  fc.assert(
    fc.property(type, type, type, (a, b, c) => {
      assert.equal(compareTypes(a, structuredClone(a)), 0);
      assert.equal(Math.sign(compareTypes(a, b)), -Math.sign(compareTypes(b, a)) + 0);
      if (compareTypes(a, b) <= 0 && compareTypes(b, c) <= 0) assert.ok(compareTypes(a, c) <= 0);
    }),
  );
});

test("the union of two types is the same either way, and holds what both hold", () => {
  fc.assert(
    fc.property(type, type, (a, b) => {
      const union = unionOf(a, b);
      assert.equal(compareTypes(union, unionOf(b, a)), 0);
      assert.equal(compareTypes(union, unionOf(union, a)), 0);
      assert.ok(mayUnify(union, a) && mayUnify(union, b));
    }),
  );
});

test("whether two types have a value in common does not depend on which is asked first", () => {
  fc.assert(
    fc.property(type, type, (a, b) => {
      assert.equal(mayUnify(a, b), mayUnify(b, a));
      assert.ok(mayUnify(a, ANY));
    }),
  );
});

test("a value is of its own type, as are its members", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const parsed = parseJson(JSON.stringify(json));
      assert.ok(parsed.ok);
      assert.ok(mayUnify(typeOfValue(parsed.value), typeOfValue(parsed.value)));
    }),
  );
  const object = typeOfValue({ a: 1, b: ["x", true] });
  assert.equal(typeToText(object), "object<a: number, b: array<string, boolean>>");
  assert.equal(typeToText(memberType(object, "b")), "array<string, boolean>");
  assert.equal(memberType(object, "c"), undefined);
  assert.equal(memberType(memberType(object, "b"), 2), undefined);
});

test("enumerating gives keys and values of all that is known, and nothing of a scalar", () => {
  const object = typeOfValue({ a: 1, b: "x" });
  assert.equal(typeToText(keyType(object)), "string");
  assert.equal(typeToText(valueType(object)), "any<number, string>");
  assert.equal(keyType(STRING), undefined);
  assert.equal(typeToText(valueType(anyOf(setOf(STRING), NUMBER))), "string");
});

test("types that differ in a fixed part have nothing in common", () => {
  assert.ok(!mayUnify(tupleOf(STRING), tupleOf(STRING, STRING)));
  assert.ok(mayUnify(tupleOf(STRING), arrayOf(STRING)));
  assert.ok(!mayUnify(typeOfValue({ a: 1 }), typeOfValue({ a: "x" })));
  assert.ok(!mayUnify(typeOfValue({ a: 1 }), typeOfValue({ b: 1 })));
  assert.ok(mayUnify(typeOfValue({ a: 1 }), objectOf(STRING, NUMBER)));
});

test("what is not known of a type is shown as such", () => {
  assert.equal(typeToText(undefined), "???");
  assert.equal(typeToText({ type: "array", static: [undefined, STRING] }), "array<???, string>");
  assert.equal(typeToText({ type: "set", of: undefined }), "set");
  assert.equal(typeToText({ type: "function", args: [STRING], result: NUMBER }), "(string) => number");
  assert.equal(typeToText(typeOfValue({ a: { b: [1] } }), 1), "object<a: object<...>>");
});
