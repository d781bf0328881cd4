import { type Crypto, err, hex, type Instant, instant, ok, type Result } from "@vedette/base";
import { type Certificate, PURPOSE, parseCertificate, verifyPath } from "@vedette/x509";
import { isIssuingCa, isSiteCa } from "./authorities.ts";
import type { PrincipalError } from "./errors.ts";
import { isDnsName, parseSpiffeId, pathOf, type SpiffeId, type TrustDomain, trustDomainOf } from "./spiffe-id.ts";

export type PrincipalKind = "node" | "gateway" | "device" | "workload";

/** Who is at the other end, as its certificate proves it. */
export interface Principal {
  readonly id: SpiffeId;
  readonly trustDomain: TrustDomain;
  readonly kind: PrincipalKind;
  /** Last segment of the path. */
  readonly name: string;
  /** Of devices only: the segment before the name. */
  readonly deviceClass?: string;
  /** The earliest end in the chain. */
  readonly notAfter: Instant;
  /** Lower-case hex. */
  readonly serial: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly certificateHash: string;
}

/** DER, as the peer presented it. */
export interface PresentedChain {
  readonly leaf: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
}

export interface TrustBundle {
  readonly domain: TrustDomain;
  readonly kind: "fleet" | "site";
  /** DER. A site's are the fleet's roots: the site CA comes with the chain. */
  readonly anchors: readonly Uint8Array[];
}

/** What of the trust document decides about principals. */
export interface TrustBundles {
  readonly domains: readonly TrustBundle[];
  readonly revokedSites: readonly TrustDomain[];
}

/**
 * The principal that a chain proves (PROTOCOLS 1.1, 1.2; X509-SVID §5): one URI name that is a SPIFFE ID, no other names but
 * DNS names inside its domain, a path to the bundle of its *own* domain, and an issuer entitled to it. Codes of `PrincipalError`.
 */
export function principalOf(
  presented: PresentedChain,
  trust: TrustBundles,
  now: Instant,
  crypto: Crypto,
): Result<Principal, PrincipalError> {
  const chain = parseAll([presented.leaf, ...presented.intermediates]);
  if (!chain.ok) return chain;
  const [leaf, ...intermediates] = chain.value;
  const id = identityOf(leaf!);
  if (!id.ok) return id;
  const bundle = bundleOf(trustDomainOf(id.value), trust);
  if (!bundle.ok) return bundle;
  const role = roleOf(id.value, bundle.value);
  if (!role.ok) return role;
  const anchors = parseAll(bundle.value.anchors);
  if (!anchors.ok) return anchors;
  const path = verifyPath({
    leaf: leaf!,
    intermediates,
    anchors: anchors.value,
    now,
    crypto,
    purpose: PURPOSE.clientAuth,
  });
  if (!path.ok) return path;
  if (!isEntitled(path.value, bundle.value)) return err({ code: "ISSUER_NOT_ENTITLED", serial: leaf!.serial });
  return ok({
    id: id.value,
    trustDomain: bundle.value.domain,
    ...role.value,
    notAfter: earliestEnd(path.value),
    serial: leaf!.serial,
    certificateHash: hex(crypto.hash("sha256", leaf!.der)),
  });
}

/** Cheap enough for every request (PROTOCOLS 3.2); `now` is the effective time. Revocation is the caller's second question. */
export function isPrincipalCurrent(principal: Principal, now: Instant): boolean {
  return now <= principal.notAfter;
}

function parseAll(ders: readonly Uint8Array[]): Result<readonly Certificate[], PrincipalError> {
  const certificates: Certificate[] = [];
  for (const der of ders) {
    const certificate = parseCertificate(der);
    if (!certificate.ok) return certificate;
    certificates.push(certificate.value);
  }
  return ok(certificates);
}

