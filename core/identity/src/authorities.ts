import { isSameBytes } from "@vedette/base";
import type { Certificate, GeneralName, NameConstraints } from "@vedette/x509";
import { parseSpiffeId, pathOf, type TrustDomain, trustDomainOf } from "./spiffe-id.ts";

const EVERY_IPV4 = new Uint8Array(8);
const EVERY_IPV6 = new Uint8Array(32);

/**
 * What a site CA may name: URIs and DNS names of its own domain, no IP address (PROTOCOLS 1.2). A URI constraint without a
 * leading period is this host alone, a DNS constraint is this name and all below it (RFC 5280 §4.2.1.10).
 */
export function siteConstraints(domain: TrustDomain): NameConstraints {
  return {
    isCritical: true,
    permitted: [
      { kind: "uri", value: domain },
      { kind: "dns", value: domain },
    ],
    excluded: [
      { kind: "ip", value: EVERY_IPV4 },
      { kind: "ip", value: EVERY_IPV6 },
    ],
  };
}

/** A CA that can sign no further CA and is confined to exactly this site, by constraints that nobody may ignore. */
export function isSiteCa(certificate: Certificate, domain: TrustDomain): boolean {
  const { basicConstraints, nameConstraints } = certificate;
  if (!basicConstraints?.isCa || basicConstraints.pathLength !== 0 || !nameConstraints?.isCritical) return false;
  const wanted = siteConstraints(domain);
  return isSameSet(nameConstraints.permitted, wanted.permitted) && isSameSet(nameConstraints.excluded, wanted.excluded);
}

/** A CA of the fleet itself, that may sign nodes and site CAs: unconfined, and not at the bottom of its chain. */
export function isIssuingCa(certificate: Certificate, domain: TrustDomain): boolean {
  const { basicConstraints, nameConstraints } = certificate;
  if (!basicConstraints?.isCa || basicConstraints.pathLength !== 1 || nameConstraints) return false;
  return authorityDomain(certificate) === domain;
}

/** A CA names its trust domain as a SPIFFE ID without a path (X509-SVID §3.2). */
export function authorityDomain(certificate: Certificate): TrustDomain | undefined {
  const [name, ...others] = certificate.subjectAltNames;
  const id = name?.kind === "uri" && others.length === 0 ? parseSpiffeId(name.value) : undefined;
  return id?.ok && pathOf(id.value) === "" ? trustDomainOf(id.value) : undefined;
}

function isSameSet(found: readonly GeneralName[], wanted: readonly GeneralName[]): boolean {
  return (
    found.length === wanted.length && wanted.every((name) => found.some((candidate) => isSameName(candidate, name)))
  );
}

function isSameName(a: GeneralName, b: GeneralName): boolean {
  if (a.kind === "ip" && b.kind === "ip") return isSameBytes(a.value, b.value);
  return a.kind === b.kind && a.value === b.value;
}
