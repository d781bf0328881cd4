import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { base64url, type Crypto, type HashAlgorithm, type SignatureAlgorithm, utf8 } from "@vedette/base";
import { exitCode, UsageError } from "../command.ts";
import { Refusal } from "../refusal.ts";
import { textOf } from "./json-rules.ts";

/** RFC 7518 §3.1 and RFC 8037 §3.1, as far as OPA signs bundles with them. */
export const SIGNING_ALGORITHMS: readonly string[] = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"],
];

const SHARED: Readonly<Record<string, HashAlgorithm>> = { HS256: "sha256", HS384: "sha384", HS512: "sha512" };

/** The text of a key: of the file, where there is one by that name, else the secret itself. */
export function readKeyText(given: string): string {
  return existsSync(given) ? textOf(given) : given;
}

/** The algorithm that goes with a key when none is named: a key is made for one. */
export function algorithmFor(text: string, isPrivate: boolean): string {
  if (!text.includes("-----BEGIN")) return "HS256";
  const key = importKey(text, isPrivate);
  switch (key.asymmetricKeyType) {
    case "rsa":
      return "RS256";
    case "ed25519":
      return "EdDSA";
    case "ec":
      return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? "ES256";
    default:
      throw new UsageError(`a key of type ${key.asymmetricKeyType} signs no bundles`);
  }
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };

function importKey(text: string, isPrivate: boolean): KeyObject {
  try {
    return isPrivate ? createPrivateKey(text) : createPublicKey(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal("KEY_INVALID", `no ${isPrivate ? "private" : "public"} key in PEM`, { reason }, exitCode.usage);
  }
}

export interface BundleSigner {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly scope: string | undefined;
  /** Further claims of the token, such as `iss`. */
  readonly claims: Readonly<Record<string, unknown>>;
  sign(message: Uint8Array): Uint8Array;
}

export function createBundleSigner(
  options: Omit<BundleSigner, "sign" | "algorithm"> & { readonly key: string; readonly algorithm: string | undefined },
  crypto: Crypto,
): BundleSigner {
  const { keyId, scope, claims } = options;
  const text = readKeyText(options.key);
  const algorithm = options.algorithm ?? algorithmFor(text, true);
  const shared = SHARED[algorithm];
  if (shared !== undefined) {
    const secret = utf8(text);
    return { algorithm, keyId, scope, claims, sign: (message) => crypto.hmac(shared, secret, message) };
  }
  const pkcs8 = new Uint8Array(importKey(text, true).export({ format: "der", type: "pkcs8" }));
  const name = (algorithm === "EdDSA" ? "Ed25519" : algorithm) as SignatureAlgorithm;
  const sign = (message: Uint8Array): Uint8Array => {
    const signature = crypto.sign(name, pkcs8, message);
    if (signature === undefined)
      throw new Refusal("KEY_INVALID", `the key does not fit ${algorithm}`, {}, exitCode.usage);
    return signature;
  };
  return { algorithm, keyId, scope, claims, sign };
}

/** OPA, "Bundles", "Signature Format": a JWT over the name and the hash of each file. */
export function signaturesFile(
  files: readonly { readonly name: string; readonly hash: string }[],
  { algorithm, keyId, scope, claims, sign }: BundleSigner,
): Uint8Array {
  const header = { alg: algorithm, ...(keyId !== undefined && { kid: keyId }), typ: "JWT" };
  const payload = {
    ...claims,
    files: files.map(({ name, hash }) => ({ name, hash, algorithm: "SHA-256" })),
    ...(keyId !== undefined && { keyid: keyId }),
    ...(scope !== undefined && { scope }),
  };
  const input = [header, payload].map((part) => base64url(utf8(JSON.stringify(part)))).join(".");
  const token = `${input}.${base64url(sign(utf8(input)))}`;
  return utf8(`${JSON.stringify({ signatures: [token] }, null, 1)}\n`);
}
