import { createHash } from "node:crypto";
import { base64url, type JsonObject } from "@vedette/base";
import type { FakeTpm } from "@vedette/fakes";
import { generateKey, type SoftwareKey } from "@vedette/runtime";
import { textIn, type WireAnswer, type WireConnection } from "./wire-client.ts";

/** Under which name an attester comes to a desk. */
export interface WireName {
  readonly site: string;
  readonly class: string;
  readonly name: string;
}

export interface WireKeys {
  readonly tls: SoftwareKey;
  /** A node's further keys; devices have none. */
  readonly siteCa?: SoftwareKey;
  readonly journal?: SoftwareKey;
}

interface WireJournal {
  readonly size: number;
  readonly root: Uint8Array;
}

type Purpose = "enrol" | "reattest";

/** Members to put in place of the right ones; undefined leaves a member out. */
type Changes = Readonly<Record<string, unknown>>;

export interface Attempt {
  readonly tpm: FakeTpm;
  readonly name: WireName;
  readonly keys: WireKeys;
  readonly purpose?: Purpose;
  readonly journal?: WireJournal;
  readonly request?: Changes;
  /** Gets the right evidence and gives what is sent. */
  readonly evidence?: (evidence: JsonObject, challenge: JsonObject) => Changes;
}

const NO_JOURNAL: WireJournal = { size: 0, root: new Uint8Array(32) };

export function nodeKeys(): Required<WireKeys> {
  return { tls: generateKey("ES256"), siteCa: generateKey("ES256"), journal: generateKey("Ed25519") };
}

/** Both messages of PROTOCOLS §2, written from the protocol alone; the answer is the verdict, or what refused message 1. */
export async function attestOverWire(connection: WireConnection, attempt: Attempt): Promise<WireAnswer> {
  const message = messageOne(attempt);
  const { purpose = "enrol" } = attempt;
  const challenge = await connection.post(`/v1/${purpose}`, message);
  if (challenge.status !== 200) return challenge;
  return connection.post(`/v1/${purpose}/evidence`, messageTwo(attempt, message, challenge.body));
}

export function messageOne({ tpm, name, keys, purpose = "enrol", request = {} }: Attempt): string {
  return JSON.stringify({
    version: 1,
    purpose,
    attester: "tpm",
    ...name,
    ekCertificate: base64url(tpm.ekCertificate),
    ekIntermediates: [],
    akPublic: base64url(tpm.akPublic),
    spki: base64url(keys.tls.spki),
    ...(keys.siteCa && { siteCaSpki: base64url(keys.siteCa.spki) }),
    ...(keys.journal && { journalSpki: base64url(keys.journal.spki) }),
    ...request,
  });
}

/** The answer to a challenge for exactly this message 1. */
export function messageTwo(attempt: Attempt, message: string, challenge: JsonObject): string {
  const { tpm, keys, journal = NO_JOURNAL } = attempt;
  const secret = tpm.activateCredential(bytesIn(challenge, "credentialBlob"), bytesIn(challenge, "encryptedSecret"));
  const binding = bindingOf(bytesIn(challenge, "nonce"), secret, message, keys.tls.spki, journal);
  const pcrs = challenge["pcrs"] as readonly number[];
  const { quoted, quoteSignature } = tpm.quote(binding, pcrs);
  const evidence = {
    version: 1,
    session: textIn(challenge, "session"),
    quoted: base64url(quoted),
    quoteSignature: base64url(quoteSignature),
    pcrValues: Object.fromEntries(Object.entries(tpm.pcrValues(pcrs)).map(([pcr, value]) => [pcr, base64url(value)])),
    spkiSignature: base64url(keys.tls.sign(binding)),
    journalSize: journal.size,
    journalRoot: base64url(journal.root),
  };
  return JSON.stringify({ ...evidence, ...attempt.evidence?.(evidence, challenge) });
}

/** PROTOCOLS 2.4, by the letter. */
function bindingOf(
  nonce: Uint8Array,
  secret: Uint8Array,
  message: string,
  spki: Uint8Array,
  journal: WireJournal,
): Uint8Array {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(journal.size));
  const parts = ["vedette/enrol/1", nonce, secret, sha256(message), sha256(spki), size, journal.root];
  return parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
}

function bytesIn(message: JsonObject, member: string): Uint8Array {
  return new Uint8Array(Buffer.from(textIn(message, member), "base64url"));
}

export function sha256(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest());
}
