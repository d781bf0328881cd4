export { type ActivationDeps, activatePolicy, type PolicyGeneration } from "./activation.ts";
export { type CheckedPolicy, checkPolicy, parsePolicy } from "./check.ts";
export { type CompiledPolicy, compilePolicy, type PolicyOrigin } from "./compile.ts";
export { decide, decideLocally } from "./decide.ts";
export type { Decision, DecisionRecord, Reason } from "./decision.ts";
export type { PolicyBundleError, PolicyError, PolicyFinding, RequestError } from "./errors.ts";
export type { Escalation, Tier, TierAnswer } from "./escalation.ts";
export { ANY_SITE, type PolicyManifest } from "./manifest.ts";
export { maskInput } from "./mask.ts";
export {
  BUNDLE_LENGTH_MAX,
  buildPolicyBundle,
  type Gzip,
  type OpenPolicyBundle,
  openPolicyBundle,
  type PolicyBundle,
  RULES_FILE,
  signPolicyBundle,
} from "./policy-bundle.ts";
export { type Answer, compileCode, type PolicyCode, type QueryDeps, type QueryRefused } from "./policy-code.ts";
export {
  type AccessRequest,
  type AttestationState,
  type DecisionContext,
  type Entity,
  parseAccessRequest,
  type SpendCounters,
} from "./request.ts";
export { NONE_UNANSWERED, resolveEscalation, type UnansweredCount } from "./resolve-escalation.ts";
export type { LimitExceeded, SpendReservation } from "./rule-search.ts";
export type { Obligation, PolicyDocument } from "./rules.ts";
