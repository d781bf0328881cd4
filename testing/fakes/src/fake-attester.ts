import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  sign,
} from "node:crypto";
import { ByteReader, ByteWriter } from "@vedette/base";
import type { EkCertificateChanges, FakeTpmMaker } from "./fake-tpm-maker.ts";

/** What a TPM says of itself and does for an attester, in software: correct bytes, and any lie a test asks for by name. */
export interface FakeTpm {
  readonly ekSpki: Uint8Array;
  readonly ekCertificate: Uint8Array;
  /** TPMT_PUBLIC. */
  readonly akPublic: Uint8Array;
  readonly akName: Uint8Array;
  /** SHA-256 bank, hexadecimal keys as on the wire. */
  pcrValues(pcrs: readonly number[]): Record<string, Uint8Array>;
  extendPcr(pcr: number, digest: Uint8Array): void;
  /** Throws as the TPM does (TPM_RC_INTEGRITY) when the credential is not for this EK and this AK. */
  activateCredential(credentialBlob: Uint8Array, encryptedSecret: Uint8Array): Uint8Array;
  quote(extraData: Uint8Array, pcrs: readonly number[], lies?: QuoteLies): FakeQuote;
  /** TPM2_Certify of the AK by itself: signed by the same key, but no quote. */
  certify(extraData: Uint8Array): FakeQuote;
}

export interface FakeQuote {
  /** TPMS_ATTEST. */
  readonly quoted: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly quoteSignature: Uint8Array;
}

/** Each replaces one fact of an otherwise correct quote, which the AK then signs. */
export interface QuoteLies {
  readonly magic?: number;
  readonly type?: number;
  /** TPM_ALG_ID of the bank in the selection. */
  readonly bankId?: number;
  readonly pcrDigest?: Uint8Array;
  /** The selection twice over, as two banks would be. */
  readonly isSelectionDoubled?: boolean;
  readonly resetCount?: number;
  readonly isClockSafe?: boolean;
}

export interface FakeTpmOptions {
  readonly akType?: "P-256" | "P-384" | "RSA";
  /** TPMA_OBJECT of the AK. */
  readonly akAttributes?: number;
  readonly ekCertificateChanges?: EkCertificateChanges;
}

/** restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA. */
export const FAKE_AK_ATTRIBUTES = 0x0005_0472;

export function createFakeTpm(maker: FakeTpmMaker, options: FakeTpmOptions = {}): FakeTpm {
  const { akType = "P-256", akAttributes = FAKE_AK_ATTRIBUTES } = options;
  const ek = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const ekSpki = new Uint8Array(ek.publicKey.export({ format: "der", type: "spki" }));
  const ak = createAk(akType);
  const akPublic = publicAreaOf(ak, akAttributes);
  const akName = concat(Buffer.of(0x00, SHA256_ID), hash("sha256", akPublic));
  const pcrByIndex = new Map<number, Uint8Array>();
  const pcrOf = (index: number) => pcrByIndex.get(index) ?? new Uint8Array(32);
  // A TPM's clock runs while it has power, so no two quotes carry the same time.
  let milliseconds = 123_456n;
  const attest = (extraData: Uint8Array, lies: QuoteLies, attested: Uint8Array): FakeQuote => {
    const quoted = concat(attestHeader(akName, extraData, milliseconds++, lies), attested);
    return { quoted, quoteSignature: signatureOf(ak, quoted) };
  };
  return {
    ekSpki,
    ekCertificate: maker.issue(ekSpki, options.ekCertificateChanges),
    akPublic,
    akName,
    pcrValues: (pcrs) => Object.fromEntries(pcrs.map((pcr) => [pcr, pcrOf(pcr)])),
    extendPcr: (pcr, digest) => void pcrByIndex.set(pcr, hash("sha256", concat(pcrOf(pcr), digest))),
    activateCredential: (blob, encryptedSecret) => activate(ek.privateKey, akName, blob, encryptedSecret),
    quote(extraData, pcrs, lies = {}) {
      const selection = selectionOf(pcrs, lies.bankId ?? SHA256_ID);
      const selections = lies.isSelectionDoubled ? [selection, selection] : [selection];
      const digest = lies.pcrDigest ?? hash(ak.hash, concat(...pcrs.map(pcrOf)));
      const attested = new ByteWriter()
        .u32(selections.length)
        .raw(concat(...selections))
        .sized16(digest);
      return attest(extraData, lies, attested.finish());
    },
    certify(extraData) {
      const attested = new ByteWriter().sized16(akName).sized16(akName).finish();
      return attest(extraData, { type: ST_ATTEST_CERTIFY }, attested);
    },
  };
}

const SHA256_ID = 0x0b;
const ST_ATTEST_CERTIFY = 0x8017;
const ST_ATTEST_QUOTE = 0x8018;
const TPM_GENERATED = 0xff54_4347;

