import { addDuration, assert, type Duration, err, type Instant, instant, latest, ok, type Result } from "@vedette/base";
import type { SpendError } from "./errors.ts";

/** A counter in its current window, as the sealed state record carries it. */
export interface SpendCounter {
  readonly counter: string;
  readonly key: string;
  readonly window: Duration;
  readonly opensAt: Instant;
  /** Confirmed and reserved together: what was reserved and never confirmed stays spent. */
  readonly spent: number;
}

/** What survives a restart. */
export interface SpendState {
  /** The latest time that the ledger has seen. */
  readonly timeFloor: Instant;
  readonly counters: readonly SpendCounter[];
}

export interface SpendRequest {
  readonly counter: string;
  /** Whose limit it is, such as an account. */
  readonly key: string;
  /** In the smallest unit, such as cents: sums of integers do not drift. */
  readonly amount: number;
  readonly limit: number;
  /** Windows follow each other from 1970-01-01T00:00Z on, so one of P1D is the UTC day. */
  readonly window: Duration;
}

/** Money that may leave: to be confirmed when it did, released when it surely did not. */
export interface SpendReservation {
  readonly id: number;
}

/** The whole state is sealed again for each reservation: 1,024 counters are about 100 KiB. */
export const SPEND_COUNTERS_MAX = 1_024;
/** Requests in flight at one node. */
export const SPEND_RESERVATIONS_MAX = 4_096;
/** Keys come from requests. */
export const SPEND_KEY_LENGTH_MAX = 128;

/**
 * Offline limits (PROTOCOLS 4.3): reserved before the effect, confirmed after. Nothing but the end of a window refills a
 * counter; neither a restart nor a clock that steps back does.
 */
export class SpendLedger {
  readonly #counters: Map<string, OpenCounter> = new Map();
  readonly #reservations: Map<number, Reserved> = new Map();
  #timeFloor: Instant;
  #nextId = 1;

  constructor(state: SpendState) {
    this.#timeFloor = state.timeFloor;
    for (const counter of state.counters) this.#counters.set(idOf(counter), { ...counter });
  }

  /** SPEND_LIMIT_EXCEEDED leaves the counter as it was. Seal `state()` durably before the effect. */
  reserve(request: SpendRequest, now: Instant): Result<SpendReservation, SpendError> {
    const { amount, limit, key } = request;
    if (!Number.isSafeInteger(amount) || amount < 0) return err({ code: "SPEND_AMOUNT_INVALID", amount });
    if (key.length > SPEND_KEY_LENGTH_MAX || !key.isWellFormed()) return err({ code: "SPEND_KEY_INVALID" });
    if (this.#reservations.size >= SPEND_RESERVATIONS_MAX)
      return err({ code: "SPEND_RESERVATIONS_FULL", countMax: SPEND_RESERVATIONS_MAX });
    this.#timeFloor = latest(this.#timeFloor, now);
    const counter = this.#openCounter(request);
    if (!counter) return err({ code: "SPEND_COUNTERS_FULL", countMax: SPEND_COUNTERS_MAX });
    const { spent } = counter;
    if (spent + amount > limit) return err({ code: "SPEND_LIMIT_EXCEEDED", spent, amount, limit });
    counter.spent += amount;
    const id = this.#nextId++;
    this.#reservations.set(id, { counter, amount });
    return ok({ id });
  }

  /** The effect happened. False for a reservation that is not open (any more). */
  confirm({ id }: SpendReservation): boolean {
    return this.#reservations.delete(id);
  }

  /** The effect surely did not happen. False for a reservation that is not open (any more). */
  release({ id }: SpendReservation): boolean {
    const reserved = this.#reservations.get(id);
    if (!reserved) return false;
    // A counter whose window has closed since is no longer in the ledger; then this changes nothing.
    reserved.counter.spent -= reserved.amount;
    return this.#reservations.delete(id);
  }

  /** Reserved and confirmed in the window that is open now. */
  spent(counter: string, key: string, window: Duration, now: Instant): number {
    const open = this.#counters.get(idOf({ counter, key, window }));
    return open && !isClosed(open, latest(this.#timeFloor, now)) ? open.spent : 0;
  }

  /** For the sealed state record. */
  state(): SpendState {
    return { timeFloor: this.#timeFloor, counters: [...this.#counters.values()].map((counter) => ({ ...counter })) };
  }

  /** Undefined when the ledger is full of open windows. */
  #openCounter({ counter, key, window }: SpendRequest): OpenCounter | undefined {
    assert(Number.isSafeInteger(window) && window > 0, "a spend window has a length");
    const id = idOf({ counter, key, window });
    const current = this.#counters.get(id);
    if (current && !isClosed(current, this.#timeFloor)) return current;
    if (!current && this.#counters.size >= SPEND_COUNTERS_MAX) this.#forgetClosed();
    if (!current && this.#counters.size >= SPEND_COUNTERS_MAX) return undefined;
    const opensAt = instant(Math.floor(this.#timeFloor / window) * window);
    const opened = { counter, key, window, opensAt, spent: 0 };
    this.#counters.set(id, opened);
    return opened;
  }

  /** Only closed windows go: an open one forgotten would be a limit refilled. */
  #forgetClosed(): void {
    for (const [id, counter] of this.#counters) if (isClosed(counter, this.#timeFloor)) this.#counters.delete(id);
  }
}

type OpenCounter = Omit<SpendCounter, "spent"> & { spent: number };

interface Reserved {
  readonly counter: OpenCounter;
  readonly amount: number;
}

function idOf({ counter, key, window }: Pick<SpendCounter, "counter" | "key" | "window">): string {
  return JSON.stringify([counter, key, window]);
}

function isClosed({ opensAt, window }: OpenCounter, now: Instant): boolean {
  return now >= addDuration(opensAt, window);
}
