import type { Instant } from "@vedette/base";
import type { CertificateError, PathError, PublicKeyError } from "@vedette/x509";

export type SpiffeIdError =
  | { readonly code: "SPIFFE_ID_MALFORMED"; readonly text: string }
  | { readonly code: "SPIFFE_ID_TOO_LONG"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "TRUST_DOMAIN_MALFORMED"; readonly text: string }
  | { readonly code: "SITE_NAME_MALFORMED"; readonly text: string };

/** Why a certificate chain is not a principal (PROTOCOLS 1.1, 1.2). */
export type PrincipalError =
  | CertificateError
  | PathError
  | SpiffeIdError
  | { readonly code: "SPIFFE_ID_MISSING" }
  | { readonly code: "SPIFFE_ID_AMBIGUOUS"; readonly count: number }
  | { readonly code: "NAME_FORM_REFUSED"; readonly form: string }
  | { readonly code: "DNS_NAME_OUTSIDE_DOMAIN"; readonly name: string }
  | { readonly code: "NOT_A_LEAF"; readonly serial: string }
  | { readonly code: "PRINCIPAL_PATH_UNKNOWN"; readonly path: string }
  | { readonly code: "TRUST_DOMAIN_UNKNOWN"; readonly domain: string }
  | { readonly code: "SITE_REVOKED"; readonly domain: string }
  | { readonly code: "ISSUER_NOT_ENTITLED"; readonly serial: string };

/** Why a certificate is not issued. */
export type IssuanceError =
  | SpiffeIdError
  | PublicKeyError
  | { readonly code: "DNS_NAME_MALFORMED"; readonly name: string }
  | { readonly code: "ISSUER_NOT_ENTITLED"; readonly serial: string }
  | { readonly code: "ISSUER_EXPIRED"; readonly notAfter: Instant };

export type TrustDocumentError =
  /** No JWS of the right type by a key we were told to trust. */
  | { readonly code: "TRUST_UNSIGNED" }
  | { readonly code: "TRUST_ALTERED"; readonly keyId: string }
  /** Signed, but not the closed schema; `at` names the member. */
  | { readonly code: "TRUST_MALFORMED"; readonly at: string }
  | { readonly code: "TRUST_ROLLBACK"; readonly offered: number; readonly versionAtLeast: number }
  | { readonly code: "TRUST_EXPIRED"; readonly notAfter: Instant };

/** The file does not open: another key, another purpose, or altered. Which of them cannot be told. */
export interface SealedFileError {
  readonly code: "SEAL_BROKEN";
}

export type StateError =
  | SealedFileError
  | { readonly code: "STATE_MALFORMED"; readonly at: string }
  | { readonly code: "STATE_FORMAT_UNKNOWN"; readonly formatVersion: number }
  | { readonly code: "STATE_ROLLBACK"; readonly epoch: bigint; readonly counter: bigint };

export type SpendError =
  | { readonly code: "SPEND_AMOUNT_INVALID"; readonly amount: number }
  | { readonly code: "SPEND_KEY_INVALID" }
  | { readonly code: "SPEND_LIMIT_EXCEEDED"; readonly spent: number; readonly amount: number; readonly limit: number }
  | { readonly code: "SPEND_COUNTERS_FULL"; readonly countMax: number }
  | { readonly code: "SPEND_RESERVATIONS_FULL"; readonly countMax: number };

export type IdentityError =
  | PrincipalError
  | IssuanceError
  | TrustDocumentError
  | SealedFileError
  | StateError
  | SpendError;
