import assert from "node:assert/strict";
import { test } from "node:test";
import { pemBlocks } from "./pem-blocks.ts";

const ONE = "-----BEGIN A-----\nAAEC\n-----END A-----\n";

test("blocks are found among anything else, each with its label", () => {
  const blocks = pemBlocks(`junk\n${ONE}more\r\n-----BEGIN B C-----\r\nAA==\r\n-----END B C-----`);
  assert.deepEqual(
    blocks.map(({ label, bytes }) => [label, [...bytes]]),
    [
      ["A", [0, 1, 2]],
      ["B C", [0]],
    ],
  );
  assert.equal(blocks[1]?.rest, "");
});

test("headers are no part of what a block holds", () => {
  const [block] = pemBlocks("-----BEGIN A-----\nProc-Type: 4,X\nB: c\n\nAAEC\n-----END A-----");
  assert.deepEqual([...(block?.bytes ?? [])], [0, 1, 2]);
});

test("a block that does not end, ends as another, or holds no base64 is passed over", () => {
  for (const broken of [
    "-----BEGIN A-----\nAAEC\n",
    "-----BEGIN A-----\nAAEC\n-----END B-----\n",
    "-----BEGIN A-----\n*\n-----END A-----\n",
    "-----BEGIN A\nAAEC\n-----END A-----\n",
    " -----BEGIN A-----\nAAEC\n-----END A-----\n",
  ]) {
    assert.equal(pemBlocks(broken).length, 0, broken);
    assert.equal(pemBlocks(broken + ONE).length, 1, broken);
  }
});

test("a text of beginnings without ends takes no longer than its length", () => {
  assert.equal(pemBlocks("-----BEGIN A-----\n".repeat(100_000)).length, 0);
  assert.equal(pemBlocks("-----BEGIN A-----\n".repeat(100_000) + ONE).length, 1);
});
