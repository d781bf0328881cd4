import { err, ok, type Result } from "@vedette/base";
import { parseJson } from "../values/json.ts";
import { isArray, isObject, memberOf, type ObjectValue, sortedKeysOf } from "../values/value.ts";
import { readBase64url } from "./base64-text.ts";
import { bytesToText } from "./text-bytes.ts";

/** The three parts of a JWS in compact serialization (RFC 7515 §7.1), as they were written. Nothing in it is believed. */
export interface Token {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** RFC 7518 §3.1 and RFC 8037 §3.1, without `none`. */
const JWT_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "HS256",
  "HS384",
  "HS512",
  "EdDSA",
] as const;

export function isJwtAlgorithm(name: string): name is JwtAlgorithm {
  return JWT_ALGORITHMS.some((algorithm) => algorithm === name);
}

// The messages are OPA's: its users' tests look for them.

export function splitToken(text: string): Result<Token, string> {
  const [header = "", payload = "", signature = "", ...more] = text.split(".", 4);
  if (!text.includes(".")) return err("encoded JWT had no period separators");
  const sections = more.length > 0 ? text.split(".").length : text.split(".", 3).length;
  return sections === 3
    ? ok({ header, payload, signature })
    : err(`encoded JWT must have 3 sections, found ${sections}`);
}

export function readHeader(token: Token): Result<ObjectValue, string> {
  const text = readText(token.header);
  if (!text.ok) return err(`JWT header had invalid encoding: ${text.error}`);
  const header = readObject(text.value);
  if (!header.ok) return err(`bad JWT header: ${header.error}`);
  // RFC 7516 §9: what has an `enc` is encrypted.
  return memberOf(header.value, "enc") === undefined ? header : err("JWT is a JWE object, which is not supported");
}

export function readPayloadText(token: Token): Result<string, string> {
  const text = readText(token.payload);
  return text.ok ? text : err(`JWT payload had invalid encoding: ${text.error}`);
}

export function readSignature(token: Token): Result<Uint8Array, string> {
  return readBase64url(token.signature);
}

export function readObject(text: string): Result<ObjectValue, string> {
  const parsed = parseJson(text);
  if (!parsed.ok) return err(`invalid JSON: ${parsed.error.message}`);
  return isObject(parsed.value) ? ok(parsed.value) : err("decoded JSON type was not an Object");
}

/** What is no UTF-8 becomes U+FFFD, as in Go's JSON. */
function readText(part: string): Result<string, string> {
  const bytes = readBase64url(part);
  return bytes.ok ? ok(bytesToText(bytes.value).toWellFormed()) : bytes;
}

/** The header parameters that a verifier looks at (RFC 7515 §4.1). Empty where there is none. */
export interface HeaderFields {
  readonly alg: string;
  readonly kid: string;
  readonly typ: string;
  readonly cty: string;
  readonly hasCritical: boolean;
}

const NO_FIELDS: HeaderFields = { alg: "", kid: "", typ: "", cty: "", hasCritical: false };

export function readHeaderFields(header: ObjectValue): Result<HeaderFields, string> {
  let fields = NO_FIELDS;
  for (const name of sortedKeysOf(header)) {
    const value = memberOf(header, name) ?? null;
    if (name === "crit") {
      if (!isArray(value)) return err("crit: must be a list");
      if (typeof value[0] !== "string") return err("crit: must be a nonempty list");
      fields = { ...fields, hasCritical: true };
    } else if (name === "alg" || name === "kid" || name === "typ" || name === "cty") {
      if (typeof value !== "string") return err(`${name}: must be a string`);
      fields = { ...fields, [name]: value };
    }
  }
  return ok(fields);
}
