import { type Crypto, err, ok, type Result } from "@vedette/base";
import {
  ENROLMENT_MESSAGE_LENGTH_MAX,
  type EnrolmentChallenge,
  type EvidenceMessage,
  enrolmentRequest,
  evidenceMessage,
  type EnrolmentRequest as MessageOne,
  type PendingAnswer,
  type ProtocolError,
  parseMessage,
} from "@vedette/protocol";
import type { EnrolmentRequest } from "./admission.ts";
import type { ChallengeOutcome, Evidence } from "./desk.ts";

/** Message 1 as a desk takes it, and the node's further keys, which only the digest binds. */
export interface ReceivedRequest {
  readonly request: EnrolmentRequest;
  readonly siteCaSpki: Uint8Array | undefined;
  readonly journalSpki: Uint8Array | undefined;
}

/** Reads message 1. The digest in the binding is that of these very bytes (PROTOCOLS 2.4). */
export function parseEnrolmentRequest(message: Uint8Array, crypto: Crypto): Result<ReceivedRequest, ProtocolError> {
  const parsed = parseMessage(enrolmentRequest, message, ENROLMENT_MESSAGE_LENGTH_MAX);
  if (!parsed.ok) return parsed;
  const { version: _, class: deviceClass, siteCaSpki, journalSpki, ...rest } = parsed.value satisfies MessageOne;
  const messageDigest = crypto.hash("sha256", message);
  return ok({ request: { ...rest, deviceClass, messageDigest }, siteCaSpki, journalSpki });
}

export function parseEvidence(message: Uint8Array): Result<Evidence, ProtocolError> {
  const parsed = parseMessage(evidenceMessage, message, ENROLMENT_MESSAGE_LENGTH_MAX);
  if (!parsed.ok) return err(parsed.error);
  const { version: _, ...evidence } = parsed.value satisfies EvidenceMessage;
  return ok(evidence);
}

/** The wire form of the desk's answer to message 1. */
export function challengeToMessage(outcome: ChallengeOutcome): EnrolmentChallenge | PendingAnswer {
  if (outcome.outcome === "pending") return { version: 1, state: "pending", ekHash: outcome.ekHash };
  const { credentialBlob, encryptedSecret, nonce, pcrSelection, session } = outcome;
  return { version: 1, credentialBlob, encryptedSecret, nonce, pcrs: pcrSelection.pcrs, session };
}
