import { webcrypto } from "node:crypto";
import { performance } from "node:perf_hooks";
import { addDuration, type Instant, type Result } from "@vedette/base";
import {
  type CertificateAuthority,
  type Issuance,
  LIFETIME,
  mintDeviceSvid,
  mintFleetRoot,
  mintIssuingCa,
  mintSiteCa,
  NOT_BEFORE_SKEW,
  parseTrustDomain,
} from "@vedette/identity";
import { createNodeCrypto, generateKey, type SoftwareKey, systemClock, systemRandom } from "@vedette/runtime";
import { parseCertificate } from "@vedette/x509";
import type { Measurement } from "./measurement.ts";
import { interleaved, median } from "./statistics.ts";

const ROUNDS = 15;
/** About as long a turn for each: 10 to 20 ms, longer than a timer tick and shorter than a scheduler's patience. */
const OUR_BATCH = 400;
const PEER_BATCH = 10;
const PEER = "@peculiar/x509 2.2.0";

/**
 * How many device SVIDs one core issues: DER, serial, key identifier, name checks and a P-256 signature, against the same
 * certificate made by @peculiar/x509 in the same run. The peer signs through WebCrypto, its only way, and builds the
 * leaf's extension objects for each certificate, as its documentation shows; what depends on the CA alone is built once.
 */
export async function certificates(): Promise<readonly Measurement[]> {
  const site = createSite();
  const issueByPeer = await createPeer(site.siteKey, site.deviceKey, site.issuance.now);
  const figures = await interleaved(ROUNDS, {
    ours: () => microsecondsEach(OUR_BATCH, () => site.issue()),
    peer: () => microsecondsEach(PEER_BATCH, issueByPeer),
  });
  const [ours, peer] = [median(figures.ours), median(figures.peer)];
  const ratio = peer / ours;
  return [
    { bench: "certificates", metric: "issue.rate", value: 1e6 / ours, unit: "certificates/s" },
    { bench: "certificates", metric: "issue.ratio", value: ratio, unit: "×", atLeast: 25, peer: PEER, ratio },
  ];
}

async function microsecondsEach(count: number, issue: () => unknown): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const issued = issue();
    if (issued instanceof Promise) await issued;
  }
  return ((performance.now() - start) * 1_000) / count;
}

interface Site {
  readonly siteKey: SoftwareKey;
  readonly deviceKey: SoftwareKey;
  readonly issuance: Issuance;
  issue(): Uint8Array;
}

function createSite(): Site {
  const issuance: Issuance = { now: systemClock.now(), random: systemRandom, crypto: createNodeCrypto() };
  const [rootKey, issuingKey, siteKey, deviceKey] = [0, 1, 2, 3].map(() => generateKey("ES256"));
  if (!rootKey || !issuingKey || !siteKey || !deviceKey) throw new Error("no keys");
  const fleetDomain = need(parseTrustDomain("example.org"));
  const root = authority(need(mintFleetRoot({ fleetDomain, signer: rootKey }, issuance)), rootKey);
  const issuing = authority(need(mintIssuingCa({ spki: issuingKey.spki }, root, issuance)), issuingKey);
  const site = authority(need(mintSiteCa({ site: "store-17", spki: siteKey.spki }, issuing, issuance)), siteKey);
  const device = { deviceClass: "pos", name: "pos-1", spki: deviceKey.spki };
  return { siteKey, deviceKey, issuance, issue: () => need(mintDeviceSvid(device, site, issuance)) };
}

function authority(der: Uint8Array, signer: SoftwareKey): CertificateAuthority {
  return { certificate: need(parseCertificate(der)), signer };
}

async function createPeer(siteKey: SoftwareKey, deviceKey: SoftwareKey, now: Instant): Promise<() => Promise<unknown>> {
  // Loaded only when this bench runs, because the peer wants the global `Reflect` extended.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto);
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const importPublic = (spki: Uint8Array) => webcrypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]);
  const signingKey = await webcrypto.subtle.importKey("pkcs8", siteKey.exportPkcs8().reveal(), algorithm, false, [
    "sign",
  ]);
  const publicKey = await importPublic(deviceKey.spki);
  const authorityKeyId = await x509.AuthorityKeyIdentifierExtension.create(await importPublic(siteKey.spki));
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return async () =>
    x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(systemRandom.bytes(16)).toString("hex"),
      issuer: "O=Vedette, CN=site CA of store-17.example.org",
      notBefore: new Date(now - NOT_BEFORE_SKEW),
      notAfter: new Date(addDuration(now, LIFETIME.deviceSvid)),
      publicKey,
      signingKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
        authorityKeyId,
        new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
        new x509.SubjectAlternativeNameExtension(
          [{ type: "url", value: "spiffe://store-17.example.org/device/pos/pos-1" }],
          true,
        ),
      ],
    });
}

function need<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error("the bench's own fleet is not well formed", { cause: result.error });
  return result.value;
}
