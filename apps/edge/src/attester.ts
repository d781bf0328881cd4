import { BINDING_PART_LENGTH, bindingDigest } from "@vedette/attestation";
import { AdapterError, type Crypto, err, ok, parseUtf8, type Result, type Signer, utf8 } from "@vedette/base";
import {
  ENROLMENT_MESSAGE_LENGTH_MAX,
  type EnrolmentChallenge,
  type EnrolmentRequest,
  type EvidenceMessage,
  encodeMessage,
  enrolmentChallenge,
  parseMessage,
  pendingAnswer,
} from "@vedette/protocol";
import type { Tpm } from "@vedette/tpm";
import type { TpmAccess } from "./tpm-access.ts";

/** The verifier at the other end of ONE connection: both messages go the same way (PROTOCOLS 2.5). */
export interface VerifierConversation {
  post(path: string, body: Uint8Array): Promise<{ readonly status: number; readonly body: Uint8Array }>;
}

export interface AttesterOptions {
  readonly tpm: TpmAccess;
  readonly crypto: Crypto;
  /** The key that the SVID will name; it signs the binding as well. */
  readonly tlsKey: Signer;
  readonly purpose: "enrol" | "reattest";
  readonly site: string;
  readonly class: string;
  readonly name: string;
  readonly claim?: string | undefined;
  readonly siteCaSpki?: Uint8Array;
  readonly journalSpki?: Uint8Array;
  readonly journal: { readonly size: number; readonly root: Uint8Array };
}

/** Why the verifier gave nothing. `refused` carries its code, such as `CONTRAINDICATED` or `QUOTE_SIGNATURE_INVALID`. */
export type AttesterRefusal =
  | { readonly code: "PENDING"; readonly ekHash: string }
  | { readonly code: "REFUSED"; readonly status: number; readonly reason: string; readonly answer: string }
  | { readonly code: "ANSWER_MALFORMED"; readonly status: number };

export const NO_JOURNAL: AttesterOptions["journal"] = { size: 0, root: new Uint8Array(BINDING_PART_LENGTH) };

/**
 * Proves to a verifier what this machine is, and returns the verifier's grant as it came. Throws `TpmError` and
 * `AdapterError` when the TPM or the network fails: that is silence, not refusal (PROTOCOLS 2.6).
 */
export async function attest(
  verifier: VerifierConversation,
  options: AttesterOptions,
): Promise<Result<Uint8Array, AttesterRefusal>> {
  // The TPM is held only while it works, never while the network is waited for: reservations need it too.
  const messageOne = utf8(encodeMessage(await options.tpm.use((tpm) => describeAttester(tpm, options))));
  const answer = await verifier.post(`/v1/${options.purpose}`, messageOne);
  const challenge = readChallenge(answer);
  if (!challenge.ok) return challenge;
  const evidence = await options.tpm.use((tpm) => answerChallenge(tpm, challenge.value, messageOne, options));
  const verdict = await verifier.post(`/v1/${options.purpose}/evidence`, utf8(encodeMessage(evidence)));
  return verdict.status === 200 ? ok(verdict.body) : err(readRefusal(verdict));
}

async function describeAttester(tpm: Tpm, options: AttesterOptions): Promise<EnrolmentRequest> {
  const ekCertificate = await tpm.ekCertificate();
  if (!ekCertificate)
    throw new AdapterError(
      "TPM_WITHOUT_EK_CERTIFICATE",
      "the TPM holds no EK certificate; its maker did not endorse it",
    );
  const ak = await tpm.createAk();
  return {
    version: 1,
    purpose: options.purpose,
    attester: "tpm",
    site: options.site,
    class: options.class,
    name: options.name,
    ...(options.claim === undefined || options.purpose !== "enrol" ? {} : { claim: options.claim }),
    ekCertificate,
    ekIntermediates: [],
    akPublic: ak.publicArea,
    spki: options.tlsKey.spki,
    ...(options.siteCaSpki ? { siteCaSpki: options.siteCaSpki } : {}),
    ...(options.journalSpki ? { journalSpki: options.journalSpki } : {}),
  };
}

async function answerChallenge(
  tpm: Tpm,
  challenge: EnrolmentChallenge,
  messageOne: Uint8Array,
  options: AttesterOptions,
): Promise<EvidenceMessage> {
  const { crypto, tlsKey, journal } = options;
  const activationSecret = await tpm.activateCredential(challenge.credentialBlob, challenge.encryptedSecret);
  const binding = bindingDigest(
    {
      nonce: challenge.nonce,
      activationSecret: activationSecret.reveal(),
      messageDigest: crypto.hash("sha256", messageOne),
      spki: tlsKey.spki,
      journalSize: journal.size,
      journalRoot: journal.root,
    },
    crypto,
  );
  const selection = { bank: "sha256" as const, pcrs: challenge.pcrs };
  const quote = await tpm.quote(binding, selection);
  const pcrValues = await tpm.readPcrs(selection);
  return {
    version: 1,
    session: challenge.session,
    quoted: quote.quoted,
    quoteSignature: quote.signature,
    pcrValues,
    spkiSignature: tlsKey.sign(binding),
    journalSize: journal.size,
    journalRoot: journal.root,
  };
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

function readChallenge(answer: Answer): Result<EnrolmentChallenge, AttesterRefusal> {
  if (answer.status === 202) {
    const pending = parseMessage(pendingAnswer, answer.body);
    return err(
      pending.ok
        ? { code: "PENDING", ekHash: pending.value.ekHash }
        : { code: "ANSWER_MALFORMED", status: answer.status },
    );
  }
  if (answer.status !== 200) return err(readRefusal(answer));
  const challenge = parseMessage(enrolmentChallenge, answer.body, ENROLMENT_MESSAGE_LENGTH_MAX);
  return challenge.ok ? ok(challenge.value) : err({ code: "ANSWER_MALFORMED", status: answer.status });
}

/** The code out of `{"error":{"code":…}}`; whatever else the other side says is kept as text for a person. */
function readRefusal(answer: Answer): AttesterRefusal {
  const text = parseUtf8(answer.body);
  const body = text.ok ? text.value : "";
  const code = /"code":"([A-Z0-9_]{1,64})"/.exec(body)?.[1] ?? "UNKNOWN";
  return { code: "REFUSED", status: answer.status, reason: code, answer: body.slice(0, ANSWER_LENGTH_MAX) };
}
const ANSWER_LENGTH_MAX = 1_024;
