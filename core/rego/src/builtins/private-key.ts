import { base64, base64url, type Crypto, concatBytes } from "@vedette/base";
import { contextTag, TAG } from "@vedette/x509";
import { numberOfInteger } from "../values/big-number.ts";
import type { Value } from "../values/value.ts";
import { type Curve, coordinateLength } from "./elliptic-curve.ts";
import {
  ecPrivateKeyDer,
  integerToOctets,
  KEY_OID,
  octetsToInteger,
  type RsaNumbers,
  rsaPrivateKeyInfo,
} from "./key-der.ts";
import { curveOfOid, type PublicKey, parsePublicKey, positive, readWhole } from "./public-key.ts";

export type PrivateKeyFormat = "PKCS #1" | "PKCS #8" | "SEC 1";

/** A private key that a policy's text holds: no secret of ours. */
export type PrivateKey = { readonly publicKey: PublicKey } & (
  | { readonly kind: "rsa"; readonly numbers: RsaNumbers }
  | { readonly kind: "ec"; readonly curve: Curve; readonly d: Uint8Array }
  | { readonly kind: "ed25519" | "x25519"; readonly seed: Uint8Array }
);

/** Undefined when the octets are no key of this format, or one whose parts do not belong together. */
export function parsePrivateKey(bytes: Uint8Array, format: PrivateKeyFormat, crypto: Crypto): PrivateKey | undefined {
  switch (format) {
    case "PKCS #1":
      return parseRsa(bytes, rsaPrivateKeyInfo(bytes), crypto);
    case "SEC 1":
      return parseEc(bytes, undefined, crypto);
    case "PKCS #8":
      return parseInfo(bytes, crypto);
  }
}

/** PrivateKeyInfo (RFC 5208 §5); attributes and what RFC 5958 adds behind them are not looked at. */
function parseInfo(bytes: Uint8Array, crypto: Crypto): PrivateKey | undefined {
  const info = readWhole(bytes, (reader) =>
    reader.within(TAG.sequence, (inner) => {
      if (inner.smallInteger() > 1) inner.fail();
      const algorithm = inner.within(TAG.sequence, (id) => ({
        id: id.oid(),
        parameters: id.hasMore ? id.element().whole : undefined,
      }));
      const key = inner.read(TAG.octetString);
      while (inner.hasMore) inner.element();
      return { ...algorithm, key };
    }),
  );
  switch (info?.id) {
    case KEY_OID.rsa:
      return parseRsa(info.key, bytes, crypto);
    case KEY_OID.ec:
      return parseEc(info.key, curveOfOid(readWhole(info.parameters, (reader) => reader.oid())), crypto);
    case KEY_OID.ed25519:
      return parseSeed("ed25519", info.key, bytes, crypto);
    case KEY_OID.x25519:
      return parseSeed("x25519", info.key, bytes, crypto);
    default:
      return undefined;
  }
}

/** RSAPrivateKey (RFC 8017 appendix A.1.2) of two primes. */
function parseRsa(bytes: Uint8Array, pkcs8: Uint8Array, crypto: Crypto): PrivateKey | undefined {
  const numbers = readWhole(bytes, (reader) =>
    reader.within(TAG.sequence, (inner): RsaNumbers => {
      if (inner.smallInteger() !== 0) inner.fail();
      const [n, e, d, p, q] = [positive(inner), positive(inner), positive(inner), positive(inner), positive(inner)];
      return { n, e, d, p, q, dp: positive(inner), dq: positive(inner), qi: positive(inner) };
    }),
  );
  const publicKey = numbers && isConsistent(numbers) ? publicKeyOf(pkcs8, crypto) : undefined;
  return numbers && publicKey && { kind: "rsa", numbers, publicKey };
}

/** Do the numbers belong together (RFC 8017 §3.2)? The primes are not tested. */
export function isConsistent({ n, e, d, p, q, dp, dq, qi }: RsaNumbers): boolean {
  if (p <= 1n || q <= 1n || p * q !== n) return false;
  const isInverse = (e * d) % (p - 1n) === 1n && (e * d) % (q - 1n) === 1n;
  return isInverse && dp === d % (p - 1n) && dq === d % (q - 1n) && (qi * q) % p === 1n;
}

