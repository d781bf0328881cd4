import { type Crypto, err, isSameBytes, ok, type Result, type Signer } from "@vedette/base";
import { DerReader, TAG } from "./der-reader.ts";
import { bitString, oid, sequence } from "./der-writer.ts";
import type { PublicKeyError } from "./errors.ts";

const POINT_LENGTH = 64;
const ED25519_KEY_LENGTH = 32;
const P256 = spkiOf(["1.2.840.10045.2.1", "1.2.840.10045.3.1.7"], Uint8Array.of(0x04, ...new Uint8Array(POINT_LENGTH)));
const ED25519 = spkiOf(["1.3.101.112"], new Uint8Array(ED25519_KEY_LENGTH));
/** RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the key. */
const KEY_ID_LENGTH = 20;

/**
 * The algorithm of a key that we issue certificates for: P-256 with an uncompressed point (RFC 5480) or Ed25519 (RFC 8410),
 * exactly as DER has it. Whether the point is on the curve is left to the first use of the key.
 */
export function parsePublicKey(spki: Uint8Array): Result<Signer["algorithm"], PublicKeyError> {
  if (isLike(spki, P256, POINT_LENGTH)) return ok("ES256");
  if (isLike(spki, ED25519, ED25519_KEY_LENGTH)) return ok("Ed25519");
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

function spkiOf(algorithm: readonly string[], key: Uint8Array): Uint8Array {
  return sequence(sequence(...algorithm.map(oid)), bitString(key));
}

/** Equal but for the last octets, which are the key. */
function isLike(spki: Uint8Array, pattern: Uint8Array, keyLength: number): boolean {
  const fixed = pattern.length - keyLength;
  return spki.length === pattern.length && isSameBytes(spki.subarray(0, fixed), pattern.subarray(0, fixed));
}
