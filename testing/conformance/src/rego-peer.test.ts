import assert from "node:assert/strict";
import { test } from "node:test";
import { comparePeer, type PeerDifference } from "./rego-peer.ts";

test("expressions mean what they mean to an OPA that runs here, down to order and digits", async () => {
  const differences: PeerDifference[] = [];
  const { compared, defined } = await comparePeer(300, 1, (difference) => differences.push(difference));
  assert.deepEqual(differences, []);
  assert.equal(compared, 300);
  // Most have a value: two who refuse everything would agree as well.
  assert.ok(defined > 250, `${defined}`);
});
