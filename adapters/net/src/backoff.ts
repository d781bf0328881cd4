import { type Duration, milliseconds, type Random } from "@vedette/base";

export interface BackoffPolicy {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Failures in a row; zero after a success. */
export interface Backoff {
  readonly failures: number;
}

export const RESTED: Backoff = { failures: 0 };

/** From a quarter of a second, for a restarting peer, to a minute, for one that is gone. */
export const BACKOFF_POLICY: BackoffPolicy = { firstMs: 250, maxMs: 60_000 };

/**
 * The next state and how long to wait. The wait is drawn evenly from `firstMs` to a bound that doubles with each failure, so that a
 * thousand nodes that lost the same peer come back spread out. `chance` is in [0, 1).
 */
export function afterFailure(
  state: Backoff,
  policy: BackoffPolicy,
  chance: number,
): { readonly state: Backoff; readonly wait: Duration } {
  const failures = Math.min(state.failures + 1, FAILURES_MAX);
  const bound = Math.min(policy.maxMs, policy.firstMs * 2 ** failures);
  return { state: { failures }, wait: milliseconds(policy.firstMs + chance * (bound - policy.firstMs)) };
}
/** Beyond this the bound is `maxMs` for every sensible policy, and 2^n stays exact. */
const FAILURES_MAX = 32;

/** An even number in [0, 1) with 32 bits. */
export function chanceOf(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return (a * 0x1_00_00_00 + b * 0x1_00_00 + c * 0x1_00 + d) / 0x1_00_00_00_00;
}
