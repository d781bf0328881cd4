import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ObjectBuilder, RegoSet } from "../values/value.ts";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { OBJECT_BUILTINS } from "./object-builtins.ts";

const call = testCreateCaller(OBJECT_BUILTINS);
const anyObject = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 4,
}) as fc.Arbitrary<Record<string, never>>;

test("object.get takes an array for a path and gives the default where there is nothing", () => {
  const object = { a: { b: [null, 7] }, n: null };
  assert.equal(call("object.get", object, ["a", "b", 1], "none"), "7");
  assert.equal(call("object.get", object, ["a", "x"], "none"), '"none"');
  assert.equal(call("object.get", object, [], "none"), '{"a":{"b":[null,7]},"n":null}');
  assert.equal(call("object.get", object, "toString", "none"), '"none"');
});

test("a member that is null is there", () => {
  assert.equal(call("object.get", { n: null }, "n", "none"), "null");
  assert.equal(call("object.get", { a: [null] }, ["a", 0], "none"), "null");
  assert.equal(call("json.patch", {}, [{ op: "add", path: "/n", value: null }]), '{"n":null}');
});

test("removing and filtering by the same keys share an object out", () => {
  fc.assert(
    fc.property(anyObject, fc.subarray(["a", "b", "c"]), (object, keys) => {
      const kept = JSON.parse(call("object.filter", object, keys));
      const rest = JSON.parse(call("object.remove", object, RegoSet.of(keys)));
      assert.deepEqual(
        Object.keys(kept).filter((key) => key in rest && !Object.hasOwn(rest, key)),
        [],
      );
      assert.equal(Object.keys(kept).length + Object.keys(rest).length, Object.keys(object).length);
    }),
  );
});

test("of two values the right stands, but objects are merged", () => {
  assert.equal(call("object.union", { a: { x: 1, y: 2 } }, { a: { y: 3 }, b: 4 }), '{"a":{"x":1,"y":3},"b":4}');
  assert.equal(call("object.union_n", [{ a: { b: 2 } }, { a: 4 }, { a: { c: 3 } }]), '{"a":{"c":3}}');
  assert.equal(call("object.union_n", [1]), "operand 1 must be array of objects but got array containing number");
});

test("a subset has no more than the whole, at any depth of objects", () => {
  assert.equal(call("object.subset", { a: { b: 1, c: 2 } }, { a: { c: 2 } }), "true");
  assert.equal(call("object.subset", { a: { b: 1 } }, { a: { c: 2 } }), "false");
  assert.equal(call("object.subset", [1, 1, 2, 3], [1, 2]), "true", "an array's part is a run of it");
  assert.equal(call("object.subset", [1, 2, 3], [1, 3]), "false");
  assert.equal(call("object.subset", [2, 2], RegoSet.of([1, 2])), "false", "a repeated item is no other element");
  assert.equal(call("object.subset", {}, []), "both arguments object.subset must be of the same type or array and set");
});

test("paths filter and remove what lies on them, through arrays by the index as a string", () => {
  const object = { a: { b: [10, 20], c: 1 }, d: 2 };
  assert.equal(call("json.filter", object, ["a/b/1"]), '{"a":{"b":[20]}}');
  assert.equal(call("json.remove", object, [["a", "b", "0"], "d"]), '{"a":{"b":[20],"c":1}}');
  assert.equal(call("json.filter", object, ["a/b/1", "a"]), '{"a":{"b":[10,20],"c":1}}', "the shorter path wins");
  assert.equal(call("json.filter", { "~": { "/": 1 } }, ["~0/~1"]), '{"~":{"/":1}}');
});

test("keys that are no strings are found by the path that is an array", () => {
  const object = ObjectBuilder.from([[1, { x: 1 }]]);
  assert.equal(call("json.filter", object, [[1, "x"]]), '{"1":{"x":1}}');
  assert.equal(call("json.filter", object, ["1/x"]), "{}");
});

test("a patch is done whole or not at all", () => {
  const document = { a: [1, 2] };
  const patch = (...operations: object[]): string => call("json.patch", document, operations as never);
  assert.equal(patch({ op: "add", path: "/a/-", value: 3 }, { op: "remove", path: "/a/0" }), '{"a":[2,3]}');
  assert.equal(patch({ op: "move", from: "/a/0", path: "/b" }), '{"a":[2],"b":1}');
  assert.equal(patch({ op: "copy", from: ["a"], path: ["b"] }), '{"a":[1,2],"b":[1,2]}');
  assert.equal(patch({ op: "replace", path: "", value: 0 }), "0");
  assert.equal(patch({ op: "add", path: "/b", value: 1 }, { op: "remove", path: "/c" }), "the path does not exist");
  assert.equal(patch({ op: "test", path: "/a/0", value: 2 }), "the value at the path is not the patch's value");
});

test("a patch that is none says why", () => {
  assert.equal(call("json.patch", {}, [1]).slice(0, 40), "must be an array of JSON-Patch objects, ");
  assert.equal(call("json.patch", {}, [{ path: "/a" }]), "missing required attribute 'op'");
  assert.equal(call("json.patch", {}, [{ op: "toString", path: "/a" }]), "unrecognized op: 'toString'");
  assert.equal(call("json.patch", [1], [{ op: "add", path: "/01", value: 2 }]), "no index for array insertion");
  assert.equal(call("json.patch", {}, [{ op: "remove", path: "" }]), "cannot delete the document");
});

test("items are counted anew after each operation", () => {
  const operations = [
    { op: "remove", path: "/0" },
    { op: "test", path: "/0", value: 2 },
  ];
  assert.equal(call("json.patch", [1, 2], operations), "[2]");
});

test("a set's element is its own key, and may be changed inside", () => {
  const set = RegoSet.of([[0], "a"]);
  assert.equal(call("json.patch", set, [{ op: "add", path: [[0], 1], value: 1 }]), '["a",[0,1]]');
  assert.equal(
    call("json.patch", set, [{ op: "add", path: ["b"], value: "c" }]),
    "the set key does not equal the value to be inserted",
  );
});
