import { type Clock, type Duration, type Instant, instant, latest, milliseconds, seconds } from "@vedette/base";
import { effectiveTime } from "@vedette/identity";

/** Below this a difference is two readings of one clock, not a step. */
const STEP_MIN: Duration = seconds(2);

/** PROTOCOLS 3.1: never before what was already witnessed, whatever the wall clock says. */
export class EffectiveClock implements Clock {
  readonly #wall: Clock;
  #journalLeaf: Instant = instant(0);
  #cosignature: Instant = instant(0);
  readonly #sealedFloor: Instant;
  #isBehind = false;
  #onStep: (steppedBack: Duration, now: Instant) => void = () => {};

  constructor(wall: Clock, sealedFloor: Instant) {
    this.#wall = wall;
    this.#sealedFloor = sealedFloor;
  }

  now(): Instant {
    const { now, steppedBack = 0 } = effectiveTime({
      wallClock: this.#wall.now(),
      journalLeaf: this.#journalLeaf,
      cosignature: this.#cosignature,
      sealedFloor: this.#sealedFloor,
    });
    const wasBehind = this.#isBehind;
    // INVARIANT: set before the listener runs, which asks for the time itself.
    this.#isBehind = steppedBack >= STEP_MIN;
    if (this.#isBehind && !wasBehind) this.#onStep(milliseconds(steppedBack), now);
    return now;
  }

  monotonic(): Duration {
    return this.#wall.monotonic();
  }

  /** Called once for each step backwards, so that it can be recorded. */
  onStepBack(listener: (steppedBack: Duration, now: Instant) => void): void {
    this.#onStep = listener;
  }

  witnessLeaf(at: Instant): void {
    this.#journalLeaf = latest(this.#journalLeaf, at);
  }

  witnessCosignature(at: Instant): void {
    this.#cosignature = latest(this.#cosignature, at);
  }
}
