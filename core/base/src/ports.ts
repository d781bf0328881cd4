import type { Duration, Instant } from "./time.ts";

/** Wall time is for people and certificates, monotonic time for lengths: the types differ, so they cannot be mixed. */
export interface Clock {
  now(): Instant;
  monotonic(): Duration;
}

export interface Random {
  bytes(length: number): Uint8Array;
}

export type HashAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";

/** ECDSA signatures are raw `r ‖ s` (IEEE P1363) everywhere; only `x509` turns them into DER and back. */
export type SignatureAlgorithm =
  | "ES256"
  | "ES384"
  | "ES512"
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "Ed25519";

/** Broken (RFC 6151): for texts that others compare by it, never for anything that is decided here. */
export type LegacyHashAlgorithm = "md5";

/** A private key that stays where it lives (process, worker, KMS); it can only be asked to sign. */
export interface Signer {
  readonly algorithm: "ES256" | "Ed25519";
  /** SubjectPublicKeyInfo, DER (RFC 5280 §4.1.2.7). */
  readonly spki: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Synchronous primitives; adapters/runtime implements them on node:crypto. */
export interface Crypto {
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array;
  hmac(algorithm: HashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** False for a malformed key or signature as well; never throws on hostile bytes. */
  verify(algorithm: SignatureAlgorithm, spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /**
   * ECDSA where the hash does not follow from the curve, as X.509 allows it: P-256, P-384 or P-521, and the signature
   * as DER (RFC 3279 §2.2.3). False for malformed input as well.
   */
  verifyEcdsaDer(hash: HashAlgorithm, spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** With a key given as PKCS #8 (RFC 5958); undefined when it is no usable key of the algorithm's kind. */
  sign(algorithm: SignatureAlgorithm, pkcs8: Uint8Array, message: Uint8Array): Uint8Array | undefined;
  /** SubjectPublicKeyInfo of a PKCS #8 private key; undefined when it is none. */
  publicKeyOf(pkcs8: Uint8Array): Uint8Array | undefined;
  legacyHash(algorithm: LegacyHashAlgorithm, data: Uint8Array): Uint8Array;
  legacyHmac(algorithm: LegacyHashAlgorithm, key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Constant time in the contents. */
  isEqual(a: Uint8Array, b: Uint8Array): boolean;
  /** RSAES-OAEP (RFC 8017 §7.1). Undefined when the key is not a usable RSA key. */
  encryptRsaOaep(
    spki: Uint8Array,
    hash: HashAlgorithm,
    label: Uint8Array,
    plaintext: Uint8Array,
  ): Uint8Array | undefined;
  /** AES-128/256 in CFB-128 mode, as TPM 2.0 credential protection uses it. */
  encryptAesCfb(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** AES-256-GCM; the result is ciphertext ‖ 16-byte tag. */
  sealAead(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array;
  /** Undefined when the tag does not verify. */
  openAead(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
}
