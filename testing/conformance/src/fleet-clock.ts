import { addDuration, type Clock, type Duration, type Instant } from "@vedette/base";
import { systemClock } from "@vedette/runtime";

/** A wall clock that runs as the machine's does, and that a test may set; lengths of time are the machine's own. */
export class SteppedClock implements Clock {
  #offset = 0;

  now(): Instant {
    return addDuration(systemClock.now(), this.#offset as Duration);
  }

  monotonic(): Duration {
    return systemClock.monotonic();
  }

  /** Negative steps back. */
  step(by: number): void {
    this.#offset += by;
  }

  /** As the machine's clock again. */
  reset(): void {
    this.#offset = 0;
  }
}
