import { type Duration, type Instant, parseDuration } from "@vedette/base";

/** Tiers that can answer, nearest first. */
export type Tier = "edge" | "region" | "cloud";

/** What a rule says when this node should not decide alone (PL5). */
export interface Escalation {
  readonly tier: Exclude<Tier, "edge">;
  /** How long the PEP waits for the answer. */
  readonly deadline: Duration;
  /**
   * What stands when no answer came: a deny, or what this node decided by itself. The latter only with a cap (PROTOCOLS
   * 5.2): how many times an hour this node may go on so.
   */
  readonly onUnavailable: { readonly effect: "deny" } | { readonly effect: "local"; readonly capPerHour: number };
}

/** What came of asking another tier. Time-out, out of reach and not understood are three different things. */
export type TierAnswer =
  | {
      readonly type: "decided";
      readonly by: Exclude<Tier, "edge">;
      readonly effect: "allow" | "deny";
      readonly reason: string;
      readonly at: Instant;
    }
  | { readonly type: "failed"; readonly failure: "timeout" | "unreachable" | "invalid" };

/** A person waits behind the request: no other tier may take longer. */
const DEADLINE_MAX = 10_000;
const CAP_MAX = 100_000;

export const ESCALATION_EXPECTED =
  '{"tier": "region" | "cloud", "deadline": up to "PT10S", "onUnavailable": "deny" or {"effect": "local", "capPerHour": n}}';

/** Reads what a rule says; undefined for anything else, so that a caller refuses or denies. */
export function parseEscalation(value: unknown): Escalation | undefined {
  if (!isRecord(value)) return undefined;
  const { tier, deadline, onUnavailable, ...others } = value;
  if (Object.keys(others).length > 0 || (tier !== "region" && tier !== "cloud")) return undefined;
  const wait = parseDuration(typeof deadline === "string" ? deadline : "");
  if (!wait.ok || wait.value <= 0 || wait.value > DEADLINE_MAX) return undefined;
  const fallback = parseFallback(onUnavailable);
  return fallback && { tier, deadline: wait.value, onUnavailable: fallback };
}

function parseFallback(value: unknown): Escalation["onUnavailable"] | undefined {
  if (value === "deny") return { effect: "deny" };
  if (!isRecord(value)) return undefined;
  const { effect, capPerHour, ...others } = value;
  const isCapped = typeof capPerHour === "number" && Number.isSafeInteger(capPerHour) && capPerHour > 0;
  if (effect !== "local" || !isCapped || capPerHour > CAP_MAX || Object.keys(others).length > 0) return undefined;
  return { effect, capPerHour };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
