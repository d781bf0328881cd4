import {
  base64url,
  type Crypto,
  err,
  isJsonObject,
  type JsonObject,
  ok,
  parseBase64url,
  parseUtf8,
  type Result,
  readJson,
  type Signer,
  utf8,
} from "@vedette/base";

export type JwsError =
  | { readonly code: "JWS_MALFORMED" }
  | { readonly code: "JWS_TOO_LARGE"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "JWS_KEY_UNKNOWN"; readonly keyId: string }
  | { readonly code: "JWS_ALGORITHM_MISMATCH"; readonly keyId: string; readonly algorithm: string }
  | { readonly code: "JWS_SIGNATURE_INVALID"; readonly keyId: string };

/** A key that may sign, by the name the header gives it. The key decides the algorithm, never the header (RFC 8725 §3.1). */
export interface VerificationKey {
  readonly keyId: string;
  readonly algorithm: "ES256" | "Ed25519";
  readonly spki: Uint8Array;
}

export interface OpenedJws {
  readonly keyId: string;
  readonly header: JsonObject;
  readonly payload: Uint8Array;
}

/** The largest thing signed this way is the manifest of a policy bundle with a few thousand files. */
export const JWS_LENGTH_MAX = 1_048_576;

// RFC 8037 §3.1 names Ed25519 signatures "EdDSA" in JOSE.
const joseName: Readonly<Record<VerificationKey["algorithm"], string>> = { ES256: "ES256", Ed25519: "EdDSA" };

/** RFC 7515 §7.1, compact serialisation. `type` becomes `typ`, so that one kind of document is never taken for another. */
export function signJws(payload: Uint8Array, type: string, keyId: string, signer: Signer): string {
  const header = utf8(JSON.stringify({ alg: joseName[signer.algorithm], typ: type, kid: keyId }));
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(signer.sign(utf8(input)))}`;
}

/** Accepts exactly the given `type` and keys; any `crit` header is refused (RFC 7515 §4.1.11: we understand none). */
export function verifyJws(
  text: string,
  type: string,
  keys: readonly VerificationKey[],
  crypto: Crypto,
): Result<OpenedJws, JwsError> {
  if (text.length > JWS_LENGTH_MAX)
    return err({ code: "JWS_TOO_LARGE", length: text.length, lengthMax: JWS_LENGTH_MAX });
  const parts = text.split(".");
  const [headerPart = "", payloadPart = "", signaturePart = ""] = parts;
  const header = parseHeader(headerPart);
  const payload = parseBase64url(payloadPart);
  const signature = parseBase64url(signaturePart);
  if (parts.length !== 3 || !header || !payload.ok || !signature.ok) return err({ code: "JWS_MALFORMED" });
  const { kid, alg, typ } = header;
  if (typeof kid !== "string" || typeof alg !== "string" || typ !== type || "crit" in header)
    return err({ code: "JWS_MALFORMED" });
  const key = keys.find((candidate) => candidate.keyId === kid);
  if (!key) return err({ code: "JWS_KEY_UNKNOWN", keyId: kid });
  if (joseName[key.algorithm] !== alg) return err({ code: "JWS_ALGORITHM_MISMATCH", keyId: kid, algorithm: alg });
  if (!crypto.verify(key.algorithm, key.spki, utf8(`${headerPart}.${payloadPart}`), signature.value))
    return err({ code: "JWS_SIGNATURE_INVALID", keyId: kid });
  return ok({ keyId: kid, header, payload: payload.value });
}

function parseHeader(part: string): JsonObject | undefined {
  const bytes = parseBase64url(part);
  const text = bytes.ok ? parseUtf8(bytes.value) : bytes;
  if (!text.ok) return undefined;
  try {
    const header: unknown = readJson(text.value);
    return isJsonObject(header) ? header : undefined;
  } catch {
    // Malformed for the caller, whatever the reason.
    return undefined;
  }
}
