import type { X509Error } from "@vedette/x509";

export type TpmStructure = "TPMT_PUBLIC" | "TPMS_ATTEST" | "TPMT_SIGNATURE" | "TPML_PCR_SELECTION";

/** Bytes that are not the TPM structure they should be (TPM 2.0 Part 2). */
export type TpmStructureError =
  | {
      readonly code: "TPM_STRUCTURE_TOO_LARGE";
      readonly structure: TpmStructure;
      readonly length: number;
      readonly lengthMax: number;
    }
  | { readonly code: "TPM_STRUCTURE_MALFORMED"; readonly structure: TpmStructure }
  | { readonly code: "TPM_ALGORITHM_UNSUPPORTED"; readonly structure: TpmStructure; readonly algorithm: number }
  | { readonly code: "ATTEST_MAGIC_WRONG"; readonly magic: number }
  | { readonly code: "ATTEST_NOT_A_QUOTE"; readonly type: number };

export type AttestationKeyError =
  | { readonly code: "AK_ATTRIBUTES_WRONG"; readonly missing: readonly string[]; readonly forbidden: readonly string[] }
  | { readonly code: "AK_SCHEME_UNSUPPORTED" };

export type EkCertificateError =
  | { readonly code: "EK_ISSUER_UNKNOWN" }
  | { readonly code: "EK_CERTIFICATE_INVALID"; readonly cause: X509Error }
  | { readonly code: "EK_PROFILE_VIOLATED"; readonly rule: "keyUsage" | "basicConstraints" }
  | { readonly code: "EK_KEY_UNSUPPORTED" };

export type QuoteError =
  | TpmStructureError
  | AttestationKeyError
  | { readonly code: "QUOTE_SELECTION_MISMATCH" }
  | { readonly code: "QUOTE_SIGNATURE_INVALID" }
  | { readonly code: "QUOTE_PCR_VALUES_MALFORMED" }
  | { readonly code: "QUOTE_PCR_DIGEST_MISMATCH" }
  | { readonly code: "QUOTE_BINDING_MISMATCH" };

export type SessionError =
  | { readonly code: "SESSION_INVALID" }
  | { readonly code: "SESSION_EXPIRED" }
  | { readonly code: "SESSION_USED" }
  | { readonly code: "SESSION_CHANNEL_MISMATCH" }
  | { readonly code: "CLAIM_USED" }
  | { readonly code: "DESK_FULL"; readonly usedSessionsMax: number };

export type AttestationError =
  | EkCertificateError
  | QuoteError
  | SessionError
  | { readonly code: "FIELD_MALFORMED"; readonly field: string }
  | { readonly code: "TLS_KEY_UNSUPPORTED" }
  | { readonly code: "TLS_KEY_PROOF_INVALID" }
  | { readonly code: "SOFTWARE_ATTESTER_NOT_ALLOWED" }
  | { readonly code: "SOFTWARE_ATTESTER_AFTER_TPM" }
  | { readonly code: "SOFTWARE_PROOF_INVALID" }
  | { readonly code: "ATTESTER_UNKNOWN" }
  | { readonly code: "AK_CHANGED"; readonly knownAkName: string; readonly offeredAkName: string }
  | { readonly code: "JOURNAL_BEFORE_ENROLMENT" };

export type ReferenceValuesError = { readonly code: "REFERENCE_VALUES_MALFORMED"; readonly path: string };

/** A claim of an attestation result that is missing or not what draft-ietf-rats-ear §3 and AR4SI §2.3 say. */
export type EarError = { readonly code: "EAR_MALFORMED"; readonly path: string };

/** PROTOCOLS 2.7: kinds that are never merged. What fails outside (store down, time-out) never appears here. */
export type AttestationErrorKind = "bad" | "unknown" | "replayed" | "too-late" | "busy";

/** Which of the kinds of PROTOCOLS 2.7 an error belongs to. */
export function kindOfAttestationError(error: AttestationError): AttestationErrorKind {
  return kindByCode[error.code];
}

// One line for each code, so that a new one does not compile before it is thought about.
const kindByCode: Readonly<Record<AttestationError["code"], AttestationErrorKind>> = {
  TPM_STRUCTURE_TOO_LARGE: "bad",
  TPM_STRUCTURE_MALFORMED: "bad",
  TPM_ALGORITHM_UNSUPPORTED: "bad",
  ATTEST_MAGIC_WRONG: "bad",
  ATTEST_NOT_A_QUOTE: "bad",
  AK_ATTRIBUTES_WRONG: "bad",
  AK_SCHEME_UNSUPPORTED: "bad",
  AK_CHANGED: "bad",
  EK_ISSUER_UNKNOWN: "unknown",
  EK_CERTIFICATE_INVALID: "bad",
  EK_PROFILE_VIOLATED: "bad",
  EK_KEY_UNSUPPORTED: "bad",
  QUOTE_SELECTION_MISMATCH: "bad",
  QUOTE_SIGNATURE_INVALID: "bad",
  QUOTE_PCR_VALUES_MALFORMED: "bad",
  QUOTE_PCR_DIGEST_MISMATCH: "bad",
  QUOTE_BINDING_MISMATCH: "bad",
  SESSION_INVALID: "bad",
  SESSION_EXPIRED: "too-late",
  SESSION_USED: "replayed",
  SESSION_CHANNEL_MISMATCH: "bad",
  CLAIM_USED: "replayed",
  DESK_FULL: "busy",
  FIELD_MALFORMED: "bad",
  TLS_KEY_UNSUPPORTED: "bad",
  TLS_KEY_PROOF_INVALID: "bad",
  SOFTWARE_ATTESTER_NOT_ALLOWED: "bad",
  SOFTWARE_ATTESTER_AFTER_TPM: "bad",
  SOFTWARE_PROOF_INVALID: "bad",
  ATTESTER_UNKNOWN: "unknown",
  JOURNAL_BEFORE_ENROLMENT: "bad",
};
