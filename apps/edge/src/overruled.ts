import type { Decision, DecisionRecord } from "@vedette/policy";

/** The policy said yes and enforcement could not: the record says what happened, not what was meant. */
export function overruled({ record, ruleId }: Pick<Decision, "record" | "ruleId">, reason: string): DecisionRecord {
  return { ...record, result: { allow: false, reason, ...(ruleId === undefined ? {} : { rule: ruleId }) } };
}

/** What stood in the way, as the reason of a denial. */
export function codeToReason(code: string): string {
  return code === "SPEND_LIMIT_EXCEEDED" ? "limit-exceeded" : code.toLowerCase().replaceAll("_", "-");
}
