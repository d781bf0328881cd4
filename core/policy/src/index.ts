export { type ActivationDeps, activatePolicy, adoptPolicy, type PolicyGeneration } from "./activation.ts";
export { accessInput } from "./ask-code.ts";
export {
  LONG_POLLING_TYPE,
  type PullEffect,
  type PullEvent,
  type PullPolicy,
  type PullState,
  type PullStep,
  startPull,
  stepPull,
} from "./bundle-pull.ts";
export { type CheckedPolicy, checkPolicy, parsePolicy } from "./check.ts";
export { type CompiledPolicy, compilePolicy, type PolicyOrigin } from "./compile.ts";
export type { DataPath } from "./data-tree.ts";
export { decide, decideLocally } from "./decide.ts";
export type { Decision, DecisionRecord, Reason } from "./decision.ts";
export { applyDelta } from "./delta.ts";
export type {
  DeltaError,
  OpaBundleError,
  PolicyBundleError,
  PolicyError,
  PolicyFinding,
  RequestError,
} from "./errors.ts";
export type { Escalation, Tier, TierAnswer } from "./escalation.ts";
export { type ExplainedPart, explainRules, type RuleVerdict } from "./explain-rules.ts";
export { ANY_SITE, type PolicyManifest } from "./manifest.ts";
export { maskInput } from "./mask.ts";
export {
  type OpaBundle,
  type OpaDelta,
  type OpaSnapshot,
  type OpenOpaBundle,
  openOpaBundle,
} from "./opa-bundle.ts";
export { opaJson } from "./opa-json.ts";
export type { OpaManifest } from "./opa-manifest.ts";
export { type OpaKey, type OpaKeyError, type OpaKeyFile, type OpaVerification, parseOpaKey } from "./opa-signature.ts";
export {
  type BundleStatus,
  type BundleTrouble,
  bundleStatusToJson,
  type DecisionLogStatus,
  statusReport,
} from "./opa-status.ts";
export { joinBundles, type OpaUnion } from "./opa-union.ts";
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
export { compileBundle, type PolicyTransfer, packPolicy } from "./policy-transfer.ts";
export { DELTAS_MAX, encodePulledFile, type PulledFile, parsePulledFile } from "./pulled-file.ts";
export { type RecordText, RecordWriter } from "./record-writer.ts";
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
export { parseStockTar } from "./stock-tar.ts";
export { isTarPath, type TarFiles, writeTar } from "./tar.ts";
