import { type Crypto, err, type HashAlgorithm, ok, type Result, type SignatureAlgorithm } from "@vedette/base";
import type { AttestationKeyError, TpmStructureError } from "./errors.ts";
import { nameOfTpmPublic, objectAttribute, parseTpmPublic, type TpmPublic, tpmPublicToSpki } from "./tpm-public.ts";

/** An attestation key that fulfils PROTOCOLS 2.3; made only by `parseAttestationKey`. */
export interface AttestationKey {
  readonly public: TpmPublic;
  readonly spki: Uint8Array;
  /** nameAlg ‖ H(public), computed here and never taken from the attester. */
  readonly name: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  /** Hash of the signing scheme; a quote's PCR digest uses it as well. */
  readonly hash: HashAlgorithm;
}

// `restricted` + `sign` without `decrypt`: the TPM signs with it only what it made itself, so a quote cannot be hand-made.
const REQUIRED = ["restricted", "sign", "fixedTPM", "fixedParent", "sensitiveDataOrigin"] as const;
const FORBIDDEN = ["decrypt"] as const;

/** Parses TPMT_PUBLIC and refuses every key that is not a restricted signing key of this one TPM, or that uses SHA-1. */
export function parseAttestationKey(
  bytes: Uint8Array,
  crypto: Crypto,
): Result<AttestationKey, TpmStructureError | AttestationKeyError> {
  const parsed = parseTpmPublic(bytes);
  if (!parsed.ok) return parsed;
  const key = parsed.value;
  const missing = REQUIRED.filter((name) => !hasAttribute(key, name));
  const forbidden = FORBIDDEN.filter((name) => hasAttribute(key, name));
  if (missing.length + forbidden.length > 0) return err({ code: "AK_ATTRIBUTES_WRONG", missing, forbidden });
  const algorithm = signatureAlgorithmOf(key);
  if (!algorithm || !key.scheme || key.nameAlgorithm === "sha1") return err({ code: "AK_SCHEME_UNSUPPORTED" });
  const name = nameOfTpmPublic(key, bytes, crypto);
  return ok({ public: key, spki: tpmPublicToSpki(key), name, algorithm, hash: key.scheme.hash });
}

function hasAttribute(key: TpmPublic, name: keyof typeof objectAttribute): boolean {
  return (key.attributes & objectAttribute[name]) !== 0;
}

function signatureAlgorithmOf(key: TpmPublic): SignatureAlgorithm | undefined {
  const hash = key.scheme?.hash;
  if (key.type === "ecc") {
    if (key.curve === "P-256") return hash === "sha256" ? "ES256" : undefined;
    return hash === "sha384" ? "ES384" : undefined;
  }
  // Other exponents have no use but to weaken PKCS #1 signatures.
  if (key.exponent !== 65_537) return undefined;
  return hash === "sha256" ? "RS256" : hash === "sha384" ? "RS384" : hash === "sha512" ? "RS512" : undefined;
}
