import { base64 } from "@vedette/base";
import { DerReader, TAG } from "@vedette/x509";
import { numberOfInteger } from "../values/big-number.ts";
import type { Value } from "../values/value.ts";
import { type Curve, coordinateLength, isCurve, isOnCurve } from "./elliptic-curve.ts";
import { CURVE_OID, INTEGER_OCTETS_MAX, KEY_OID, octetsToInteger, UNCOMPRESSED } from "./key-der.ts";

/** What a SubjectPublicKeyInfo says. A point is on its curve. */
export type PublicKey =
  | { readonly kind: "rsa"; readonly n: bigint; readonly e: bigint }
  | { readonly kind: "dsa"; readonly p: bigint; readonly q: bigint; readonly g: bigint; readonly y: bigint }
  | { readonly kind: "ec"; readonly curve: Curve; readonly x: Uint8Array; readonly y: Uint8Array }
  | { readonly kind: "ed25519"; readonly key: Uint8Array }
  | { readonly kind: "unknown"; readonly algorithm: string; readonly key: Uint8Array };

/** Undefined when the octets are no public key. */
export function parsePublicKey(spki: Uint8Array): PublicKey | undefined {
  const reader = new DerReader(spki);
  const key = reader.within(TAG.sequence, readPublicKey);
  reader.finish();
  return reader.faultOffset === undefined ? key : undefined;
}

function readPublicKey(reader: DerReader): PublicKey {
  const { algorithm, parameters } = reader.within(TAG.sequence, (inner) => ({
    algorithm: inner.oid(),
    parameters: inner.hasMore ? inner.element().whole : undefined,
  }));
  const key = reader.octetsOfBitString();
  const parsed = parseKey(algorithm, parameters, key);
  if (parsed === undefined) reader.fail();
  return parsed ?? { kind: "unknown", algorithm, key };
}

function parseKey(algorithm: string, parameters: Uint8Array | undefined, key: Uint8Array): PublicKey | undefined {
  switch (algorithm) {
    case KEY_OID.rsa:
      return readWhole(key, (reader) =>
        reader.within(TAG.sequence, (inner) => ({ kind: "rsa" as const, n: positive(inner), e: positive(inner) })),
      );
    case KEY_OID.dsa:
      return parseDsaKey(parameters, key);
    case KEY_OID.ec:
      return parsePoint(parameters, key);
    case KEY_OID.ed25519:
      return parameters === undefined && key.length === ED25519_LENGTH ? { kind: "ed25519", key } : undefined;
    default:
      return { kind: "unknown", algorithm, key };
  }
}

const ED25519_LENGTH = 32;

function parseDsaKey(parameters: Uint8Array | undefined, key: Uint8Array): PublicKey | undefined {
  const group = readWhole(parameters, (reader) =>
    reader.within(TAG.sequence, (inner) => ({ p: positive(inner), q: positive(inner), g: positive(inner) })),
  );
  const y = readWhole(key, positive);
  return group && y !== undefined ? { kind: "dsa", ...group, y } : undefined;
}

function parsePoint(parameters: Uint8Array | undefined, point: Uint8Array): PublicKey | undefined {
  const curve = curveOfOid(readWhole(parameters, (reader) => reader.oid()));
  if (curve === undefined) return undefined;
  const length = coordinateLength(curve);
  if (point.length !== 1 + 2 * length || point[0] !== UNCOMPRESSED) return undefined;
  const [x, y] = [point.subarray(1, 1 + length), point.subarray(1 + length)];
  return isOnCurve(curve, octetsToInteger(x), octetsToInteger(y)) ? { kind: "ec", curve, x, y } : undefined;
}

export function curveOfOid(oid: string | undefined): Curve | undefined {
  const found = Object.entries(CURVE_OID).find(([, known]) => known === oid)?.[0];
  return isCurve(found) ? found : undefined;
}

/** Reads a whole DER element; undefined when it is not exactly what was asked for. */
export function readWhole<T>(bytes: Uint8Array | undefined, read: (reader: DerReader) => T): T | undefined {
  if (bytes === undefined) return undefined;
  const reader = new DerReader(bytes);
  const value = read(reader);
  reader.finish();
  return reader.faultOffset === undefined ? value : undefined;
}

/** An INTEGER above zero of at most `INTEGER_OCTETS_MAX`. */
export function positive(reader: DerReader): bigint {
  const value = signedInteger(reader);
  if (value <= 0n) reader.fail();
  return value;
}

/** An INTEGER of at most `INTEGER_OCTETS_MAX`. */
export function signedInteger(reader: DerReader): bigint {
  const octets = reader.integer();
  if (octets.length > INTEGER_OCTETS_MAX) {
    reader.fail();
    return 0n;
  }
  return BigInt.asIntN(8 * octets.length, octetsToInteger(octets));
}

/** As Go's `encoding/json` writes its key types. */
export function publicKeyToValue(key: PublicKey): Value {
  switch (key.kind) {
    case "rsa":
      return { N: numberOfInteger(key.n), E: numberOfInteger(key.e) };
    case "dsa":
      return {
        P: numberOfInteger(key.p),
        Q: numberOfInteger(key.q),
        G: numberOfInteger(key.g),
        Y: numberOfInteger(key.y),
      };
    case "ec":
      return {
        Curve: {},
        X: numberOfInteger(octetsToInteger(key.x)),
        Y: numberOfInteger(octetsToInteger(key.y)),
      };
    case "ed25519":
      return base64(key.key);
    case "unknown":
      return null;
  }
}
