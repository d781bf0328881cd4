import type { Instant } from "@vedette/base";
import * as v from "valibot";
import { bytes, count, digest, domain, httpsUrl, instantField, label } from "./fields.ts";
import { type NamedKey, namedKey } from "./node-files.ts";

/** EK certificates are 1 to 2 KiB; vendors' chains have at most a few intermediates. */
const CERTIFICATE_LENGTH_MAX = 8_192;
const CERTIFICATE_COUNT_MAX = 8;
/** TPM2B buffers are bounded by the largest RSA-4096 structures. */
const TPM_STRUCTURE_LENGTH_MAX = 2_048;
const PCR_COUNT = 24;
const SPKI_LENGTH_MAX = 1_024;
/** A whole enrolment message; larger bodies are refused before they are read. */
export const ENROLMENT_MESSAGE_LENGTH_MAX = 131_072;

/** What an operator hands to whoever sets up a node or a device (PROTOCOLS 2.1). */
export interface JoinFile {
  readonly kind: "vedette/join/v1";
  readonly url: string;
  /** SHA-256 of the fleet root certificate (DER), hexadecimal: the one thing trusted at first contact. */
  readonly root: string;
  readonly fleet: string;
  readonly site: string;
  readonly class: string;
  readonly name: string;
  readonly claim?: string | undefined;
  readonly claimExpires?: Instant | undefined;
  /** For nodes: who signs the trust document. It comes with the join file, so that the control plane cannot name another. */
  readonly trustKey?: NamedKey | undefined;
}

export const joinFile: v.GenericSchema<unknown, JoinFile> = v.strictObject({
  kind: v.literal("vedette/join/v1"),
  url: httpsUrl,
  root: digest,
  fleet: domain,
  site: label,
  class: label,
  name: label,
  claim: v.optional(v.pipe(v.string(), v.minLength(22), v.maxLength(128))),
  claimExpires: v.optional(instantField),
  trustKey: v.optional(namedKey),
});

/** Message 1 of enrolment and of re-attestation. The SHA-256 of its exact bytes goes into the binding (PROTOCOLS 2.4). */
export interface EnrolmentRequest {
  readonly version: 1;
  readonly purpose: "enrol" | "reattest";
  /** The software attester of PROTOCOLS 2.8 has no wire form yet: no class can allow it, and a desk refuses to read it. */
  readonly attester: "tpm";
  readonly site: string;
  readonly class: string;
  readonly name: string;
  readonly claim?: string | undefined;
  readonly ekCertificate: Uint8Array;
  readonly ekIntermediates: readonly Uint8Array[];
  readonly akPublic: Uint8Array;
  /** SubjectPublicKeyInfo of the key that the SVID will name. */
  readonly spki: Uint8Array;
  /** A node's further keys; bound with message 1 as a whole. */
  readonly siteCaSpki?: Uint8Array | undefined;
  readonly journalSpki?: Uint8Array | undefined;
}

export const enrolmentRequest: v.GenericSchema<unknown, EnrolmentRequest> = v.strictObject({
  version: v.literal(1),
  purpose: v.picklist(["enrol", "reattest"]),
  attester: v.literal("tpm"),
  site: label,
  class: label,
  name: label,
  claim: v.optional(v.pipe(v.string(), v.minLength(22), v.maxLength(128))),
  ekCertificate: bytes(CERTIFICATE_LENGTH_MAX, 1),
  ekIntermediates: v.pipe(v.array(bytes(CERTIFICATE_LENGTH_MAX, 1)), v.maxLength(CERTIFICATE_COUNT_MAX)),
  akPublic: bytes(TPM_STRUCTURE_LENGTH_MAX, 1),
  spki: bytes(SPKI_LENGTH_MAX, 1),
  siteCaSpki: v.optional(bytes(SPKI_LENGTH_MAX, 1)),
  journalSpki: v.optional(bytes(SPKI_LENGTH_MAX, 1)),
});

/** The verifier's answer to message 1: something only the TPM that holds this EK and this AK can open. */
export interface EnrolmentChallenge {
  readonly version: 1;
  readonly credentialBlob: Uint8Array;
  readonly encryptedSecret: Uint8Array;
  readonly nonce: Uint8Array;
  readonly pcrs: readonly number[];
  readonly session: Uint8Array;
}

