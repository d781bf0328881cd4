import { err, ok, type Result } from "@vedette/base";
import type { SpiffeIdError } from "./errors.ts";

declare const spiffeIdBrand: unique symbol;
declare const trustDomainBrand: unique symbol;

/** `spiffe://trust-domain/path`, made only by `parseSpiffeId` and `spiffeId`. */
export type SpiffeId = string & { readonly [spiffeIdBrand]: "SpiffeId" };
/** The host part of a SPIFFE ID, such as `store-17.example.org`. */
export type TrustDomain = string & { readonly [trustDomainBrand]: "TrustDomain" };

/** SPIFFE-ID §2.3: longer ones must not be made. */
export const SPIFFE_ID_LENGTH_MAX = 2_048;
/** SPIFFE-ID §2.3. */
const TRUST_DOMAIN_LENGTH_MAX = 255;
const SCHEME = "spiffe://";
// SPIFFE-ID §2.1: lower case, no percent encoding, no port, no user.
const TRUST_DOMAIN_PATTERN = /^[a-z0-9._-]+$/;
// SPIFFE-ID §2.2: no empty segments, hence no trailing slash, and no dot segments.
const SEGMENT_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/;
// RFC 1123 §2.1. A site's name becomes a DNS label and the host of an X.509 name constraint.
const DNS_LABEL_PATTERN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const DNS_NAME_LENGTH_MAX = 253;

/** SPIFFE-ID §2, to the letter. The path may be empty: then it names the trust domain itself. */
export function parseSpiffeId(text: string): Result<SpiffeId, SpiffeIdError> {
  if (text.length > SPIFFE_ID_LENGTH_MAX)
    return err({ code: "SPIFFE_ID_TOO_LONG", length: text.length, lengthMax: SPIFFE_ID_LENGTH_MAX });
  if (!text.startsWith(SCHEME)) return err({ code: "SPIFFE_ID_MALFORMED", text });
  const { domain, path } = split(text);
  const segments = path === "" ? [] : path.slice(1).split("/");
  if (!isTrustDomain(domain) || !segments.every(isSegment)) return err({ code: "SPIFFE_ID_MALFORMED", text });
  return ok(text as SpiffeId);
}

/** The ID of these segments inside a trust domain. A segment that holds a slash is refused: it would be two. */
export function spiffeId(domain: TrustDomain, ...segments: readonly string[]): Result<SpiffeId, SpiffeIdError> {
  const text = [`${SCHEME}${domain}`, ...segments].join("/");
  return segments.every(isSegment) ? parseSpiffeId(text) : err({ code: "SPIFFE_ID_MALFORMED", text });
}

export function trustDomainOf(id: SpiffeId): TrustDomain {
  return split(id).domain as TrustDomain;
}

/** Empty, or `/` and segments. */
export function pathOf(id: SpiffeId): string {
  return split(id).path;
}

export function parseTrustDomain(text: string): Result<TrustDomain, SpiffeIdError> {
  return isTrustDomain(text) ? ok(text as TrustDomain) : err({ code: "TRUST_DOMAIN_MALFORMED", text });
}

/** `<site>.<fleet domain>`; the site's name is one DNS label (RFC 1123). */
export function siteDomain(site: string, fleetDomain: TrustDomain): Result<TrustDomain, SpiffeIdError> {
  const domain = `${site}.${fleetDomain}`;
  if (!DNS_LABEL_PATTERN.test(site) || !isDnsName(domain)) return err({ code: "SITE_NAME_MALFORMED", text: site });
  return ok(domain as TrustDomain);
}

/** The site's name when `domain` lies directly under the fleet's. */
export function siteNameOf(domain: TrustDomain, fleetDomain: TrustDomain): string | undefined {
  if (!domain.endsWith(`.${fleetDomain}`)) return undefined;
  const site = domain.slice(0, -(fleetDomain.length + 1));
  return DNS_LABEL_PATTERN.test(site) ? site : undefined;
}

/** Lower-case host name without wildcard (RFC 1123 §2.1). */
export function isDnsName(text: string): boolean {
  return text.length <= DNS_NAME_LENGTH_MAX && text.split(".").every((label) => DNS_LABEL_PATTERN.test(label));
}

function isSegment(text: string): boolean {
  return SEGMENT_PATTERN.test(text);
}

function isTrustDomain(text: string): boolean {
  return text.length <= TRUST_DOMAIN_LENGTH_MAX && TRUST_DOMAIN_PATTERN.test(text);
}

function split(id: string): { domain: string; path: string } {
  const slash = id.indexOf("/", SCHEME.length);
  return slash < 0
    ? { domain: id.slice(SCHEME.length), path: "" }
    : { domain: id.slice(SCHEME.length, slash), path: id.slice(slash) };
}
