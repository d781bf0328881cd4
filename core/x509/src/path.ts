import { type Crypto, err, type Instant, isSameBytes, ok, type Result } from "@vedette/base";
import type { Certificate } from "./certificate.ts";
import type { PathError } from "./errors.ts";
import { PURPOSE } from "./extensions.ts";
import { checkNameConstraints } from "./name-constraints.ts";

export interface PathRequest {
  readonly leaf: Certificate;
  /** As the peer sent them, in any order. */
  readonly intermediates: readonly Certificate[];
  /** Trusted as they stand, whether or not they are self-signed; their constraints bind what is below them. */
  readonly anchors: readonly Certificate[];
  readonly now: Instant;
  readonly crypto: Crypto;
  /** An extended key usage (OID) that the leaf must name, and that no CA above it may rule out. */
  readonly purpose?: string;
  /** OIDs of critical extensions that the caller evaluates itself. */
  readonly handledExtensions?: readonly string[];
}

/** A TLS peer sends one to three; each candidate may cost a signature check. */
export const INTERMEDIATES_MAX = 8;
/** Leaf, site CA, issuing CA, root; TPM makers have up to five. */
const PATH_LENGTH_MAX = 6;

/**
 * The path from the leaf to an anchor, leaf first (RFC 5280 §6.1, without policies and CRLs): signatures, validity of every
 * certificate including the anchor, CA flag, path length, key usage, purpose, name constraints, and no critical extension
 * left unread. Takes the first issuer that fits by name, key identifier, validity and signature, and does not go back.
 */
export function verifyPath(request: PathRequest): Result<readonly Certificate[], PathError> {
  if (request.intermediates.length > INTERMEDIATES_MAX)
    return err({ code: "CHAIN_TOO_LONG", length: request.intermediates.length, lengthMax: INTERMEDIATES_MAX });
  const path = buildPath(request);
  if (!path.ok) return path;
  for (const [below, certificate] of path.value.entries()) {
    const checked =
      below === 0 ? checkLeaf(certificate, request) : checkAuthority(certificate, path.value, below, request);
    if (!checked.ok) return checked;
  }
  return path;
}

function buildPath(request: PathRequest): Result<readonly Certificate[], PathError> {
  const path: Certificate[] = [request.leaf];
  for (let current = request.leaf; path.length < PATH_LENGTH_MAX; ) {
    const valid = checkValidity(current, request.now);
    if (!valid.ok) return valid;
    const anchor = findIssuer(current, request.anchors, path, request);
    if (anchor.ok) return ok([...path, anchor.value]);
    const intermediate = findIssuer(current, request.intermediates, path, request);
    if (!intermediate.ok) return intermediate.error.code === "ISSUER_UNKNOWN" ? anchor : intermediate;
    current = intermediate.value;
    path.push(current);
  }
  return err({ code: "CHAIN_TOO_LONG", length: path.length, lengthMax: PATH_LENGTH_MAX });
}

/** The most telling reason when none fits: a bad signature before a lapsed issuer before no issuer at all. */
function findIssuer(
  subject: Certificate,
  candidates: readonly Certificate[],
  path: readonly Certificate[],
  { now, crypto }: PathRequest,
): Result<Certificate, PathError> {
  let refusal: PathError = { code: "ISSUER_UNKNOWN", serial: subject.serial };
  for (const candidate of candidates) {
    if (path.includes(candidate) || !isNamedIssuer(subject, candidate)) continue;
    const valid = checkValidity(candidate, now);
    if (!valid.ok) {
      refusal = refusal.code === "ISSUER_UNKNOWN" ? valid.error : refusal;
    } else if (crypto.verify(subject.signatureAlgorithm, candidate.spki, subject.tbs, subject.signature)) {
      return ok(candidate);
    } else {
      refusal = { code: "SIGNATURE_INVALID", serial: subject.serial };
    }
  }
  return err(refusal);
}

function isNamedIssuer(subject: Certificate, candidate: Certificate): boolean {
  if (!isSameBytes(subject.issuer, candidate.subject)) return false;
  const { authorityKeyId: wanted } = subject;
  const { subjectKeyId: offered } = candidate;
  return wanted === undefined || offered === undefined || isSameBytes(wanted, offered);
}

function checkValidity(certificate: Certificate, now: Instant): Result<true, PathError> {
  const { serial, notBefore, notAfter } = certificate;
  if (now < notBefore) return err({ code: "CERTIFICATE_NOT_YET_VALID", serial, notBefore });
  if (now > notAfter) return err({ code: "CERTIFICATE_EXPIRED", serial, notAfter });
  return ok(true);
}

function checkLeaf(leaf: Certificate, request: PathRequest): Result<true, PathError> {
  const { purpose } = request;
  if (purpose !== undefined && !leaf.extendedKeyUsage?.includes(purpose))
    return err({ code: "PURPOSE_REFUSED", serial: leaf.serial, purpose });
  return checkExtensions(leaf, request);
}

function checkAuthority(
  authority: Certificate,
  path: readonly Certificate[],
  below: number,
  request: PathRequest,
): Result<true, PathError> {
  const { serial, basicConstraints, keyUsage, extendedKeyUsage, nameConstraints } = authority;
  if (!basicConstraints?.isCa || keyUsage?.includes("keyCertSign") === false) return err({ code: "NOT_A_CA", serial });
  const { pathLength } = basicConstraints;
  if (pathLength !== undefined && authoritiesBelow(path, below) > pathLength)
    return err({ code: "PATH_LENGTH_EXCEEDED", serial, pathLength });
  const { purpose } = request;
  if (
    purpose !== undefined &&
    extendedKeyUsage &&
    !extendedKeyUsage.some((usage) => usage === purpose || usage === PURPOSE.any)
  )
    return err({ code: "PURPOSE_REFUSED", serial, purpose });
  const checked = checkExtensions(authority, request);
  if (!checked.ok || !nameConstraints) return checked;
  return checkNamesBelow(path, below, authority);
}

/** RFC 5280 §4.2.1.9: non-self-issued intermediates between the authority and the leaf. */
function authoritiesBelow(path: readonly Certificate[], below: number): number {
  return path.slice(1, below).filter((certificate) => !isSelfIssued(certificate)).length;
}

function checkNamesBelow(path: readonly Certificate[], below: number, authority: Certificate): Result<true, PathError> {
  for (const [index, certificate] of path.slice(0, below).entries()) {
    // RFC 5280 §6.1.3 (b): a self-issued certificate that is not the leaf is a key change of the authority itself.
    if (!authority.nameConstraints || (index > 0 && isSelfIssued(certificate))) continue;
    const checked = checkNameConstraints(certificate, authority.nameConstraints);
    if (!checked.ok) return checked;
  }
  return ok(true);
}

function isSelfIssued(certificate: Certificate): boolean {
  return isSameBytes(certificate.issuer, certificate.subject);
}

function checkExtensions(certificate: Certificate, request: PathRequest): Result<true, PathError> {
  const oid = certificate.unknownCriticalExtensions.find((id) => !request.handledExtensions?.includes(id));
  return oid === undefined ? ok(true) : err({ code: "EXTENSION_UNSUPPORTED", serial: certificate.serial, oid });
}
