import assert from "node:assert/strict";
import { test } from "node:test";
import { instant, type Result } from "@vedette/base";
import {
  type CertificateAuthority,
  type Issued,
  mintDeviceSvid,
  mintFleetRoot,
  mintIssuingCa,
  mintSiteCa,
  parseTrustDomain,
  siteDomain,
  type TrustDocument,
} from "@vedette/identity";
import { createConnectionLedger, type HttpRequest } from "@vedette/net";
import { createNodeCrypto, generateKey, type SoftwareKey, systemClock, systemRandom } from "@vedette/runtime";
import { parseCertificate } from "@vedette/x509";
import { Callers } from "./callers.ts";
import { EffectiveClock } from "./effective-clock.ts";

const crypto = createNodeCrypto();
const FLEET = need(parseTrustDomain("example.org"));
const [STORE_17, STORE_18] = [need(siteDomain("store-17", FLEET)), need(siteDomain("store-18", FLEET))];

test("a device of another site is nobody here, whatever the handshake let through", () => {
  const { callers, chainOf } = setupSites();
  assert.ok(callers.recognise(requestOf("a", chainOf("store-17"))).ok);
  assert.deepEqual(callers.recognise(requestOf("b", chainOf("store-18"))), { ok: false, error: "SITE_FOREIGN" });
});

test("a new trust document judges the callers of open connections again", () => {
  const { callers, chainOf, publish } = setupSites();
  const request = requestOf("a", chainOf("store-17"));
  assert.ok(callers.recognise(request).ok);
  publish({ version: 2, revokedSites: [STORE_17] });
  assert.deepEqual(callers.recognise(request), { ok: false, error: "SITE_REVOKED" });
  publish(undefined);
  assert.deepEqual(callers.recognise(request), { ok: false, error: "TRUST_MISSING" });
});

function setupSites() {
  const root = authority((key) => mintFleetRoot({ fleetDomain: FLEET, signer: key }, issuance()));
  const issuing = authority(({ spki }) => mintIssuingCa({ spki }, root, issuance()));
  const anchors = [root.certificate.der];
  const first: TrustDocument = {
    version: 1,
    fleetDomain: FLEET,
    notAfter: instant(systemClock.now() + 60_000),
    domains: [
      { domain: FLEET, kind: "fleet", anchors },
      ...[STORE_17, STORE_18].map((domain) => ({ domain, kind: "site" as const, anchors })),
    ],
    revokedSites: [],
    policyKeys: [],
    mirrors: [],
    witnesses: [],
    anchorsByClass: new Map(),
  };
  let trust: TrustDocument | undefined = first;
  const callers = new Callers({
    siteDomain: STORE_17,
    ledger: createConnectionLedger(),
    clock: new EffectiveClock(systemClock, instant(0)),
    crypto,
    trust: () => trust,
  });
  const chainOf = (site: string) => {
    const ca = authority(({ spki }) => mintSiteCa({ site, spki }, issuing, issuance()));
    const leaf = authority(({ spki }) => mintDeviceSvid({ deviceClass: "pos", name: "pos-1", spki }, ca, issuance()));
    return [leaf, ca, issuing].map(({ certificate }) => certificate.der);
  };
  const publish = (changes: Partial<TrustDocument> | undefined) => {
    trust = changes && { ...first, ...changes };
  };
  return { callers, chainOf, publish };
}

function requestOf(channel: string, certificateChain: readonly Uint8Array[]): HttpRequest {
  const peer = { certificateChain };
  return {
    method: "GET",
    path: "/",
    target: "/",
    query: new URLSearchParams(),
    headers: {},
    channel,
    peer,
    connection: { channel, peer, remoteAddress: undefined, cut: () => {}, onClose: () => {} },
    signal: new AbortController().signal,
    body: () => assert.fail("not read"),
    stream: () => assert.fail("not read"),
  };
}

function authority(mint: (key: SoftwareKey) => Issued): CertificateAuthority {
  const signer = generateKey("ES256");
  return { certificate: need(parseCertificate(need(mint(signer)))), signer };
}

function issuance() {
  return { now: systemClock.now(), random: systemRandom, crypto };
}

function need<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
