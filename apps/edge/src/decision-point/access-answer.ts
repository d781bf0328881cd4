import { isJsonObject, type Json, type JsonObject } from "@vedette/base";
import type { AccessAnswer, Decided, Refused, Unavailable } from "./answers.ts";

/** What a PEP reads, as JSON. Most answers say no more than which rule held. */
export function answerText(answer: AccessAnswer): string {
  if (answer.type !== "decided" || !isPlain(answer)) return JSON.stringify(answerJson(answer));
  const { isAllowed, reason, number, decision } = answer;
  const rule = decision.ruleId === undefined ? "" : `,"rule":${JSON.stringify(decision.ruleId)}`;
  return `{"decision":${isAllowed},"context":{"decision_id":"${number}","reason":${JSON.stringify(reason)}${rule}}}`;
}

function isPlain({ decision: { description, obligations, limitExceeded, answeredBy } }: Decided): boolean {
  return description === undefined && obligations.length === 0 && limitExceeded === undefined && answeredBy === "edge";
}

/** AuthZEN 1.0 §6.2: the decision, and in its context what a PEP needs to carry it out and to find it again. */
function decisionJson({ isAllowed, reason, decision, number }: Decided): JsonObject {
  const { ruleId, description, obligations, limitExceeded, answeredBy } = decision;
  return {
    decision: isAllowed,
    context: {
      decision_id: String(number),
      reason,
      ...(ruleId !== undefined && { rule: ruleId }),
      ...(description !== undefined && { description }),
      ...(obligations.length > 0 && { obligations }),
      ...(limitExceeded && { limit: { ...limitExceeded } }),
      ...(answeredBy !== "edge" && { answered_by: answeredBy }),
    },
  };
}

/** AuthZEN 1.0 §7.2: among others, an error is a denial that says so. */
function answerJson(answer: AccessAnswer): JsonObject {
  if (answer.type === "decided") return decisionJson(answer);
  const { code, message } = answer;
  return { decision: false, context: { error: { status: statusOf(answer), code, message } } };
}

export function statusOf(answer: Refused | Unavailable): 400 | 403 | 503 {
  if (answer.type === "unavailable") return 503;
  return answer.code === "CLAIM_REFUSED" ? 403 : 400;
}

/** A request of several, with the defaults of their envelope (AuthZEN 1.0 §7.1.1). Anything but an object stays what it is. */
export function withDefaults(defaults: JsonObject, item: Json): Json {
  if (!isJsonObject(item)) return item;
  const filled: Record<string, Json> = { ...item };
  for (const member of ["subject", "action", "resource", "context"]) {
    const value = defaults[member];
    if (value !== undefined && !Object.hasOwn(item, member)) filled[member] = value;
  }
  return filled;
}
