import { type Crypto, err, type Instant, ok, type Result } from "@vedette/base";
import {
  type Certificate,
  INTERMEDIATES_MAX,
  PURPOSE,
  parseCertificate,
  verifyPath,
  type X509Error,
} from "@vedette/x509";
import type { EkCertificateError } from "./errors.ts";
import { isRsa2048Spki } from "./spki.ts";

/** An endorsement key whose maker is one of the class's anchors; made only by `verifyEkCertificate`. */
export interface EndorsementKey {
  readonly spki: Uint8Array;
  /** SHA-256 of `spki`: what an operator registers. */
  readonly hash: Uint8Array;
}

export interface EkCertificateEvidence {
  /** DER, from the attester. */
  readonly certificate: Uint8Array;
  /** DER, from the attester, in any order. */
  readonly intermediates: readonly Uint8Array[];
  /** DER, from the trust document. One that is no certificate anchors nothing. */
  readonly anchors: readonly Uint8Array[];
  readonly now: Instant;
  readonly crypto: Crypto;
}

/**
 * TCG EK Credential Profile for TPM 2.0 §3: a path to an anchor, for encipherment only, RSA-2048 (the L-1 template).
 * `EK_ISSUER_UNKNOWN` when the path ends nowhere, `EK_CERTIFICATE_INVALID` when it does not hold.
 */
export function verifyEkCertificate(evidence: EkCertificateEvidence): Result<EndorsementKey, EkCertificateError> {
  const { now, crypto } = evidence;
  const anchors = evidence.anchors.map(parseCertificate).flatMap((anchor) => (anchor.ok ? [anchor.value] : []));
  const leaf = parseCertificate(evidence.certificate);
  if (!leaf.ok) return refusal(leaf.error);
  const intermediates = parseIntermediates(evidence.intermediates);
  if (!intermediates.ok) return refusal(intermediates.error);
  // §3.2 of the profile: the usage may be left out, but when one is named it is this one.
  const purpose = leaf.value.extendedKeyUsage && { purpose: PURPOSE.tpmEndorsementKey };
  const path = verifyPath({
    ...{ leaf: leaf.value, intermediates: intermediates.value, anchors, now, crypto },
    ...purpose,
  });
  if (!path.ok) return refusal(path.error);
  const profile = checkProfile(leaf.value);
  if (!profile.ok) return profile;
  const { spki } = leaf.value;
  return isRsa2048Spki(spki) ? ok({ spki, hash: crypto.hash("sha256", spki) }) : err({ code: "EK_KEY_UNSUPPORTED" });
}

// §3.1 of the profile. The critical SAN with the TPM's maker and model is for people.
function checkProfile(leaf: Certificate): Result<void, EkCertificateError> {
  if (leaf.basicConstraints?.isCa) return err({ code: "EK_PROFILE_VIOLATED", rule: "basicConstraints" });
  const isForEncipherment = leaf.keyUsage?.includes("keyEncipherment") ?? false;
  return isForEncipherment ? ok(undefined) : err({ code: "EK_PROFILE_VIOLATED", rule: "keyUsage" });
}

function parseIntermediates(certificates: readonly Uint8Array[]): Result<readonly Certificate[], X509Error> {
  const { length } = certificates;
  if (length > INTERMEDIATES_MAX) return err({ code: "CHAIN_TOO_LONG", length, lengthMax: INTERMEDIATES_MAX });
  const parsed: Certificate[] = [];
  for (const der of certificates) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return certificate;
    parsed.push(certificate.value);
  }
  return ok(parsed);
}

function refusal(cause: X509Error): Result<never, EkCertificateError> {
  return cause.code === "ISSUER_UNKNOWN"
    ? err({ code: "EK_ISSUER_UNKNOWN" })
    : err({ code: "EK_CERTIFICATE_INVALID", cause });
}
