export { isSiteCa } from "./authorities.ts";
export { type EffectiveTime, effectiveTime, type TimeWitnesses } from "./effective-time.ts";
export type {
  IdentityError,
  IssuanceError,
  PrincipalError,
  SealedFileError,
  SpendError,
  SpiffeIdError,
  StateError,
  TrustDocumentError,
} from "./errors.ts";
export { type Attested, type Freshness, type FreshnessLimits, judgeFreshness } from "./freshness.ts";
export {
  type CertificateAuthority,
  type Issuance,
  type Issued,
  type IssuedKind,
  LIFETIME,
  mintDeviceSvid,
  mintFleetRoot,
  mintGatewaySvid,
  mintIssuingCa,
  mintNodeSvid,
  mintServerCertificate,
  mintSiteCa,
  mintWorkloadSvid,
  NOT_BEFORE_SKEW,
} from "./issuance.ts";
export { journalOriginOf, type NodeName, nodeIdOf } from "./node-name.ts";
export {
  isPrincipalCurrent,
  type PresentedChain,
  type Principal,
  type PrincipalKind,
  principalOf,
  type TrustBundle,
  type TrustBundles,
} from "./principal.ts";
export { openFile, sealFile } from "./sealed-file.ts";
export {
  type SpendCounter,
  SpendLedger,
  type SpendRequest,
  type SpendReservation,
  type SpendState,
} from "./spend-ledger.ts";
export {
  parseSpiffeId,
  parseTrustDomain,
  pathOf,
  type SpiffeId,
  siteDomain,
  spiffeId,
  type TrustDomain,
  trustDomainOf,
} from "./spiffe-id.ts";
export { type OpenedState, openStateRecord, type StateRecord, sealStateRecord } from "./state-record.ts";
export {
  resumeStateWrite,
  type StateWrite,
  type StateWriteEffect,
  type StateWriteEvent,
  type StateWriteStep,
  stepStateWrite,
} from "./state-write.ts";
export {
  type NamedVerifierKey,
  openTrustDocument,
  type PolicyKey,
  signTrustDocument,
  type TrustDocument,
  type TrustOpening,
} from "./trust-document.ts";
