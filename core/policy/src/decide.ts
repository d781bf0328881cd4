import type { CompiledPolicy } from "./compile.ts";
import { type Decision, foundDecision, type Reason, refusal } from "./decision.ts";
import { type AccessRequest, type DecisionContext, isResourceId } from "./request.ts";

/**
 * Decides one request: deny overrides allow, no rule means deny, among allow rules the first of the document that holds
 * decides. Synchronous and total: it never throws and never waits; a bug inside denies with reason `engine-error`.
 * Pure but for the counters that it reads. The record is part of the answer; writing it is the caller's (PROTOCOLS 6.2).
 */
export function decide(policy: CompiledPolicy, request: AccessRequest, context: DecisionContext): Decision {
  try {
    const refused = reasonToRefuse(policy, request, context);
    if (refused) return refusal(policy, request, context, refused);
    policy.search.run(request, context);
    return foundDecision(policy, request, context);
  } catch {
    // Fail closed: whatever went wrong inside, nobody was allowed.
    return refusal(policy, request, context, "engine-error");
  }
}

/** What no rule can outweigh. */
function reasonToRefuse(policy: CompiledPolicy, request: AccessRequest, context: DecisionContext): Reason | undefined {
  if (!hasMandatoryMembers(request)) return "request-invalid";
  // PROTOCOLS 2.6: a negative appraisal is not silence.
  if (context.attestation.state === "contraindicated") return "contraindicated";
  return context.now <= policy.origin.notAfter ? undefined : "policy-expired";
}

function hasMandatoryMembers({ subject, action, resource }: AccessRequest): boolean {
  return (
    typeof subject.type === "string" &&
    typeof subject.id === "string" &&
    typeof action.name === "string" &&
    typeof resource.type === "string" &&
    isResourceId(resource.id)
  );
}
