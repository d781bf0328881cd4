import {
  addDuration,
  type Crypto,
  type Duration,
  days,
  err,
  hours,
  type Instant,
  instant,
  minutes,
  ok,
  type Random,
  type Result,
  type Signer,
} from "@vedette/base";
import {
  type Certificate,
  type CertificateTemplate,
  distinguishedName,
  EMPTY_NAME,
  type GeneralName,
  keyIdentifier,
  mintCertificate,
  PURPOSE,
  parsePublicKey,
} from "@vedette/x509";
import { authorityDomain, isIssuingCa, isSiteCa, siteConstraints } from "./authorities.ts";
import type { IssuanceError } from "./errors.ts";
import { isDnsName, type SpiffeId, siteDomain, spiffeId, type TrustDomain } from "./spiffe-id.ts";

/** The lives of PROTOCOLS §1; `Issuance.lifetime` overrides them. */
export const LIFETIME: Readonly<Record<IssuedKind, Duration>> = {
  fleetRoot: days(3_650),
  issuingCa: days(365),
  nodeSvid: hours(24),
  /** Renewed at a third of its life, so a site outlives sixty days without the control plane. */
  siteCa: days(90),
  gatewaySvid: hours(24),
  deviceSvid: hours(24),
  workloadSvid: hours(1),
  serverCertificate: days(7),
};

export type IssuedKind =
  | "fleetRoot"
  | "issuingCa"
  | "nodeSvid"
  | "siteCa"
  | "gatewaySvid"
  | "deviceSvid"
  | "workloadSvid"
  | "serverCertificate";

/** A holder's clock may be this far behind the issuer's without the new certificate looking unborn to it. */
export const NOT_BEFORE_SKEW: Duration = minutes(5);

/** A CA: its certificate, already verified by its owner, and the key that belongs to it. */
export interface CertificateAuthority {
  readonly certificate: Certificate;
  readonly signer: Signer;
}

export interface Issuance {
  readonly now: Instant;
  /** Instead of the one in `LIFETIME`; never longer than what is left of the CA's own. */
  readonly lifetime?: Duration;
  readonly random: Random;
  readonly crypto: Crypto;
}

/** DER of the certificate; refused when the CA is not the one of PROTOCOLS §1, has lapsed, or the request is not well formed. */
export type Issued = Result<Uint8Array, IssuanceError>;

/** Self-signed, pathLen 2. The domain is also the name of the fleet in DNS. */
export function mintFleetRoot(
  request: { readonly fleetDomain: TrustDomain; readonly signer: Signer },
  issuance: Issuance,
): Issued {
  const { fleetDomain, signer } = request;
  if (!isDnsName(fleetDomain)) return err({ code: "TRUST_DOMAIN_MALFORMED", text: fleetDomain });
  const name = distinguishedName(ORGANIZATION, `root of ${fleetDomain}`);
  const keyId = keyIdentifier(signer.spki, issuance.crypto);
  const template = authorityTemplate(fleetDomain, name, 2, signer.spki, issuance);
  return ok(mintCertificate({ ...template, ...validity(issuance, LIFETIME.fleetRoot) }, { name, keyId, signer }));
}

/** Signed by the root, pathLen 1: it signs nodes and site CAs. */
export function mintIssuingCa(
  request: { readonly spki: Uint8Array },
  root: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const domain = authorityDomain(root.certificate);
  if (domain === undefined || root.certificate.basicConstraints?.pathLength !== 2) return notEntitled(root);
  const name = distinguishedName(ORGANIZATION, `issuing CA of ${domain}`);
  return mint(authorityTemplate(domain, name, 1, request.spki, issuance), root, LIFETIME.issuingCa, issuance);
}

/** Signed by the issuing CA, pathLen 0, confined to `<site>.<fleet domain>` by critical name constraints, for TLS only. */
export function mintSiteCa(
  request: { readonly site: string; readonly spki: Uint8Array },
  issuingCa: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const fleetDomain = authorityDomain(issuingCa.certificate);
  if (fleetDomain === undefined || !isIssuingCa(issuingCa.certificate, fleetDomain)) return notEntitled(issuingCa);
  const domain = siteDomain(request.site, fleetDomain);
  if (!domain.ok) return domain;
  const name = distinguishedName(ORGANIZATION, `site CA of ${domain.value}`);
  const template: Template = {
    ...authorityTemplate(domain.value, name, 0, request.spki, issuance),
    extendedKeyUsage: SVID_PURPOSES,
    nameConstraints: siteConstraints(domain.value),
  };
  return mint(template, issuingCa, LIFETIME.siteCa, issuance);
}

/** `spiffe://<fleet domain>/node/<id>`, by the issuing CA only. */
export function mintNodeSvid(
  request: { readonly nodeId: string; readonly spki: Uint8Array },
  issuingCa: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const domain = authorityDomain(issuingCa.certificate);
  if (domain === undefined || !isIssuingCa(issuingCa.certificate, domain)) return notEntitled(issuingCa);
  const id = spiffeId(domain, "node", request.nodeId);
  return mintSvid(id, [], request.spki, issuingCa, LIFETIME.nodeSvid, issuance);
}

/** `spiffe://<site>.<fleet domain>/gateway`, and the site's domain as DNS name, so that ordinary TLS clients find it. */
export function mintGatewaySvid(
  request: { readonly spki: Uint8Array },
  siteCa: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const domain = siteOf(siteCa);
  if (domain === undefined) return notEntitled(siteCa);
  const id = spiffeId(domain, "gateway");
  return mintSvid(id, [{ kind: "dns", value: domain }], request.spki, siteCa, LIFETIME.gatewaySvid, issuance);
}

