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
export type SignatureAlgorithm = "ES256" | "ES384" | "RS256" | "RS384" | "RS512" | "PS256" | "Ed25519";

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
