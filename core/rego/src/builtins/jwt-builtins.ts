import { hex, type Result } from "@vedette/base";
import { ANY, BOOLEAN, functionOf, objectOf, STRING, type Type, tupleOf } from "../types.ts";
import { valueToJson } from "../values/json.ts";
import { memberOf, type ObjectValue, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, type BuiltinResult, failure } from "./builtin.ts";
import { signToken } from "./jwt-sign.ts";
import {
  type JwtAlgorithm,
  readHeader,
  readHeaderFields,
  readObject,
  readPayloadText,
  readSignature,
  splitToken,
} from "./jwt-token.ts";
import { hashOf, isSignedByAny, parseConstraints, parseVerificationKeys, verifyToken } from "./jwt-verify.ts";
import { taking } from "./operands.ts";
import { textToBytes } from "./text-bytes.ts";

const ANY_OBJECT: Type = objectOf(ANY, ANY);
const STRING_OBJECT: Type = objectOf(STRING, ANY);

/**
 * OPA policy reference, "Tokens" (JWS: RFC 7515, JWT: RFC 7519). Stricter than OPA where its libraries are lenient: RSA
 * keys have 2,048 bits or more, an ES algorithm goes with its own curve and a PS algorithm with a salt as long as its
 * hash (RFC 7518 §3.4, §3.5), and every critical header parameter is refused (RFC 7515 §4.1.11).
 */
export const JWT_BUILTINS: readonly Builtin[] = [
  {
    name: "io.jwt.decode",
    type: functionOf([STRING], tupleOf(ANY_OBJECT, ANY_OBJECT, STRING)),
    run: taking(["string"], (_, token) => resultOf(decode(token))),
  },
  {
    name: "io.jwt.decode_verify",
    type: functionOf([STRING, STRING_OBJECT], tupleOf(BOOLEAN, ANY_OBJECT, ANY_OBJECT)),
    isNondeterministic: true,
    run: taking(["string", "object"], (context, token, options) => resultOf(decodeVerify(context, token, options))),
  },
  {
    name: "io.jwt.encode_sign",
    type: functionOf([STRING_OBJECT, STRING_OBJECT, STRING_OBJECT], STRING),
    isNondeterministic: true,
    run: taking(["object", "object", "object"], (context, header, payload, key) =>
      resultOf(signToken(context, valueToJson(header), valueToJson(payload), valueToJson(key))),
    ),
  },
  {
    name: "io.jwt.encode_sign_raw",
    type: functionOf([STRING, STRING, STRING], STRING),
    isNondeterministic: true,
    run: taking(["string", "string", "string"], (context, header, payload, key) =>
      resultOf(signToken(context, header, payload, key)),
    ),
  },
  verifyBuiltin("io.jwt.verify_rs256", "RS256"),
  verifyBuiltin("io.jwt.verify_rs384", "RS384"),
  verifyBuiltin("io.jwt.verify_rs512", "RS512"),
  verifyBuiltin("io.jwt.verify_ps256", "PS256"),
  verifyBuiltin("io.jwt.verify_ps384", "PS384"),
  verifyBuiltin("io.jwt.verify_ps512", "PS512"),
  verifyBuiltin("io.jwt.verify_es256", "ES256"),
  verifyBuiltin("io.jwt.verify_es384", "ES384"),
  verifyBuiltin("io.jwt.verify_es512", "ES512"),
  verifyBuiltin("io.jwt.verify_eddsa", "EdDSA"),
  secretBuiltin("io.jwt.verify_hs256", "HS256"),
  secretBuiltin("io.jwt.verify_hs384", "HS384"),
  secretBuiltin("io.jwt.verify_hs512", "HS512"),
];

function resultOf(result: Result<Value, string>): BuiltinResult {
  return result.ok ? result.value : failure(result.error);
}

function decode(outermost: string): Result<Value, string> {
  // Each token is a quarter shorter than the one around it.
  for (let text = outermost; ; ) {
    const token = splitToken(text);
    if (!token.ok) return token;
    const header = readHeader(token.value);
    if (!header.ok) return header;
    const inner = readPayloadText(token.value);
    if (!inner.ok) return inner;
    if (memberOf(header.value, "cty") !== "JWT") {
      const payload = readObject(inner.value);
      if (!payload.ok) return payload;
      const signature = readSignature(token.value);
      if (!signature.ok) return { ok: false, error: `JWT signature had invalid encoding: ${signature.error}` };
      return { ok: true, value: [header.value, payload.value, hex(signature.value)] };
    }
    text = withoutQuotes(inner.value);
  }
}

/** Some issuers put the inner token into quotes, as if it were JSON. */
function withoutQuotes(text: string): string {
  const isQuote = (at: number): boolean => text[at] === '"' || text[at] === "'";
  let [start, end] = [0, text.length];
  while (start < end && isQuote(start)) start++;
  while (end > start && isQuote(end - 1)) end--;
  return text.slice(start, end);
}

function decodeVerify(context: BuiltinContext, token: string, options: ObjectValue): Result<Value, string> {
  const constraints = parseConstraints(options, context.now);
  if (!constraints.ok) return constraints;
  const verified = verifyToken(context, token, constraints.value);
  if (!verified.ok) return verified;
  const { value } = verified;
  return { ok: true, value: value ? [true, value.header, value.payload] : [false, {}, {}] };
}

function verifyBuiltin(name: string, algorithm: JwtAlgorithm): Builtin {
  return {
    name,
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], (context, token, keys) => resultOf(verify(context, algorithm, token, keys))),
  };
}

/** The algorithm is the caller's: what the token's header says about it does not count. */
function verify(
  context: BuiltinContext,
  algorithm: JwtAlgorithm,
  text: string,
  keyText: string,
): Result<boolean, string> {
  const token = splitToken(text);
  if (!token.ok) return token;
  const keys = parseVerificationKeys(keyText);
  if (!keys.ok) return keys;
  const signature = readSignature(token.value);
  if (!signature.ok) return signature;
  const header = readHeader(token.value);
  if (!header.ok) return header;
  const fields = readHeaderFields(header.value);
  if (!fields.ok) return fields;
  return { ok: true, value: isSignedByAny(context, algorithm, keys.value, fields.value, token.value, signature.value) };
}

function secretBuiltin(name: string, algorithm: "HS256" | "HS384" | "HS512"): Builtin {
  return {
    name,
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], ({ crypto }, text, secret) => {
      const token = splitToken(text);
      if (!token.ok) return failure(token.error);
      const { header, payload } = token.value;
      const signature = readSignature(token.value);
      if (!signature.ok) return failure(signature.error);
      const mac = crypto.hmac(hashOf(algorithm), textToBytes(secret), textToBytes(`${header}.${payload}`));
      return crypto.isEqual(mac, signature.value);
    }),
  };
}
