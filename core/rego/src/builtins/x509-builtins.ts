import { base64, ok, type Result } from "@vedette/base";
import { ANY, arrayOf, BOOLEAN, functionOf, objectOf, STRING, type Type, tupleOf } from "../types.ts";
import { isEqual, type ObjectValue, type Value } from "../values/value.ts";
import { type Base64Fault, base64Message, readBase64 } from "./base64-text.ts";
import { type Builtin, type BuiltinContext, type BuiltinResult, failure } from "./builtin.ts";
import { taking } from "./operands.ts";
import { nextPemBlock, type PemBlock, pemBlocks } from "./pem-blocks.ts";
import {
  type PrivateKey,
  type PrivateKeyFormat,
  parsePrivateKey,
  privateKeyToJwk,
  privateKeyToValue,
} from "./private-key.ts";
import { type PublicKey, publicKeyToValue } from "./public-key.ts";
import { bytesToText, textToBytes } from "./text-bytes.ts";
import { parseX509Certificate, parseX509Certificates, type X509Certificate } from "./x509-certificate.ts";
import { certificateToValue, extendedCertificateToValue } from "./x509-json.ts";
import { requestToValue } from "./x509-request.ts";
import { defaultOptions, parseVerifyOptions, verifyChain } from "./x509-verify.ts";

const FIELDS: Type = objectOf(STRING, ANY);
const CHAIN: Type = tupleOf(BOOLEAN, arrayOf(FIELDS));

/** OPA policy reference, "Crypto", certificates and keys. */
export const X509_BUILTINS: readonly Builtin[] = [
  {
    name: "crypto.x509.parse_certificates",
    type: functionOf([STRING], arrayOf(FIELDS)),
    run: taking(["string"], (_, text) => {
      const certificates = certificatesIn(text);
      return certificates.ok ? certificates.value.map(extendedCertificateToValue) : failure(certificates.error);
    }),
  },
  {
    name: "crypto.x509.parse_and_verify_certificates",
    type: functionOf([STRING], CHAIN),
    run: taking(["string"], verify),
  },
  {
    name: "crypto.x509.parse_and_verify_certificates_with_options",
    type: functionOf([STRING, FIELDS], CHAIN),
    run: taking(["string", "object"], verifyWithOptions),
  },
  {
    name: "crypto.x509.parse_certificate_request",
    type: functionOf([STRING], FIELDS),
    run: taking(["string"], (_, text) => parseRequest(text)),
  },
  {
    name: "crypto.x509.parse_keypair",
    type: functionOf([STRING, STRING], FIELDS),
    run: taking(["string", "string"], parseKeyPair),
  },
  {
    name: "crypto.x509.parse_rsa_private_key",
    type: functionOf([STRING], FIELDS),
    run: taking(["string"], parseFirstPrivateKey),
  },
  {
    name: "crypto.parse_private_keys",
    type: functionOf([STRING], arrayOf(FIELDS)),
    run: taking(["string"], parsePrivateKeys),
  },
];

const BEGIN = "-----BEGIN";

/** PEM, or base64 of PEM or of DER. */
function certificatesIn(text: string): Result<readonly X509Certificate[], string> {
  const bytes = text.startsWith(BEGIN) ? ok(textToBytes(text)) : readBase64(text, "standard");
  if (!bytes.ok) return { ok: false, error: base64Message(bytes.error) };
  const inner = bytesToText(bytes.value);
  if (!inner.startsWith(BEGIN)) return parseX509Certificates(bytes.value);
  const certificates: X509Certificate[] = [];
  for (const { label, bytes: der } of pemBlocks(inner)) {
    if (label !== "CERTIFICATE") return { ok: false, error: `PEM block type is '${label}', expected CERTIFICATE` };
    const parsed = parseX509Certificates(der);
    if (!parsed.ok) return parsed;
    certificates.push(...parsed.value);
  }
  return ok(certificates);
}

/** What cannot be read is no chain, and no failure either. */
const NO_CHAIN: Value = [false, []];

function verify(context: BuiltinContext, text: string): BuiltinResult {
  const certificates = certificatesIn(text);
  if (!certificates.ok) return NO_CHAIN;
  const chain = verifyChain(context, certificates.value, defaultOptions(context.now));
  return chain ? [true, chain.map(extendedCertificateToValue)] : NO_CHAIN;
}

function verifyWithOptions(context: BuiltinContext, text: string, object: ObjectValue): BuiltinResult {
  const certificates = certificatesIn(text);
  if (!certificates.ok) return NO_CHAIN;
  const options = parseVerifyOptions(object, context.now);
  if ("error" in options) return failure(options.error);
  const chain = verifyChain(context, certificates.value, options);
  return chain ? [true, chain.map(certificateToValue)] : NO_CHAIN;
}

const BEGIN_REQUEST = "-----BEGIN CERTIFICATE REQUEST-----";

