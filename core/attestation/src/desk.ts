import { assert, type Crypto, err, hex, ok, type Random, type Result, type Secret, utf8 } from "@vedette/base";
import {
  type Admission,
  admitAttester,
  type EnrolmentPolicy,
  type EnrolmentRequest,
  identifyAttester,
} from "./admission.ts";
import { type AttestationResult, verdictOf } from "./attestation-result.ts";
import { BINDING_PART_LENGTH, type Binding, bindingDigest } from "./binding.ts";
import type { AttestationError } from "./errors.ts";
import { makeCredential, type ProtectedCredential } from "./make-credential.ts";
import { isPcrSelection, type PcrSelection, type PcrValues } from "./pcr.ts";
import { verifyQuote } from "./quote.ts";
import { type AppraisalReason, compareToReferenceValues, type ReferenceValues } from "./reference-values.ts";
import { type Arrival, type Session, SessionKeeper, USED_SESSIONS_MAX } from "./session.ts";
import type { TpmClock } from "./tpm-attest.ts";

/** Message 2. With the software attester `quoted` and `pcrValues` are not read, and `quoteSignature` is its key's ES256. */
export interface Evidence {
  readonly session: Uint8Array;
  readonly quoted: Uint8Array;
  readonly quoteSignature: Uint8Array;
  readonly pcrValues: PcrValues;
  /** ES256 by the TLS key over the binding digest. */
  readonly spkiSignature: Uint8Array;
  readonly journalSize: number;
  readonly journalRoot: Uint8Array;
}

/** The answer to message 1. `pending`: genuine, but nobody has registered it; it has been given nothing. */
export type ChallengeOutcome =
  | ({
      readonly outcome: "challenge";
      readonly nonce: Uint8Array;
      readonly pcrSelection: PcrSelection;
      readonly session: Uint8Array;
    } & ProtectedCredential)
  | { readonly outcome: "pending"; readonly ekHash: string };

/**
 * The verifier's side of enrolment and renewal (PROTOCOLS §2): two messages, the same for nodes at the control plane and
 * for devices at a gateway. `now` is effective time; `channel` names the connection, so that a session cannot change it.
 */
export interface EnrolmentDesk {
  /** Checks EK chain, AK rules and admission, then asks for what only this TPM can answer. Gives nothing on any refusal. */
  challenge(
    request: EnrolmentRequest,
    policy: EnrolmentPolicy,
    at: Arrival,
  ): Result<ChallengeOutcome, AttestationError>;
  /** Uses up the session and appraises. Drift is a verdict of the result, never an error. */
  appraise(evidence: Evidence, reference: ReferenceFor, at: Arrival): Result<AttestationResult, AttestationError>;
}

/** The reference values of a class: the one that message 1 named. */
export type ReferenceFor = (deviceClass: string) => ReferenceValues;

export interface DeskOptions {
  readonly crypto: Crypto;
  readonly random: Random;
  /** 32 bytes, random for each process: with it die the sessions. */
  readonly sessionKey: Secret;
  readonly usedSessionsMax?: number;
}

export function openDesk(options: DeskOptions): EnrolmentDesk {
  const { usedSessionsMax = USED_SESSIONS_MAX } = options;
  const desk: Desk = { ...options, sessions: new SessionKeeper({ ...options, usedSessionsMax }) };
  return {
    challenge: (request, policy, at) => challenge(request, policy, at, desk),
    appraise: (evidence, reference, at) => appraise(evidence, reference, at, desk),
  };
}

interface Desk {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly sessions: SessionKeeper;
}

function challenge(
  request: EnrolmentRequest,
  policy: EnrolmentPolicy,
  at: Arrival,
  { crypto, random, sessions }: Desk,
): Result<ChallengeOutcome, AttestationError> {
  const { pcrSelection } = policy;
  assert(isPcrSelection(pcrSelection), "a PCR selection is ascending and within the bank");
  const identified = identifyAttester(request, policy, at.now, crypto);
  if (!identified.ok) return identified;
  const { ekHash, ekSpki, akName } = identified.value;
  const admission = admitAttester(request, policy, identified.value);
  if (!admission.ok) return admission;
  if (admission.value === "pending") return ok({ outcome: "pending", ekHash: hex(ekHash) });
  const activationSecret = ekSpki ? random.bytes(BINDING_PART_LENGTH) : new Uint8Array(BINDING_PART_LENGTH);
  const credential = ekSpki ? makeCredential(ekSpki, akName, activationSecret, { crypto, random }) : noCredential;
  if (!credential) return err({ code: "EK_KEY_UNSUPPORTED" });
  const nonce = random.bytes(BINDING_PART_LENGTH);
  const claimHash = claimHashOf(request, admission.value, crypto);
  const facts = { nonce, activationSecret, ekHash, akName, claimHash, pcrSelection };
  const session = sessions.seal({ ...request, ...facts }, at);
  return ok({ outcome: "challenge", ...credential, nonce, pcrSelection, session });
}

