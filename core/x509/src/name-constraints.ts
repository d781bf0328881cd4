import { err, ok, type Result } from "@vedette/base";
import type { Certificate } from "./certificate.ts";
import type { NameConstraintError } from "./errors.ts";
import type { NameConstraints } from "./extensions.ts";
import { EMPTY_NAME, type GeneralName, generalNameToString } from "./names.ts";

/**
 * Are all names of the certificate inside what a CA above it may name (RFC 5280 §4.2.1.10)? URI hosts, DNS names and IP
 * addresses are compared; a constraint of any other form refuses every name of that form, because we cannot tell.
 */
export function checkNameConstraints(
  certificate: NamedCertificate,
  constraints: NameConstraints,
): Result<true, NameConstraintError> {
  for (const name of namesOf(certificate)) {
    const code = judgeName(name, constraints);
    if (code) return err({ code, serial: certificate.serial, name: generalNameToString(name) });
  }
  return ok(true);
}

/** What of a certificate is compared. */
export type NamedCertificate = Pick<Certificate, "serial" | "subject" | "subjectAltNames">;

function namesOf(certificate: NamedCertificate): readonly GeneralName[] {
  if (certificate.subject.length === EMPTY_NAME.length) return certificate.subjectAltNames;
  // RFC 5280 §6.1.3 (b): the subject is a directory name like any other.
  return [...certificate.subjectAltNames, { kind: "directory", value: certificate.subject }];
}

function judgeName(name: GeneralName, constraints: NameConstraints): NameConstraintError["code"] | undefined {
  const permitted = constraints.permitted.filter((constraint) => isSameForm(name, constraint));
  const excluded = constraints.excluded.filter((constraint) => isSameForm(name, constraint));
  if (permitted.length + excluded.length === 0) return undefined;
  if (![...permitted, ...excluded].every(isUnderstood)) return "NAME_CONSTRAINT_UNSUPPORTED";
  // A URI without a host name cannot be compared: "the application MUST reject the certificate".
  if (name.kind === "uri" && uriHost(name.value) === undefined) return "NAME_NOT_PERMITTED";
  if (excluded.some((constraint) => isInside(name, constraint) || reachesInto(name, constraint)))
    return "NAME_EXCLUDED";
  if (permitted.length > 0 && !permitted.some((constraint) => isInside(name, constraint))) return "NAME_NOT_PERMITTED";
  return undefined;
}

function isSameForm(name: GeneralName, constraint: GeneralName): boolean {
  if (name.kind === "other" && constraint.kind === "other") return name.tag === constraint.tag;
  return name.kind === constraint.kind;
}

function isUnderstood(constraint: GeneralName): boolean {
  switch (constraint.kind) {
    case "ip":
      return true;
    case "dns":
      // A leading period has no meaning for DNS constraints in RFC 5280; empty stands for every name.
      return constraint.value === "" || HOST_PATTERN.test(constraint.value);
    case "uri":
      return HOST_PATTERN.test(constraint.value.replace(/^\./, ""));
    case "email":
    case "directory":
    case "other":
      return false;
  }
}
// Underscores occur in SPIFFE trust domains.
const HOST_PATTERN = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

function isInside(name: GeneralName, constraint: GeneralName): boolean {
  if (name.kind === "dns" && constraint.kind === "dns") return isDnsInside(name.value, constraint.value);
  if (name.kind === "uri" && constraint.kind === "uri")
    return isHostInside(uriHost(name.value) ?? "", constraint.value);
  if (name.kind === "ip" && constraint.kind === "ip") return isAddressInside(name.value, constraint.value);
  return false;
}

/** `*.example.org` also names what lies below an exclusion of `till.example.org`. */
function reachesInto(name: GeneralName, constraint: GeneralName): boolean {
  if (name.kind !== "dns" || constraint.kind !== "dns" || !name.value.startsWith("*.")) return false;
  return isDnsInside(constraint.value, name.value.slice(2));
}

/** Zero or more labels to the left of the constraint. */
function isDnsInside(name: string, constraint: string): boolean {
  const [host, domain] = [name.toLowerCase(), constraint.toLowerCase()];
  return domain === "" || host === domain || host.endsWith(`.${domain}`);
}

/** Exactly this host; with a leading period, any host below it and not itself. */
function isHostInside(host: string, constraint: string): boolean {
  const [name, domain] = [host.toLowerCase(), constraint.toLowerCase()];
  return domain.startsWith(".") ? name.length > domain.length && name.endsWith(domain) : name === domain;
}

/** Address and mask; a name of the other address family is never inside. */
function isAddressInside(address: Uint8Array, constraint: Uint8Array): boolean {
  if (constraint.length !== 2 * address.length) return false;
  const mask = constraint.subarray(address.length);
  return address.every((octet, i) => ((octet ^ constraint[i]!) & mask[i]!) === 0);
}

/** The host of `scheme://[userinfo@]host[:port]…`; undefined when there is none or when it is an address. */
function uriHost(uri: string): string | undefined {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)?.[1] ?? "";
  const host = authority.slice(authority.lastIndexOf("@") + 1).replace(/:\d*$/, "");
  const isAddress = /^\d+(\.\d+){3}$/.test(host);
  return HOST_PATTERN.test(host) && !isAddress ? host : undefined;
}
