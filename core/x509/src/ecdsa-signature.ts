import type { Result } from "@vedette/base";
import { err, ok } from "@vedette/base";
import { DerReader, TAG } from "./der-reader.ts";
import { sequence, unsignedInteger } from "./der-writer.ts";
import type { CertificateError } from "./errors.ts";

/** Octets of r and of s: the size of the curve's order. */
export const ECDSA_SCALAR_LENGTH = { ES256: 32, ES384: 48, ES512: 66 } as const;

/** Raw `r ‖ s` (IEEE P1363) → ECDSA-Sig-Value (RFC 3279 §2.2.3). */
export function ecdsaSignatureToDer(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return sequence(unsignedInteger(raw.subarray(0, half)), unsignedInteger(raw.subarray(half)));
}

/** ECDSA-Sig-Value → raw `r ‖ s`; refuses negative scalars and those longer than the algorithm's curve has them. */
export function parseEcdsaSignature(
  signature: Uint8Array,
  algorithm: keyof typeof ECDSA_SCALAR_LENGTH,
): Result<Uint8Array, CertificateError> {
  const length = ECDSA_SCALAR_LENGTH[algorithm];
  const reader = new DerReader(signature);
  const raw = reader.within(TAG.sequence, (inner) => {
    const scalars = new Uint8Array(2 * length);
    scalars.set(readScalar(inner, length), 0);
    scalars.set(readScalar(inner, length), length);
    return scalars;
  });
  reader.finish();
  return reader.faultOffset === undefined ? ok(raw) : err({ code: "DER_MALFORMED", offset: reader.faultOffset });
}

function readScalar(reader: DerReader, length: number): Uint8Array {
  const integer = reader.integer();
  const magnitude = integer[0] === 0 ? integer.subarray(1) : integer;
  const isNegative = (integer[0] ?? 0) >= 0x80;
  const scalar = new Uint8Array(length);
  if (isNegative || magnitude.length > length) reader.fail();
  else scalar.set(magnitude, length - magnitude.length);
  return scalar;
}
