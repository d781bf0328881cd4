import { addDuration, type Instant, instant, type Random } from "@vedette/base";
import { afterFailure, BACKOFF_POLICY, type Backoff, chanceOf, RESTED } from "@vedette/net";

/** When the node re-attests: in good time, again after a failure, and at once when the control plane refuses it. */
export class RenewalSchedule {
  readonly #random: Random;
  #due: Instant;
  #backoff: Backoff = RESTED;
  /** The due time is a retry's, not that of an identity in good standing. */
  #isRetrying = false;

  constructor(firstDue: Instant, random: Random) {
    this.#due = firstDue;
    this.#random = random;
  }

  get due(): Instant {
    return this.#due;
  }

  onRenewed(nextDue: Instant): void {
    this.#due = nextDue;
    this.#isRetrying = false;
  }

  onFailed(now: Instant): void {
    this.#due = addDuration(now, this.#nextWait());
    this.#isRetrying = true;
  }

  /** An answer to this node as one in good standing: the last renewal, if there was one, has helped. */
  onAccepted(): void {
    if (!this.#isRetrying) this.#backoff = RESTED;
  }

  /** The first refusal calls for a renewal now; one that persists although renewals succeed, for later and later ones. */
  onRefused(now: Instant): void {
    if (this.#isRetrying) return;
    const isFirst = this.#backoff.failures === 0;
    const retry = addDuration(now, this.#nextWait());
    this.#due = isFirst ? now : instant(Math.min(retry, this.#due));
    this.#isRetrying = true;
  }

  #nextWait() {
    const { state, wait } = afterFailure(this.#backoff, BACKOFF_POLICY, chanceOf(this.#random));
    this.#backoff = state;
    return wait;
  }
}
