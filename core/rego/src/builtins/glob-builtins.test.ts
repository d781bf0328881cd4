import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { GLOB_BUILTINS } from "./glob-builtins.ts";

const call = testCreateCaller(GLOB_BUILTINS);

test("one star stops at a delimiter, two do not", () => {
  assert.equal(call("glob.match", "*.com", [], "a.com"), "true");
  assert.equal(call("glob.match", "*.com", [], "a.b.com"), "false");
  assert.equal(call("glob.match", "**.com", [], "a.b.com"), "true");
  assert.equal(call("glob.match", "*.com", null, "a.b.com"), "true", "without delimiters nothing stops it");
  assert.equal(call("glob.match", "a/*", ["/"], "a/b.c"), "true");
});

test("a question mark, a list and a range are one character", () => {
  assert.equal(call("glob.match", "?", [], "日"), "true");
  assert.equal(call("glob.match", "?", [], "."), "false");
  assert.equal(call("glob.match", "[a-c][!a-c][-x]", [], "bd-"), "true");
  assert.equal(call("glob.match", "[!a]", [], "."), "true", "a list may be a delimiter");
});

test("either alternative may match, and they may be nested", () => {
  assert.equal(call("glob.match", "{a,b{c,d}}e", [], "bde"), "true");
  assert.equal(call("glob.match", "{a,ab}c", [], "abc"), "true");
  assert.equal(call("glob.match", "a,b", [], "a,b"), "true", "outside of braces a comma is a comma");
});

test("what is no glob says where it goes wrong, in bytes", () => {
  assert.equal(call("glob.match", "日{a", [], ""), "glob: syntax error at 5: unclosed `{`");
  assert.equal(call("glob.match", "[]", [], ""), "glob: syntax error at 2: could not parse range");
  assert.equal(call("glob.match", "[z-a]", [], ""), "glob: syntax error at 5: range hi character is less than lo");
  assert.equal(call("glob.match", "a\\", [], ""), "glob: syntax error at 2: trailing backslash");
});

test("a delimiter is one character", () => {
  assert.equal(
    call("glob.match", "a", ["ab"], "a"),
    "operand 2 must be array of runes but got array containing string",
  );
  assert.equal(call("glob.match", "a", "a", "a"), "operand 2 must be one of {array, null} but got string");
});

test("a quoted text matches itself and nothing else", () => {
  const anyText = fc.string({ unit: fc.constantFrom("a", "*", "?", "[", "]", "{", "}", "\\", ".", "!", "日") });
  fc.assert(
    fc.property(anyText, anyText, (text, other) => {
      const quoted = JSON.parse(call("glob.quote_meta", text));
      assert.equal(call("glob.match", quoted, [], text), "true");
      assert.equal(call("glob.match", quoted, [], other), String(text === other));
    }),
  );
});