/** ECPrivateKey (RFC 5915 §3). The curve is named outside (PKCS #8) or inside. */
function parseEc(bytes: Uint8Array, outer: Curve | undefined, crypto: Crypto): PrivateKey | undefined {
  const key = readWhole(bytes, (reader) =>
    reader.within(TAG.sequence, (inner) => {
      if (inner.smallInteger() !== 1) inner.fail();
      const d = inner.read(TAG.octetString);
      const parameters = contextTag(0, "constructed");
      const curve = inner.isNext(parameters) ? inner.within(parameters, (id) => id.oid()) : undefined;
      while (inner.hasMore) inner.element();
      return { d, curve: curveOfOid(curve) };
    }),
  );
  const curve = outer ?? key?.curve;
  if (key === undefined || curve === undefined) return undefined;
  const value = octetsToInteger(key.d);
  const length = coordinateLength(curve);
  if (value === 0n || value >= 1n << BigInt(8 * length)) return undefined;
  const d = integerToOctets(value, length);
  const publicKey = publicKeyOf(ecPrivateKeyDer(curve, d), crypto);
  return publicKey && { kind: "ec", curve, d, publicKey };
}

function parseSeed(
  kind: "ed25519" | "x25519",
  key: Uint8Array,
  pkcs8: Uint8Array,
  crypto: Crypto,
): PrivateKey | undefined {
  const seed = readWhole(key, (reader) => reader.read(TAG.octetString));
  const publicKey = seed?.length === SEED_LENGTH ? publicKeyOf(pkcs8, crypto) : undefined;
  return seed && publicKey && { kind, seed, publicKey };
}
const SEED_LENGTH = 32;

function publicKeyOf(pkcs8: Uint8Array, crypto: Crypto): PublicKey | undefined {
  const spki = crypto.publicKeyOf(pkcs8);
  return spki && parsePublicKey(spki);
}

/** As Go's `encoding/json` writes its key types. */
export function privateKeyToValue(key: PrivateKey): Value {
  switch (key.kind) {
    case "rsa": {
      const { n, e, d, p, q, dp, dq, qi } = key.numbers;
      return {
        N: numberOfInteger(n),
        E: numberOfInteger(e),
        D: numberOfInteger(d),
        Primes: [numberOfInteger(p), numberOfInteger(q)],
        Precomputed: {
          Dp: numberOfInteger(dp),
          Dq: numberOfInteger(dq),
          Qinv: numberOfInteger(qi),
          CRTValues: [],
        },
      };
    }
    case "ec":
      return { Curve: {}, D: numberOfInteger(octetsToInteger(key.d)), ...coordinatesOf(key.publicKey, numberOf) };
    case "ed25519":
      return base64(concatBytes(key.seed, rawKeyOf(key.publicKey)));
    case "x25519":
      return {};
  }
}

/** RFC 7517. */
export function privateKeyToJwk(key: PrivateKey): Value {
  switch (key.kind) {
    case "rsa":
      return {
        kty: "RSA",
        ...Object.fromEntries(Object.entries(key.numbers).map(([name, n]) => [name, base64url(integerToOctets(n))])),
      };
    case "ec": {
      const { X, Y } = coordinatesOf(key.publicKey, base64url);
      return { kty: "EC", crv: key.curve, d: base64url(key.d), x: X, y: Y };
    }
    case "ed25519":
    case "x25519": {
      const crv = key.kind === "ed25519" ? "Ed25519" : "X25519";
      return { kty: "OKP", crv, d: base64url(key.seed), x: base64url(rawKeyOf(key.publicKey)) };
    }
  }
}

function numberOf(octets: Uint8Array): Value {
  return numberOfInteger(octetsToInteger(octets));
}

function coordinatesOf(key: PublicKey, write: (octets: Uint8Array) => Value): { readonly X: Value; readonly Y: Value } {
  return key.kind === "ec" ? { X: write(key.x), Y: write(key.y) } : { X: null, Y: null };
}

function rawKeyOf(key: PublicKey): Uint8Array {
  return key.kind === "ed25519" || key.kind === "unknown" ? key.key : new Uint8Array(0);
}