export const enrolmentChallenge: v.GenericSchema<unknown, EnrolmentChallenge> = v.strictObject({
  version: v.literal(1),
  credentialBlob: bytes(TPM_STRUCTURE_LENGTH_MAX, 1),
  encryptedSecret: bytes(TPM_STRUCTURE_LENGTH_MAX, 1),
  nonce: bytes(64, 16),
  pcrs: v.pipe(v.array(v.pipe(count, v.maxValue(PCR_COUNT - 1))), v.minLength(1), v.maxLength(PCR_COUNT)),
  session: bytes(8_192, 1),
});

/** Message 2: the quote, and the TLS key's signature over the same binding. */
export interface EvidenceMessage {
  readonly version: 1;
  readonly session: Uint8Array;
  readonly quoted: Uint8Array;
  readonly quoteSignature: Uint8Array;
  readonly pcrValues: Readonly<Record<string, Uint8Array>>;
  readonly spkiSignature: Uint8Array;
  readonly journalSize: number;
  readonly journalRoot: Uint8Array;
}

export const evidenceMessage: v.GenericSchema<unknown, EvidenceMessage> = v.strictObject({
  version: v.literal(1),
  session: bytes(8_192, 1),
  quoted: bytes(TPM_STRUCTURE_LENGTH_MAX, 1),
  quoteSignature: bytes(TPM_STRUCTURE_LENGTH_MAX, 1),
  pcrValues: v.pipe(
    v.record(v.pipe(v.string(), v.regex(/^(?:[0-9]|1[0-9]|2[0-3])$/, "a PCR index from 0 to 23")), bytes(64, 20)),
    v.check((values) => Object.keys(values).length <= PCR_COUNT, `at most ${PCR_COUNT} PCRs`),
  ),
  spkiSignature: bytes(256, 1),
  journalSize: count,
  journalRoot: bytes(32, 32),
});

const certificates: v.GenericSchema<unknown, readonly Uint8Array[]> = v.pipe(
  v.array(bytes(CERTIFICATE_LENGTH_MAX, 1)),
  v.minLength(1),
  v.maxLength(CERTIFICATE_COUNT_MAX),
);

/** Nobody has registered this TPM: it waits for an operator and has got nothing (PROTOCOLS 2.2). */
export interface PendingAnswer {
  readonly version: 1;
  readonly state: "pending";
  /** SHA-256 of the EK public key, hexadecimal: what the operator registers. */
  readonly ekHash: string;
}

export const pendingAnswer: v.GenericSchema<unknown, PendingAnswer> = v.strictObject({
  version: v.literal(1),
  state: v.literal("pending"),
  ekHash: digest,
});

/** What a node receives after a successful appraisal. Certificates are DER, leaf first. */
export interface NodeGrant {
  readonly version: 1;
  readonly state: "active";
  readonly svid: readonly Uint8Array[];
  readonly siteCa: readonly Uint8Array[];
  readonly trustDocument: string;
  readonly fleetUrl: string;
  readonly attestationResult: string;
}

export const nodeGrant: v.GenericSchema<unknown, NodeGrant> = v.strictObject({
  version: v.literal(1),
  state: v.literal("active"),
  svid: certificates,
  siteCa: certificates,
  trustDocument: v.pipe(v.string(), v.maxLength(1_048_576)),
  fleetUrl: httpsUrl,
  attestationResult: v.pipe(v.string(), v.maxLength(16_384)),
});

/** What a device receives from its gateway. */
export interface DeviceGrant {
  readonly version: 1;
  readonly state: "active";
  readonly svid: readonly Uint8Array[];
  readonly gatewayUrl: string;
  readonly attestationResult: string;
}

export const deviceGrant: v.GenericSchema<unknown, DeviceGrant> = v.strictObject({
  version: v.literal(1),
  state: v.literal("active"),
  svid: certificates,
  gatewayUrl: httpsUrl,
  attestationResult: v.pipe(v.string(), v.maxLength(16_384)),
});
