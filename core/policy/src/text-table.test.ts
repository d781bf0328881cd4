import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildTextTable, NO_TEXT, TextFinder } from "./text-table.ts";

const word = fc.array(fc.constantFrom("a", "b", "ab", "/", "é", "😀"), { maxLength: 8 }).map((parts) => parts.join(""));

test("each text is found as its place in the list, whether they are few or many, and no other text is", () => {
  fc.assert(
    fc.property(fc.uniqueArray(word, { maxLength: 30 }), fc.array(word), (texts, others) => {
      const finder = new TextFinder(buildTextTable(texts));
      for (const text of [...texts, ...others]) assert.equal(finder.find(text), texts.indexOf(text));
    }),
    { numRuns: 1_000 },
  );
});

test("texts of the same hash are told apart", () => {
  // A collision of FNV-1a at 32 bits; the others make it a table that hashes.
  const [one, other] = ["costarring", "liquid"];
  const texts = [one, ...Array.from({ length: 20 }, (_, i) => `text ${i}`)];
  const finder = new TextFinder(buildTextTable(texts));
  assert.deepEqual([finder.find(one), finder.find(other)], [0, NO_TEXT]);
});

test("in an empty table nothing is found", () => {
  assert.equal(new TextFinder(buildTextTable([])).find(""), NO_TEXT);
});
