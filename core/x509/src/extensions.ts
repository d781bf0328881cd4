import { contextTag, type DerReader, TAG } from "./der-reader.ts";
import { type GeneralName, NAMES_MAX, readGeneralName } from "./names.ts";

export interface BasicConstraints {
  readonly isCa: boolean;
  /** How many CAs may follow below; absent means any number. */
  readonly pathLength?: number;
}

// In the order of their bits (RFC 5280 §4.2.1.3).
export const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

export interface NameConstraints {
  readonly isCritical: boolean;
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** The extensions that path validation understands (RFC 5280 §4.2.1). */
export interface Extensions {
  readonly basicConstraints?: BasicConstraints;
  readonly keyUsage?: readonly KeyUsage[];
  readonly extendedKeyUsage?: readonly string[];
  readonly subjectAltNames: readonly GeneralName[];
  readonly nameConstraints?: NameConstraints;
  readonly subjectKeyId?: Uint8Array;
  readonly authorityKeyId?: Uint8Array;
  /** OIDs of critical extensions that nobody here understands. */
  readonly unknownCriticalExtensions: readonly string[];
}

/** Extended key usages that we ask for. */
export const PURPOSE = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  /** tcg-kp-EKCertificate (TCG EK Credential Profile §3.2). */
  tpmEndorsementKey: "2.23.133.8.1",
  /** anyExtendedKeyUsage: a CA with it is not confined; it does not make a leaf fit for a purpose. */
  any: "2.5.29.37.0",
} as const;

export const EXTENSION_OID = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltNames: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;

/** Certificates in the field carry about ten. */
const EXTENSIONS_MAX = 32;
const PURPOSES_MAX = 32;
const IP_LENGTHS = [4, 16];
const IP_CONSTRAINT_LENGTHS = [8, 32];

export const SUBTREES_TAG: Readonly<Record<"permitted" | "excluded", number>> = {
  permitted: contextTag(0, "constructed"),
  excluded: contextTag(1, "constructed"),
};
/** keyIdentifier of AuthorityKeyIdentifier. */
export const KEY_ID_TAG: number = contextTag(0, "primitive");

type Found = { -readonly [K in keyof Extensions]: Extensions[K] };
type ValueReader = (value: DerReader, found: Found, isCritical: boolean) => void;

/** Reads `Extensions` (RFC 5280 §4.2); an extension that occurs twice is a fault. */
export function readExtensions(list: DerReader): Extensions {
  const unknownCriticalExtensions: string[] = [];
  const found: Found = { subjectAltNames: [], unknownCriticalExtensions };
  const seen = new Set<string>();
  list.list(EXTENSIONS_MAX, () =>
    list.within(TAG.sequence, (extension) => {
      const id = extension.oid();
      // DER leaves the default FALSE out, but certificates in the field write it; OpenSSL and Go read it too.
      const isCritical = extension.isNext(TAG.boolean) && extension.boolean();
      if (seen.has(id)) extension.fail();
      seen.add(id);
      const readValue = READER_BY_OID.get(id);
      if (readValue) extension.within(TAG.octetString, (value) => readValue(value, found, isCritical));
      else extension.read(TAG.octetString);
      if (!readValue && isCritical) unknownCriticalExtensions.push(id);
    }),
  );
  return found;
}

const READER_BY_OID: ReadonlyMap<string, ValueReader> = new Map<string, ValueReader>([
  [EXTENSION_OID.subjectKeyId, (value, found) => (found.subjectKeyId = value.read(TAG.octetString))],
  [EXTENSION_OID.keyUsage, (value, found) => (found.keyUsage = readKeyUsage(value))],
  [EXTENSION_OID.subjectAltNames, (value, found) => (found.subjectAltNames = readSubjectAltNames(value))],
  [EXTENSION_OID.basicConstraints, (value, found) => (found.basicConstraints = readBasicConstraints(value))],
  [
    EXTENSION_OID.nameConstraints,
    (value, found, isCritical) => (found.nameConstraints = readNameConstraints(value, isCritical)),
  ],
  [EXTENSION_OID.authorityKeyId, readAuthorityKeyId],
  [EXTENSION_OID.extendedKeyUsage, (value, found) => (found.extendedKeyUsage = readExtendedKeyUsage(value))],
]);

function readSubjectAltNames(value: DerReader): GeneralName[] {
  return value.within(TAG.sequence, (list) => list.list(NAMES_MAX, () => readGeneralName(list, IP_LENGTHS)));
}

function readExtendedKeyUsage(value: DerReader): string[] {
  return value.within(TAG.sequence, (list) => list.list(PURPOSES_MAX, () => list.oid()));
}

function readBasicConstraints(value: DerReader): BasicConstraints {
  return value.within(TAG.sequence, (inner) => {
    const isCa = inner.isNext(TAG.boolean) && inner.boolean();
    return inner.isNext(TAG.integer) ? { isCa, pathLength: inner.smallInteger() } : { isCa };
  });
}

function readKeyUsage(value: DerReader): KeyUsage[] {
  const octets = value.read(TAG.bitString);
  const [unused = 0, ...bits] = octets;
  const spill = (bits.at(-1) ?? 0) & ((1 << unused) - 1);
  if (octets.length === 0 || octets.length > 3 || unused > 7 || spill !== 0) value.fail();
  return KEY_USAGES.filter((_, bit) => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

function readNameConstraints(value: DerReader, isCritical: boolean): NameConstraints {
  return value.within(TAG.sequence, (inner) => ({
    isCritical,
    permitted: readSubtrees(inner, SUBTREES_TAG.permitted),
    excluded: readSubtrees(inner, SUBTREES_TAG.excluded),
  }));
}

/** RFC 5280 §4.2.1.10: minimum is zero and left out, maximum is absent; anything else is left over and so a fault. */
function readSubtrees(inner: DerReader, tag: number): GeneralName[] {
  if (!inner.isNext(tag)) return [];
  return inner.within(tag, (list) =>
    list.list(NAMES_MAX, () => list.within(TAG.sequence, (subtree) => readGeneralName(subtree, IP_CONSTRAINT_LENGTHS))),
  );
}

/** Only the key identifier: the issuer's name and serial in this extension add nothing to the chain's own. */
function readAuthorityKeyId(value: DerReader, found: Found): void {
  value.within(TAG.sequence, (inner) => {
    if (inner.isNext(KEY_ID_TAG)) found.authorityKeyId = inner.read(KEY_ID_TAG);
    while (inner.hasMore) inner.element();
  });
}
