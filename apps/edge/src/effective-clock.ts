import { type Clock, type Duration, durationBetween, type Instant, instant, latest, seconds } from "@vedette/base";
import { effectiveTime } from "@vedette/identity";

/** Below this a difference is two readings of one clock, not a step. */
const STEP_MIN: Duration = seconds(2);

/**
 * While the wall clock is behind, time runs on at this part of its speed: it must not stand still, or a step back would
 * prolong every SVID by its length; and it must be slower than the wall clock, or that would never catch up.
 */
const CATCHING_UP = 0.5;

/** PROTOCOLS 3.1: never before what was already witnessed, whatever the wall clock says. */
export class EffectiveClock implements Clock {
  readonly #wall: Clock;
  /** The last time that came from a witness, and what the monotonic clock showed then. */
  #reached: Instant = instant(0);
  #reachedAt: Duration;
  #journalLeaf: Instant = instant(0);
  #cosignature: Instant = instant(0);
  readonly #sealedFloor: Instant;
  #isBehind = false;
  #onStep: (steppedBack: Duration, now: Instant) => void = () => {};

  constructor(wall: Clock, sealedFloor: Instant) {
    this.#wall = wall;
    this.#reachedAt = wall.monotonic();
    this.#sealedFloor = sealedFloor;
  }

  now(): Instant {
    const wallClock = this.#wall.now();
    const witnesses = { journalLeaf: this.#journalLeaf, cosignature: this.#cosignature };
    const witnessed = effectiveTime({ wallClock, ...witnesses, sealedFloor: this.#sealedFloor }).now;
    const ranOn = this.#runOn();
    if (witnessed > ranOn) this.#reach(witnessed);
    const now = latest(witnessed, ranOn);
    const steppedBack = durationBetween(wallClock, now);
    const wasBehind = this.#isBehind;
    // INVARIANT: set before the listener runs, which asks for the time itself.
    this.#isBehind = steppedBack >= STEP_MIN;
    if (this.#isBehind && !wasBehind) this.#onStep(steppedBack, now);
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

  #runOn(): Instant {
    const elapsed = this.#wall.monotonic() - this.#reachedAt;
    return instant(Math.floor(this.#reached + elapsed * CATCHING_UP));
  }

  #reach(now: Instant): void {
    this.#reached = now;
    this.#reachedAt = this.#wall.monotonic();
  }
}
