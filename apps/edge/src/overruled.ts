import { canonicalJson } from "@vedette/base";
import type { Decision } from "@vedette/policy";

/** The policy said yes and enforcement could not: the record says what happened, not what was meant. */
export function overruled(decision: Decision, reason: string): Pick<Decision, "writeRecord"> {
  const { ruleId } = decision;
  const result = canonicalJson({ allow: false, reason, ...(ruleId === undefined ? {} : { rule: ruleId }) });
  return { writeRecord: (writer) => ({ ...decision.writeRecord(writer), result }) };
}

/** What stood in the way, as the reason of a denial. */
export function codeToReason(code: string): string {
  return code === "SPEND_LIMIT_EXCEEDED" ? "limit-exceeded" : code.toLowerCase().replaceAll("_", "-");
}
