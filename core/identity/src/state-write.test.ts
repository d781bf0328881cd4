import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { judgeEpoch, resumeStateWrite, type StateWrite, stepStateWrite } from "./state-write.ts";

/** A disk that holds one record, a counter that only counts up, and copies that somebody has put aside. */
interface World {
  disk: { epoch: bigint; change: number };
  counter: bigint;
  readonly copies: { epoch: bigint; change: number }[];
}

test("a change is written, then counted, then let out", () => {
  const change = stepStateWrite({ phase: "settled", epoch: 5n }, "change");
  assert.deepEqual(change, { write: { phase: "writing", epoch: 6n }, effect: { kind: "write-record", epoch: 6n } });
  const written = stepStateWrite(change.write, "written");
  assert.deepEqual(written, { write: { phase: "incrementing", epoch: 6n }, effect: { kind: "increment-counter" } });
  const incremented = stepStateWrite(written.write, "incremented");
  assert.deepEqual(incremented, { write: { phase: "settled", epoch: 6n }, effect: { kind: "release-effects" } });
});

test("no step can be left out, taken twice or taken too early", () => {
  assert.throws(() => stepStateWrite({ phase: "settled", epoch: 5n }, "written"));
  assert.throws(() => stepStateWrite({ phase: "settled", epoch: 5n }, "incremented"));
  assert.throws(() => stepStateWrite({ phase: "writing", epoch: 5n }, "incremented"));
  assert.throws(() => stepStateWrite({ phase: "writing", epoch: 5n }, "change"));
  assert.throws(() => stepStateWrite({ phase: "incrementing", epoch: 5n }, "change"));
});

const command = fc.oneof(
  { weight: 6, arbitrary: fc.constant("step" as const) },
  { weight: 2, arbitrary: fc.constant("crash" as const) },
  { weight: 1, arbitrary: fc.constant("put a copy aside" as const) },
  { weight: 1, arbitrary: fc.nat(5).map((which) => ({ restore: which })) },
);

test("after a crash between any two steps nothing let out is forgotten, and no old copy is believed", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 1_000n }), fc.array(command, { maxLength: 80 }), (start, commands) => {
      const world: World = { disk: { epoch: start, change: 0 }, counter: start, copies: [] };
      let write: StateWrite | undefined = { phase: "settled", epoch: start };
      let letOut = 0;
      for (const each of commands) {
        if (each === "put a copy aside") world.copies.push(world.disk);
        else if (typeof each === "object") {
          // Somebody restores a backup while the node is off.
          world.disk = world.copies[each.restore] ?? world.disk;
          write = undefined;
        } else if (each === "crash") write = undefined;
        else if (write) ({ write, letOut } = advance(world, write, letOut));
        if (write) continue;
        const judgement = judgeEpoch(world.disk.epoch, world.counter);
        // A restored copy is believed only when it is as new as what has been let out.
        assert.equal(
          judgement === "rollback",
          world.disk.change < letOut,
          "believed exactly when nothing is forgotten",
        );
        if (judgement === "rollback") return;
        write = resumeStateWrite(world.disk.epoch, judgement === "must-increment");
      }
    }),
    { numRuns: 500 },
  );
});

/** Carries out the effect of the phase that the write is in, as the application would. */
function advance(world: World, write: StateWrite, letOut: number): { write: StateWrite; letOut: number } {
  switch (write.phase) {
    case "settled":
      return { write: stepStateWrite(write, "change").write, letOut };
    case "writing":
      world.disk = { epoch: write.epoch, change: world.disk.change + 1 };
      return { write: stepStateWrite(write, "written").write, letOut };
    case "incrementing":
      world.counter += 1n;
      return { write: stepStateWrite(write, "incremented").write, letOut: world.disk.change };
  }
}
