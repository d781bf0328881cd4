import { contextTag, DerReader, type GeneralName, TAG } from "@vedette/x509";
import { readWhole } from "./public-key.ts";
import { parseUri, type Uri } from "./uri.ts";

/** RFC 5280 §4.1.2.9. */
export interface Extension {
  readonly id: string;
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

export interface SubjectAltNames {
  readonly names: readonly GeneralName[];
  readonly uris: readonly Uri[];
}

interface NameConstraintLists {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** What the extensions of a certificate say (RFC 5280 §4.2), in the terms of Go's `x509.Certificate`. */
export interface ExtensionFields {
  readonly keyUsage: number;
  readonly extendedKeyUsage: readonly string[];
  readonly basicConstraints?: { readonly isCa: boolean; readonly pathLength?: number };
  readonly subjectAltNames: SubjectAltNames;
  readonly nameConstraints?: NameConstraintLists & { readonly isCritical: boolean };
  readonly subjectKeyId?: Uint8Array;
  readonly authorityKeyId?: Uint8Array;
  readonly crlDistributionPoints: readonly string[];
  readonly ocspServers: readonly string[];
  readonly issuingCertificateUrls: readonly string[];
  readonly policies: readonly string[];
  readonly policyMappings: readonly { readonly issuer: string; readonly subject: string }[];
  readonly requireExplicitPolicy?: number;
  readonly inhibitPolicyMapping?: number;
  readonly inhibitAnyPolicy?: number;
  readonly unhandledCritical: readonly string[];
}

type Found = { -readonly [K in keyof ExtensionFields]: ExtensionFields[K] };
/** False when the extension holds something that is not evaluated, so that a critical one is not handled. */
type ValueReader = (reader: DerReader, found: Found, isCritical: boolean) => boolean;

const EXTENSIONS_MAX = 256;
const LIST_MAX = 10_000;

/** The extensions as they stand (RFC 5280 §4.1). */
export function readExtensionList(reader: DerReader): readonly Extension[] {
  return reader.within(TAG.sequence, (list) =>
    list.list(EXTENSIONS_MAX, () =>
      list.within(TAG.sequence, (extension) => {
        const id = extension.oid();
        const isCritical = extension.isNext(TAG.boolean) && extension.boolean();
        return { id, isCritical, value: extension.read(TAG.octetString) };
      }),
    ),
  );
}

/** The name of the extension that is malformed, if one is. */
export function parseExtensions(extensions: readonly Extension[]): ExtensionFields | { readonly malformed: string } {
  const unhandledCritical: string[] = [];
  const found: Found = {
    keyUsage: 0,
    extendedKeyUsage: [],
    subjectAltNames: { names: [], uris: [] },
    crlDistributionPoints: [],
    ocspServers: [],
    issuingCertificateUrls: [],
    policies: [],
    policyMappings: [],
    unhandledCritical,
  };
  for (const { id, isCritical, value } of extensions) {
    const known = READER_BY_OID.get(id);
    const isHandled = known === undefined ? false : readWhole(value, (reader) => known.read(reader, found, isCritical));
    if (known !== undefined && isHandled === undefined) return { malformed: known.name };
    if (isCritical && isHandled === false) unhandledCritical.push(id);
  }
  return found;
}

export const SUBJECT_ALT_NAME_OID = "2.5.29.17";

const READER_BY_OID: ReadonlyMap<string, { readonly name: string; readonly read: ValueReader }> = new Map<
  string,
  { readonly name: string; readonly read: ValueReader }
>([
  ["2.5.29.14", { name: "subject key identifier", read: readSubjectKeyId }],
  ["2.5.29.15", { name: "key usage", read: handled((reader, found) => (found.keyUsage = readKeyUsage(reader))) }],
  [SUBJECT_ALT_NAME_OID, { name: "subject alternative name", read: readAltNames }],
  ["2.5.29.19", { name: "basic constraints", read: handled(readBasicConstraints) }],
  ["2.5.29.30", { name: "name constraints", read: readNameConstraints }],
  ["2.5.29.31", { name: "CRL distribution points", read: handled(readCrlDistributionPoints) }],
  ["2.5.29.32", { name: "certificate policies", read: handled(readPolicies) }],
  ["2.5.29.33", { name: "policy mappings", read: handled(readPolicyMappings) }],
  ["2.5.29.35", { name: "authority key identifier", read: readAuthorityKeyId }],
  ["2.5.29.36", { name: "policy constraints", read: handled(readPolicyConstraints) }],
  ["2.5.29.37", { name: "extended key usage", read: handled(readExtendedKeyUsage) }],
  [
    "2.5.29.54",
    { name: "inhibit any policy", read: handled((r, found) => (found.inhibitAnyPolicy = r.smallInteger())) },
  ],
  ["1.3.6.1.5.5.7.1.1", { name: "authority info access", read: readAuthorityInfoAccess }],
]);

function handled(read: (reader: DerReader, found: Found) => unknown): ValueReader {
  return (reader, found) => {
    read(reader, found);
    return true;
  };
}

function readSubjectKeyId(reader: DerReader, found: Found, isCritical: boolean): boolean {
  // RFC 5280 §4.2.1.2: never critical; so it says for the next two as well.
  if (isCritical) reader.fail();
  found.subjectKeyId = reader.read(TAG.octetString);
  return true;
}

function readAuthorityKeyId(reader: DerReader, found: Found, isCritical: boolean): boolean {
  if (isCritical) reader.fail();
  reader.within(TAG.sequence, (inner) => {
    if (inner.isNext(KEY_ID_TAG)) found.authorityKeyId = inner.read(KEY_ID_TAG);
    while (inner.hasMore) inner.element();
  });
  return true;
}
const KEY_ID_TAG = contextTag(0, "primitive");

/** Bit 0 of the BIT STRING is bit 0 of the number. */
function readKeyUsage(reader: DerReader): number {
  const [unused = 8, ...octets] = reader.read(TAG.bitString);
  if (unused > 7 || octets.length > 2) reader.fail();
  let usage = 0;
  for (let bit = 0; bit < 9; bit++) if (((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) usage |= 1 << bit;
  return usage;
}

function readAltNames(reader: DerReader, found: Found): boolean {
  found.subjectAltNames = readSubjectAltNames(reader);
  // Names of other forms alone are names that nobody here looks at.
  return found.subjectAltNames.names.some(({ kind }) => kind !== "other" && kind !== "directory");
}

/** Also in certificate requests. */
export function readSubjectAltNames(reader: DerReader): SubjectAltNames {
  const uris: Uri[] = [];
  const names = reader.within(TAG.sequence, (list) =>
    list.list(LIST_MAX, () => {
      const name = readGeneralName(list, [4, 16]);
      const uri = name.kind === "uri" ? parseUri(name.value) : undefined;
      if (name.kind === "uri" && (uri === undefined || !isDomain(uri.host))) list.fail();
      if (uri !== undefined) uris.push(uri);
      return name;
    }),
  );
  return { names, uris };
}

/** Go refuses names in which a label is empty. */
function isDomain(host: string): boolean {
  return host === "" || host.split(".").every((label) => label !== "");
}

const EMAIL_TAG = contextTag(1, "primitive");
const DNS_TAG = contextTag(2, "primitive");
const DIRECTORY_TAG = contextTag(4, "constructed");
const URI_TAG = contextTag(6, "primitive");
const IP_TAG = contextTag(7, "primitive");

/** RFC 5280 §4.2.1.6. Unlike for our own certificates, control characters are taken as they are. */
function readGeneralName(reader: DerReader, ipLengths: readonly number[]): GeneralName {
  const { tag, contents } = reader.element();
  switch (tag) {
    case EMAIL_TAG:
      return { kind: "email", value: readIa5(reader, contents) };
    case DNS_TAG:
      return { kind: "dns", value: readIa5(reader, contents) };
    case URI_TAG:
      return { kind: "uri", value: readIa5(reader, contents) };
    case IP_TAG:
      if (!ipLengths.includes(contents.length)) reader.fail();
      return { kind: "ip", value: contents };
    case DIRECTORY_TAG:
      return { kind: "directory", value: contents };
    default:
      return { kind: "other", tag, value: contents };
  }
}

function readIa5(reader: DerReader, contents: Uint8Array): string {
  if (contents.some((octet) => octet > 0x7f)) reader.fail();
  return Array.from(contents, (octet) => String.fromCharCode(octet)).join("");
}

function readBasicConstraints(reader: DerReader, found: Found): void {
  found.basicConstraints = reader.within(TAG.sequence, (inner) => {
    const isCa = inner.isNext(TAG.boolean) && inner.boolean();
    return inner.isNext(TAG.integer) ? { isCa, pathLength: inner.smallInteger() } : { isCa };
  });
}

function readNameConstraints(reader: DerReader, found: Found, isCritical: boolean): boolean {
  const lists = reader.within(TAG.sequence, (inner) => ({
    permitted: readSubtrees(inner, contextTag(0, "constructed")),
    excluded: readSubtrees(inner, contextTag(1, "constructed")),
  }));
  found.nameConstraints = { ...lists, isCritical };
  return [...lists.permitted, ...lists.excluded].every(({ kind }) => kind !== "other" && kind !== "directory");
}

function readSubtrees(reader: DerReader, tag: number): readonly GeneralName[] {
  if (!reader.isNext(tag)) return [];
  return reader.within(tag, (list) =>
    list.list(LIST_MAX, () => list.within(TAG.sequence, (subtree) => readGeneralName(subtree, [8, 32]))),
  );
}

/** Only full names that are URIs (RFC 5280 §4.2.1.13). */
function readCrlDistributionPoints(reader: DerReader, found: Found): void {
  const points = reader.within(TAG.sequence, (list) =>
    list.list(LIST_MAX, () =>
      list.within(TAG.sequence, (point) => {
        const name = contextTag(0, "constructed");
        const urls = point.isNext(name) ? point.within(name, readFullName) : [];
        while (point.hasMore) point.element();
        return urls;
      }),
    ),
  );
  found.crlDistributionPoints = points.flat();
}

function readFullName(reader: DerReader): readonly string[] {
  const fullName = contextTag(0, "constructed");
  if (reader.isNext(fullName))
    return reader.within(fullName, (names) =>
      names
        .list(LIST_MAX, () => readGeneralName(names, [4, 16]))
        .flatMap((name) => (name.kind === "uri" ? [name.value] : [])),
    );
  while (reader.hasMore) reader.element();
  return [];
}

function readPolicies(reader: DerReader, found: Found): void {
  found.policies = reader.within(TAG.sequence, (list) =>
    list.list(LIST_MAX, () =>
      list.within(TAG.sequence, (policy) => {
        const id = policy.oid();
        while (policy.hasMore) policy.element();
        return id;
      }),
    ),
  );
}

function readPolicyMappings(reader: DerReader, found: Found): void {
  found.policyMappings = reader.within(TAG.sequence, (list) =>
    list.list(LIST_MAX, () =>
      list.within(TAG.sequence, (mapping) => ({ issuer: mapping.oid(), subject: mapping.oid() })),
    ),
  );
}

function readPolicyConstraints(reader: DerReader, found: Found): void {
  reader.within(TAG.sequence, (inner) => {
    const [explicit, mapping] = [contextTag(0, "primitive"), contextTag(1, "primitive")];
    if (inner.isNext(explicit)) found.requireExplicitPolicy = readSkipCerts(inner, inner.read(explicit));
    if (inner.isNext(mapping)) found.inhibitPolicyMapping = readSkipCerts(inner, inner.read(mapping));
  });
}

/** An implicitly tagged INTEGER. */
function readSkipCerts(reader: DerReader, octets: Uint8Array): number {
  const count = new DerReader(Uint8Array.of(TAG.integer, octets.length, ...octets.subarray(0, 2)));
  const value = count.smallInteger();
  count.finish();
  if (count.faultOffset !== undefined) reader.fail();
  return value;
}

function readExtendedKeyUsage(reader: DerReader, found: Found): void {
  found.extendedKeyUsage = reader.within(TAG.sequence, (list) => list.list(LIST_MAX, () => list.oid()));
}

const OCSP_OID = "1.3.6.1.5.5.7.48.1";
const CA_ISSUERS_OID = "1.3.6.1.5.5.7.48.2";

function readAuthorityInfoAccess(reader: DerReader, found: Found, isCritical: boolean): boolean {
  if (isCritical) reader.fail();
  const descriptions = reader.within(TAG.sequence, (list) =>
    list.list(LIST_MAX, () =>
      list.within(TAG.sequence, (inner) => ({ method: inner.oid(), location: readGeneralName(inner, [4, 16]) })),
    ),
  );
  const urlsOf = (wanted: string): string[] =>
    descriptions.flatMap(({ method, location }) =>
      method === wanted && location.kind === "uri" ? [location.value] : [],
    );
  found.ocspServers = urlsOf(OCSP_OID);
  found.issuingCertificateUrls = urlsOf(CA_ISSUERS_OID);
  return true;
}
