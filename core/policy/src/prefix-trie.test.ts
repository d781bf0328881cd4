import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildPrefixTrie, findPrefixes } from "./prefix-trie.ts";

const word = fc.array(fc.constantFrom("a", "b", "ab", "/", "é", "😀"), { maxLength: 8 }).map((parts) => parts.join(""));

test("it finds the prefixes that startsWith finds, shortest first", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        word.filter((text) => text !== ""),
        { maxLength: 20 },
      ),
      word,
      (prefixes, text) => {
        const trie = buildPrefixTrie(prefixes);
        const found = new Int32Array(trie.depthMax);
        const count = findPrefixes(trie, text, found);
        const expected = prefixes.filter((prefix) => text.startsWith(prefix)).sort((a, b) => a.length - b.length);
        assert.deepEqual(
          Array.from(found.subarray(0, count), (number) => prefixes[number]),
          expected,
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test("without prefixes nothing is found", () => {
  assert.equal(findPrefixes(buildPrefixTrie([]), "anything", new Int32Array(1)), 0);
});
