import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeCrypto, systemClock } from "@vedette/runtime";
import { decisionsIn, parseLeaf, recordText } from "@vedette/telemetry";
import { DecisionLeaves } from "./decision-leaves.ts";

function setupLeaves() {
  const leaves: Uint8Array[] = [];
  const append = async (leaf: Uint8Array) => void leaves.push(leaf);
  const options = { append, onLost: assert.fail, clock: systemClock, crypto: createNodeCrypto() };
  return { leaves, decisions: new DecisionLeaves(options) };
}

test("records of megabytes do not wait as text for others of their turn, and are leaves in the order of their numbers", async () => {
  const { leaves, decisions } = setupLeaves();
  const large = recordText({ input: "x".repeat(1_000_000) });
  const small = recordText({ input: "x" });
  const written = [small, large, small, large, large].map((record, number) => decisions.add(number, record, false));
  assert.equal(leaves.length, 5, "none waits for the end of the turn");
  for (const each of written) assert.equal((await each).size, 0);
  const numbers = leaves.flatMap((bytes) => {
    const leaf = parseLeaf(bytes);
    return leaf.ok ? decisionsIn(leaf.value).map(({ number }) => number) : [];
  });
  assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
});