/** `spiffe://<site>.<fleet domain>/device/<class>/<name>`. */
export function mintDeviceSvid(
  request: { readonly deviceClass: string; readonly name: string; readonly spki: Uint8Array },
  siteCa: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const domain = siteOf(siteCa);
  if (domain === undefined) return notEntitled(siteCa);
  const id = spiffeId(domain, "device", request.deviceClass, request.name);
  return mintSvid(id, [], request.spki, siteCa, LIFETIME.deviceSvid, issuance);
}

/** `spiffe://<site>.<fleet domain>/workload/<name>`. */
export function mintWorkloadSvid(
  request: { readonly name: string; readonly spki: Uint8Array },
  siteCa: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const domain = siteOf(siteCa);
  if (domain === undefined) return notEntitled(siteCa);
  const id = spiffeId(domain, "workload", request.name);
  return mintSvid(id, [], request.spki, siteCa, LIFETIME.workloadSvid, issuance);
}

/** The Fleet API's TLS server certificate: DNS names only, so that it is never a principal. */
export function mintServerCertificate(
  request: { readonly dnsNames: readonly string[]; readonly spki: Uint8Array },
  issuingCa: CertificateAuthority,
  issuance: Issuance,
): Issued {
  const domain = authorityDomain(issuingCa.certificate);
  if (domain === undefined || !isIssuingCa(issuingCa.certificate, domain)) return notEntitled(issuingCa);
  const malformed = request.dnsNames.find((name) => !isDnsName(name));
  if (malformed !== undefined) return err({ code: "DNS_NAME_MALFORMED", name: malformed });
  const names = request.dnsNames.map((value): GeneralName => ({ kind: "dns", value }));
  const template = { ...leafTemplate(names, request.spki, issuance), extendedKeyUsage: [PURPOSE.serverAuth] };
  return mint(template, issuingCa, LIFETIME.serverCertificate, issuance);
}

const ORGANIZATION = "Vedette";
// X509-SVID §4.4: an SVID serves and calls.
const SVID_PURPOSES = [PURPOSE.serverAuth, PURPOSE.clientAuth];

type Template = Omit<CertificateTemplate, "notBefore" | "notAfter">;

function mintSvid(
  id: Result<SpiffeId, IssuanceError>,
  others: readonly GeneralName[],
  spki: Uint8Array,
  ca: CertificateAuthority,
  lifetime: Duration,
  issuance: Issuance,
): Issued {
  if (!id.ok) return id;
  return mint(leafTemplate([{ kind: "uri", value: id.value }, ...others], spki, issuance), ca, lifetime, issuance);
}

function mint(template: Template, ca: CertificateAuthority, lifetime: Duration, issuance: Issuance): Issued {
  const { certificate, signer } = ca;
  const key = parsePublicKey(template.spki);
  if (!key.ok) return key;
  if (issuance.now >= certificate.notAfter) return err({ code: "ISSUER_EXPIRED", notAfter: certificate.notAfter });
  const life = validity(issuance, lifetime);
  // INVARIANT: nothing outlives its CA, so a CA's end is the end of all below it.
  const notAfter = instant(Math.min(life.notAfter, certificate.notAfter));
  const keyId = certificate.subjectKeyId ?? keyIdentifier(certificate.spki, issuance.crypto);
  return ok(mintCertificate({ ...template, ...life, notAfter }, { name: certificate.subject, keyId, signer }));
}

function validity({ now, lifetime }: Issuance, byTable: Duration): Pick<CertificateTemplate, "notBefore" | "notAfter"> {
  return { notBefore: addDuration(now, -NOT_BEFORE_SKEW as Duration), notAfter: addDuration(now, lifetime ?? byTable) };
}

function authorityTemplate(
  domain: TrustDomain,
  subject: Uint8Array,
  pathLength: number,
  spki: Uint8Array,
  issuance: Issuance,
): Template {
  return {
    ...leafTemplate([{ kind: "uri", value: `spiffe://${domain}` }], spki, issuance),
    subject,
    basicConstraints: { isCa: true, pathLength },
    keyUsage: ["keyCertSign", "cRLSign"],
    extendedKeyUsage: [],
  };
}

/** No subject: the name is in the URI, and what is not there cannot be misread. */
function leafTemplate(names: readonly GeneralName[], spki: Uint8Array, { random, crypto }: Issuance): Template {
  return {
    serial: serialNumber(random),
    subject: EMPTY_NAME,
    spki,
    subjectKeyId: keyIdentifier(spki, crypto),
    basicConstraints: { isCa: false },
    keyUsage: ["digitalSignature"],
    extendedKeyUsage: SVID_PURPOSES,
    subjectAltNames: names,
  };
}

/** 126 random bits: unique without a register (CA/Browser Forum BR §7.1 asks for 64), positive and of constant length. */
function serialNumber(random: Random): Uint8Array {
  const serial = random.bytes(SERIAL_LENGTH);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}
const SERIAL_LENGTH = 16;

function siteOf(ca: CertificateAuthority): TrustDomain | undefined {
  const domain = authorityDomain(ca.certificate);
  return domain !== undefined && isSiteCa(ca.certificate, domain) ? domain : undefined;
}

function notEntitled(ca: CertificateAuthority): Issued {
  return err({ code: "ISSUER_NOT_ENTITLED", serial: ca.certificate.serial });
}
