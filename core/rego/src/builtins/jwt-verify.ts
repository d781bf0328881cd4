import { err, type HashAlgorithm, ok, type Result, utf8 } from "@vedette/base";
import { compareNumbers } from "../values/big-number.ts";
import { valueToText } from "../values/print.ts";
import {
  isArray,
  isNumber,
  memberOf,
  type NumberValue,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import type { BuiltinContext } from "./builtin.ts";
import { type JoseKey, parseJwks } from "./jwk.ts";
import {
  type HeaderFields,
  isJwtAlgorithm,
  type JwtAlgorithm,
  readHeader,
  readHeaderFields,
  readObject,
  readPayloadText,
  readSignature,
  splitToken,
  type Token,
} from "./jwt-token.ts";
import { nextPemBlock } from "./pem-blocks.ts";
import { parsePublicKey } from "./public-key.ts";
import { textToBytes } from "./text-bytes.ts";
import { parseX509Certificate } from "./x509-certificate.ts";

/** What a check by a public key costs: tens of microseconds with RSA, a millisecond with P-521. */
const VERIFY_STEPS = 10_000;

/** Is the signature one of the algorithm by the key? A key of another kind makes no signature valid. */
function isSigned(
  context: BuiltinContext,
  algorithm: JwtAlgorithm,
  key: JoseKey,
  { header, payload }: Token,
  signature: Uint8Array,
): boolean {
  const { crypto } = context;
  if (key.spki !== undefined) context.spend(VERIFY_STEPS);
  const message = utf8(`${header}.${payload}`);
  switch (algorithm) {
    case "HS256":
    case "HS384":
    case "HS512":
      return key.secret !== undefined && crypto.isEqual(crypto.hmac(hashOf(algorithm), key.secret, message), signature);
    case "EdDSA":
      return key.spki !== undefined && crypto.verify("Ed25519", key.spki, message, signature);
    default:
      return key.spki !== undefined && crypto.verify(algorithm, key.spki, message, signature);
  }
}

export function hashOf(algorithm: "HS256" | "HS384" | "HS512"): HashAlgorithm {
  return algorithm === "HS256" ? "sha256" : algorithm === "HS384" ? "sha384" : "sha512";
}

/** The keys in a PEM certificate, a PEM public key, a JSON Web Key or a set of those. */
export function parseVerificationKeys(text: string): Result<readonly JoseKey[], string> {
  const block = nextPemBlock(text);
  if (block !== undefined) return block.rest === "" ? parsePemKey(block.label, block.bytes) : err(TRAILING_DATA);
  const keys = parseJwks(text);
  if (!keys.ok) return err(`failed to parse a JWK key (set): ${keys.error}`);
  // A key that is made for something else, such as encryption, is no fault of the set.
  return ok(keys.value.filter(({ algorithm }) => algorithm === "" || isJwtAlgorithm(algorithm)));
}
const TRAILING_DATA = "extra data after a PEM certificate block";

function parsePemKey(label: string, bytes: Uint8Array): Result<readonly JoseKey[], string> {
  switch (label) {
    case "CERTIFICATE": {
      const certificate = parseX509Certificate(bytes);
      if (!certificate.ok) return err(`failed to parse a PEM certificate: ${certificate.error}`);
      return ok([{ spki: certificate.value.spki, algorithm: "", id: "" }]);
    }
    case "PUBLIC KEY":
      if (parsePublicKey(bytes) === undefined) return err("failed to parse a PEM public key");
      return ok([{ spki: bytes, algorithm: "", id: "" }]);
    default:
      return err("failed to extract a Key from the PEM certificate");
  }
}

/** The key that the header names is the only one that counts; else any that is not made for another algorithm. */
export function isSignedByAny(
  context: BuiltinContext,
  algorithm: JwtAlgorithm,
  keys: readonly JoseKey[],
  fields: HeaderFields,
  token: Token,
  signature: Uint8Array,
): boolean {
  const named = fields.kid === "" ? undefined : keys.find(({ id }) => id === fields.kid);
  if (named !== undefined) return isSigned(context, algorithm, named, token, signature);
  return keys.some(
    (key) =>
      (key.algorithm === "" || key.algorithm === fields.alg) && isSigned(context, algorithm, key, token, signature),
  );
}

/** What `io.jwt.decode_verify` asks of a token. */
export interface Constraints {
  readonly keys: readonly JoseKey[];
  readonly alg: string;
  readonly iss: string;
  readonly aud: string;
  /** Nanoseconds; a double, so that both sides of a comparison are rounded as OPA rounds them. */
  readonly time: number;
}

export function parseConstraints(options: ObjectValue, now: bigint): Result<Constraints, string> {
  const texts = { secret: "", alg: "", iss: "", aud: "" };
  let keys: readonly JoseKey[] | undefined;
  let time = Number(now);
  for (const name of sortedKeysOf(options)) {
    const value = memberOf(options, name) as Value;
    if (name === "cert") {
      if (typeof value !== "string") return err("cert constraint: must be a string");
      const parsed = parseVerificationKeys(value);
      if (!parsed.ok) return parsed;
      keys = parsed.value;
    } else if (name === "time") {
      if (!isNumber(value)) return err("token time constraint: must be a number");
      if (compareNumbers(value, 0) < 0) return err("token time constraint: must not be negative");
      time = numberToDouble(value);
    } else if (name === "secret" || name === "alg" || name === "iss" || name === "aud") {
      if (typeof value !== "string") return err(`${name} constraint: must be a string`);
      texts[name] = value;
    } else return err(`unknown token validation constraint: ${typeof name === "string" ? name : valueToText(name)}`);
  }
  if (keys !== undefined && texts.secret !== "") return err("duplicate key constraints");
  const secret = texts.secret === "" ? undefined : [{ secret: textToBytes(texts.secret), algorithm: "", id: "" }];
  const trusted = keys ?? secret;
  return trusted === undefined ? err("no key constraint") : ok({ ...texts, keys: trusted, time });
}

function numberToDouble(value: NumberValue): number {
  return typeof value === "number" ? value : Number(value.text);
}

export interface VerifiedToken {
  readonly header: ObjectValue;
  readonly payload: ObjectValue;
}

/** Undefined for a token that does not fulfil the constraints, and an error for what is no token at all (RFC 7519 §7.2). */
export function verifyToken(
  context: BuiltinContext,
  text: string,
  constraints: Constraints,
): Result<VerifiedToken | undefined, string> {
  const opened = openToken(context, text, constraints);
  if (!opened.ok || opened.value === undefined) return opened;
  const claims = checkClaims(opened.value.payload, constraints);
  return claims.ok ? ok(claims.value ? opened.value : undefined) : claims;
}

/** Through all the tokens inside each other, each signed. Every one is a quarter shorter than the one around it. */
function openToken(
  context: BuiltinContext,
  outermost: string,
  constraints: Constraints,
): Result<VerifiedToken | undefined, string> {
  for (let text = outermost; ; ) {
    const token = splitToken(text);
    if (!token.ok) return token;
    const header = readHeader(token.value);
    if (!header.ok) return header;
    const fields = readHeaderFields(header.value);
    if (!fields.ok) return fields;
    const { alg, cty, hasCritical } = fields.value;
    // RFC 7515 §4.1.11: no extension of JWS is understood here, so a critical one makes the token invalid.
    if (hasCritical || !isJwtAlgorithm(alg)) return ok(undefined);
    if (constraints.alg !== "" && constraints.alg !== alg) return ok(undefined);
    const signature = readSignature(token.value);
    if (!signature.ok) return signature;
    if (!isSignedByAny(context, alg, constraints.keys, fields.value, token.value, signature.value))
      return ok(undefined);
    const inner = readPayloadText(token.value);
    if (!inner.ok) return inner;
    if (cty.toUpperCase() !== "JWT") {
      const payload = readObject(inner.value);
      return payload.ok ? ok({ header: header.value, payload: payload.value }) : payload;
    }
    text = inner.value;
  }
}

/** RFC 7519 §4.1. */
function checkClaims(payload: ObjectValue, { iss, aud, time }: Constraints): Result<boolean, string> {
  if (iss !== "" && memberOf(payload, "iss") !== iss) return ok(false);
  const audience = memberOf(payload, "aud");
  // A token for somebody is for nobody else: also when no audience was asked for.
  if (audience === undefined ? aud !== "" : !names(audience, aud)) return ok(false);
  const seconds = time / 1e9;
  const expiry = memberOf(payload, "exp");
  if (expiry !== undefined && !isNumber(expiry)) return err("exp value must be a number");
  if (expiry !== undefined && compareNumbers(seconds, expiry) >= 0) return ok(false);
  const notBefore = memberOf(payload, "nbf");
  if (notBefore !== undefined && !isNumber(notBefore)) return err("nbf value must be a number");
  return ok(notBefore === undefined || compareNumbers(seconds, notBefore) >= 0);
}

function names(audience: Value, name: string): boolean {
  return isArray(audience) ? audience.includes(name) : audience === name;
}
