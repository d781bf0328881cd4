export type { Admission, EnrolmentPolicy, EnrolmentRequest, NodeKeys } from "./admission.ts";
export { type AttestationKey, parseAttestationKey } from "./attestation-key.ts";
export type { AttestationResult, Verdict } from "./attestation-result.ts";
export { BINDING_PART_LENGTH, type Binding, bindingDigest } from "./binding.ts";
export {
  type ChallengeOutcome,
  type DeskOptions,
  type EnrolmentDesk,
  type Evidence,
  openDesk,
  type ReferenceFor,
} from "./desk.ts";
export {
  EAR_PROFILE,
  EAR_TYPE,
  type Ear,
  type EarAppraisal,
  type EarStatus,
  earToClaims,
  openEar,
  parseEar,
  resultToEar,
  signEar,
  type TrustworthinessClaim,
  type TrustworthinessVector,
} from "./ear.ts";
export { type EkCertificateEvidence, type EndorsementKey, verifyEkCertificate } from "./ek-certificate.ts";
export {
  type AttestationError,
  type AttestationErrorKind,
  type AttestationKeyError,
  type EarError,
  type EkCertificateError,
  kindOfAttestationError,
  type QuoteError,
  type ReferenceValuesError,
  type SessionError,
  type TpmStructure,
  type TpmStructureError,
} from "./errors.ts";
export { makeCredential, type ProtectedCredential } from "./make-credential.ts";
export { challengeToMessage, parseEnrolmentRequest, parseEvidence, refusalStatusOf } from "./messages.ts";
export { marshalPcrSelection, PCR_COUNT, type PcrSelection, type PcrValues } from "./pcr.ts";
export { type QuoteEvidence, type QuoteExpectation, type VerifiedQuote, verifyQuote } from "./quote.ts";
export { type AppraisalReason, parseReferenceValues, type ReferenceValues } from "./reference-values.ts";
export { type Arrival, SESSION_LIFE, USED_SESSIONS_MAX } from "./session.ts";
export { type EccCurve, tpmAlgorithm } from "./tpm-algorithms.ts";
export { parseTpmQuote, type TpmClock, type TpmQuote } from "./tpm-attest.ts";
export {
  type EccPublic,
  nameOfTpmPublic,
  objectAttribute,
  parseTpmPublic,
  type RsaPublic,
  type SigningScheme,
  type TpmPublic,
  tpmPublicToSpki,
} from "./tpm-public.ts";
export { parseTpmSignature, type TpmSignature } from "./tpm-signature.ts";
