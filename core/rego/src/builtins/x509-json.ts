import { base64 } from "@vedette/base";
import type { GeneralName } from "@vedette/x509";
import { numberOfInteger } from "../values/big-number.ts";
import type { PlainObject, Value } from "../values/value.ts";
import { octetsToInteger } from "./key-der.ts";
import { addressToText } from "./net-address.ts";
import { type PublicKey, publicKeyToValue } from "./public-key.ts";
import { civilTimeOf, NANOSECONDS } from "./time-civil.ts";
import { formatTime } from "./time-format.ts";
import { RFC3339 } from "./time-layout.ts";
import { UTC } from "./time-zone.ts";
import { uriToText, uriToValue } from "./uri.ts";
import type { X509Certificate } from "./x509-certificate.ts";
import type { Extension, SubjectAltNames } from "./x509-extensions.ts";
import { nameToValue } from "./x509-name.ts";
import { oidToValue } from "./x509-oid.ts";

/** As Go's `encoding/json` writes `x509.Certificate`: policies read these names. */
export function certificateToValue(certificate: X509Certificate): PlainObject {
  const { basicConstraints } = certificate;
  return {
    Raw: base64(certificate.der),
    RawTBSCertificate: base64(certificate.tbs),
    RawSubjectPublicKeyInfo: base64(certificate.spki),
    RawSubject: base64(certificate.subject),
    RawIssuer: base64(certificate.issuer),
    ...signatureFields(certificate),
    ...publicKeyFields(certificate.publicKey),
    Version: certificate.version,
    SerialNumber: numberOfInteger(certificate.serial),
    Issuer: nameToValue(certificate.issuerName),
    Subject: nameToValue(certificate.subjectName),
    NotBefore: timeText(certificate.notBefore),
    NotAfter: timeText(certificate.notAfter),
    KeyUsage: certificate.keyUsage,
    Extensions: listOrNull(certificate.extensions.map(extensionToValue)),
    ExtraExtensions: null,
    UnhandledCriticalExtensions: listOrNull(certificate.unhandledCritical.map(oidToValue)),
    ...extendedKeyUsageFields(certificate.extendedKeyUsage),
    BasicConstraintsValid: basicConstraints !== undefined,
    IsCA: basicConstraints?.isCa ?? false,
    MaxPathLen: basicConstraints === undefined ? 0 : (basicConstraints.pathLength ?? -1),
    MaxPathLenZero: basicConstraints?.pathLength === 0,
    SubjectKeyId: octetsOrNull(certificate.subjectKeyId),
    AuthorityKeyId: octetsOrNull(certificate.authorityKeyId),
    OCSPServer: listOrNull(certificate.ocspServers),
    IssuingCertificateURL: listOrNull(certificate.issuingCertificateUrls),
    ...altNameFields(certificate.subjectAltNames),
    ...constraintFields(certificate),
    CRLDistributionPoints: listOrNull(certificate.crlDistributionPoints),
    ...policyFields(certificate),
  };
}

/** The same, with the URIs as texts: OPA's own addition. */
export function extendedCertificateToValue(certificate: X509Certificate): PlainObject {
  const { uris } = certificate.subjectAltNames;
  return { ...certificateToValue(certificate), URIStrings: listOrNull(uris.map(uriToText)) };
}

export function signatureFields({
  signature,
  signatureAlgorithm,
}: Pick<X509Certificate, "signature" | "signatureAlgorithm">): PlainObject {
  return { Signature: base64(signature), SignatureAlgorithm: signatureAlgorithm.number };
}

/** Go's `x509.PublicKeyAlgorithm`. */
const KEY_ALGORITHM: Readonly<Record<PublicKey["kind"], number>> = { unknown: 0, rsa: 1, dsa: 2, ec: 3, ed25519: 4 };

export function publicKeyFields(key: PublicKey): PlainObject {
  return { PublicKeyAlgorithm: KEY_ALGORITHM[key.kind], PublicKey: publicKeyToValue(key) };
}

export function altNameFields({ names, uris }: SubjectAltNames): PlainObject {
  const textsOf = (wanted: GeneralName["kind"]): string[] =>
    names.flatMap((name) => (name.kind === wanted && typeof name.value === "string" ? [name.value] : []));
  const addresses = names.flatMap((name) => (name.kind === "ip" ? [addressText(name.value)] : []));
  return {
    DNSNames: listOrNull(textsOf("dns")),
    EmailAddresses: listOrNull(textsOf("email")),
    IPAddresses: listOrNull(addresses),
    URIs: listOrNull(uris.map(uriToValue)),
  };
}

