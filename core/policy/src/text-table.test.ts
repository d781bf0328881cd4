import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildTextTable, NO_TEXT, TextFinder } from "./text-table.ts";

const word = fc.array(fc.constantFrom("a", "b", "ab", "/", "é", "😀"), { maxLength: 8 }).map((parts) => parts.join(""));
const words = fc.uniqueArray(
  word.filter((text) => text !== ""),
  { maxLength: 20 },
);

test("it finds the prefixes that startsWith finds, shortest first, and the text itself", () => {
  fc.assert(
    fc.property(words, words, word, (prefixes, others, text) => {
      const texts = Array.from(new Set([...prefixes, ...others]));
      const finder = new TextFinder(buildTextTable(texts, new Set(prefixes.keys())));
      finder.find(text);
      const found = Array.from(finder.prefixes.subarray(0, finder.prefixCount), (number) => texts[number] ?? "");
      const expected = prefixes.filter((prefix) => text.startsWith(prefix)).sort((a, b) => a.length - b.length);
      assert.deepEqual(
        found.filter((prefix) => prefixes.includes(prefix)),
        expected,
      );
      assert.ok(found.every((prefix) => text.startsWith(prefix)));
      assert.equal(finder.whole, texts.indexOf(text));
    }),
    { numRuns: 1_000 },
  );
});

test("texts of the same hash are told apart", () => {
  // A collision of FNV-1a at 32 bits.
  const [one, other] = ["costarring", "liquid"];
  const finder = new TextFinder(buildTextTable([one], new Set([0])));
  finder.find(other);
  assert.equal(finder.whole, NO_TEXT);
  finder.find(`${one}/more`);
  assert.deepEqual([finder.whole, finder.prefixCount, finder.prefixes[0]], [NO_TEXT, 1, 0]);
});

test("in an empty table nothing is found", () => {
  const finder = new TextFinder(buildTextTable([], new Set()));
  finder.find("anything");
  assert.deepEqual([finder.whole, finder.prefixCount], [NO_TEXT, 0]);
});
