import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurns } from "./in-turns.ts";

test("others have their turn between the parts of what takes long, and short work is done at once", async () => {
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  assert.equal(await inTurns(work(3, 0)), 3);
  assert.equal(turns, 0);
  assert.equal(await inTurns(work(20, 3)), 20);
  clearInterval(others);
  assert.ok(turns >= 10, `${turns} turns`);
});

test("what the work throws, its owner gets", async () => {
  const broken = (function* (): Generator<undefined, number> {
    yield;
    throw new TypeError("bug");
  })();
  await assert.rejects(inTurns(broken), TypeError);
});

function* work(parts: number, milliseconds: number): Generator<undefined, number> {
  for (let i = 0; i < parts; i++) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    yield;
  }
  return parts;
}
