import { assert, type Instant, type Signer } from "@vedette/base";
import { contextTag, TAG } from "./der-reader.ts";
import { bitString, boolean, der, namedBits, oid, sequence, text, unsignedInteger } from "./der-writer.ts";
import { ecdsaSignatureToDer } from "./ecdsa-signature.ts";
import {
  type BasicConstraints,
  EXTENSION_OID,
  KEY_ID_TAG,
  KEY_USAGES,
  type KeyUsage,
  type NameConstraints,
  PURPOSE,
  SUBTREES_TAG,
} from "./extensions.ts";
import { EMPTY_NAME, type GeneralName, generalNameToDer } from "./names.ts";

/** What the certificate says. Times are cut to whole seconds. */
export interface CertificateTemplate {
  /** Unsigned, at most 20 octets (RFC 5280 §4.1.2.2). */
  readonly serial: Uint8Array;
  /** DER Name; empty unless the subject is a CA. */
  readonly subject: Uint8Array;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  /** Taken as it stands: parse it first when it is not yours. */
  readonly spki: Uint8Array;
  readonly subjectKeyId: Uint8Array;
  readonly basicConstraints: BasicConstraints;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly string[];
  readonly subjectAltNames: readonly GeneralName[];
  readonly nameConstraints?: Omit<NameConstraints, "isCritical">;
}

export interface CertificateIssuer {
  /** DER Name: the subject of the issuer's own certificate. */
  readonly name: Uint8Array;
  /** The issuer's subject key identifier. */
  readonly keyId: Uint8Array;
  readonly signer: Signer;
}

/**
 * One signed certificate, DER (RFC 5280 §4.1). Critical: basic constraints, key usage, name constraints, and the subject
 * alternative names when the subject is empty. Key identifiers are always written, so that chains are found by them.
 */
export function mintCertificate(template: CertificateTemplate, issuer: CertificateIssuer): Uint8Array {
  const algorithm = ALGORITHM[issuer.signer.algorithm];
  const tbs = sequence(
    VERSION_3,
    unsignedInteger(template.serial),
    algorithm,
    issuer.name,
    sequence(time(template.notBefore), time(template.notAfter)),
    template.subject,
    template.spki,
    der(EXTENSIONS_TAG, sequence(...extensions(template, issuer.keyId))),
  );
  const signature = issuer.signer.sign(tbs);
  const isEcdsa = issuer.signer.algorithm === "ES256";
  return sequence(tbs, algorithm, bitString(isEcdsa ? ecdsaSignatureToDer(signature) : signature));
}

const VERSION_3 = der(contextTag(0, "constructed"), unsignedInteger(Uint8Array.of(2)));
const EXTENSIONS_TAG = contextTag(3, "constructed");
const ALGORITHM: Readonly<Record<Signer["algorithm"], Uint8Array>> = {
  ES256: sequence(oid("1.2.840.10045.4.3.2")),
  Ed25519: sequence(oid("1.3.101.112")),
};

function extensions(template: CertificateTemplate, authorityKeyId: Uint8Array): Uint8Array[] {
  const { basicConstraints, keyUsage, extendedKeyUsage, subjectAltNames, nameConstraints, subjectKeyId } = template;
  const isNameless = template.subject.length === EMPTY_NAME.length;
  const all = [
    extension("basicConstraints", "critical", basicConstraintsToDer(basicConstraints)),
    extension("keyUsage", "critical", namedBits(keyUsage.map((usage) => KEY_USAGES.indexOf(usage)))),
    extension("subjectKeyId", "advisory", der(TAG.octetString, subjectKeyId)),
    extension("authorityKeyId", "advisory", sequence(der(KEY_ID_TAG, authorityKeyId))),
  ];
  if (extendedKeyUsage.length > 0)
    all.push(extension("extendedKeyUsage", "advisory", sequence(...extendedKeyUsage.map(purposeToDer))));
  if (subjectAltNames.length > 0)
    all.push(
      extension(
        "subjectAltNames",
        isNameless ? "critical" : "advisory",
        sequence(...subjectAltNames.map(generalNameToDer)),
      ),
    );
  if (nameConstraints) all.push(extension("nameConstraints", "critical", nameConstraintsToDer(nameConstraints)));
  return all;
}

const CRITICAL = boolean(true);
const ABSENT = new Uint8Array(0);
const EXTENSION_ID: Readonly<Record<keyof typeof EXTENSION_OID, Uint8Array>> = {
  subjectKeyId: oid(EXTENSION_OID.subjectKeyId),
  keyUsage: oid(EXTENSION_OID.keyUsage),
  subjectAltNames: oid(EXTENSION_OID.subjectAltNames),
  basicConstraints: oid(EXTENSION_OID.basicConstraints),
  nameConstraints: oid(EXTENSION_OID.nameConstraints),
  authorityKeyId: oid(EXTENSION_OID.authorityKeyId),
  extendedKeyUsage: oid(EXTENSION_OID.extendedKeyUsage),
};

function extension(name: keyof typeof EXTENSION_OID, weight: "critical" | "advisory", value: Uint8Array): Uint8Array {
  return sequence(EXTENSION_ID[name], weight === "critical" ? CRITICAL : ABSENT, der(TAG.octetString, value));
}

function basicConstraintsToDer({ isCa, pathLength }: BasicConstraints): Uint8Array {
  if (!isCa) return sequence();
  return pathLength === undefined ? sequence(CRITICAL) : sequence(CRITICAL, unsignedInteger(Uint8Array.of(pathLength)));
}

// The two that every SVID has are encoded once.
const PURPOSE_DER: ReadonlyMap<string, Uint8Array> = new Map(
  [PURPOSE.serverAuth, PURPOSE.clientAuth].map((purpose) => [purpose, oid(purpose)]),
);

function purposeToDer(purpose: string): Uint8Array {
  return PURPOSE_DER.get(purpose) ?? oid(purpose);
}

function nameConstraintsToDer({ permitted, excluded }: Omit<NameConstraints, "isCritical">): Uint8Array {
  const subtrees = (tag: number, names: readonly GeneralName[]) =>
    names.length === 0 ? ABSENT : der(tag, ...names.map((name) => sequence(generalNameToDer(name))));
  return sequence(subtrees(SUBTREES_TAG.permitted, permitted), subtrees(SUBTREES_TAG.excluded, excluded));
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after. */
function time(value: Instant): Uint8Array {
  const digits = new Date(value).toISOString().replace(/\.\d+|[-:T]/g, "");
  assert(digits.length === 15 && digits >= "1950", "a time that we write lies in the years 1950 to 9999");
  return digits < "2050" ? text(TAG.utcTime, digits.slice(2)) : text(TAG.generalizedTime, digits);
}
