import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildIdTable, IdFinder } from "./id-table.ts";
import { NO_TEXT } from "./text-table.ts";

const word = fc.array(fc.constantFrom("a", "b", "ab", "/", "é", "😀"), { maxLength: 8 }).map((parts) => parts.join(""));
const words = fc.uniqueArray(
  word.filter((text) => text !== ""),
  { maxLength: 20 },
);

/** Everything that is found for an id, prefixes longest first. */
function findAll(exact: readonly string[], prefixes: readonly string[], id: string): readonly [number, string[]] {
  const table = buildIdTable(exact, prefixes);
  const finder = new IdFinder(table);
  finder.find(id);
  const found: string[] = [];
  for (let at = finder.prefix; at !== NO_TEXT; at = table.shorter[at] ?? NO_TEXT) found.push(prefixes[at] ?? "");
  return [finder.exact, found];
}

test("it finds the prefixes that startsWith finds, longest first, and the id itself", () => {
  fc.assert(
    fc.property(words, words, word, (exact, prefixes, id) => {
      const expected = prefixes.filter((prefix) => id.startsWith(prefix)).sort((a, b) => b.length - a.length);
      assert.deepEqual(findAll(exact, prefixes, id), [exact.indexOf(id), expected]);
    }),
    { numRuns: 1_000 },
  );
});

test("the prefixes of an id that a rule names are found from that id", () => {
  fc.assert(
    fc.property(words, words, (exact, prefixes) => {
      for (const id of exact) {
        const expected = prefixes.filter((prefix) => id.startsWith(prefix)).sort((a, b) => b.length - a.length);
        assert.deepEqual(findAll(exact, prefixes, id), [exact.indexOf(id), expected]);
      }
    }),
    { numRuns: 300 },
  );
});

test("an id is not taken for a prefix of the same hash", () => {
  // A collision of FNV-1a at 32 bits.
  assert.deepEqual(findAll([], ["costarring"], "liquid"), [NO_TEXT, []]);
  assert.deepEqual(findAll(["costarring"], [], "liquid"), [NO_TEXT, []]);
  assert.deepEqual(findAll(["liquid"], ["costarring"], "costarring/more"), [NO_TEXT, ["costarring"]]);
});

test("among no ids nothing is found", () => {
  assert.deepEqual(findAll([], [], "anything"), [NO_TEXT, []]);
});
