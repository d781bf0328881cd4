import { bindingDigest } from "@vedette/attestation";
import { type Instant, type Json, type JsonObject, utf8 } from "@vedette/base";
import type { SwtpmFixture } from "@vedette/fakes";
import { type ClientAnswer, connectTls, type HttpRequester, type TlsCertificate } from "@vedette/net";
import {
  type DeviceGrant,
  deviceGrant,
  type EnrolmentChallenge,
  type EnrolmentRequest,
  type EvidenceMessage,
  encodeMessage,
  enrolmentChallenge,
  parseMessage,
} from "@vedette/protocol";
import { createNodeCrypto, generateKey, type SoftwareKey } from "@vedette/runtime";
import { certificatesToPem, parseCertificate } from "@vedette/x509";

const crypto = createNodeCrypto();
const NO_JOURNAL = { journalSize: 0, journalRoot: new Uint8Array(32) };

/** Whom the attester talks to, and as whom; the whole of what a device is told beforehand. */
export interface AttesterPlace {
  readonly enrolUrl: string;
  /** SHA-256 of the fleet root, hexadecimal. */
  readonly rootHash: string;
  readonly fleet: string;
  readonly site: string;
}

export interface DeviceName {
  readonly name: string;
  readonly class: string;
}

/** A device that the gateway has admitted. */
export interface EnrolledDevice extends DeviceName {
  readonly spiffeId: string;
  readonly gatewayUrl: string;
  readonly identity: TlsCertificate;
  readonly notAfter: Instant;
}

export interface AttesterAnswer {
  readonly status: number;
  /** The code of a refusal. */
  readonly code: string | undefined;
  readonly device: EnrolledDevice | undefined;
}

/** What a test may change on the way. */
export interface AttesterChanges {
  readonly request?: (request: EnrolmentRequest) => object;
  readonly evidence?: (evidence: EvidenceMessage, challenge: EnrolmentChallenge) => object;
  /** Between the two messages. */
  readonly between?: () => Promise<void>;
}

/**
 * The device's side of PROTOCOLS §2, written again from the protocol and not from the product's agent: both messages to the
 * gateway's desk on one connection, with a real TPM.
 */
export async function attestDevice(
  device: DeviceName,
  tpm: SwtpmFixture,
  place: AttesterPlace,
  purpose: "enrol" | "reattest",
  changes: AttesterChanges = {},
): Promise<AttesterAnswer> {
  const key = generateKey("ES256");
  using client = connectTls({
    url: place.enrolUrl,
    anchors: { pinnedRoot: place.rootHash },
    expectedServer: { spiffeId: `spiffe://${place.site}.${place.fleet}/gateway` },
  });
  return client.withConnection(async (desk) => {
    const request = await describeDevice(device, tpm, place, purpose, key);
    const messageOne = utf8(encodeMessage(changes.request?.(request) ?? request));
    const answer = await desk.request("POST", `/v1/${purpose}`, { body: messageOne });
    if (answer.status !== 200) return refusalOf(answer);
    const challenge = parseMessage(enrolmentChallenge, answer.body, 131_072);
    if (!challenge.ok) throw new Error(`the desk's challenge: ${challenge.error.code}`);
    const evidence = await answerChallenge(tpm, challenge.value, messageOne, key);
    await changes.between?.();
    const sent = changes.evidence?.(evidence, challenge.value) ?? evidence;
    return readVerdict(device, place, key, await post(desk, `/v1/${purpose}/evidence`, sent));
  });
}

function post(desk: HttpRequester, path: string, message: object) {
  return desk.request("POST", path, { body: utf8(encodeMessage(message)) });
}

async function describeDevice(
  device: DeviceName,
  swtpm: SwtpmFixture,
  place: AttesterPlace,
  purpose: "enrol" | "reattest",
  key: SoftwareKey,
): Promise<EnrolmentRequest> {
  const tpm = await swtpm.open();
  try {
    const ekCertificate = await tpm.ekCertificate();
    if (!ekCertificate) throw new Error("the TPM holds no EK certificate");
    const { publicArea: akPublic } = await tpm.createAk();
    const { name, class: deviceClass } = device;
    return {
      version: 1,
      purpose,
      attester: "tpm",
      site: place.site,
      class: deviceClass,
      name,
      ekCertificate,
      ekIntermediates: [],
      akPublic,
      spki: key.spki,
    };
  } finally {
    await tpm.close();
  }
}

async function answerChallenge(
  swtpm: SwtpmFixture,
  challenge: EnrolmentChallenge,
  messageOne: Uint8Array,
  key: SoftwareKey,
): Promise<EvidenceMessage> {
  const tpm = await swtpm.open();
  try {
    const { nonce, pcrs, session, credentialBlob, encryptedSecret } = challenge;
    const activationSecret = (await tpm.activateCredential(credentialBlob, encryptedSecret)).reveal();
    const messageDigest = crypto.hash("sha256", messageOne);
    const binding = bindingDigest({ nonce, activationSecret, messageDigest, spki: key.spki, ...NO_JOURNAL }, crypto);
    const selection = { bank: "sha256" as const, pcrs };
    const { quoted, signature: quoteSignature } = await tpm.quote(binding, selection);
    const pcrValues = await tpm.readPcrs(selection);
    return { version: 1, session, quoted, quoteSignature, pcrValues, spkiSignature: key.sign(binding), ...NO_JOURNAL };
  } finally {
    await tpm.close();
  }
}

interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

function readVerdict(device: DeviceName, place: AttesterPlace, key: SoftwareKey, answer: HttpAnswer): AttesterAnswer {
  if (answer.status !== 200) return refusalOf(answer);
  const grant = parseMessage(deviceGrant, answer.body, 131_072);
  if (!grant.ok) throw new Error(`the desk's grant: ${grant.error.code}`);
  return { status: 200, code: undefined, device: enrolledDevice(device, place, key, grant.value) };
}

function enrolledDevice(
  device: DeviceName,
  place: AttesterPlace,
  key: SoftwareKey,
  { svid, gatewayUrl }: DeviceGrant,
): EnrolledDevice {
  const leaf = parseCertificate(svid[0] ?? new Uint8Array(0));
  if (!leaf.ok) throw new Error(`the device's SVID: ${leaf.error.code}`);
  return {
    ...device,
    spiffeId: `spiffe://${place.site}.${place.fleet}/device/${device.class}/${device.name}`,
    gatewayUrl,
    identity: { chainPem: certificatesToPem(svid), key: key.exportPkcs8() },
    notAfter: leaf.value.notAfter,
  };
}

function refusalOf({ status, body }: HttpAnswer): AttesterAnswer {
  return { status, code: codeOf(body), device: undefined };
}

/** The code of `{"error":{"code":…}}`, the shape of every refusal. */
export function codeOf(body: Uint8Array): string | undefined {
  return textOf(errorOf(body)["code"]);
}

/** Why policy or enforcement said no. */
export function reasonOf({ body }: Pick<HttpAnswer, "body">): string | undefined {
  return textOf(errorOf(body)["reason"]);
}

/** The number of the decision behind an answer, from its header or from the refusal. */
export function decisionOf({ headers, body }: ClientAnswer): number | undefined {
  const number = headers["x-vedette-decision"] ?? errorOf(body)["decision"];
  return number === undefined ? undefined : Number(number);
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function errorOf(body: Uint8Array): JsonObject {
  try {
    const value: { readonly error?: JsonObject } = JSON.parse(new TextDecoder().decode(body));
    return value.error ?? {};
  } catch {
    // An answer without a JSON body says nothing of the kind.
    return {};
  }
}
