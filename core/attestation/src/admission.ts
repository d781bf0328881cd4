import { type Crypto, concatBytes, err, hex, type Instant, ok, type Result, utf8 } from "@vedette/base";
import { parseAttestationKey } from "./attestation-key.ts";
import { BINDING_PART_LENGTH } from "./binding.ts";
import { verifyEkCertificate } from "./ek-certificate.ts";
import type { AttestationError } from "./errors.ts";
import type { PcrSelection } from "./pcr.ts";
import { isP256Spki } from "./spki.ts";
import { tpmAlgorithmOfHash } from "./tpm-algorithms.ts";

/** SubjectPublicKeyInfo of a node's further keys. */
export interface NodeKeys {
  readonly siteCa: Uint8Array;
  readonly journal: Uint8Array;
}

/** Message 1, as the application decoded it from the wire. */
export interface EnrolmentRequest {
  /** SHA-256 of message 1 exactly as it arrived. */
  readonly messageDigest: Uint8Array;
  readonly attester: "tpm" | "software";
  readonly purpose: "enrol" | "reattest";
  readonly deviceClass: string;
  readonly site: string;
  readonly name: string;
  readonly claim?: string | undefined;
  /** DER; not read when the attester is software. */
  readonly ekCertificate: Uint8Array;
  readonly ekIntermediates: readonly Uint8Array[];
  /** TPMT_PUBLIC; with the software attester the SPKI (P-256) of its long-lived key. */
  readonly akPublic: Uint8Array;
  /** The TLS key that the SVID will name, P-256. */
  readonly spki: Uint8Array;
  /** Of a node: what else is certified or believed on this evidence. */
  readonly nodeKeys?: NodeKeys | undefined;
}

/** What the operator has decided about the class and the site that the request names, and what is on record. */
export interface EnrolmentPolicy {
  /** EK anchors of the class, DER. */
  readonly anchors: readonly Uint8Array[];
  readonly pcrSelection: PcrSelection;
  /** `ekHash` (hexadecimal) is registered for this site and this name. */
  readonly isEkRegistered: (ekHash: string) => boolean;
  /** The claim was issued for this site and class, has not expired and has not been spent. */
  readonly isClaimValid: (claim: string) => boolean;
  /** The AK Name (hexadecimal) on record under this site and name; without it nobody can re-attest. */
  readonly knownAkName?: string | undefined;
  /** PROTOCOLS 2.8: only a class that says so. */
  readonly isSoftwareAttesterAllowed: boolean;
  /** This site and name has once enrolled with a TPM. */
  readonly isTpmSeen: boolean;
}

/** Who is asking: keys that are what they should be, not yet anybody that we know. */
export interface IdentifiedAttester {
  /** SHA-256 of the EK's SPKI; of the software key's. */
  readonly ekHash: Uint8Array;
  /** From the verified certificate, never from elsewhere in the request; absent for the software attester. */
  readonly ekSpki: Uint8Array | undefined;
  readonly akName: Uint8Array;
}

export type Admission = "registration" | "claim" | "pending";

/** Names become DNS labels and path segments; a claim is 16 to 96 random bytes in base64url. */
const NAME_LENGTH_MAX = 63;
const CLAIM_LENGTH_MAX = 128;

export function identifyAttester(
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  now: Instant,
  crypto: Crypto,
): Result<IdentifiedAttester, AttestationError> {
  const field = malformedField(request);
  if (field) return err({ code: "FIELD_MALFORMED", field });
  if (!isP256Spki(request.spki)) return err({ code: "TLS_KEY_UNSUPPORTED" });
  return request.attester === "tpm"
    ? identifyTpm(request, policy, now, crypto)
    : identifySoftware(request, policy, crypto);
}

/** PROTOCOLS 2.2 (ii) and, for a renewal, that the AK is still the one that enrolled. */
export function admitAttester(
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  attester: IdentifiedAttester,
): Result<Admission, AttestationError> {
  const isRegistered = policy.isEkRegistered(hex(attester.ekHash));
  if (request.purpose === "reattest") {
    const { knownAkName } = policy;
    const offeredAkName = hex(attester.akName);
    if (knownAkName === undefined) return err({ code: "ATTESTER_UNKNOWN" });
    if (knownAkName !== offeredAkName) return err({ code: "AK_CHANGED", knownAkName, offeredAkName });
    return ok(isRegistered ? "registration" : "pending");
  }
  if (isRegistered) return ok("registration");
  return ok(request.claim !== undefined && policy.isClaimValid(request.claim) ? "claim" : "pending");
}

function identifyTpm(
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  now: Instant,
  crypto: Crypto,
): Result<IdentifiedAttester, AttestationError> {
  const { ekCertificate: certificate, ekIntermediates: intermediates } = request;
  const ek = verifyEkCertificate({ certificate, intermediates, anchors: policy.anchors, now, crypto });
  if (!ek.ok) return ek;
  const ak = parseAttestationKey(request.akPublic, crypto);
  if (!ak.ok) return ak;
  return ok({ ekHash: ek.value.hash, ekSpki: ek.value.spki, akName: ak.value.name });
}

function identifySoftware(
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  crypto: Crypto,
): Result<IdentifiedAttester, AttestationError> {
  if (!policy.isSoftwareAttesterAllowed) return err({ code: "SOFTWARE_ATTESTER_NOT_ALLOWED" });
  if (policy.isTpmSeen) return err({ code: "SOFTWARE_ATTESTER_AFTER_TPM" });
  if (!isP256Spki(request.akPublic)) return err({ code: "FIELD_MALFORMED", field: "akPublic" });
  const ekHash = crypto.hash("sha256", request.akPublic);
  // Shaped like a TPM Name, over an SPKI instead of a TPMT_PUBLIC; the two encodings cannot be equal.
  const id = tpmAlgorithmOfHash("sha256");
  return ok({ ekHash, ekSpki: undefined, akName: concatBytes(Uint8Array.of(id >> 8, id & 0xff), ekHash) });
}

function malformedField(request: EnrolmentRequest): string | undefined {
  if (request.messageDigest.length !== BINDING_PART_LENGTH) return "messageDigest";
  for (const field of ["deviceClass", "site", "name"] as const)
    if (request[field].length === 0 || utf8(request[field]).length > NAME_LENGTH_MAX) return field;
  if (request.claim !== undefined && request.claim.length > CLAIM_LENGTH_MAX) return "claim";
  return undefined;
}
