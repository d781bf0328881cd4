export { CLAIM_RETENTION_MS, type Claim, type ClaimOutcome, type Claims, type ClaimUse } from "./claims.ts";
export { STORE_PAGES_MAX, type StoreOptions } from "./database.ts";
export type { EndorsementKey, EndorsementKeys } from "./endorsement-keys.ts";
export type { JournalConflict, NodeConflict, StoreConflict, StoreErrorCode } from "./errors.ts";
export type { Generations } from "./generations.ts";
export { ISSUANCE_RETENTION_MS, type Issuance, type Issuances } from "./issuances.ts";
export { type JournalKey, NODES_MAX, type NodeRecord, type NodeState, type Nodes } from "./nodes.ts";
export { PENDING_MAX, type PendingEnrolment, type PendingEnrolments, type SeenPendingEnrolment } from "./pending.ts";
export {
  type Acknowledgement,
  POLICIES_PER_SITE_MAX,
  POLICY_LENGTH_MAX,
  type Policies,
  type PublishedPolicy,
} from "./policies.ts";
export { type ControlStore, openStore } from "./store.ts";
export type { StoredTrustDocument, TrustDocuments } from "./trust-documents.ts";
