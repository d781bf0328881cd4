import assert from "node:assert/strict";
import { inspect } from "node:util";
import { type Instant, instant, type Result } from "@vedette/base";
import { createNodeCrypto, generateKey, type SoftwareKey, systemRandom } from "@vedette/runtime";
import { parseCertificate } from "@vedette/x509";
import {
  type CertificateAuthority,
  type Issuance,
  mintDeviceSvid,
  mintFleetRoot,
  mintGatewaySvid,
  mintIssuingCa,
  mintNodeSvid,
  mintSiteCa,
  parseTrustDomain,
  siteDomain,
  type TrustBundles,
  type TrustDomain,
} from "./index.ts";

export const crypto: ReturnType<typeof createNodeCrypto> = createNodeCrypto();
/** OpenSSL judges by the real time, so the fleet lives in it. */
export const NOW: Instant = instant(Math.floor(Date.now() / 1_000) * 1_000);
export const ISSUANCE: Issuance = { now: NOW, random: systemRandom, crypto };
export const FLEET: TrustDomain = need(parseTrustDomain("example.org"));
export const STORE_17: TrustDomain = need(siteDomain("store-17", FLEET));
export const STORE_18: TrustDomain = need(siteDomain("store-18", FLEET));

export interface TestAuthority extends CertificateAuthority {
  readonly der: Uint8Array;
  readonly key: SoftwareKey;
}

/** A fleet with two sites and one holder's key, everything valid now. */
export interface TestFleet {
  readonly root: TestAuthority;
  readonly issuingCa: TestAuthority;
  readonly siteCa: TestAuthority;
  readonly otherSiteCa: TestAuthority;
  readonly holder: SoftwareKey;
  readonly trust: TrustBundles;
  readonly node: Uint8Array;
  readonly gateway: Uint8Array;
  readonly device: Uint8Array;
}

export function testCreateFleet(): TestFleet {
  const holder = generateKey("ES256");
  const root = testAuthority((key) => mintFleetRoot({ fleetDomain: FLEET, signer: key }, ISSUANCE));
  const issuingCa = testAuthority(({ spki }) => mintIssuingCa({ spki }, root, ISSUANCE));
  const siteCa = testAuthority(({ spki }) => mintSiteCa({ site: "store-17", spki }, issuingCa, ISSUANCE));
  const otherSiteCa = testAuthority(({ spki }) => mintSiteCa({ site: "store-18", spki }, issuingCa, ISSUANCE));
  const anchors = [root.der];
  const domains = [
    { domain: FLEET, kind: "fleet", anchors },
    { domain: STORE_17, kind: "site", anchors },
    { domain: STORE_18, kind: "site", anchors },
  ] as const;
  const { spki } = holder;
  return {
    ...{ root, issuingCa, siteCa, otherSiteCa, holder },
    trust: { domains, revokedSites: [] },
    node: need(mintNodeSvid({ nodeId: "n-1", spki }, issuingCa, ISSUANCE)),
    gateway: need(mintGatewaySvid({ spki }, siteCa, ISSUANCE)),
    device: need(mintDeviceSvid({ deviceClass: "pos", name: "pos-1", spki }, siteCa, ISSUANCE)),
  };
}

export function testAuthority(mint: (key: SoftwareKey) => Result<Uint8Array, unknown>): TestAuthority {
  const key = generateKey("ES256");
  const der = need(mint(key));
  return { der, key, signer: key, certificate: need(parseCertificate(der)) };
}

export function need<T, E>(result: Result<T, E>): T {
  assert.ok(result.ok, `refused: ${inspect(result)}`);
  return result.value;
}

export function codeOf<T, E extends { readonly code: string }>(result: Result<T, E>): string {
  return result.ok ? "accepted" : result.error.code;
}
