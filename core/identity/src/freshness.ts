import { type Duration, durationBetween, type Instant, minutes } from "@vedette/base";

/** How far an attestation may still be relied on (PROTOCOLS 2.6). */
export type Freshness = "fresh" | "stale" | "expired" | "contraindicated";

export interface FreshnessLimits {
  /** From this age on, fewer verbs. */
  readonly stale: Duration;
  /** From this age on, only re-attestation and what policy marks safe. */
  readonly expired: Duration;
}

export interface Attested {
  readonly attestedAt: Instant;
  /** Of the appraisal itself (EAR status): a negative one is not silence and does not wait. */
  readonly verdict: "affirming" | "warning" | "contraindicated";
  /** The effective time (PROTOCOLS 3.1). */
  readonly now: Instant;
  readonly limits: FreshnessLimits;
  /** The last judgement of this same attestation; a clock that stepped back since does not improve on it. */
  readonly previous?: Freshness;
}

/** A verifier's clock may be this far ahead of ours; an attestation further in the future has no known age. */
const FUTURE_SKEW: Duration = minutes(1);
const ORDER: readonly Freshness[] = ["fresh", "stale", "expired", "contraindicated"];

/** Never fresher than `previous`, and never fresh when the age is unknown. */
export function judgeFreshness(attested: Attested): Freshness {
  const { verdict, previous = "fresh" } = attested;
  const current = verdict === "contraindicated" ? "contraindicated" : judgeAge(attested);
  return ORDER[Math.max(ORDER.indexOf(current), ORDER.indexOf(previous))]!;
}

function judgeAge({ attestedAt, now, limits }: Attested): Freshness {
  const age = durationBetween(attestedAt, now);
  if (age >= limits.expired) return "expired";
  return age >= limits.stale || age < -FUTURE_SKEW ? "stale" : "fresh";
}
