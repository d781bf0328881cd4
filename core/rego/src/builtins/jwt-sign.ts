import { base64url, err, ok, type Result, utf8 } from "@vedette/base";
import { parseJson } from "../values/json.ts";
import { isObject, kindOf, memberOf, type ObjectValue } from "../values/value.ts";
import type { BuiltinContext } from "./builtin.ts";
import { type JoseKey, parseJwks } from "./jwk.ts";
import { isJwtAlgorithm, type JwtAlgorithm } from "./jwt-token.ts";
import { hashOf } from "./jwt-verify.ts";
import { textToBytes } from "./text-bytes.ts";

/** What a signature by a private key costs: a millisecond or two with RSA. */
const SIGN_STEPS = 50_000;

/** A JWS in compact serialization (RFC 7515 §7.1). Header and payload are signed as they are written. */
export function signToken(
  context: BuiltinContext,
  headerText: string,
  payload: string,
  jwk: string,
): Result<string, string> {
  const keys = parseJwks(jwk);
  if (!keys.ok) return err(`failed to parse a JWK key (set): ${keys.error}`);
  const [key] = keys.value;
  if (key === undefined) return err("no keys found in JWK set");
  const header = readHeader(headerText);
  if (!header.ok) return err(`missing or invalid 'alg' header: ${header.error}`);
  const { algorithm, type } = header.value;
  if (!isJwtAlgorithm(algorithm)) return err(`unknown JWS algorithm: ${algorithm}`);
  if ((type === undefined || type === "JWT") && !parseJson(payload).ok)
    return err("type is JWT but payload is not JSON");
  const message = `${base64url(textToBytes(headerText))}.${base64url(textToBytes(payload))}`;
  const signature = signBy(context, algorithm, key, utf8(message));
  return signature ? ok(`${message}.${base64url(signature)}`) : err(`the key cannot sign with ${algorithm}`);
}

interface SigningHeader {
  readonly algorithm: string;
  readonly type: string | undefined;
}

function readHeader(text: string): Result<SigningHeader, string> {
  const header = parseHeader(text);
  if (!header.ok) return header;
  const algorithm = header.value && memberOf(header.value, "alg");
  if (algorithm === undefined) return err('jwsbb: header "alg" not found');
  if (typeof algorithm !== "string") return err(`value doesn't contain string; it contains ${kindOf(algorithm)}`);
  const type = header.value && memberOf(header.value, "typ");
  return ok({ algorithm, type: typeof type === "string" ? type : undefined });
}

/** Undefined for a header that is no object, and so has no members. */
function parseHeader(text: string): Result<ObjectValue | undefined, string> {
  if (text === "") return err("cannot parse JSON: cannot parse empty string");
  // The reader that OPA has for headers takes any of these characters for a number.
  if (/^[-+.0-9eE]+$/.test(text)) return ok(undefined);
  const header = parseJson(text);
  if (!header.ok) return err(`cannot parse JSON: ${header.error.message}`);
  return ok(isObject(header.value) ? header.value : undefined);
}

/** Undefined when the key is not of the algorithm's kind. */
function signBy(
  context: BuiltinContext,
  algorithm: JwtAlgorithm,
  key: JoseKey,
  message: Uint8Array,
): Uint8Array | undefined {
  const { crypto } = context;
  if (key.pkcs8 !== undefined) context.spend(SIGN_STEPS);
  switch (algorithm) {
    case "HS256":
    case "HS384":
    case "HS512":
      return key.secret && crypto.hmac(hashOf(algorithm), key.secret, message);
    case "EdDSA":
      return key.pkcs8 && crypto.sign("Ed25519", key.pkcs8, message);
    default:
      return key.pkcs8 && crypto.sign(algorithm, key.pkcs8, message);
  }
}
