import { addDuration, type Duration, type Instant, latest } from "@vedette/base";

/** Remembers for a while what may not come twice. When it is full it takes nothing more, because forgetting would let it come again. */
export class UsedOnce {
  readonly #countMax: number;
  readonly #memory: Duration;
  // INVARIANT: insertion order is the order in which entries end, because time here never goes back.
  readonly #until: Map<string, Instant> = new Map();
  #now: Instant | undefined;

  constructor(countMax: number, memory: Duration) {
    this.#countMax = countMax;
    this.#memory = memory;
  }

  /** Time as seen here: a clock that steps back would let come again what has been forgotten since. */
  advance(now: Instant): Instant {
    this.#now = this.#now === undefined ? now : latest(this.#now, now);
    for (const [id, until] of this.#until) {
      if (until > this.#now) break;
      this.#until.delete(id);
    }
    return this.#now;
  }

  use(id: string, at: Instant): "used" | "used before" | "full" {
    const now = this.advance(at);
    if (this.#until.has(id)) return "used before";
    if (this.#until.size >= this.#countMax) return "full";
    this.#until.set(id, addDuration(now, this.#memory));
    return "used";
  }
}
