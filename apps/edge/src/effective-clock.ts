import { type Clock, type Duration, type Instant, instant, latest, seconds } from "@vedette/base";
import { effectiveTime } from "@vedette/identity";

/** Below this a difference is two readings of one clock, not a step. */
const STEP_MIN: Duration = seconds(2);

/** PROTOCOLS 3.1: never before what was already witnessed, whatever the wall clock says. */
export class EffectiveClock {
  readonly #wall: Clock;
  #journalLeaf: Instant = instant(0);
  #cosignature: Instant = instant(0);
  #sealedFloor: Instant;
  #isBehind = false;
  #onStep: (steppedBack: Duration) => void = () => {};

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
    const isBehind = steppedBack >= STEP_MIN;
    if (isBehind && !this.#isBehind) this.#onStep(steppedBack as Duration);
    this.#isBehind = isBehind;
    return now;
  }

  /** For lengths of time; not touched by steps of the wall clock. */
  monotonic(): Duration {
    return this.#wall.monotonic();
  }

  /** Called once for each step backwards, so that it can be recorded. */
  onStepBack(listener: (steppedBack: Duration) => void): void {
    this.#onStep = listener;
  }

  witnessLeaf(at: Instant): void {
    this.#journalLeaf = latest(this.#journalLeaf, at);
  }

  witnessCosignature(at: Instant): void {
    this.#cosignature = latest(this.#cosignature, at);
  }

  witnessFloor(at: Instant): void {
    this.#sealedFloor = latest(this.#sealedFloor, at);
  }
}
