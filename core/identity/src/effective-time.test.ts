import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, milliseconds } from "@vedette/base";
import fc from "fast-check";
import { effectiveTime } from "./index.ts";

test("a wall clock ahead of all witnesses is the time", () => {
  const witnesses = { journalLeaf: instant(5), cosignature: instant(7), sealedFloor: instant(9) };
  assert.deepEqual(effectiveTime({ wallClock: instant(10), ...witnesses }), { now: 10 });
  assert.deepEqual(effectiveTime({ wallClock: instant(10) }), { now: 10 });
});

test("each witness alone holds the time against a clock that stepped back, and the step is reported", () => {
  for (const witness of ["journalLeaf", "cosignature", "sealedFloor"] as const) {
    const time = effectiveTime({ wallClock: instant(4), [witness]: instant(10) });
    assert.deepEqual(time, { now: instant(10), steppedBack: milliseconds(6) }, witness);
  }
});

test("kept as the floor of the next, the effective time never runs backwards", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { minLength: 1 }), (clocks) => {
      let floor = instant(0);
      for (const clock of clocks) {
        const { now } = effectiveTime({ wallClock: instant(clock), sealedFloor: floor });
        assert.ok(now >= floor && now >= clock);
        floor = now;
      }
    }),
  );
});
