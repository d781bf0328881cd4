import assert from "node:assert/strict";
import { test } from "node:test";
import { returnMemory } from "./memory.ts";

test("memory that nothing refers to is given back", () => {
  const before = process.memoryUsage().arrayBuffers;
  (() => new Uint8Array(64_000_000).fill(1))();
  returnMemory();
  assert.ok(process.memoryUsage().arrayBuffers - before < 32_000_000);
});

test("the collector is not left within reach of other code", () => {
  returnMemory();
  assert.equal("gc" in globalThis, false);
});
