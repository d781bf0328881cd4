import { type Crypto, ok, type Result } from "@vedette/base";
import {
  ENROLMENT_MESSAGE_LENGTH_MAX,
  type EnrolmentChallenge,
  enrolmentRequest,
  evidenceMessage,
  type PendingAnswer,
  type ProtocolError,
  parseMessage,
} from "@vedette/protocol";
import type { EnrolmentRequest } from "./admission.ts";
import type { ChallengeOutcome, Evidence } from "./desk.ts";
import { type AttestationError, kindOfAttestationError } from "./errors.ts";

/** Message 1 as a desk takes it. The digest in the binding is that of these very bytes (PROTOCOLS 2.4). */
export function parseEnrolmentRequest(message: Uint8Array, crypto: Crypto): Result<EnrolmentRequest, ProtocolError> {
  const parsed = parseMessage(enrolmentRequest, message, ENROLMENT_MESSAGE_LENGTH_MAX);
  if (!parsed.ok) return parsed;
  const { version: _, class: deviceClass, siteCaSpki: siteCa, journalSpki: journal, ...rest } = parsed.value;
  const messageDigest = crypto.hash("sha256", message);
  const nodeKeys = siteCa && journal ? { siteCa, journal } : undefined;
  return ok({ ...rest, deviceClass, messageDigest, nodeKeys });
}

export function parseEvidence(message: Uint8Array): Result<Evidence, ProtocolError> {
  const parsed = parseMessage(evidenceMessage, message, ENROLMENT_MESSAGE_LENGTH_MAX);
  if (!parsed.ok) return parsed;
  const { version: _, ...evidence } = parsed.value;
  return ok(evidence);
}

/** The wire form of the desk's answer to message 1. */
export function challengeToMessage(outcome: ChallengeOutcome): EnrolmentChallenge | PendingAnswer {
  if (outcome.outcome === "pending") return { version: 1, state: "pending", ekHash: outcome.ekHash };
  const { credentialBlob, encryptedSecret, nonce, pcrSelection, session } = outcome;
  return { version: 1, credentialBlob, encryptedSecret, nonce, pcrs: pcrSelection.pcrs, session };
}

/** The HTTP status of refused evidence: what is bad, unknown, replayed, late and busy stay apart (PROTOCOLS 2.7). */
export function refusalStatusOf(error: AttestationError): 400 | 403 | 409 | 410 | 503 {
  return STATUS_BY_KIND[kindOfAttestationError(error)];
}
const STATUS_BY_KIND = { bad: 400, unknown: 403, replayed: 409, "too-late": 410, busy: 503 } as const;
