import type { JsonObject } from "@vedette/base";
import type { AccessRequest } from "@vedette/policy";

/** An answer in the shape of AuthZEN 1.0 §6.2. */
export interface AccessDecision {
  readonly decision: boolean;
  /** `reason`, and where there are any `rule`, `obligations`, `decision_id` (the number in a node's journal). */
  readonly context: JsonObject;
}

/** Whoever decides: a PDP in this process, or a node at the other end of a socket. Throws when nobody can say. */
export interface Decider {
  decideAccess(request: AccessRequest): AccessDecision | Promise<AccessDecision>;
}

/** Nobody could say: not a denial, and never an allowance. */
export class DecisionUnavailable extends Error {
  override readonly name = "DecisionUnavailable";
  readonly code: "CLOSED" | "UNREACHABLE" | "TIMEOUT" | "REFUSED" | "TOO_MANY" | "PROTOCOL";
  constructor(code: DecisionUnavailable["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
