import { assert, ByteWriter, concatBytes, isSameBytes } from "@vedette/base";
import { coordinateLength, type EccCurve } from "./tpm-algorithms.ts";

// Everything of a SubjectPublicKeyInfo (RFC 5480 §2) that comes before the coordinates of an uncompressed point.
const ecPrefix: Readonly<Record<EccCurve, Uint8Array>> = {
  // prettier-ignore
  "P-256": Uint8Array.of(
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
  ),
  "P-384": Uint8Array.of(
    0x30,
    0x76,
    0x30,
    0x10,
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
    0x05,
    0x2b,
    0x81,
    0x04,
    0x00,
    0x22,
    0x03,
    0x62,
    0x00,
    0x04,
  ),
};
// AlgorithmIdentifier { rsaEncryption, NULL } (RFC 3279 §2.3.1).
const rsaAlgorithm: Uint8Array = Uint8Array.of(
  0x30,
  0x0d,
  0x06,
  0x09,
  0x2a,
  0x86,
  0x48,
  0x86,
  0xf7,
  0x0d,
  0x01,
  0x01,
  0x01,
  0x05,
  0x00,
);

/** Coordinates may be shorter than the field; they are padded on the left. */
export function eccPointToSpki(curve: EccCurve, x: Uint8Array, y: Uint8Array): Uint8Array {
  const length = coordinateLength[curve];
  return concatBytes(ecPrefix[curve], padLeft(x, length), padLeft(y, length));
}

export function rsaModulusToSpki(modulus: Uint8Array, exponent: number): Uint8Array {
  const exponentBytes = new ByteWriter().u32(exponent).finish();
  const key = der(0x30, concatBytes(derUnsigned(modulus), derUnsigned(exponentBytes)));
  return der(0x30, concatBytes(rsaAlgorithm, der(0x03, concatBytes(Uint8Array.of(0), key))));
}

/** Exactly a P-256 key: the only kind that our SVIDs name. That the point is on the curve is for its first use to find. */
export function isP256Spki(spki: Uint8Array): boolean {
  return spki.length === 91 && isSameBytes(spki.subarray(0, 27), ecPrefix["P-256"]);
}

/** Exactly an RSA-2048 key with exponent 65537, the L-1 template of the TCG EK credential profile. */
export function isRsa2048Spki(spki: Uint8Array): boolean {
  const modulus = spki.subarray(33, 289);
  return spki.length === 294 && modulus[0]! >= 0x80 && isSameBytes(spki, rsaModulusToSpki(modulus, 65_537));
}

export function padLeft(bytes: Uint8Array, length: number): Uint8Array {
  assert(bytes.length <= length, "a number fits the field it is padded to");
  if (bytes.length === length) return bytes;
  const padded = new Uint8Array(length);
  padded.set(bytes, length - bytes.length);
  return padded;
}

// DER INTEGER of a non-negative number: no superfluous zeros, one where the sign bit would be set (X.690 §8.3).
function derUnsigned(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return der(0x02, digits[0]! >= 0x80 ? concatBytes(Uint8Array.of(0), digits) : digits);
}

function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const header =
    length < 0x80
      ? Uint8Array.of(tag, length)
      : length < 0x100
        ? Uint8Array.of(tag, 0x81, length)
        : Uint8Array.of(tag, 0x82, length >> 8, length & 0xff);
  return concatBytes(header, content);
}
