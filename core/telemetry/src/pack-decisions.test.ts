import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "@vedette/base";
import { createNodeCrypto } from "@vedette/runtime";
import { ENTRY_LENGTH_MAX } from "@vedette/tlog";
import fc from "fast-check";
import { DECISIONS_MAX, type NumberedRecord, toText } from "./decision-batch.ts";
import { decisionsIn, parseLeaf } from "./leaf.ts";
import { packDecisions } from "./pack-decisions.ts";

const crypto = createNodeCrypto();

function decisionOf(number: number, input: Json = { number }): NumberedRecord {
  return { number, record: { input, path: "vedette/rules" } };
}

function leavesOf(decisions: readonly NumberedRecord[]): readonly Uint8Array[] {
  return packDecisions(decisions.map(toText), crypto).map(({ leaf }) => {
    assert.ok(leaf.ok);
    return leaf.value;
  });
}

function readAll(leaves: readonly Uint8Array[]): readonly NumberedRecord[] {
  return leaves.flatMap((bytes) => {
    const leaf = parseLeaf(bytes);
    return leaf.ok ? decisionsIn(leaf.value) : [];
  });
}

test("a decision alone is a leaf of its own kind, several are one leaf, too many for one are as few as hold them", () => {
  const kinds = (count: number) =>
    leavesOf(Array.from({ length: count }, (_, number) => decisionOf(number))).map((bytes) => bytes[1]);
  assert.deepEqual([kinds(0), kinds(1), kinds(2)], [[], [1], [5]]);
  assert.deepEqual([kinds(DECISIONS_MAX), kinds(DECISIONS_MAX + 1)], [[5], [5, 1]]);
});

test("records of any size come back in their order, from leaves of which none is too large", () => {
  const length = fc.oneof(fc.nat(300), fc.nat(30_000));
  fc.assert(
    fc.property(fc.array(length, { maxLength: 40 }), (lengths) => {
      const decisions = lengths.map((each, number) => decisionOf(number, "x".repeat(each)));
      const leaves = leavesOf(decisions);
      assert.ok(leaves.every((bytes) => bytes.length <= ENTRY_LENGTH_MAX));
      assert.deepEqual(readAll(leaves), decisions);
    }),
    { numRuns: 30 },
  );
});

test("a record too large for any leaf loses its input, and one too large even so is refused alone", () => {
  const huge = "x".repeat(ENTRY_LENGTH_MAX);
  const decisions = [decisionOf(1), decisionOf(2, huge), { number: 3, record: { result: huge } }, decisionOf(4)];
  const packed = packDecisions(decisions.map(toText), crypto);
  assert.deepEqual(
    packed.flatMap(({ leaf, numbers }) => (leaf.ok ? [] : numbers)),
    [3],
  );
  const kept = readAll(packed.flatMap(({ leaf }) => (leaf.ok ? [leaf.value] : [])));
  assert.deepEqual(
    kept.map(({ number, record }) => [number, Object(record["input"]).truncated ?? false]),
    [
      [1, false],
      [2, true],
      [4, false],
    ],
  );
});
