import type { Instant } from "@vedette/base";

/** Why bytes are not a certificate that we read. `offset` counts from the start of what was given. */
export type CertificateError =
  | { readonly code: "DER_MALFORMED"; readonly offset: number }
  | { readonly code: "CERTIFICATE_TOO_LARGE"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "SIGNATURE_ALGORITHM_UNSUPPORTED"; readonly oid: string };

export type PemError =
  | { readonly code: "PEM_MALFORMED" }
  | { readonly code: "PEM_TOO_LARGE"; readonly length: number; readonly lengthMax: number };

/** Why a chain is not a path from the leaf to an anchor. `serial` names the certificate at fault. */
export type PathError =
  | { readonly code: "CHAIN_TOO_LONG"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "ISSUER_UNKNOWN"; readonly serial: string }
  | { readonly code: "SIGNATURE_INVALID"; readonly serial: string }
  | { readonly code: "CERTIFICATE_NOT_YET_VALID"; readonly serial: string; readonly notBefore: Instant }
  | { readonly code: "CERTIFICATE_EXPIRED"; readonly serial: string; readonly notAfter: Instant }
  | { readonly code: "NOT_A_CA"; readonly serial: string }
  | { readonly code: "PATH_LENGTH_EXCEEDED"; readonly serial: string; readonly pathLength: number }
  | { readonly code: "EXTENSION_UNSUPPORTED"; readonly serial: string; readonly oid: string }
  | { readonly code: "PURPOSE_REFUSED"; readonly serial: string; readonly purpose: string }
  | NameConstraintError;

export type NameConstraintError =
  | { readonly code: "NAME_NOT_PERMITTED"; readonly serial: string; readonly name: string }
  | { readonly code: "NAME_EXCLUDED"; readonly serial: string; readonly name: string }
  | { readonly code: "NAME_CONSTRAINT_UNSUPPORTED"; readonly serial: string; readonly name: string };

/** A public key that we do not put into certificates: not exactly P-256 (uncompressed point) or Ed25519. */
export interface PublicKeyError {
  readonly code: "PUBLIC_KEY_UNSUPPORTED";
}

export type X509Error = CertificateError | PemError | PathError | PublicKeyError;
