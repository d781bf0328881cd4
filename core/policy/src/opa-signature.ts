import {
  type Crypto,
  err,
  type HashAlgorithm,
  isJsonObject,
  type Json,
  type JsonObject,
  ok,
  parseBase64url,
  parseUtf8,
  type Result,
  type SignatureAlgorithm,
  utf8,
} from "@vedette/base";
import { JWS_LENGTH_MAX } from "@vedette/envelope";
import { parseVerificationKeys } from "@vedette/rego";
import { isJsonArray } from "./document-reader.ts";
import type { OpaBundleError } from "./errors.ts";
import { parseStrictJson, SIGNATURES_FILE } from "./strict-json.ts";

/** A key as OPA's configuration gives it (`keys.<id>`). */
export interface OpaKeyFile {
  readonly keyId: string;
  readonly algorithm: string;
  /** PEM or JWK; the secret itself for HS256 and its like. */
  readonly key: string;
  readonly scope?: string | undefined;
  /** HS256 and its like: whoever can check a bundle can also sign one. Only when the operator says so. */
  readonly allowShared?: boolean | undefined;
}

/** A key that may sign bundles; the key decides the algorithm, never the token's header (RFC 8725 §3.1). */
export interface OpaKey {
  readonly keyId: string;
  readonly algorithm: string;
  readonly scope: string;
  isSigned(message: Uint8Array, signature: Uint8Array, crypto: Crypto): boolean;
}

export interface OpaVerification {
  readonly keys: readonly OpaKey[];
  /** The one key to use, whatever the token names. */
  readonly keyId?: string | undefined;
  readonly scope?: string | undefined;
}

export type OpaKeyError =
  | { readonly code: "KEY_ALGORITHM_UNSUPPORTED"; readonly keyId: string; readonly algorithm: string }
  | { readonly code: "KEY_SHARED"; readonly keyId: string; readonly algorithm: string }
  | { readonly code: "KEY_INVALID"; readonly keyId: string; readonly expected: string };

export interface SignedFiles {
  readonly keyId: string;
  readonly hashes: ReadonlyMap<string, FileHash>;
}

export interface FileHash {
  readonly algorithm: HashAlgorithm;
  /** Hexadecimal. */
  readonly hash: string;
}

/** RFC 7518 §3.1 and RFC 8037 §3.1; `none` is not among them. */
const PUBLIC: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ["RS256", "RS256"],
  ["RS384", "RS384"],
  ["RS512", "RS512"],
  ["PS256", "PS256"],
  ["PS384", "PS384"],
  ["PS512", "PS512"],
  ["ES256", "ES256"],
  ["ES384", "ES384"],
  ["ES512", "ES512"],
  ["EdDSA", "Ed25519"],
]);
const SHARED: ReadonlyMap<string, HashAlgorithm> = new Map([
  ["HS256", "sha256"],
  ["HS384", "sha384"],
  ["HS512", "sha512"],
]);
/** OPA's other names are MD5 and SHA-1, which are broken, and truncated ones that nobody writes. */
const HASHES: ReadonlyMap<string, HashAlgorithm> = new Map([
  ["SHA-256", "sha256"],
  ["SHA-384", "sha384"],
  ["SHA-512", "sha512"],
]);
const KEY_LENGTH_MAX = 65_536;
/** RFC 7518 §3.2: at least as long as the hash. */
const SECRET_LENGTH_MIN = 32;

export function parseOpaKey(file: OpaKeyFile): Result<OpaKey, OpaKeyError> {
  const { keyId, algorithm, scope = "" } = file;
  const shared = SHARED.get(algorithm);
  if (shared) return sharedKey(file, shared);
  const signature = PUBLIC.get(algorithm);
  if (!signature) return err({ code: "KEY_ALGORITHM_UNSUPPORTED", keyId, algorithm });
  const invalid = (expected: string) => err({ code: "KEY_INVALID", keyId, expected } as const);
  if (file.key.length > KEY_LENGTH_MAX) return invalid(`at most ${KEY_LENGTH_MAX} characters`);
  const parsed = parseVerificationKeys(file.key.trim());
  if (!parsed.ok) return invalid("a public key or certificate in PEM, or a JWK");
  const [key, ...others] = parsed.value;
  const spki = key?.spki;
  if (!key || !spki || others.length > 0) return invalid("one public key");
  if (key.algorithm !== "" && key.algorithm !== algorithm) return invalid(`a key for ${algorithm}`);
  return ok({
    keyId,
    algorithm,
    scope,
    isSigned: (message, by, crypto) => crypto.verify(signature, spki, message, by),
  });
}

