import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSet, RegoSet, type Value } from "../values/value.ts";
import { type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { COLLECTION_BUILTINS } from "./collection-builtins.ts";
import { GRAPH_BUILTINS } from "./graph-builtins.ts";
import { TYPE_BUILTINS } from "./type-builtins.ts";

const call = testCreateCaller([...COLLECTION_BUILTINS, ...GRAPH_BUILTINS, ...TYPE_BUILTINS]);

test("a slice is cut to the array, and empty where it would end before it starts", () => {
  assert.equal(call("array.slice", [1, 2, 3], -1, 2), "[1,2]");
  assert.equal(call("array.slice", [1, 2, 3], 1, 9), "[2,3]");
  assert.equal(call("array.slice", [1, 2, 3], 2, 1), "[]");
});

test("flattening unpacks one level of arrays and no sets", () => {
  assert.equal(call("array.flatten", [1, [2, [3]], RegoSet.of([4])]), "[1,2,[3],[4]]");
});

test("union, intersection and their operators agree with what each element says", () => {
  const sets = fc.array(fc.array(fc.nat(5)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(sets, (lists) => {
      const of = RegoSet.of(lists.map((list) => RegoSet.of(list)));
      const all = [0, 1, 2, 3, 4, 5];
      assert.equal(call("union", of), JSON.stringify(all.filter((n) => lists.some((list) => list.includes(n)))));
      assert.equal(
        call("intersection", of),
        JSON.stringify(all.filter((n) => lists.every((list) => list.includes(n)))),
      );
    }),
  );
  assert.equal(call("intersection", new RegoSet()), "[]");
  assert.equal(call("union", RegoSet.of([1])), "operand 1 must be set but got number");
});

test("membership asks an object's values, and with a key that member", () => {
  assert.equal(call("internal.member_2", 1, { a: 1 }), "true");
  assert.equal(call("internal.member_2", "a", { a: 1 }), "false");
  assert.equal(call("internal.member_3", "a", 1, { a: 1 }), "true");
  assert.equal(call("internal.member_3", 0, "x", ["x"]), "true");
  assert.equal(call("internal.member_2", "a", "abc"), "false");
});

test("walk visits a value, then what is in it, with the path to each", () => {
  assert.equal(call("walk", { a: [1] }), '[[[],{"a":[1]}],[["a"],[1]],[["a",0],1]]');
  assert.equal(call("walk", RegoSet.of(["x"])), '[[[],["x"]],[["x"],"x"]]');
});

test("only vertices of the graph are reachable", () => {
  const graph = { a: ["b", "z"], b: RegoSet.of(["a"]), c: [] };
  assert.equal(call("graph.reachable", graph, ["a"]), '["a","b"]');
  assert.equal(call("graph.reachable", graph, ["z"]), "[]");
  assert.equal(call("graph.reachable", graph, "a"), "operand 2 must be {array, set} but got string");
});

test("a path ends before a vertex it has visited and before one the graph has not", () => {
  assert.equal(call("graph.reachable_paths", { a: ["b"], b: ["a"] }, ["a"]), '[["a","b"]]');
  assert.equal(call("graph.reachable_paths", { a: ["b"], b: ["z"] }, ["a"]), '[["a","b"]]');
  assert.equal(call("graph.reachable_paths", { a: ["a", "b"], b: [] }, ["a"]), '[["a"],["a","b"]]');
});

test("a graph with exponentially many paths runs out of fuel, not of memory", () => {
  const layers = Array.from({ length: 40 }, (_, i) => [`${i}a`, `${i}b`] as const);
  const graph = Object.fromEntries(layers.flatMap(([a, b], i) => [a, b].map((name) => [name, layers[i + 1] ?? []])));
  assert.throws(() => call("graph.reachable_paths", graph, ["0a"]), { limit: "fuel" });
});

test("a value has the kind that its type predicate says, and no other", () => {
  const predicates = ["array", "boolean", "null", "number", "object", "set", "string"];
  for (const value of [[], true, null, 1, {}, new RegoSet(), ""] as const) {
    const yes = predicates.filter((kind) => call(`is_${kind}`, value) === "true");
    assert.deepEqual(yes, [JSON.parse(call("type_name", value))]);
  }
});

test("casts change arrays and sets into each other and refuse the rest", () => {
  assert.equal(call("cast_array", RegoSet.of([2, 1])), "[1,2]");
  assert.equal(call("cast_array", 1), "operand 1 must be one of {array, set} but got number");
  const context: BuiltinContext = testCreateContext();
  const cast = TYPE_BUILTINS.find(({ name }) => name === "cast_set")?.run(context, [1, 1]) as Value | BuiltinFailure;
  assert.ok(!(cast instanceof BuiltinFailure) && isSet(cast) && cast.size === 1);
});
