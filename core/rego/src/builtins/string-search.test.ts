import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { indexOf, placesOf } from "./string-search.ts";

/** Long texts of few letters, in which parts overlap themselves. */
const TEXT = fc.string({ unit: fc.constantFrom("a", "a", "a", "b"), maxLength: 400 });

test("a part is found where the engine's own search finds it, whatever its length", () => {
  fc.assert(
    fc.property(TEXT, TEXT, fc.nat(400), (text, part, from) => {
      const start = Math.min(from, text.length);
      assert.equal(indexOf(text, part, start), text.indexOf(part, start));
    }),
  );
});

test("overlapping places are every place, and others lie behind each other", () => {
  fc.assert(
    fc.property(TEXT, fc.nat(400), fc.integer({ min: 1, max: 100 }), (text, from, length) => {
      const part = text.slice(from, from + length) || "a";
      const every = Array.from(text, (_, i) => i).filter((i) => text.startsWith(part, i));
      assert.deepEqual([...placesOf(text, part, true)], every);
      const apart: number[] = [];
      for (const place of every) if (place >= (apart.at(-1) ?? -part.length) + part.length) apart.push(place);
      assert.deepEqual([...placesOf(text, part, false)], apart);
    }),
  );
});

test("a part made to be compared again at every place takes no longer than its length", () => {
  const text = "a".repeat(200_000);
  assert.equal(indexOf(text, `${"a".repeat(50_000)}b${"a".repeat(50_000)}`), -1);
});