/** PROTOCOLS 1.2, first sentence. The common name is never read. */
function identityOf(leaf: Certificate): Result<SpiffeId, PrincipalError> {
  const uris = leaf.subjectAltNames.flatMap((name) => (name.kind === "uri" ? [name.value] : []));
  const [uri] = uris;
  if (uri === undefined) return err({ code: "SPIFFE_ID_MISSING" });
  if (uris.length > 1) return err({ code: "SPIFFE_ID_AMBIGUOUS", count: uris.length });
  const id = parseSpiffeId(uri);
  if (!id.ok) return id;
  for (const name of leaf.subjectAltNames) {
    if (name.kind === "uri") continue;
    if (name.kind !== "dns") return err({ code: "NAME_FORM_REFUSED", form: name.kind });
    if (!isDnsNameInside(name.value, trustDomainOf(id.value)))
      return err({ code: "DNS_NAME_OUTSIDE_DOMAIN", name: name.value });
  }
  return isLeaf(leaf) ? id : err({ code: "NOT_A_LEAF", serial: leaf.serial });
}

function isDnsNameInside(name: string, domain: TrustDomain): boolean {
  return isDnsName(name) && (name === domain || name.endsWith(`.${domain}`));
}

/** X509-SVID §5.2: no CA, and a key that signs handshakes and nothing else. */
function isLeaf({ basicConstraints, keyUsage }: Certificate): boolean {
  const signsCertificates = keyUsage?.includes("keyCertSign") || keyUsage?.includes("cRLSign");
  return !basicConstraints?.isCa && !signsCertificates && keyUsage?.includes("digitalSignature") === true;
}

function bundleOf(domain: TrustDomain, trust: TrustBundles): Result<TrustBundle, PrincipalError> {
  const bundle = trust.domains.find((candidate) => candidate.domain === domain);
  if (!bundle) return err({ code: "TRUST_DOMAIN_UNKNOWN", domain });
  if (trust.revokedSites.includes(domain)) return err({ code: "SITE_REVOKED", domain });
  return ok(bundle);
}

type Role = Pick<Principal, "kind" | "name" | "deviceClass">;

const NODE_PATH = /^\/node\/([^/]+)$/;
const GATEWAY_PATH = /^\/(gateway)$/;
const DEVICE_PATH = /^\/device\/([^/]+)\/([^/]+)$/;
const WORKLOAD_PATH = /^\/workload\/([^/]+)$/;

/** The paths of PROTOCOLS §1: a site-domain identity never speaks for a node, nor a node for a site. */
function roleOf(id: SpiffeId, { kind }: TrustBundle): Result<Role, PrincipalError> {
  const path = pathOf(id);
  const role = kind === "fleet" ? fleetRole(path) : siteRole(path);
  return role ? ok(role) : err({ code: "PRINCIPAL_PATH_UNKNOWN", path });
}

function fleetRole(path: string): Role | undefined {
  const name = NODE_PATH.exec(path)?.[1];
  return name === undefined ? undefined : { kind: "node", name };
}

function siteRole(path: string): Role | undefined {
  const [, gateway] = GATEWAY_PATH.exec(path) ?? [];
  if (gateway !== undefined) return { kind: "gateway", name: gateway };
  const [, deviceClass, device] = DEVICE_PATH.exec(path) ?? [];
  if (deviceClass !== undefined && device !== undefined) return { kind: "device", name: device, deviceClass };
  const [, workload] = WORKLOAD_PATH.exec(path) ?? [];
  return workload === undefined ? undefined : { kind: "workload", name: workload };
}

/** PROTOCOLS §1, second column: a node only by the fleet's issuing CA, a site's own only by the CA confined to that site. */
function isEntitled(path: readonly Certificate[], { kind, domain }: TrustBundle): boolean {
  const issuer = path[1];
  if (issuer === undefined) return false;
  return kind === "fleet" ? path.length === FLEET_PATH_LENGTH && isIssuingCa(issuer, domain) : isSiteCa(issuer, domain);
}
/** Node SVID, issuing CA, root. */
const FLEET_PATH_LENGTH = 3;

function earliestEnd(path: readonly Certificate[]): Instant {
  return instant(Math.min(...path.map((certificate) => certificate.notAfter)));
}
