import {
  assert,
  base64,
  type Crypto,
  canonicalJson,
  err,
  type Instant,
  instant,
  instantToString,
  isSameBytes,
  type Json,
  ok,
  parseInstant,
  parseLocatedJson,
  parseUtf8,
  type Result,
  type Signer,
  utf8,
} from "@vedette/base";
import {
  formatVerifierKey,
  JWS_LENGTH_MAX,
  parseVerifierKey,
  signJws,
  type VerificationKey,
  type VerifierKey,
  verifyJws,
} from "@vedette/envelope";
import { parseCertificate, parsePublicKey } from "@vedette/x509";
import type { TrustDocumentError } from "./errors.ts";
import { MemberReader } from "./member-reader.ts";
import type { TrustBundle, TrustBundles } from "./principal.ts";
import { parseTrustDomain, siteNameOf, type TrustDomain } from "./spiffe-id.ts";

/** Whom a fleet believes, for what (PROTOCOLS 1.3). It alone revokes a site CA. */
export interface TrustDocument extends TrustBundles {
  /** Never goes back; the last one seen is in the sealed state record. */
  readonly version: number;
  readonly fleetDomain: TrustDomain;
  readonly notAfter: Instant;
  /** The fleet and every site of it; a site's anchors are the fleet's. */
  readonly domains: readonly TrustBundle[];
  readonly revokedSites: readonly TrustDomain[];
  readonly policyKeys: readonly PolicyKey[];
  /** Whose cosignature says that a journal is held in a backup. */
  readonly mirrors: readonly NamedVerifierKey[];
  readonly witnesses: readonly NamedVerifierKey[];
  /** DER of the certificate authorities whose endorsement keys a device or node class accepts (PROTOCOLS 2.2). */
  readonly anchorsByClass: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** A key that signs policy bundles. */
export interface PolicyKey extends VerificationKey {
  /** Names of the sites it may sign for; absent means all. */
  readonly sites?: readonly string[];
}

export interface NamedVerifierKey {
  readonly name: string;
  readonly verifierKey: VerifierKey;
}

export interface TrustOpening {
  readonly now: Instant;
  /** From the sealed state record; 0 before the first. */
  readonly versionAtLeast: number;
  readonly crypto: Crypto;
}

export const TRUST_DOCUMENT_TYPE = "vedette-trust+jwt";

// All bounded by `JWS_LENGTH_MAX` as well; 10,000 sites make about 600 KiB.
const DOMAINS_MAX = 10_001;
const KEYS_MAX = 256;
const ANCHORS_MAX = 64;
const CLASSES_MAX = 256;
const NAME_LENGTH_MAX = 128;
/** The schema nests four deep. */
const DEPTH_MAX = 6;

/** Signs a document that `openTrustDocument` reads back as it was. */
export function signTrustDocument(document: TrustDocument, keyId: string, signer: Signer): string {
  return signJws(utf8(canonicalJson(documentToJson(document))), TRUST_DOCUMENT_TYPE, keyId, signer);
}

/**
 * Verified by one of `trustKeys`, whole, of a version not below `versionAtLeast`, and not past its end. The schema is
 * closed: a member that this version does not know is a refusal, since it could be a restriction. Codes of `TrustDocumentError`.
 */
export function openTrustDocument(
  text: string,
  trustKeys: readonly VerificationKey[],
  { now, versionAtLeast, crypto }: TrustOpening,
): Result<TrustDocument, TrustDocumentError> {
  const opened = verifyJws(text, TRUST_DOCUMENT_TYPE, trustKeys, crypto);
  if (!opened.ok)
    return opened.error.code === "JWS_SIGNATURE_INVALID"
      ? err({ code: "TRUST_ALTERED", keyId: opened.error.keyId })
      : err({ code: "TRUST_UNSIGNED" });
  const document = parseDocument(opened.value.payload, crypto);
  if (!document.ok) return document;
  const { version, notAfter } = document.value;
  if (version < versionAtLeast) return err({ code: "TRUST_ROLLBACK", offered: version, versionAtLeast });
  if (now > notAfter) return err({ code: "TRUST_EXPIRED", notAfter });
  return document;
}

function documentToJson(document: TrustDocument): Json {
  const roots = document.domains.find(({ kind }) => kind === "fleet")?.anchors ?? [];
  const hasFleetRoots = ({ anchors }: TrustBundle) =>
    anchors.length === roots.length && anchors.every((der, i) => isSameBytes(der, roots[i]!));
  assert(document.domains.every(hasFleetRoots), "every site's anchors are the fleet's roots");
  const key = ({ name, verifierKey }: NamedVerifierKey) => ({ name, verifierKey: formatVerifierKey(verifierKey) });
  return {
    version: document.version,
    fleetDomain: document.fleetDomain,
    notAfter: instantToString(document.notAfter),
    // A site's anchors are the fleet's roots by rule, so they are not written again for each of thousands of sites.
    domains: document.domains.map(({ domain, kind, anchors }) =>
      kind === "fleet" ? { domain, kind, anchors: anchors.map(base64) } : { domain, kind },
    ),
    revokedSites: document.revokedSites,
    policyKeys: document.policyKeys.map(({ keyId, algorithm, spki, sites }) => ({
      keyId,
      algorithm,
      spki: base64(spki),
      ...(sites && { sites }),
    })),
    mirrors: document.mirrors.map(key),
    witnesses: document.witnesses.map(key),
    anchorsByClass: Object.fromEntries([...document.anchorsByClass].map(([name, ders]) => [name, ders.map(base64)])),
  };
}

function parseDocument(payload: Uint8Array, crypto: Crypto): Result<TrustDocument, TrustDocumentError> {
  const text = parseUtf8(payload);
  const json = text.ok ? parseLocatedJson(text.value, { length: JWS_LENGTH_MAX, depth: DEPTH_MAX }) : text;
  if (!json.ok) return err({ code: "TRUST_MALFORMED", at: "" });
  const members = new MemberReader(json.value.value);
  const document = readDocument(members, crypto);
  members.finish();
  return members.faultAt === undefined ? ok(document) : err({ code: "TRUST_MALFORMED", at: members.faultAt });
}

function readDocument(members: MemberReader, crypto: Crypto): TrustDocument {
  const fleetDomain = members.text("fleetDomain", domainOf) ?? ("" as TrustDomain);
  const siteOf = (text: string) => {
    const domain = domainOf(text);
    return domain !== undefined && siteNameOf(domain, fleetDomain) !== undefined ? domain : undefined;
  };
  return {
    version: members.count("version"),
    fleetDomain,
    notAfter: members.text("notAfter", instantOf) ?? instant(0),
    domains: readDomains(members, fleetDomain, siteOf),
    revokedSites: members.texts("revokedSites", DOMAINS_MAX, siteOf),
    policyKeys: readPolicyKeys(members),
    mirrors: readVerifierKeys(members, "mirrors", crypto),
    witnesses: readVerifierKeys(members, "witnesses", crypto),
    anchorsByClass: members.map("anchorsByClass", CLASSES_MAX, readAnchors),
  };
}

/** Exactly one entry is the fleet's own; all others are sites directly below it, without anchors of their own. */
function readDomains(
  members: MemberReader,
  fleetDomain: TrustDomain,
  siteOf: (text: string) => TrustDomain | undefined,
): readonly TrustBundle[] {
  const fleetOf = (text: string) => (text === fleetDomain ? fleetDomain : undefined);
  const entries = members.objects("domains", DOMAINS_MAX, (entry): TrustBundle => {
    const kind = entry.text("kind", kindOf) ?? "site";
    const domain = entry.text("domain", kind === "fleet" ? fleetOf : siteOf) ?? fleetDomain;
    return { domain, kind, anchors: kind === "fleet" ? readAnchors(entry, "anchors") : [] };
  });
  const fleets = entries.filter((entry) => entry.kind === "fleet");
  const anchors = fleets[0]?.anchors ?? [];
  if (fleets.length !== 1 || !isDistinct(entries.map((entry) => entry.domain))) members.fail("domains");
  return entries.map(({ domain, kind }) => ({ domain, kind, anchors }));
}

function readPolicyKeys(members: MemberReader): readonly PolicyKey[] {
  const keys = members.objects("policyKeys", KEYS_MAX, (entry): PolicyKey => {
    const keyId = entry.text("keyId", nameOf) ?? "";
    const algorithm = entry.text("algorithm", algorithmOf) ?? "Ed25519";
    const spki = entry.bytes("spki");
    const kind = parsePublicKey(spki);
    if (!kind.ok || kind.value !== algorithm) entry.fail("spki");
    return entry.has("sites")
      ? { keyId, algorithm, spki, sites: entry.texts("sites", DOMAINS_MAX, nameOf) }
      : { keyId, algorithm, spki };
  });
  if (!isDistinct(keys.map((key) => key.keyId))) members.fail("policyKeys");
  return keys;
}

function readVerifierKeys(members: MemberReader, name: string, crypto: Crypto): readonly NamedVerifierKey[] {
  const entries = members.objects(name, KEYS_MAX, (entry) => ({
    name: entry.text("name", nameOf) ?? "",
    verifierKey: entry.text("verifierKey", (text) => {
      const key = parseVerifierKey(text, crypto);
      return key.ok ? key.value : undefined;
    }),
  }));
  return entries.flatMap(({ name, verifierKey }) => (verifierKey ? [{ name, verifierKey }] : []));
}

function readAnchors(members: MemberReader, name: string): readonly Uint8Array[] {
  const anchors = members.bytesList(name, ANCHORS_MAX);
  if (anchors.length === 0 || !anchors.every((der) => parseCertificate(der).ok)) members.fail(name);
  return anchors;
}

const kindOf = (text: string) => (text === "fleet" || text === "site" ? text : undefined);
const algorithmOf = (text: string) => (text === "ES256" || text === "Ed25519" ? text : undefined);
const nameOf = (text: string) => (text !== "" && text.length <= NAME_LENGTH_MAX ? text : undefined);

function domainOf(text: string): TrustDomain | undefined {
  const domain = parseTrustDomain(text);
  return domain.ok ? domain.value : undefined;
}

function instantOf(text: string): Instant | undefined {
  const value = parseInstant(text);
  return value.ok ? value.value : undefined;
}

function isDistinct(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}
