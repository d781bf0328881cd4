import { askAllow, askDeny, askEscalate } from "./ask-code.ts";
import type { CompiledPolicy } from "./compile.ts";
import { codeDecision, type Decision, foundDecision, type Reason, refusal } from "./decision.ts";
import { type AccessRequest, type DecisionContext, isResourceId } from "./request.ts";

/**
 * Decides one request: deny overrides escalation, escalation overrides allow, no rule means deny. Among JSON rules the
 * first of the document that holds decides; Rego denies beside them, and allows what they leave open
 * (docs/decisions/0012-rules-and-rego.md). Synchronous and total: it never throws and never waits; a bug inside denies
 * with reason `engine-error`. Pure but for the counters that it reads. The record is part of the answer; writing it is
 * the caller's (PROTOCOLS 6.2).
 */
export function decide(policy: CompiledPolicy, request: AccessRequest, context: DecisionContext): Decision {
  return decideAs(policy, request, context, true);
}

/** What this node decides when no other tier can be asked: the same, but no rule escalates. */
export function decideLocally(policy: CompiledPolicy, request: AccessRequest, context: DecisionContext): Decision {
  return decideAs(policy, request, context, false);
}

function decideAs(
  policy: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
  mayEscalate: boolean,
): Decision {
  try {
    const refused = reasonToRefuse(policy, request, context);
    if (refused) return refusal(policy, request, context, refused);
    policy.search.run(request, context);
    const { code } = policy;
    const found = foundDecision(policy, request, context, mayEscalate);
    return code ? askCode(policy, code, request, context, found, mayEscalate) : found;
  } catch {
    // Fail closed: whatever went wrong inside, nobody was allowed.
    return refusal(policy, request, context, "engine-error");
  }
}

function askCode(
  policy: CompiledPolicy,
  { modules, ports }: NonNullable<CompiledPolicy["code"]>,
  request: AccessRequest,
  context: DecisionContext,
  found: Decision,
  mayEscalate: boolean,
): Decision {
  if (found.reason === "denied-by-rule") return found;
  const denial = askDeny(modules, request, context, ports);
  if (denial !== undefined) return codeDecision(policy, request, context, denial);
  const escalation = mayEscalate ? askEscalate(modules, request, context, ports) : undefined;
  if (escalation !== undefined) return codeDecision(policy, request, context, escalation);
  // What a JSON rule nearly allowed is still refused: a limit that Rego could lift would be none.
  if (found.reason !== "no-rule") return found;
  const answer = askAllow(modules, request, context, ports);
  return answer === undefined ? found : codeDecision(policy, request, context, answer);
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
