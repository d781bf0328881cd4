import { assert, ByteWriter, concatBytes, isSameBytes, parseHex } from "@vedette/base";
import { coordinateLength, type EccCurve } from "./tpm-algorithms.ts";

// Everything of a SubjectPublicKeyInfo (RFC 5480 §2) that comes before the coordinates of an uncompressed point.
const ecPrefix: Readonly<Record<EccCurve, Uint8Array>> = {
  "P-256": constantBytes("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
  "P-384": constantBytes("3076301006072a8648ce3d020106052b8104002203620004"),
};
// AlgorithmIdentifier { rsaEncryption, NULL } (RFC 3279 §2.3.1).
const rsaAlgorithm: Uint8Array = constantBytes("300d06092a864886f70d0101010500");

function constantBytes(text: string): Uint8Array {
  const bytes = parseHex(text);
  assert(bytes.ok, "a constant is hexadecimal");
  return bytes.value;
}

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
