import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RegoSet } from "../values/value.ts";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { STRING_BUILTINS } from "./string-builtins.ts";

const call = testCreateCaller(STRING_BUILTINS);
const anyText = fc.string({ unit: "grapheme" });

test("positions and lengths count characters, not UTF-16 units", () => {
  assert.equal(call("indexof", "😀日x", "x"), "2");
  assert.equal(call("indexof_n", "😀a😀a", "a"), "[1,3]");
  assert.equal(call("substring", "a😀b", 1, 1), '"😀"');
  assert.equal(call("strings.reverse", "a😀"), '"😀a"');
});

test("overlapping places are found by indexof_n and not counted by strings.count", () => {
  assert.equal(call("indexof_n", "banana", "ana"), "[1,3]");
  assert.equal(call("strings.count", "banana", "ana"), "1");
});

test("lower and upper map each character to one, whatever stands around it", () => {
  assert.equal(call("lower", "ΑΣ İ"), '"ασ i"', "no final sigma, no dot of its own");
  assert.equal(call("upper", "ßŉﬁ"), '"ßŉﬁ"');
  assert.equal(call("upper", "ᾳ"), '"ᾼ"');
});

test("an empty text searched for is an error, and splits between characters", () => {
  assert.equal(call("indexof", "a", ""), "empty search character");
  assert.equal(call("split", "a😀", ""), '["a","😀"]');
  assert.equal(call("strings.count", "a😀", ""), "3");
});

test("what was split is concatenated again", () => {
  fc.assert(
    fc.property(anyText, anyText, (text, delimiter) => {
      const parts = JSON.parse(call("split", text, delimiter));
      assert.equal(JSON.parse(call("concat", delimiter, parts)), text);
    }),
  );
});

test("concat takes an array in its order and a set in Rego's", () => {
  assert.equal(call("concat", ",", ["b", "a"]), '"b,a"');
  assert.equal(call("concat", ",", RegoSet.of(["b", "a"])), '"a,b"');
  assert.equal(call("concat", ",", ["a", 1]), "operand 2 must be array of strings but got array containing number");
  assert.equal(call("concat", ",", 1), "operand 2 must be one of {set, array} but got number");
});

test("of several replacements the first key in order fits first, and none touches another's result", () => {
  assert.equal(call("strings.replace_n", { a: "b", b: "c" }, "ab"), '"bc"');
  assert.equal(call("strings.replace_n", { a: "1", aa: "2" }, "aaa"), '"111"');
  assert.equal(call("strings.replace_n", { a: 1 }, "a"), "operand 1 non-string value found in pattern object");
});

test("an empty text is replaced around every character", () => {
  assert.equal(call("replace", "a😀", "", "-"), '"-a-😀-"');
});

test("any prefix of any text matches as each pair alone would", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "😀"), maxLength: 3 }), { maxLength: 5 });
  fc.assert(
    fc.property(texts, texts, (searched, parts) => {
      const prefix = searched.some((text) => parts.some((part) => text.startsWith(part)));
      const suffix = searched.some((text) => parts.some((part) => text.endsWith(part)));
      assert.equal(call("strings.any_prefix_match", searched, RegoSet.of(parts)), String(prefix));
      assert.equal(call("strings.any_suffix_match", RegoSet.of(searched), parts), String(suffix));
    }),
  );
});

test("trimming takes Unicode's white space, and characters of the cut set from both ends", () => {
  assert.equal(call("trim_space", "\u0085\u00a0a b\u2029"), '"a b"');
  assert.equal(call("trim_space", "\ufeffa"), '"\ufeffa"');
  assert.equal(call("trim", "😀aba😀", "😀a"), '"b"');
});

test("substring refuses a negative offset and takes a negative length for the rest", () => {
  assert.equal(call("substring", "abc", -1, 1), "negative offset");
  assert.equal(call("substring", "abc", 1, -1), '"bc"');
  assert.equal(call("substring", "abc", 1.5, 1), "operand 2 must be integer number but got floating-point number");
});

test("a negative count selects parts from the right", () => {
  assert.equal(call("strings.split_n", "a.b.c", ".", 2), '["a","b"]');
  assert.equal(call("strings.split_n", "a.b.c", ".", -2), '["b","c"]');
  assert.equal(call("strings.split_n", "a.b.c", ".", 0), "[]");
});

test("a replacement that grows beyond the query's fuel is stopped before it is made", () => {
  const context = testCreateContext();
  const bounded = testCreateCaller(STRING_BUILTINS, context);
  assert.throws(() => bounded("replace", "a".repeat(10_000), "a", "b".repeat(10_000)), { limit: "fuel" });
});