export function extensionToValue({ id, isCritical, value }: Extension): Value {
  return { Id: oidToValue(id), Critical: isCritical, Value: base64(value) };
}

/** Go has null for a list that nothing was put into. */
export function listOrNull(items: readonly Value[]): Value {
  return items.length === 0 ? null : items;
}

function octetsOrNull(octets: Uint8Array | undefined): Value {
  return octets === undefined ? null : base64(octets);
}

function timeText(seconds: number): string {
  return formatTime(civilTimeOf(BigInt(seconds) * NANOSECONDS, UTC), RFC3339);
}

function addressText(octets: Uint8Array): string {
  const value = octetsToInteger(octets);
  const isMapped = octets.length === 16 && value >> 32n === 0xffffn;
  return octets.length === 4 || isMapped
    ? addressToText({ bits: 32, value: value & 0xffff_ffffn })
    : addressToText({ bits: 128, value });
}

/** In the order of Go's `x509.ExtKeyUsage`. */
export const EXTENDED_KEY_USAGES: readonly string[] = [
  "2.5.29.37.0",
  "1.3.6.1.5.5.7.3.1",
  "1.3.6.1.5.5.7.3.2",
  "1.3.6.1.5.5.7.3.3",
  "1.3.6.1.5.5.7.3.4",
  "1.3.6.1.5.5.7.3.5",
  "1.3.6.1.5.5.7.3.6",
  "1.3.6.1.5.5.7.3.7",
  "1.3.6.1.5.5.7.3.8",
  "1.3.6.1.5.5.7.3.9",
  "1.3.6.1.4.1.311.10.3.3",
  "2.16.840.1.113730.4.1",
  "1.3.6.1.4.1.311.2.1.22",
  "1.3.6.1.4.1.311.61.1.1",
];

function extendedKeyUsageFields(usages: readonly string[]): PlainObject {
  const known = usages.map((oid) => EXTENDED_KEY_USAGES.indexOf(oid)).filter((usage) => usage >= 0);
  const unknown = usages.filter((oid) => !EXTENDED_KEY_USAGES.includes(oid));
  return { ExtKeyUsage: listOrNull(known), UnknownExtKeyUsage: listOrNull(unknown.map(oidToValue)) };
}

function constraintFields({ nameConstraints }: X509Certificate): PlainObject {
  const fieldsOf = (prefix: string, names: readonly GeneralName[]): PlainObject => {
    const valuesOf = (kind: GeneralName["kind"]): Value[] =>
      names.flatMap((name) => (name.kind === kind ? [subtreeToValue(name)] : []));
    return {
      [`${prefix}DNSDomains`]: listOrNull(valuesOf("dns")),
      [`${prefix}IPRanges`]: listOrNull(valuesOf("ip")),
      [`${prefix}EmailAddresses`]: listOrNull(valuesOf("email")),
      [`${prefix}URIDomains`]: listOrNull(valuesOf("uri")),
    };
  };
  return {
    PermittedDNSDomainsCritical: nameConstraints?.isCritical ?? false,
    ...fieldsOf("Permitted", nameConstraints?.permitted ?? []),
    ...fieldsOf("Excluded", nameConstraints?.excluded ?? []),
  };
}

function subtreeToValue({ value }: GeneralName): Value {
  if (typeof value === "string") return value;
  const half = value.length / 2;
  return { IP: addressText(value.subarray(0, half)), Mask: base64(value.subarray(half)) };
}

function policyFields(certificate: X509Certificate): PlainObject {
  const { policies, policyMappings, requireExplicitPolicy, inhibitPolicyMapping, inhibitAnyPolicy } = certificate;
  const mappings = policyMappings.map(({ issuer, subject }) => ({
    IssuerDomainPolicy: issuer,
    SubjectDomainPolicy: subject,
  }));
  return {
    PolicyIdentifiers: listOrNull(policies.map(oidToValue)),
    Policies: listOrNull(policies),
    PolicyMappings: listOrNull(mappings),
    InhibitAnyPolicy: inhibitAnyPolicy ?? 0,
    InhibitAnyPolicyZero: inhibitAnyPolicy === 0,
    InhibitPolicyMapping: inhibitPolicyMapping ?? 0,
    InhibitPolicyMappingZero: inhibitPolicyMapping === 0,
    RequireExplicitPolicy: requireExplicitPolicy ?? 0,
    RequireExplicitPolicyZero: requireExplicitPolicy === 0,
  };
}
