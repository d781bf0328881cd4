import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RE2JS, RE2JSException } from "re2js";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { compilePattern } from "./pattern.ts";
import { estimatePatternSize } from "./pattern-size.ts";
import { REGEX_BUILTINS } from "./regex-builtins.ts";

const call = testCreateCaller(REGEX_BUILTINS);

test("a pattern matches anywhere unless it says where", () => {
  assert.equal(call("regex.match", "b", "abc"), "true");
  assert.equal(call("regex.match", "^b", "abc"), "false");
  assert.match(call("regex.match", "(", "abc"), /^error parsing regexp: missing closing \)/);
});

test("what is no pattern is not valid, and so is what is no string", () => {
  assert.equal(call("regex.is_valid", "a+"), "true");
  assert.equal(call("regex.is_valid", "(?=a)"), "false", "RE2 does not look around");
  assert.equal(call("regex.is_valid", 1), "false");
});

test("matches are leftmost first, and an empty one behind another is none", () => {
  assert.equal(call("regex.find_n", "a|ab", "ab", -1), '["a"]');
  assert.equal(call("regex.find_n", "a*", "baac", -1), '["","aa",""]');
  assert.equal(call("regex.find_n", "a", "aaa", 2), '["a","a"]');
  assert.equal(call("regex.find_n", ".", "😀", -1), '["😀"]');
});

test("a group without a part in the match gives the empty text", () => {
  assert.equal(call("regex.find_all_string_submatch_n", "(a)|(b)", "ab", -1), '[["a","a",""],["b","","b"]]');
});

test("a replacement names groups by number and by name, and the longest name counts", () => {
  assert.equal(call("regex.replace", "ab", "(?P<x>a)(b)", "$2$x-$$"), '"ba-$"');
  assert.equal(call("regex.replace", "ab", "(?P<x>a)(b)", `$\{x}x`), '"ax"');
  assert.equal(call("regex.replace", "ab", "(a)", "$1x"), '"b"', "there is no group 1x");
  assert.equal(call("regex.replace", "aaa", "^a", "b"), '"baa"');
  assert.equal(call("regex.replace", "ab", "", "-"), '"-a-b-"');
});

test("a text is split around matches, and an empty match at its start splits nothing off", () => {
  assert.equal(call("regex.split", ",", "a,b,"), '["a","b",""]');
  assert.equal(call("regex.split", "", "ab"), '["a","b"]');
  assert.equal(call("regex.split", "a", ""), '[""]');
});

test("a template's literal text means itself, and its patterns stand between the delimiters", () => {
  assert.equal(call("regex.template_match", "urn:{.*}.x", "urn:foo.x", "{", "}"), "true");
  assert.equal(call("regex.template_match", "urn:{.*}.x", "urn:foo!x", "{", "}"), "false");
  assert.equal(call("regex.template_match", "{a{2}}b", "aab", "{", "}"), "true");
  assert.equal(call("regex.template_match", "a}", "a", "{", "}"), 'unbalanced braces in "a}"');
  assert.match(call("regex.template_match", "a", "a", "{{", "}"), /^start delimiter has to be exactly one character/);
});

test("two globs intersect when one text that is not empty matches both", () => {
  assert.equal(call("regex.globs_match", "a.*c", "[a-b]bc"), "true");
  assert.equal(call("regex.globs_match", "a*", "b*"), "false", "only the empty text matches both");
  assert.equal(call("regex.globs_match", "a*b*", "a"), "true");
  assert.equal(
    call("regex.globs_match", "pqrs]", "b"),
    "input:pqrs], pos:5, set-close ']' with no preceding '[': the input provided is invalid",
  );
});

const PIECES = ["a", "|", "(", ")", "(?:", "(?P<n>", "(?i)", "[a-z]", "[^]x]", "*", "+?", "{2}", "{0,30}", "{7,}"];
const anyPattern = fc.array(fc.constantFrom(...PIECES, "\\pL", "\\Qa(b\\E", "\\x{41}", "[[:alpha:]]", "\\", "^", "$"));

test("no program is larger than its estimate", () => {
  fc.assert(
    fc.property(anyPattern, (pieces) => {
      const text = pieces.join("");
      try {
        assert.ok(RE2JS.compile(text).programSize() <= estimatePatternSize(text), text);
      } catch (error) {
        if (!(error instanceof RE2JSException)) throw error;
      }
    }),
  );
});

test("a repetition behind flags repeats what stands before them", () => {
  assert.ok(RE2JS.compile("a{7,}(?i){0,30}").programSize() <= estimatePatternSize("a{7,}(?i){0,30}"));
});

test("a pattern that would be too large to compile is refused before it is tried", () => {
  for (const text of [
    "(a{1000}(?i){30}b){30}",
    "(.{1000}){20}.{1000}".repeat(30),
    "\\pL".repeat(5000),
    "a".repeat(20_000),
  ])
    assert.throws(() => compilePattern(text), { limit: "regex-size" });
  assert.throws(() => compilePattern(`(?i)[${"0-\uffff".repeat(100)}]`), { limit: "regex-size" });
});

test("every match that reads the rest of the text again pays for it", () => {
  const context = testCreateContext();
  const bounded = testCreateCaller(REGEX_BUILTINS, context);
  assert.throws(() => bounded("regex.find_n", "a*b|a", "a".repeat(20_000), -1), { limit: "fuel" });
});
