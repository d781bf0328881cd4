import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesGlob, parseGlob } from "./glob.ts";

function matches(text: string, pattern: string): boolean {
  const glob = parseGlob(pattern);
  assert.ok(glob, pattern);
  return matchesGlob(text, glob);
}

/** Node's regular expressions as second opinion. */
function byRegExp(text: string, pattern: string): boolean {
  const source = pattern.replaceAll("**", "\0").replaceAll("*", "[^/]*").replaceAll("\0", "[^]*");
  return new RegExp(`^${source}$`).test(text);
}

test("one asterisk stays in its segment, two do not", () => {
  assert.ok(matches("pricing/item-1", "pricing/*"));
  assert.ok(!matches("pricing/item-1/eu", "pricing/*"));
  assert.ok(matches("pricing/item-1/eu", "pricing/**"));
  assert.ok(matches("pricing/", "pricing/*"));
  assert.ok(matches("a/x/c", "a/*/c") && !matches("a/x/y/c", "a/*/c"));
});

test("head and tail do not share characters", () => {
  assert.ok(!matches("aba", "ab*ba"));
  assert.ok(matches("abba", "ab*ba"));
});

test("patterns agree with the regular expressions that they stand for", () => {
  const letters = (...all: string[]) =>
    fc.array(fc.constantFrom(...all), { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(letters("a", "b", "/"), letters("a", "b", "/", "*", "**"), (text, pattern) => {
      if (parseGlob(pattern)) assert.equal(matches(text, pattern), byRegExp(text, pattern), `${text} ${pattern}`);
    }),
    { numRuns: 3_000 },
  );
});

test("a pattern has a wildcard, at most two asterisks in a row, and at most 256 characters", () => {
  assert.equal(parseGlob("plain"), undefined);
  assert.equal(parseGlob("a***b"), undefined);
  assert.ok(parseGlob(`*${"a".repeat(255)}`));
  assert.equal(parseGlob(`*${"a".repeat(256)}`), undefined);
});

test("the worst pattern on the longest text ends soon", { timeout: 10_000 }, () => {
  assert.ok(!matches(`${"a".repeat(2_047)}c`, `${"**a*a".repeat(51)}b`));
});
