import { hex } from "@vedette/base";
import { bitString, contextTag, der, oid, sequence, TAG, unsignedInteger } from "@vedette/x509";
import type { Curve } from "./elliptic-curve.ts";

export const KEY_OID = {
  rsa: "1.2.840.113549.1.1.1",
  dsa: "1.2.840.10040.4.1",
  ec: "1.2.840.10045.2.1",
  ed25519: "1.3.101.112",
  x25519: "1.3.101.110",
} as const;

export const CURVE_OID: Readonly<Record<Curve, string>> = {
  "P-256": "1.2.840.10045.3.1.7",
  "P-384": "1.3.132.0.34",
  "P-521": "1.3.132.0.35",
};

/** The numbers of RFC 8017 §3.2 under the names of RFC 7518 §6.3. */
export interface RsaNumbers {
  readonly n: bigint;
  readonly e: bigint;
  readonly d: bigint;
  readonly p: bigint;
  readonly q: bigint;
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qi: bigint;
}

const VERSION_0 = unsignedInteger(Uint8Array.of(0));
const VERSION_1 = unsignedInteger(Uint8Array.of(1));
const RSA_ALGORITHM = sequence(oid(KEY_OID.rsa), der(TAG.null));

/** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of an RSA key (RFC 3279 §2.3.1). */
export function rsaPublicKeyDer(n: bigint, e: bigint): Uint8Array {
  return sequence(RSA_ALGORITHM, bitString(sequence(integer(n), integer(e))));
}

/** RFC 5480 §2, uncompressed. The coordinates are as long as the curve has them. */
export function ecPublicKeyDer(curve: Curve, x: Uint8Array, y: Uint8Array): Uint8Array {
  return sequence(ecAlgorithm(curve), bitString(Uint8Array.of(UNCOMPRESSED, ...x, ...y)));
}

/** RFC 8410 §4. */
export function ed25519PublicKeyDer(key: Uint8Array): Uint8Array {
  return sequence(sequence(oid(KEY_OID.ed25519)), bitString(key));
}

/** PKCS #8 (RFC 5208 §5) around PKCS #1 (RFC 8017 appendix A.1.2). */
export function rsaPrivateKeyDer({ n, e, d, p, q, dp, dq, qi }: RsaNumbers): Uint8Array {
  return rsaPrivateKeyInfo(sequence(VERSION_0, ...[n, e, d, p, q, dp, dq, qi].map(integer)));
}

export function rsaPrivateKeyInfo(pkcs1: Uint8Array): Uint8Array {
  return sequence(VERSION_0, RSA_ALGORITHM, der(TAG.octetString, pkcs1));
}

/** PKCS #8 around ECPrivateKey (RFC 5915 §3), with its public key where that is known. */
export function ecPrivateKeyDer(curve: Curve, d: Uint8Array, x?: Uint8Array, y?: Uint8Array): Uint8Array {
  const point = x && y ? [der(contextTag(1, "constructed"), bitString(Uint8Array.of(UNCOMPRESSED, ...x, ...y)))] : [];
  const sec1 = sequence(VERSION_1, der(TAG.octetString, d), ...point);
  return sequence(VERSION_0, ecAlgorithm(curve), der(TAG.octetString, sec1));
}

/** RFC 8410 §7. */
export function ed25519PrivateKeyDer(seed: Uint8Array): Uint8Array {
  return sequence(VERSION_0, sequence(oid(KEY_OID.ed25519)), der(TAG.octetString, der(TAG.octetString, seed)));
}

export const UNCOMPRESSED = 0x04;

function ecAlgorithm(curve: Curve): Uint8Array {
  return sequence(oid(KEY_OID.ec), oid(CURVE_OID[curve]));
}

function integer(value: bigint): Uint8Array {
  return unsignedInteger(integerToOctets(value));
}

/** 16,384 bits, beyond which OpenSSL uses no RSA key: longer numbers only cost time. */
export const INTEGER_OCTETS_MAX = 2_048;

/** Unsigned, big-endian. */
export function octetsToInteger(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${hex(octets)}`);
}

/** Unsigned, big-endian, at least so many octets. */
export function integerToOctets(value: bigint, length = 1): Uint8Array {
  const text = value.toString(16);
  const digits = text.padStart(Math.max(text.length + (text.length % 2), length * 2), "0");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