function parseRequest(text: string): BuiltinResult {
  const bytes = text.startsWith(BEGIN_REQUEST) ? ok(textToBytes(text)) : readBase64(text, "standard");
  if (!bytes.ok) return failure(base64Message(bytes.error));
  const block = nextPemBlock(bytesToText(bytes.value));
  if (block !== undefined && block.label !== "CERTIFICATE REQUEST")
    return failure("invalid PEM-encoded certificate signing request");
  const request = requestToValue(block?.bytes ?? bytes.value);
  return request.ok ? request.value : failure(request.error);
}

const FORMAT_BY_LABEL: ReadonlyMap<string, PrivateKeyFormat> = new Map([
  ["RSA PRIVATE KEY", "PKCS #1"],
  ["PRIVATE KEY", "PKCS #8"],
  ["EC PRIVATE KEY", "SEC 1"],
]);

/** The private keys in a PEM text; other blocks are passed over. */
function privateKeysIn(text: string, { crypto }: BuiltinContext): Result<readonly PrivateKey[], string> {
  const decoded = readBase64(text, "standard");
  const keys: PrivateKey[] = [];
  for (const { label, bytes } of pemBlocks(decoded.ok ? bytesToText(decoded.value) : text)) {
    const format = FORMAT_BY_LABEL.get(label);
    if (format === undefined) continue;
    const key = parsePrivateKey(bytes, format, crypto);
    if (key === undefined) return { ok: false, error: `x509: failed to parse private key (${format})` };
    keys.push(key);
  }
  return ok(keys);
}

function parsePrivateKeys(context: BuiltinContext, text: string): BuiltinResult {
  if (text === "") return null;
  const keys = privateKeysIn(text, context);
  return keys.ok ? keys.value.map(privateKeyToValue) : failure(keys.error);
}

/** Any private key in spite of its name. */
function parseFirstPrivateKey(context: BuiltinContext, text: string): BuiltinResult {
  if (text === "") return failure("input PEM data was empty");
  const bytes = text.startsWith(BEGIN) ? ok(textToBytes(text)) : readBase64(text, "standard");
  if (!bytes.ok) return failure(base64Message(bytes.error));
  const keys = privateKeysIn(bytesToText(bytes.value), context);
  if (!keys.ok) return failure(keys.error);
  const [key] = keys.value;
  return key ? privateKeyToJwk(key) : null;
}

/** A certificate chain and the key of its first certificate, as Go's `encoding/json` writes `tls.Certificate`. */
function parseKeyPair(context: BuiltinContext, certificateText: string, keyText: string): BuiltinResult {
  const certificates = blocksIn(certificateText, "CERTIFICATE");
  const keys = blocksIn(keyText, "PRIVATE KEY");
  if (!certificates.ok || !keys.ok) return failure("illegal base64 data");
  const chain = certificates.value.filter(({ label }) => label === "CERTIFICATE");
  const key = keys.value.find(({ label }) => label === "PRIVATE KEY" || label.endsWith(" PRIVATE KEY"));
  if (chain[0] === undefined) return failure("tls: failed to find any PEM data in certificate input");
  if (key === undefined) return failure("tls: failed to find any PEM data in key input");
  const leaf = parseX509Certificate(chain[0].bytes);
  if (!leaf.ok) return failure(leaf.error);
  const privateKey = parseAnyPrivateKey(key.bytes, context);
  if (privateKey === undefined) return failure("tls: failed to parse private key");
  if (!isSameKey(privateKey.publicKey, leaf.value.publicKey))
    return failure("tls: private key does not match public key");
  return {
    Certificate: chain.map(({ bytes }) => base64(bytes)),
    PrivateKey: privateKeyToValue(privateKey),
    SupportedSignatureAlgorithms: null,
    OCSPStaple: null,
    SignedCertificateTimestamps: null,
    Leaf: certificateToValue(leaf.value),
  };
}

/** PEM, or base64 of PEM or of the DER of one block. */
function blocksIn(text: string, label: string): Result<readonly Pick<PemBlock, "label" | "bytes">[], Base64Fault> {
  if (text.startsWith(BEGIN)) return ok(pemBlocks(text));
  const bytes = readBase64(text, "standard");
  if (!bytes.ok) return bytes;
  const inner = bytesToText(bytes.value);
  return ok(inner.startsWith(BEGIN) ? pemBlocks(inner) : [{ label, bytes: bytes.value }]);
}

/** The label of a block is not believed. */
function parseAnyPrivateKey(bytes: Uint8Array, { crypto }: BuiltinContext): PrivateKey | undefined {
  for (const format of FORMAT_BY_LABEL.values()) {
    const key = parsePrivateKey(bytes, format, crypto);
    if (key !== undefined) return key;
  }
  return undefined;
}

function isSameKey(a: PublicKey, b: PublicKey): boolean {
  return a.kind !== "unknown" && a.kind === b.kind && isEqual(publicKeyToValue(a), publicKeyToValue(b));
}
