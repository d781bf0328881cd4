import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, type Duration, hours, type Instant, instant, milliseconds, minutes, seconds } from "@vedette/base";
import { EffectiveClock } from "./effective-clock.ts";

const NOON = instant(1_700_000_000_000);

/** A machine whose wall clock may be set and whose monotonic clock only runs. */
class Machine implements Clock {
  wall: number = NOON;
  up = 0;

  now(): Instant {
    return instant(this.wall);
  }

  monotonic(): Duration {
    return milliseconds(this.up);
  }

  run(duration: Duration): void {
    this.wall += duration;
    this.up += duration;
  }
}

function setupClock(sealedFloor: Instant = instant(0)) {
  const machine = new Machine();
  const clock = new EffectiveClock(machine, sealedFloor);
  const steps: number[] = [];
  clock.onStepBack((steppedBack) => {
    // As the journal does, which stamps the leaf about the step.
    clock.now();
    steps.push(steppedBack);
  });
  return { machine, clock, steps };
}

test("while nothing is ahead of it the wall clock is the time", () => {
  const { machine, clock, steps } = setupClock();
  assert.equal(clock.now(), NOON);
  machine.run(hours(5));
  assert.equal(clock.now(), NOON + hours(5));
  assert.deepEqual(steps, []);
});

test("time is never before the sealed floor, a leaf, a cosignature, or what it was", () => {
  const { clock } = setupClock(instant(NOON + 1_000));
  assert.equal(clock.now(), NOON + 1_000);
  clock.witnessLeaf(instant(NOON + 2_000));
  assert.equal(clock.now(), NOON + 2_000);
  clock.witnessCosignature(instant(NOON + 3_000));
  clock.witnessLeaf(instant(NOON));
  assert.equal(clock.now(), NOON + 3_000);
});

test("a step back is told once, however often the time is asked meanwhile", () => {
  const { machine, clock, steps } = setupClock();
  clock.now();
  machine.wall -= hours(1);
  for (let i = 0; i < 3; i++) assert.equal(clock.now(), NOON);
  assert.deepEqual(steps, [hours(1)]);
  machine.run(hours(2));
  clock.now();
  machine.wall -= minutes(1);
  clock.now();
  assert.deepEqual(steps, [hours(1), minutes(1)]);
});

test("two readings of one clock are no step", () => {
  const { machine, clock, steps } = setupClock();
  clock.now();
  machine.wall -= seconds(1);
  assert.equal(clock.now(), NOON);
  assert.deepEqual(steps, []);
});

test("time does not stand still behind a step back: nothing lives more than twice as long by it", () => {
  const { machine, clock } = setupClock();
  clock.now();
  machine.wall -= hours(1);
  // Asked and written down often, so that no fraction may get lost.
  for (let i = 0; i < 60_000; i++) {
    machine.run(milliseconds(1));
    clock.witnessLeaf(clock.now());
  }
  assert.equal(clock.now(), NOON + seconds(30));
});

test("the wall clock catches up with a time it was set back from", () => {
  const { machine, clock } = setupClock();
  clock.now();
  machine.wall -= hours(1);
  machine.run(hours(3));
  assert.equal(clock.now(), machine.wall);
});