interface FakeAk {
  readonly type: "P-256" | "P-384" | "RSA";
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly hash: "sha256" | "sha384";
}

function createAk(type: FakeAk["type"]): FakeAk {
  const pair =
    type === "RSA"
      ? generateKeyPairSync("rsa", { modulusLength: 2_048 })
      : generateKeyPairSync("ec", { namedCurve: type });
  return { type, ...pair, hash: type === "P-384" ? "sha384" : "sha256" };
}

// TPMT_PUBLIC (TPM 2.0 Part 2 §12.2.4): no policy, no symmetric cipher, one signing scheme.
function publicAreaOf(ak: FakeAk, attributes: number): Uint8Array {
  const { n = "", x = "", y = "" } = ak.publicKey.export({ format: "jwk" });
  const isRsa = ak.type === "RSA";
  const writer = new ByteWriter()
    .u16(isRsa ? 0x0001 : 0x0023)
    .u16(SHA256_ID)
    .u32(attributes)
    .u16(0)
    .u16(0x0010)
    .u16(isRsa ? 0x0014 : 0x0018)
    .u16(hashId(ak));
  if (isRsa) return writer.u16(2_048).u32(0).sized16(Buffer.from(n, "base64url")).finish();
  return writer
    .u16(ak.type === "P-256" ? 0x0003 : 0x0004)
    .u16(0x0010)
    .sized16(Buffer.from(x, "base64url"))
    .sized16(Buffer.from(y, "base64url"))
    .finish();
}

// TPMT_SIGNATURE (Part 2 §11.3.4).
function signatureOf(ak: FakeAk, message: Uint8Array): Uint8Array {
  const writer = new ByteWriter().u16(ak.type === "RSA" ? 0x0014 : 0x0018).u16(hashId(ak));
  const signature = sign(ak.hash, message, { key: ak.privateKey, dsaEncoding: "ieee-p1363" });
  if (ak.type === "RSA") return writer.sized16(signature).finish();
  const half = signature.length / 2;
  return writer.sized16(signature.subarray(0, half)).sized16(signature.subarray(half)).finish();
}

// TPMS_ATTEST (Part 2 §10.12.8) up to `attested`.
function attestHeader(signer: Uint8Array, extraData: Uint8Array, clock: bigint, lies: QuoteLies): Uint8Array {
  return new ByteWriter()
    .u32(lies.magic ?? TPM_GENERATED)
    .u16(lies.type ?? ST_ATTEST_QUOTE)
    .sized16(signer)
    .sized16(extraData)
    .u64(clock)
    .u32(lies.resetCount ?? 7)
    .u32(0)
    .u8(lies.isClockSafe === false ? 0 : 1)
    .u64(0x2020_0101_0000_0000n)
    .finish();
}

function selectionOf(pcrs: readonly number[], bankId: number): Uint8Array {
  const bits = pcrs.reduce((all, pcr) => all | (1 << pcr), 0);
  return new ByteWriter()
    .u16(bankId)
    .u8(3)
    .u8(bits & 0xff)
    .u8((bits >> 8) & 0xff)
    .u8((bits >> 16) & 0xff)
    .finish();
}

// TPM2_ActivateCredential (Part 1 §24) for the L-1 template.
function activate(ek: KeyObject, name: Uint8Array, blob: Uint8Array, encryptedSecret: Uint8Array): Uint8Array {
  const oaep = { key: ek, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  const seed = privateDecrypt({ ...oaep, oaepLabel: Buffer.from("IDENTITY\0") }, encryptedSecret);
  const reader = new ByteReader(blob);
  const integrity = reader.sized16();
  const encrypted = reader.take(reader.remaining);
  const expected = hmac(kdfa(seed, "INTEGRITY", new Uint8Array(0), 256), concat(encrypted, name));
  if (!Buffer.from(integrity).equals(expected)) throw new Error("TPM_RC_INTEGRITY");
  const cipher = createDecipheriv("aes-128-cfb", kdfa(seed, "STORAGE", name, 128), new Uint8Array(16));
  const secret = new ByteReader(concat(cipher.update(encrypted), cipher.final()));
  return secret.sized16();
}

function kdfa(key: Uint8Array, label: string, contextU: Uint8Array, bits: number): Uint8Array {
  const counter = Buffer.of(0, 0, 0, 1);
  const length = Buffer.of(0, 0, bits >> 8, bits & 0xff);
  return hmac(key, concat(counter, Buffer.from(`${label}\0`), contextU, length)).subarray(0, bits / 8);
}

function hashId(ak: FakeAk): number {
  return ak.hash === "sha384" ? 0x0c : SHA256_ID;
}

function hash(algorithm: "sha256" | "sha384", data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(algorithm).update(data).digest());
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
