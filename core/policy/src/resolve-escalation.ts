import type { Instant } from "@vedette/base";
import { type Decision, tierDecision } from "./decision.ts";
import type { TierAnswer } from "./escalation.ts";

/** How often this node went on by itself in the hour that began at `since`. */
export interface UnansweredCount {
  readonly since: Instant;
  readonly count: number;
}

export const NONE_UNANSWERED: UnansweredCount = { since: 0 as Instant, count: 0 };

const HOUR = 3_600_000;

/**
 * The decision that stands after the tier was asked. Its answer counts whichever way it went; without one, the rule's
 * `onUnavailable` does: a deny, or `local` (what `decideLocally` said) as often in an hour as the cap allows.
 * A local deny stands in any case.
 */
export function resolveEscalation(
  asked: Decision,
  local: Decision,
  answer: TierAnswer,
  unanswered: UnansweredCount,
  now: Instant,
): { readonly decision: Decision; readonly unanswered: UnansweredCount } {
  const { escalation } = asked;
  if (escalation === undefined) return { decision: asked, unanswered };
  if (answer.type === "decided") {
    const reason = answer.effect === "allow" ? "allowed-by-tier" : "denied-by-tier";
    // The local policy is not outvoted: whatever another tier says, a deny of this node stays one.
    const isOverruled = answer.effect === "allow" && local.effect === "deny" && local.reason !== "no-rule";
    if (isOverruled) return { decision: local, unanswered };
    // What this node would have allowed by itself keeps what goes with it: its rule, obligations and spend limit.
    const ground = answer.effect === "allow" && local.effect === "allow" ? local : asked;
    return { decision: tierDecision(ground, answer.effect, reason, answer.by, answer.reason), unanswered };
  }
  const denied = tierDecision(asked, "deny", "escalation-unanswered", "edge", answer.failure);
  const { onUnavailable } = escalation;
  if (onUnavailable.effect === "deny") return { decision: denied, unanswered };
  if (local.effect === "deny") return { decision: local, unanswered };
  // INVARIANT: a clock that runs backwards does not begin a new hour, so it refills nothing.
  const isSameHour = now - unanswered.since < HOUR;
  const counted = isSameHour ? unanswered : { since: now, count: 0 };
  if (counted.count >= onUnavailable.capPerHour) return { decision: denied, unanswered: counted };
  return { decision: local, unanswered: { ...counted, count: counted.count + 1 } };
}