function appraise(
  evidence: Evidence,
  reference: ReferenceFor,
  at: Arrival,
  { crypto, sessions }: Desk,
): Result<AttestationResult, AttestationError> {
  const opened = sessions.open(evidence.session, at);
  if (!opened.ok) return opened;
  const session = opened.value;
  const journal = checkJournal(evidence, session);
  if (!journal.ok) return journal;
  const binding = bindingDigest(toBinding(session, evidence), crypto);
  const finding =
    session.attester === "tpm"
      ? appraiseQuote(evidence, session, reference(session.deviceClass), binding, crypto)
      : appraiseSoftware(evidence, session, binding, crypto);
  if (!finding.ok) return finding;
  if (!crypto.verify("ES256", session.spki, binding, evidence.spkiSignature))
    return err({ code: "TLS_KEY_PROOF_INVALID" });
  const result = toResult(session, evidence, finding.value, at);
  // Whoever is contraindicated gets nothing, so there is nothing for which the claim was used.
  if (result.verdict === "contraindicated" || result.claimHash === undefined) return ok(result);
  const claim = sessions.useClaim(session.claimHash, at);
  return claim.ok ? ok(result) : claim;
}

const noCredential: ProtectedCredential = { credentialBlob: new Uint8Array(0), encryptedSecret: new Uint8Array(0) };

function claimHashOf(request: EnrolmentRequest, admission: Admission, crypto: Crypto): Uint8Array {
  return admission === "claim" ? crypto.hash("sha256", utf8(request.claim ?? "")) : new Uint8Array(0);
}

function toBinding(session: Session, { journalSize, journalRoot }: Evidence): Binding {
  const { nonce, activationSecret, messageDigest, spki } = session;
  return { nonce, activationSecret, messageDigest, spki, journalSize, journalRoot };
}

/** PROTOCOLS 2.4: size and root are zero at enrolment, because there is no journal yet. */
function checkJournal({ journalSize, journalRoot }: Evidence, session: Session): Result<void, AttestationError> {
  if (!Number.isSafeInteger(journalSize) || journalSize < 0)
    return err({ code: "FIELD_MALFORMED", field: "journalSize" });
  if (journalRoot.length !== BINDING_PART_LENGTH) return err({ code: "FIELD_MALFORMED", field: "journalRoot" });
  const isEmpty = journalSize === 0 && journalRoot.every((byte) => byte === 0);
  return session.purpose === "enrol" && !isEmpty ? err({ code: "JOURNAL_BEFORE_ENROLMENT" }) : ok(undefined);
}

/** What the proof of possession showed; `reasons` is empty when everything is as it should be. */
interface Finding {
  readonly pcrValues: PcrValues;
  readonly clock: TpmClock | undefined;
  readonly reasons: readonly AppraisalReason[];
}

function appraiseQuote(
  evidence: Evidence,
  session: Session,
  reference: ReferenceValues,
  extraData: Uint8Array,
  crypto: Crypto,
): Result<Finding, AttestationError> {
  const { akPublic, pcrSelection: selection } = session;
  const quote = verifyQuote({ ...evidence, akPublic }, { selection, extraData }, crypto);
  if (!quote.ok) return quote;
  const { clock, pcrValues } = quote.value;
  return ok({ pcrValues, clock, reasons: compareToReferenceValues(selection, pcrValues, reference) });
}

/** PROTOCOLS 2.8: a software key vouches for nothing but its own continuity, so the best verdict is a warning. */
function appraiseSoftware(
  evidence: Evidence,
  session: Session,
  binding: Uint8Array,
  crypto: Crypto,
): Result<Finding, AttestationError> {
  if (!crypto.verify("ES256", session.akPublic, binding, evidence.quoteSignature))
    return err({ code: "SOFTWARE_PROOF_INVALID" });
  return ok({ pcrValues: {}, clock: undefined, reasons: [{ code: "SOFTWARE_ATTESTER" }] });
}

function toResult(session: Session, evidence: Evidence, finding: Finding, at: Arrival): AttestationResult {
  const { attester, purpose, deviceClass, site, name, spki, nodeKeys, claimHash } = session;
  const pcrs = Object.fromEntries(Object.entries(finding.pcrValues).map(([pcr, value]) => [pcr, hex(value)]));
  return {
    verdict: verdictOf(finding.reasons),
    reasons: finding.reasons,
    ...{ attester, purpose, deviceClass, site, name, spki, nodeKeys },
    ekHash: hex(session.ekHash),
    akName: hex(session.akName),
    admittedBy: claimHash.length > 0 ? "claim" : "registration",
    claimHash: claimHash.length > 0 ? hex(claimHash) : undefined,
    pcrs,
    clock: finding.clock,
    journal: { size: evidence.journalSize, root: evidence.journalRoot },
    attestedAt: at.now,
  };
}
