import { err, ok, type Result } from "@vedette/base";
import { parseJson } from "../values/json.ts";
import { isArray, isPlainObject, memberOf, type PlainObject } from "../values/value.ts";
import { readBase64 } from "./base64-text.ts";
import { coordinateLength, isCurve, isOnCurve } from "./elliptic-curve.ts";
import {
  ecPrivateKeyDer,
  ecPublicKeyDer,
  ed25519PrivateKeyDer,
  ed25519PublicKeyDer,
  INTEGER_OCTETS_MAX,
  octetsToInteger,
  type RsaNumbers,
  rsaPrivateKeyDer,
  rsaPublicKeyDer,
} from "./key-der.ts";
import { isConsistent } from "./private-key.ts";

/** What a key can be used for: `spki` checks signatures, `pkcs8` makes them, `secret` does both. */
export interface JoseKey {
  readonly secret?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly pkcs8?: Uint8Array;
  /** As the key itself says them; empty when it does not. */
  readonly algorithm: string;
  readonly id: string;
}

/** One JSON Web Key or a set of them (RFC 7517). A set with one key that cannot be read is refused as a whole. */
export function parseJwks(text: string): Result<readonly JoseKey[], string> {
  const parsed = parseJson(text);
  if (!parsed.ok) return err(parsed.error.message);
  const document = parsed.value;
  if (!isPlainObject(document)) return err("a key is a JSON object");
  const set = memberOf(document, "keys") ?? null;
  const found: JoseKey[] = [];
  for (const member of isArray(set) ? set : [document]) {
    const key = isPlainObject(member) ? parseJwk(member) : err("a key is a JSON object");
    if (!key.ok) return key;
    found.push(key.value);
  }
  return ok(found);
}

function parseJwk(members: PlainObject): Result<JoseKey, string> {
  const algorithm = memberOf(members, "alg") ?? "";
  const id = memberOf(members, "kid") ?? "";
  if (typeof algorithm !== "string" || typeof id !== "string") return err("the alg and kid of a key are strings");
  const type = memberOf(members, "kty") ?? "";
  const key = typeof type === "string" ? READER_BY_TYPE.get(type)?.(members) : undefined;
  return key ? ok({ ...key, algorithm, id }) : err(`invalid key of the type ${JSON.stringify(type)}`);
}

type KeyMaterial = Pick<JoseKey, "secret" | "spki" | "pkcs8">;

const READER_BY_TYPE: ReadonlyMap<string, (members: PlainObject) => KeyMaterial | undefined> = new Map([
  ["oct", readSecret],
  ["RSA", readRsa],
  ["EC", readEc],
  ["OKP", readOctetKeyPair],
]);

/** RFC 7518 §6.4. */
function readSecret(members: PlainObject): KeyMaterial | undefined {
  const secret = octets(members, "k");
  return secret && secret.length > 0 ? { secret } : undefined;
}

/** RFC 7518 §6.3. What follows from the primes may be left out. */
function readRsa(members: PlainObject): KeyMaterial | undefined {
  const [n, e, d, p, q] = ["n", "e", "d", "p", "q"].map((name) => integer(members, name));
  if (!n || !e) return undefined;
  const spki = rsaPublicKeyDer(n, e);
  if (!has(members, "d")) return { spki };
  // Without its primes a key is good for checking only.
  if (!d || !p || !q) return { spki };
  const numbers = completeNumbers({ n, e, d, p, q });
  return numbers && { spki, pkcs8: rsaPrivateKeyDer(numbers) };
}

function completeNumbers(key: Pick<RsaNumbers, "n" | "e" | "d" | "p" | "q">): RsaNumbers | undefined {
  const { d, p, q } = key;
  if (p <= 1n || q <= 1n) return undefined;
  const numbers = { ...key, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  return isConsistent(numbers) ? numbers : undefined;
}

/** By the extended Euclidean algorithm; what is no inverse when there is none does not pass `isConsistent`. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, nextR] = [modulus, value % modulus];
  let [t, nextT] = [0n, 1n];
  while (nextR !== 0n) {
    const quotient = r / nextR;
    [r, nextR] = [nextR, r - quotient * nextR];
    [t, nextT] = [nextT, t - quotient * nextT];
  }
  return t < 0n ? t + modulus : t;
}

/** RFC 7518 §6.2: coordinates have the full length of the curve. */
function readEc(members: PlainObject): KeyMaterial | undefined {
  const curve = memberOf(members, "crv");
  if (!isCurve(curve)) return undefined;
  const length = coordinateLength(curve);
  const [x, y, d] = ["x", "y", "d"].map((name) => octets(members, name));
  if (x?.length !== length || y?.length !== length) return undefined;
  if (!isOnCurve(curve, octetsToInteger(x), octetsToInteger(y))) return undefined;
  const spki = ecPublicKeyDer(curve, x, y);
  if (!has(members, "d")) return { spki };
  return d?.length === length ? { spki, pkcs8: ecPrivateKeyDer(curve, d, x, y) } : undefined;
}

/** RFC 8037 §2. A key for agreement (X25519) is read, and of no use here. */
function readOctetKeyPair(members: PlainObject): KeyMaterial | undefined {
  const curve = memberOf(members, "crv");
  const [x, d] = ["x", "d"].map((name) => octets(members, name));
  if (x?.length !== ED25519_LENGTH || (has(members, "d") && d?.length !== ED25519_LENGTH)) return undefined;
  if (curve === "X25519") return {};
  if (curve !== "Ed25519") return undefined;
  const spki = ed25519PublicKeyDer(x);
  return d ? { spki, pkcs8: ed25519PrivateKeyDer(d) } : { spki };
}
const ED25519_LENGTH = 32;

function has(members: PlainObject, name: string): boolean {
  return memberOf(members, name) !== undefined;
}

function integer(members: PlainObject, name: string): bigint | undefined {
  const bytes = octets(members, name);
  return bytes && bytes.length <= INTEGER_OCTETS_MAX ? octetsToInteger(bytes) : undefined;
}

/** Any of the usual base64 forms: keys are copied from many places. */
function octets(members: PlainObject, name: string): Uint8Array | undefined {
  const text = memberOf(members, name);
  if (typeof text !== "string") return undefined;
  const padding = text.indexOf("=");
  const digits = text
    .slice(0, padding < 0 ? text.length : padding)
    .replaceAll("+", "-")
    .replaceAll("/", "_");
  const bytes = readBase64(digits.padEnd(Math.ceil(digits.length / 4) * 4, "="), "url");
  return bytes.ok ? bytes.value : undefined;
}
