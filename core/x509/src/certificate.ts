import { err, hex, type Instant, instant, ok, type Result, type SignatureAlgorithm } from "@vedette/base";
import { contextTag, DerReader, TAG } from "./der-reader.ts";
import { parseEcdsaSignature } from "./ecdsa-signature.ts";
import type { CertificateError } from "./errors.ts";
import { type Extensions, readExtensions } from "./extensions.ts";

/** An X.509 certificate (RFC 5280 §4.1) as read; nothing in it is believed before `verifyPath`. The arrays are views into `der`. */
export interface Certificate extends Extensions {
  readonly der: Uint8Array;
  /** The signed part. */
  readonly tbs: Uint8Array;
  /** Lower-case hex of the INTEGER's octets. */
  readonly serial: string;
  /** DER Name, compared octet by octet. */
  readonly issuer: Uint8Array;
  /** DER Name; for us a link between certificates, never an identity. */
  readonly subject: Uint8Array;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** ECDSA as raw `r ‖ s`, the others as they stand. */
  readonly signature: Uint8Array;
}

/** Certificates in the field, TPM makers' included, stay below 4 KiB. */
export const CERTIFICATE_LENGTH_MAX = 16_384;
/** RFC 5280 §4.1.2.2. */
const SERIAL_OCTETS_MAX = 20;

const ALGORITHM_BY_OID: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ["1.2.840.10045.4.3.2", "ES256"],
  ["1.2.840.10045.4.3.3", "ES384"],
  ["1.3.101.112", "Ed25519"],
  ["1.2.840.113549.1.1.11", "RS256"],
  ["1.2.840.113549.1.1.12", "RS384"],
  ["1.2.840.113549.1.1.13", "RS512"],
]);

/**
 * Reads one DER certificate of at most `CERTIFICATE_LENGTH_MAX` octets; codes of `CertificateError`. The signature is not
 * checked. ECDSA with SHA-256 counts as P-256, with SHA-384 as P-384; SHA-1, RSA-PSS and other curves are not supported.
 */
export function parseCertificate(der: Uint8Array): Result<Certificate, CertificateError> {
  if (der.length > CERTIFICATE_LENGTH_MAX)
    return err({ code: "CERTIFICATE_TOO_LARGE", length: der.length, lengthMax: CERTIFICATE_LENGTH_MAX });
  // A copy: what has been verified must not change under our hands.
  const bytes = new Uint8Array(der);
  const reader = new DerReader(bytes);
  const outer = reader.within(TAG.sequence, readSigned);
  reader.finish();
  if (reader.faultOffset !== undefined) return err({ code: "DER_MALFORMED", offset: reader.faultOffset });
  const algorithm = ALGORITHM_BY_OID.get(outer.algorithm);
  if (algorithm === undefined) return err({ code: "SIGNATURE_ALGORITHM_UNSUPPORTED", oid: outer.algorithm });
  const signature =
    algorithm === "ES256" || algorithm === "ES384"
      ? parseEcdsaSignature(outer.signature, algorithm)
      : ok(outer.signature);
  if (!signature.ok) return signature;
  return ok({ der: bytes, tbs: outer.tbs, ...outer.fields, signatureAlgorithm: algorithm, signature: signature.value });
}

interface Signed {
  readonly tbs: Uint8Array;
  readonly fields: Omit<Certificate, "der" | "tbs" | "signatureAlgorithm" | "signature">;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

function readSigned(certificate: DerReader): Signed {
  const tbs = certificate.peekWhole(TAG.sequence);
  const { inner, fields } = certificate.within(TAG.sequence, readTbs);
  const algorithm = readAlgorithm(certificate);
  // RFC 5280 §4.1.1.2: the same algorithm inside and outside the signature.
  if (inner !== algorithm) certificate.fail();
  return { tbs, fields, algorithm, signature: certificate.octetsOfBitString() };
}

function readTbs(tbs: DerReader): { inner: string; fields: Signed["fields"] } {
  readVersion(tbs);
  const serial = tbs.integer();
  if (serial.length > SERIAL_OCTETS_MAX) tbs.fail();
  const inner = readAlgorithm(tbs);
  const issuer = tbs.whole(TAG.sequence);
  const validity = tbs.within(TAG.sequence, (r) => ({ notBefore: readTime(r), notAfter: readTime(r) }));
  const subject = tbs.whole(TAG.sequence);
  const spki = tbs.whole(TAG.sequence);
  const extensions = readTail(tbs);
  return { inner, fields: { serial: hex(serial), issuer, subject, ...validity, spki, ...extensions } };
}

/** v1 has no extensions and so can only be a leaf; RFC 5280 §4.1.2.1 asks for v3. */
function readVersion(tbs: DerReader): void {
  if (!tbs.isNext(VERSION_TAG)) return;
  const version = tbs.within(VERSION_TAG, (inner) => inner.smallInteger());
  if (version !== 1 && version !== 2) tbs.fail();
}
const VERSION_TAG = contextTag(0, "constructed");

/** Parameters are absent, or NULL for RSA (RFC 4055 §5); the algorithms that have others are not ours. */
function readAlgorithm(reader: DerReader): string {
  return reader.within(TAG.sequence, (algorithm) => {
    const id = algorithm.oid();
    if (algorithm.hasMore && algorithm.element().tag !== TAG.null && ALGORITHM_BY_OID.has(id)) algorithm.fail();
    return id;
  });
}

function readTail(tbs: DerReader): Extensions {
  if (!tbs.isNext(EXTENSIONS_TAG)) return { subjectAltNames: [], unknownCriticalExtensions: [] };
  return tbs.within(EXTENSIONS_TAG, (explicit) => explicit.within(TAG.sequence, readExtensions));
}
const EXTENSIONS_TAG = contextTag(3, "constructed");

/** UTCTime or GeneralizedTime with seconds and Z (RFC 5280 §4.1.2.5). */
function readTime(reader: DerReader): Instant {
  const { tag, contents } = reader.element();
  const digits = String.fromCharCode(...contents.subarray(0, TIME_OCTETS_MAX + 1));
  const match = tag === TAG.utcTime || tag === TAG.generalizedTime ? TIME_PATTERN.exec(digits) : null;
  if (!match || (match[1] === undefined) !== (tag === TAG.utcTime)) {
    reader.fail();
    return instant(0);
  }
  const [, century, short, month, day, hour, minute, second] = match;
  // RFC 5280 §4.1.2.5.1: two-digit years mean 1950 to 2049.
  const full = `${century ?? (Number(short) >= 50 ? "19" : "20")}${short}`;
  const text = `${full}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(text);
  // Date.parse lets 31 February roll over; such a date is no date.
  if (Number.isNaN(time) || new Date(time).toISOString() !== text) reader.fail();
  return instant(time);
}
const TIME_OCTETS_MAX = 15;
const TIME_PATTERN = /^(\d{2})?(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