function sharedKey(
  { keyId, algorithm, key, scope = "", allowShared = false }: OpaKeyFile,
  hash: HashAlgorithm,
): Result<OpaKey, OpaKeyError> {
  if (!allowShared) return err({ code: "KEY_SHARED", keyId, algorithm });
  const secret = utf8(key);
  if (secret.length < SECRET_LENGTH_MIN)
    return err({ code: "KEY_INVALID", keyId, expected: `a secret of at least ${SECRET_LENGTH_MIN} bytes` });
  const isSigned: OpaKey["isSigned"] = (message, by, crypto) => crypto.isEqual(crypto.hmac(hash, secret, message), by);
  return ok({ keyId, algorithm, scope, isSigned });
}

/** OPA, "Bundles", "Signature Format": the one token of `.signatures.json`, and which files it vouches for. */
export function verifySignatures(
  contents: Uint8Array,
  verification: OpaVerification,
  crypto: Crypto,
): Result<SignedFiles, OpaBundleError> {
  const parsed = parseStrictJson(SIGNATURES_FILE, contents, JWS_LENGTH_MAX);
  if (!parsed.ok) return parsed;
  const { value } = parsed.value;
  const signatures = isJsonObject(value) ? (value["signatures"] ?? null) : null;
  if (!isJsonArray(signatures)) return malformed('{"signatures": [one JWT]}');
  const [token, ...others] = signatures;
  if (token === undefined) return err({ code: "BUNDLE_UNSIGNED" });
  // With two, which of them counts?
  if (typeof token !== "string" || others.length > 0) return malformed("exactly one JWT");
  // OPA hands a bundle that names another verifier to that plugin; we have none.
  const plugin = isJsonObject(value) ? (value["plugin"] ?? "") : "";
  if (plugin !== "" && plugin !== "_default") return malformed("no plugin");
  const payload = verifyToken(token, verification, crypto);
  if (!payload.ok) return payload;
  const hashes = parseHashes(payload.value.claims);
  return hashes.ok ? ok({ keyId: payload.value.keyId, hashes: hashes.value }) : hashes;
}

function verifyToken(
  token: string,
  { keys, keyId: configured, scope }: OpaVerification,
  crypto: Crypto,
): Result<{ readonly keyId: string; readonly claims: JsonObject }, OpaBundleError> {
  const parts = token.split(".");
  const [headerPart = "", payloadPart = "", signaturePart = ""] = parts;
  const header = parseObject(headerPart);
  const claims = parseObject(payloadPart);
  const signature = parseBase64url(signaturePart);
  if (parts.length !== 3 || !header || !claims || !signature.ok) return malformed("a JWT in compact form");
  // RFC 7515 §4.1.11: we understand no extension.
  if ("crit" in header) return malformed("a JWT without crit");
  const keyId = configured ?? textIn(header["kid"]) ?? textIn(claims["keyid"]);
  if (keyId === undefined) return malformed("a JWT that names its key");
  const key = keys.find((candidate) => candidate.keyId === keyId);
  if (!key) return err({ code: "KEY_UNKNOWN", keyId });
  const isGood =
    header["alg"] === key.algorithm && key.isSigned(utf8(`${headerPart}.${payloadPart}`), signature.value, crypto);
  if (!isGood) return err({ code: "SIGNATURE_INVALID", keyId });
  const expected = scope ?? key.scope;
  const offered = claims["scope"] ?? "";
  return offered === expected ? ok({ keyId, claims }) : err({ code: "SCOPE_MISMATCH", expected });
}

function parseHashes(claims: JsonObject): Result<ReadonlyMap<string, FileHash>, OpaBundleError> {
  const files = claims["files"] ?? null;
  if (!isJsonArray(files)) return malformed("a list of files");
  const hashes = new Map<string, FileHash>();
  for (const file of files) {
    const { name, hash, algorithm } = isJsonObject(file) ? file : {};
    const known = typeof algorithm === "string" ? HASHES.get(algorithm) : undefined;
    if (typeof name !== "string" || typeof hash !== "string" || !known)
      return malformed("{name, hash, algorithm}, the algorithm one of SHA-256, SHA-384, SHA-512");
    const path = name.replace(/^\//, "");
    if (hashes.has(path)) return malformed("each file once");
    hashes.set(path, { hash: hash.toLowerCase(), algorithm: known });
  }
  return ok(hashes);
}

function parseObject(part: string): JsonObject | undefined {
  const bytes = parseBase64url(part);
  const text = bytes.ok ? parseUtf8(bytes.value) : bytes;
  const parsed = text.ok ? parseStrictJson(SIGNATURES_FILE, utf8(text.value), JWS_LENGTH_MAX) : text;
  return parsed.ok && isJsonObject(parsed.value.value) ? parsed.value.value : undefined;
}

function textIn(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function malformed(expected: string): Result<never, OpaBundleError> {
  return err({ code: "BUNDLE_MALFORMED", expected: `${SIGNATURES_FILE}: ${expected}` });
}
