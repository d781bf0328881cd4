import { resolve } from "node:path";
import {
  AdapterError,
  addDuration,
  type Clock,
  type Crypto,
  type Duration,
  days,
  type Instant,
  instant,
  isSameBytes,
} from "@vedette/base";
import { type VerificationKey, verifierKeyOf } from "@vedette/envelope";
import {
  openTrustDocument,
  parseTrustDomain,
  signTrustDocument,
  siteDomain,
  type TrustDocument,
  type TrustDomain,
} from "@vedette/identity";
import type { ControlConfig } from "@vedette/protocol";
import type { SoftwareKey } from "@vedette/runtime";
import { authorityFiles, type ControlFiles, readCertificateFile, readKeyOfKind, readTextFile } from "./files.ts";

/** Long enough for a site that is cut off for a season; a newer version replaces it at any time. */
const TRUST_DOCUMENT_LIFE: Duration = days(180);

/** To read a document whose end has passed: its successor continues it, and whoever serves by it asks for the end itself. */
const BEFORE_ANY_END: Instant = instant(0);

export const POLICY_KEY_ID = "policy-1";
export const TRUST_KEY_ID = "trust-1";

/** EK anchors per class, from the PEM files that the configuration names (relative to the configuration's folder). */
export function readAnchors(config: ControlConfig, folder: string): ReadonlyMap<string, readonly Uint8Array[]> {
  return new Map(
    Object.entries(config.classes).map(([name, { anchors }]) => {
      const ders = anchors.flatMap((path) => readCertificateFile(resolve(folder, path)).map(({ der }) => der));
      return [name, ders.filter((der, i) => ders.findIndex((other) => isSameBytes(der, other)) === i)];
    }),
  );
}

/** The name under which the control plane's mirror signs. */
export function mirrorName(fleet: string): string {
  return `mirror.${fleet}`;
}

/** What the configuration says about the fleet, as a trust document to be signed by the fleet trust key. */
export function describeTrust(
  config: ControlConfig,
  anchorsByClass: ReadonlyMap<string, readonly Uint8Array[]>,
  keys: { readonly root: Uint8Array; readonly policy: SoftwareKey; readonly mirrorSpki: Uint8Array },
  version: number,
  now: Instant,
  crypto: Crypto,
): TrustDocument {
  const fleetDomain = trustDomainOrThrow(config.fleet);
  return {
    version,
    fleetDomain,
    notAfter: addDuration(now, TRUST_DOCUMENT_LIFE),
    domains: domainsOf(config, fleetDomain, [keys.root]),
    revokedSites: [],
    policyKeys: [{ keyId: POLICY_KEY_ID, algorithm: "ES256", spki: keys.policy.spki }],
    mirrors: [
      {
        name: mirrorName(config.fleet),
        verifierKey: verifierKeyOf("cosignature", mirrorName(config.fleet), keys.mirrorSpki, crypto),
      },
    ],
    witnesses: [],
    anchorsByClass,
  };
}

function domainsOf(
  config: ControlConfig,
  fleetDomain: TrustDomain,
  anchors: readonly Uint8Array[],
): TrustDocument["domains"] {
  const sites = [...new Set(config.nodes.map((node) => node.site))].toSorted();
  return [
    { domain: fleetDomain, kind: "fleet", anchors },
    ...sites.map((site) => ({ domain: siteDomainOrThrow(site, fleetDomain), kind: "site" as const, anchors })),
  ];
}

export interface NextTrust {
  readonly config: ControlConfig;
  /** Folder of the configuration file; relative paths in it start there. */
  readonly folder: string;
  /** The folder with the trust key. */
  readonly authority: string;
  /** The document in force, as the control plane serves it. */
  readonly current: string;
  /** Sites to revoke from now on; those revoked before stay so. */
  readonly revoke: readonly string[];
  readonly clock: Clock;
  readonly crypto: Crypto;
}

/**
 * The next trust document, signed: sites and EK anchors as the configuration now says, a new end, keys as before.
 * Throws `AdapterError` when the one in force was not signed by this trust key, or a file is missing.
 */
