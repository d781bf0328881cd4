import { type Crypto, err, isSameBytes, ok, type Result, type Signer } from "@vedette/base";
import { DerReader, TAG } from "./der-reader.ts";
import type { PublicKeyError } from "./errors.ts";

// Everything in SubjectPublicKeyInfo before the key itself.
const P256_PREFIX = Uint8Array.of(
  0x30,
  0x59,
  0x30,
  0x13,
  0x06,
  0x07,
  0x2a,
  0x86,
  0x48,
  0xce,
  0x3d,
  0x02,
  0x01,
  0x06,
  0x08,
  0x2a,
  0x86,
  0x48,
  0xce,
  0x3d,
  0x03,
  0x01,
  0x07,
  0x03,
  0x42,
  0x00,
  0x04,
);
const ED25519_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
const P256_LENGTH = P256_PREFIX.length + 64;
const ED25519_LENGTH = ED25519_PREFIX.length + 32;
/** RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the key. */
const KEY_ID_LENGTH = 20;

/**
 * The algorithm of a key that we issue certificates for: P-256 with an uncompressed point (RFC 5480) or Ed25519 (RFC 8410),
 * exactly as DER has it. Whether the point is on the curve is left to the first use of the key.
 */
export function parsePublicKey(spki: Uint8Array): Result<Signer["algorithm"], PublicKeyError> {
  if (spki.length === P256_LENGTH && startsWith(spki, P256_PREFIX)) return ok("ES256");
  if (spki.length === ED25519_LENGTH && startsWith(spki, ED25519_PREFIX)) return ok("Ed25519");
  return err({ code: "PUBLIC_KEY_UNSUPPORTED" });
}

/** SubjectKeyIdentifier of a public key (RFC 7093 §2 method 1). Hostile bytes have one too. */
export function keyIdentifier(spki: Uint8Array, crypto: Crypto): Uint8Array {
  const reader = new DerReader(spki);
  const key = reader.within(TAG.sequence, (inner) => {
    inner.read(TAG.sequence);
    return inner.octetsOfBitString();
  });
  return crypto.hash("sha256", key).subarray(0, KEY_ID_LENGTH);
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return isSameBytes(bytes.subarray(0, prefix.length), prefix);
}
