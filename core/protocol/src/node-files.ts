import * as v from "valibot";
import { bytes, count, digest, domain, httpsUrl, label } from "./fields.ts";

/** Keys and certificates: the same limits as on the wire. */
const SPKI_LENGTH_MAX = 1_024;
const CERTIFICATE_LENGTH_MAX = 8_192;
/** TPM2B_PUBLIC and TPM2B_PRIVATE of a sealed object. */
const TPM_OBJECT_LENGTH_MAX = 2_048;
const PCR_COUNT = 24;

/** A key that signs documents, by the name its signatures give it. */
export interface NamedKey {
  readonly keyId: string;
  readonly algorithm: "ES256" | "Ed25519";
  readonly spki: Uint8Array;
}

export const namedKey: v.GenericSchema<unknown, NamedKey> = v.strictObject({
  keyId: label,
  algorithm: v.picklist(["ES256", "Ed25519"]),
  spki: bytes(SPKI_LENGTH_MAX, 1),
});

/** What a node must never take from anybody again after its first contact; lies sealed on its disk. */
export interface NodeFactsFile {
  readonly format: 1;
  readonly fleet: string;
  readonly site: string;
  readonly class: string;
  readonly name: string;
  /** SHA-256 of the fleet root certificate, hexadecimal. */
  readonly rootHash: string;
  /** DER. */
  readonly root: Uint8Array;
  readonly trustKey: NamedKey;
  readonly enrolUrl: string;
  readonly fleetUrl: string;
}

export const nodeFactsFile: v.GenericSchema<unknown, NodeFactsFile> = v.strictObject({
  format: v.literal(1),
  fleet: domain,
  site: label,
  class: label,
  name: label,
  rootHash: digest,
  root: bytes(CERTIFICATE_LENGTH_MAX, 1),
  trustKey: namedKey,
  enrolUrl: httpsUrl,
  fleetUrl: httpsUrl,
});

/** The data key as the TPM sealed it, and the PCRs it was sealed to. */
export interface DataKeyFile {
  readonly format: 1;
  readonly pcrs: readonly number[];
  readonly public: Uint8Array;
  readonly private: Uint8Array;
}

export const dataKeyFile: v.GenericSchema<unknown, DataKeyFile> = v.strictObject({
  format: v.literal(1),
  pcrs: v.pipe(v.array(v.pipe(count, v.maxValue(PCR_COUNT - 1))), v.minLength(1), v.maxLength(PCR_COUNT)),
  public: bytes(TPM_OBJECT_LENGTH_MAX, 1),
  private: bytes(TPM_OBJECT_LENGTH_MAX, 1),
});

/** What a renewal replaces, as one file, so that a key never lies beside another key's certificate. */
export interface NodeIdentityFile {
  readonly format: 1;
  /** PKCS #8. */
  readonly key: Uint8Array;
  /** DER, leaf first. */
  readonly svid: readonly Uint8Array[];
  readonly siteCa: readonly Uint8Array[];
}

const chain: v.GenericSchema<unknown, readonly Uint8Array[]> = v.pipe(
  v.array(bytes(CERTIFICATE_LENGTH_MAX, 1)),
  v.minLength(1),
  v.maxLength(8),
);

export const nodeIdentityFile: v.GenericSchema<unknown, NodeIdentityFile> = v.strictObject({
  format: v.literal(1),
  key: bytes(SPKI_LENGTH_MAX, 1),
  svid: chain,
  siteCa: chain,
});
