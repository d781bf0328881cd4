import { err, isSameBytes, ok, type Result } from "@vedette/base";
import { contextTag, DerReader, TAG } from "@vedette/x509";
import { type PublicKey, parsePublicKey, signedInteger } from "./public-key.ts";
import { daysInMonth, secondsOfFields } from "./time-civil.ts";
import { type Extension, type ExtensionFields, parseExtensions, readExtensionList } from "./x509-extensions.ts";
import { type NameAttribute, readName } from "./x509-name.ts";
import { readSignatureAlgorithm, type X509SignatureAlgorithm } from "./x509-signature.ts";

/**
 * All that an X.509 certificate says (RFC 5280 §4.1), for policies to look at. `parseCertificate` of `@vedette/x509`
 * reads the narrow profile that this platform itself relies on.
 */
export interface X509Certificate extends ExtensionFields {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  /** 1 to 3. */
  readonly version: number;
  readonly serial: bigint;
  readonly issuer: Uint8Array;
  readonly issuerName: readonly NameAttribute[];
  readonly subject: Uint8Array;
  readonly subjectName: readonly NameAttribute[];
  /** Seconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Uint8Array;
  readonly publicKey: PublicKey;
  readonly signatureAlgorithm: X509SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly extensions: readonly Extension[];
}

export function parseX509Certificate(der: Uint8Array): Result<X509Certificate, string> {
  const parsed = parseX509Certificates(der);
  if (!parsed.ok) return parsed;
  const [certificate] = parsed.value;
  return certificate && parsed.value.length === 1 ? ok(certificate) : err("x509: malformed certificate");
}

/** Any number of certificates, one behind the other. */
export function parseX509Certificates(der: Uint8Array): Result<readonly X509Certificate[], string> {
  const certificates: X509Certificate[] = [];
  const reader = new DerReader(der);
  while (reader.hasMore) {
    const certificate = parseOne(reader.whole(TAG.sequence));
    if (!certificate.ok) return certificate;
    certificates.push(certificate.value);
  }
  return reader.faultOffset === undefined ? ok(certificates) : err("x509: malformed certificate");
}

function parseOne(der: Uint8Array): Result<X509Certificate, string> {
  const reader = new DerReader(der);
  const fields = reader.within(TAG.sequence, (outer) => {
    const tbs = outer.peekWhole(TAG.sequence);
    const inside = outer.within(TAG.sequence, readTbs);
    const algorithm = outer.whole(TAG.sequence);
    // RFC 5280 §4.1.1.2: the same algorithm inside and outside the signature.
    if (!isSameBytes(algorithm, inside.algorithm)) outer.fail();
    return { tbs, inside, signature: outer.octetsOfBitString() };
  });
  if (reader.faultOffset !== undefined) return err("x509: malformed certificate");
  const { algorithm, ...tbs } = fields.inside;
  if (tbs.serial < 0n) return err("x509: negative serial number");
  const publicKey = parsePublicKey(tbs.spki);
  if (publicKey === undefined) return err("x509: malformed public key");
  if (new Set(tbs.extensions.map(({ id }) => id)).size < tbs.extensions.length)
    return err("x509: certificate contains duplicate extensions");
  const values = parseExtensions(tbs.extensions);
  if ("malformed" in values) return err(`x509: invalid ${values.malformed}`);
  const signatureAlgorithm = readSignatureAlgorithm(algorithm);
  return ok({ ...tbs, ...values, der, tbs: fields.tbs, publicKey, signatureAlgorithm, signature: fields.signature });
}

type TbsFields = Pick<
  X509Certificate,
  | "version"
  | "serial"
  | "issuer"
  | "issuerName"
  | "notBefore"
  | "notAfter"
  | "subject"
  | "subjectName"
  | "spki"
  | "extensions"
>;

function readTbs(reader: DerReader): TbsFields & { readonly algorithm: Uint8Array } {
  const version = reader.isNext(VERSION_TAG) ? reader.within(VERSION_TAG, (inner) => inner.smallInteger() + 1) : 1;
  if (version > 3) reader.fail();
  const serial = signedInteger(reader);
  const algorithm = reader.whole(TAG.sequence);
  const issuer = reader.peekWhole(TAG.sequence);
  const issuerName = readName(reader);
  const validity = reader.within(TAG.sequence, (inner) => ({ notBefore: readTime(inner), notAfter: readTime(inner) }));
  const subject = reader.peekWhole(TAG.sequence);
  const subjectName = readName(reader);
  const spki = reader.whole(TAG.sequence);
  return {
    version,
    serial,
    algorithm,
    issuer,
    issuerName,
    ...validity,
    subject,
    subjectName,
    spki,
    extensions: readTail(reader, version),
  };
}
const VERSION_TAG = contextTag(0, "constructed");

/** Unique identifiers, which nobody uses, and the extensions. */
function readTail(reader: DerReader, version: number): readonly Extension[] {
  if (version === 1) return [];
  for (const tag of [contextTag(1, "primitive"), contextTag(2, "primitive")]) if (reader.isNext(tag)) reader.read(tag);
  const extensions = contextTag(3, "constructed");
  return version === 3 && reader.isNext(extensions) ? reader.within(extensions, readExtensionList) : [];
}

const TIME_PATTERN = /^(\d{2})?(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** UTCTime or GeneralizedTime with seconds and Z (RFC 5280 §4.1.2.5), as seconds since 1970. */
function readTime(reader: DerReader): number {
  const { tag, contents } = reader.element();
  const text = Array.from(contents, (octet) => String.fromCharCode(octet)).join("");
  const match = TIME_PATTERN.exec(text);
  const isTime = tag === TAG.utcTime || tag === TAG.generalizedTime;
  if (match === null || !isTime || (match[1] === undefined) !== (tag === TAG.utcTime)) {
    reader.fail();
    return 0;
  }
  const [, century, short, ...rest] = match;
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  // RFC 5280 §4.1.2.5.1: two digits mean 1950 to 2049.
  const year = Number(`${century ?? (Number(short) >= 50 ? "19" : "20")}${short}`);
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
  if (!isDate || hour > 23 || minute > 59 || second > 59) reader.fail();
  return secondsOfFields({ year, month, day, hour, minute, second });
}