export function signNextTrust({ config, folder, authority, current, revoke, clock, crypto }: NextTrust): string {
  const signer = readKeyOfKind(authorityFiles(authority).trustKey, "ES256");
  const now = clock.now();
  const opened = openTrustDocument(current, [trustKeyOf(signer)], { now: BEFORE_ANY_END, versionAtLeast: 0, crypto });
  if (!opened.ok)
    throw new AdapterError(opened.error.code, "the trust document in force is not one of this trust key", {
      ...opened.error,
    });
  const { fleetDomain, domains, version, revokedSites } = opened.value;
  const revoked = revoke.map((site) => siteDomainOrThrow(site, fleetDomain));
  const document: TrustDocument = {
    ...opened.value,
    version: version + 1,
    notAfter: addDuration(now, TRUST_DOCUMENT_LIFE),
    domains: domainsOf(config, fleetDomain, domains.find(({ kind }) => kind === "fleet")?.anchors ?? []),
    revokedSites: [...new Set([...revokedSites, ...revoked])],
    anchorsByClass: readAnchors(config, folder),
  };
  return signTrustDocument(document, TRUST_KEY_ID, signer);
}

/** Whether the trust document lists this site and has not revoked it. */
export function isSiteTrusted({ fleetDomain, domains, revokedSites }: TrustDocument, site: string): boolean {
  const name = `${site}.${fleetDomain}`;
  const listed = domains.find(({ domain, kind }) => kind === "site" && domain === name);
  return listed !== undefined && !revokedSites.includes(listed.domain);
}

/** The public half of the fleet trust key, as the control plane and every node keep it. */
export function trustKeyOf(key: SoftwareKey): VerificationKey {
  return { keyId: TRUST_KEY_ID, algorithm: key.algorithm, spki: key.spki };
}

/** The mirror's key. Throws `AdapterError` KEY_INVALID when it is not the one that nodes were told to believe. */
export function readMirrorKey(files: ControlFiles, fleet: string, { mirrors }: TrustDocument): SoftwareKey {
  const key = readKeyOfKind(files.mirrorKey, "Ed25519");
  const isNamed = mirrors.some(
    ({ name, verifierKey }) => name === mirrorName(fleet) && isSameBytes(verifierKey.spki, key.spki),
  );
  if (isNamed) return key;
  throw new AdapterError("KEY_INVALID", "the trust document names another key for the mirror", {
    path: files.mirrorKey,
    trustDocument: files.trustDocument,
  });
}

/**
 * The trust document on disk, verified every time it is read; its end may have passed, so that its successor can be taken.
 * Throws `AdapterError` with the refusal's code.
 */
export function readTrustDocument(
  files: ControlFiles,
  crypto: Crypto,
): { readonly text: string; readonly document: TrustDocument; readonly trustKey: VerificationKey } {
  const text = readTextFile(files.trustDocument);
  const trustKey = readTrustKeyFile(files.trustKey);
  const opened = openTrustDocument(text, [trustKey], { now: BEFORE_ANY_END, versionAtLeast: 0, crypto });
  if (!opened.ok)
    throw new AdapterError(opened.error.code, "the trust document on disk is refused", {
      path: files.trustDocument,
      ...opened.error,
    });
  return { text, document: opened.value, trustKey };
}

/** `<key id> <algorithm> <SPKI in base64>`, one line. */
export function formatTrustKeyFile(key: VerificationKey): string {
  return `${key.keyId} ${key.algorithm} ${Buffer.from(key.spki).toString("base64")}\n`;
}

function readTrustKeyFile(path: string): VerificationKey {
  const text = readTextFile(path);
  const [, keyId, algorithm, spki] = /^(\S{1,64}) (ES256|Ed25519) ([A-Za-z0-9+/=]{1,400})\n$/.exec(text) ?? [];
  if (!keyId || !spki || (algorithm !== "ES256" && algorithm !== "Ed25519"))
    throw new AdapterError("TRUST_KEY_INVALID", "the trust key file is not `id algorithm key`", { path });
  return { keyId, algorithm, spki: new Uint8Array(Buffer.from(spki, "base64")) };
}

function trustDomainOrThrow(text: string): TrustDomain {
  const domain = parseTrustDomain(text);
  if (!domain.ok) throw new AdapterError(domain.error.code, "the fleet's name is not a trust domain", { fleet: text });
  return domain.value;
}

function siteDomainOrThrow(site: string, fleet: TrustDomain): TrustDomain {
  const domain = siteDomain(site, fleet);
  if (!domain.ok) throw new AdapterError(domain.error.code, "a site's name is not a DNS label", { site });
  return domain.value;
}
