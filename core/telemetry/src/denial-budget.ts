import { addDuration, type Duration, type Instant, instant, seconds } from "@vedette/base";
import type { EventLeaf, SummaryLeaf } from "./leaf.ts";

export interface DenialLimits {
  /** Denials of one principal that become whole leaves in one window. */
  readonly wholeMax: number;
  readonly window: Duration;
  /** Principals followed one by one; all others share the principal `*`. */
  readonly principalsMax: number;
}

/** Ten whole denials a minute show what a principal was after; 4,096 principals are a large site, at about 200 B each. */
export const DENIAL_LIMITS: DenialLimits = { wholeMax: 10, window: seconds(60), principalsMax: 4_096 };

export interface DenialVerdict {
  /** `whole`: append a decision leaf. `counted`: its number is accounted for by a later summary. */
  readonly as: "whole" | "counted";
  /** A summary of the principal's window before, to be appended first. */
  readonly summary?: SummaryLeaf;
}

/** Reasons come from our own listeners; a few dozen at most, the rest is counted together. */
const REASONS_MAX = 32;

/**
 * PROTOCOLS 6.3: per principal and window the first denials are whole leaves, the others one summary. A window begins with
 * the principal's first denial and lasts until it is collected: by its next denial after the end, or by `collect`.
 * What happened before there was a principal is only counted. Deterministic: time comes with every call.
 */
export class DenialBudget {
  readonly #limits: DenialLimits;
  readonly #windowByPrincipal = new Map<string, DenialWindow>();
  #unauthenticated: UnauthenticatedWindow | undefined;

  constructor(limits: DenialLimits = DENIAL_LIMITS) {
    this.#limits = limits;
  }

  onDenial(principal: string, number: number, now: Instant): DenialVerdict {
    const followed = this.#followed(principal);
    const before = this.#windowByPrincipal.get(followed);
    const isOver = before !== undefined && this.#isOver(before.from, now);
    const window = before && !isOver ? before : newWindow(now);
    this.#windowByPrincipal.set(followed, window);
    const summary = before && isOver ? summaryOf(followed, before, this.#endOf(before.from, now)) : undefined;
    const as = this.#count(window, number);
    return summary ? { as, summary } : { as };
  }

  /** A failure before authentication: nobody to blame, so only the reason is counted. */
  onUnauthenticated(reason: string, now: Instant): void {
    this.#unauthenticated ??= { from: now, countByReason: new Map() };
    const counts = this.#unauthenticated.countByReason;
    const counted = counts.has(reason) || counts.size < REASONS_MAX - 1 ? reason : "other";
    counts.set(counted, (counts.get(counted) ?? 0) + 1);
  }

  /** Leaves for all windows that are over; call it about once a second. Places for other principals become free. */
  collect(now: Instant): readonly (SummaryLeaf | EventLeaf)[] {
    return this.#take(now, (from) => this.#isOver(from, now));
  }

  /** Leaves for everything counted so far, whether its window is over or not: the last call before a stop. */
  collectAll(now: Instant): readonly (SummaryLeaf | EventLeaf)[] {
    return this.#take(now, () => true);
  }

  #take(now: Instant, isDue: (from: Instant) => boolean): readonly (SummaryLeaf | EventLeaf)[] {
    const leaves: (SummaryLeaf | EventLeaf)[] = [];
    for (const [principal, window] of this.#windowByPrincipal) {
      if (!isDue(window.from)) continue;
      this.#windowByPrincipal.delete(principal);
      const summary = summaryOf(principal, window, this.#endOf(window.from, now));
      if (summary) leaves.push(summary);
    }
    const unauthenticated = this.#unauthenticated;
    if (unauthenticated && isDue(unauthenticated.from)) {
      leaves.push(unauthenticatedLeaf(unauthenticated, now));
      this.#unauthenticated = undefined;
    }
    return leaves;
  }

  #followed(principal: string): string {
    const isFollowed = this.#windowByPrincipal.has(principal);
    return isFollowed || this.#windowByPrincipal.size < this.#limits.principalsMax ? principal : EVERYBODY_ELSE;
  }

  #count(window: DenialWindow, number: number): DenialVerdict["as"] {
    if (window.whole < this.#limits.wholeMax) {
      window.whole++;
      return "whole";
    }
    window.counted++;
    window.firstNumber = Math.min(window.firstNumber, number);
    window.lastNumber = Math.max(window.lastNumber, number);
    return "counted";
  }

  /** A clock stepped back ends the window too: otherwise it would go on counting until the old time comes again. */
  #isOver(from: Instant, now: Instant): boolean {
    return now >= addDuration(from, this.#limits.window) || now < from;
  }

  #endOf(from: Instant, now: Instant): Instant {
    return instant(Math.max(from, Math.min(now, addDuration(from, this.#limits.window))));
  }
}

/** Not a SPIFFE ID, so no principal has this name. */
const EVERYBODY_ELSE = "*";

interface DenialWindow {
  readonly from: Instant;
  whole: number;
  counted: number;
  firstNumber: number;
  lastNumber: number;
}

interface UnauthenticatedWindow {
  readonly from: Instant;
  readonly countByReason: Map<string, number>;
}

function newWindow(from: Instant): DenialWindow {
  return { from, whole: 0, counted: 0, firstNumber: Number.MAX_SAFE_INTEGER, lastNumber: 0 };
}

function summaryOf(principal: string, window: DenialWindow, to: Instant): SummaryLeaf | undefined {
  const { from, counted: count, firstNumber, lastNumber } = window;
  return count === 0 ? undefined : { kind: "summary", principal, from, to, count, firstNumber, lastNumber };
}

function unauthenticatedLeaf({ from, countByReason }: UnauthenticatedWindow, now: Instant): EventLeaf {
  return {
    kind: "event",
    name: "unauthenticated",
    at: now,
    facts: { from, counts: Object.fromEntries(countByReason) },
  };
}
