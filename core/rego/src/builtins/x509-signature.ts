import type { Crypto, HashAlgorithm, SignatureAlgorithm } from "@vedette/base";
import { contextTag, type DerReader, TAG } from "@vedette/x509";
import { readWhole } from "./public-key.ts";

/** How a certificate or a request is signed. `number` is Go's `x509.SignatureAlgorithm`; 0 is any other. */
export interface X509SignatureAlgorithm {
  readonly number: number;
  /** Absent for what no longer makes anything trusted (SHA-1 and older) and for what we do not know. */
  readonly check?: (crypto: Crypto, spki: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
}

const UNKNOWN: X509SignatureAlgorithm = { number: 0 };
const RSA_PSS_OID = "1.2.840.113549.1.1.10";

const BY_OID: ReadonlyMap<string, X509SignatureAlgorithm> = new Map([
  ["1.2.840.113549.1.1.2", { number: 1 }],
  ["1.2.840.113549.1.1.4", { number: 2 }],
  ["1.2.840.113549.1.1.5", { number: 3 }],
  ["1.3.14.3.2.29", { number: 3 }],
  ["1.2.840.113549.1.1.11", withKey(4, "RS256")],
  ["1.2.840.113549.1.1.12", withKey(5, "RS384")],
  ["1.2.840.113549.1.1.13", withKey(6, "RS512")],
  ["1.2.840.10040.4.3", { number: 7 }],
  ["2.16.840.1.101.3.4.3.2", { number: 8 }],
  ["1.2.840.10045.4.1", { number: 9 }],
  ["1.2.840.10045.4.3.2", withEcdsa(10, "sha256")],
  ["1.2.840.10045.4.3.3", withEcdsa(11, "sha384")],
  ["1.2.840.10045.4.3.4", withEcdsa(12, "sha512")],
  ["1.3.101.112", withKey(16, "Ed25519")],
]);

/** By the OID of the hash; the salt is as long as the hash. */
const PSS_BY_HASH: ReadonlyMap<string, { readonly salt: number; readonly algorithm: X509SignatureAlgorithm }> = new Map(
  [
    ["2.16.840.1.101.3.4.2.1", { salt: 32, algorithm: withKey(13, "PS256") }],
    ["2.16.840.1.101.3.4.2.2", { salt: 48, algorithm: withKey(14, "PS384") }],
    ["2.16.840.1.101.3.4.2.3", { salt: 64, algorithm: withKey(15, "PS512") }],
  ],
);

function withKey(number: number, algorithm: SignatureAlgorithm): X509SignatureAlgorithm {
  return { number, check: (crypto, spki, message, signature) => crypto.verify(algorithm, spki, message, signature) };
}

/** In X.509 any hash goes with any curve. */
function withEcdsa(number: number, hash: HashAlgorithm): X509SignatureAlgorithm {
  return { number, check: (crypto, spki, message, signature) => crypto.verifyEcdsaDer(hash, spki, message, signature) };
}

/** Of a DER AlgorithmIdentifier (RFC 5280 §4.1.1.2). */
export function readSignatureAlgorithm(der: Uint8Array): X509SignatureAlgorithm {
  const identifier = readWhole(der, (reader) =>
    reader.within(TAG.sequence, (inner) => ({
      id: inner.oid(),
      parameters: inner.hasMore ? inner.element().whole : undefined,
    })),
  );
  if (identifier?.id === RSA_PSS_OID) return pssAlgorithm(identifier.parameters);
  return BY_OID.get(identifier?.id ?? "") ?? UNKNOWN;
}

/** RSASSA-PSS-params (RFC 4055 §3.1): one hash for both uses, and no other defaults. */
function pssAlgorithm(parameters: Uint8Array | undefined): X509SignatureAlgorithm {
  const read = readWhole(parameters, (reader) =>
    reader.within(TAG.sequence, (inner) => ({
      hash: inner.within(contextTag(0, "constructed"), readHashId),
      mask: inner.within(contextTag(1, "constructed"), (mask) =>
        mask.within(TAG.sequence, (id) => ({ function: id.oid(), hash: readHashId(id) })),
      ),
      salt: inner.within(contextTag(2, "constructed"), (salt) => salt.smallInteger()),
    })),
  );
  const known = PSS_BY_HASH.get(read?.hash ?? "");
  const isUsual = read?.mask.hash === read?.hash && read?.mask.function === MGF1_OID && read.salt === known?.salt;
  return known && isUsual ? known.algorithm : UNKNOWN;
}
const MGF1_OID = "1.2.840.113549.1.1.8";

function readHashId(reader: DerReader): string {
  return reader.within(TAG.sequence, (inner) => {
    const id = inner.oid();
    if (inner.hasMore) inner.read(TAG.null);
    return id;
  });
}
