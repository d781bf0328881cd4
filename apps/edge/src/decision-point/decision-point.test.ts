import assert from "node:assert/strict";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hex, instant, utf8 } from "@vedette/base";
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
import type { HttpRequest } from "@vedette/net";
import { createNodeCrypto, generateKey, type SoftwareKey, systemClock, systemRandom } from "@vedette/runtime";
import { parseCertificate } from "@vedette/x509";
import { BundleService } from "../bundle-service/bundle-service.ts";
import { testDirectory } from "../opa-peers/opa-fixture.test.ts";
import type { TierClient } from "../tier-desk.ts";
import { ask, attestTill, need, rule, SITE_DOMAIN, setupDecisionPoint, TILL } from "./decision-fixture.test.ts";

const crypto = createNodeCrypto();
const ann = { type: "user", id: "ann" };
const request = { subject: ann, action: { name: "read" }, resource: { type: "menu", id: "lunch" } };
const DOOR = { name: "door", socket: "door.sock", mayClaimSubject: ["user"] };

test("each PEP has a socket of its own in a folder for the owner alone, and its records bear its name", async (t) => {
  const kiosk = { name: "kiosk", socket: "kiosk.sock", mayClaimSubject: ["user"] };
  const node = await setupDecisionPoint(t, [DOOR, kiosk]);
  assert.deepEqual(
    [node.path("door.sock"), node.path("kiosk.sock")].map((path) => (statSync(path).mode & 0o777).toString(8)),
    ["600", "600"],
  );
  for (const socket of ["door.sock", "kiosk.sock", "door.sock"])
    await ask(node.path(socket), "POST", "/access/v1/evaluation", request);
  assert.deepEqual(
    node.records().map(({ requested_by }) => requested_by),
    ["pep/door", "pep/kiosk", "pep/door"],
  );
  assert.deepEqual(node.point.counts.byPep()["door"], {
    allowed: 2,
    denied: 0,
    queried: 0,
    refused: 0,
    unavailable: 0,
  });
});

test("no socket opens in a folder that is open to others", async (t) => {
  const { path } = await setupDecisionPoint(t, []);
  mkdirSync(path("open"), { mode: 0o755 });
  await assert.rejects(setupDecisionPoint(t, [{ name: "door", socket: `../..${path("open/door.sock")}` }]), {
    code: "NET_SOCKET_UNSAFE",
  });
});

test("what nobody serves is not found", async (t) => {
  const { path } = await setupDecisionPoint(t, [DOOR]);
  for (const target of ["/", "/v1", "/v2/data", "/access/v1", "/v1/compile", "/v1/config"])
    assert.equal((await ask(path("door.sock"), "POST", target, {})).status, 404, target);
});

test("a PEP that asks for it has each decision in the node's log, without what was asked", async (t) => {
  const node = await setupDecisionPoint(t, [{ ...DOOR, log: true }]);
  await ask(node.path("door.sock"), "POST", "/access/v1/evaluation", request);
  await ask(node.path("door.sock"), "POST", "/v1/data/app/allow", { input: { user: "bob" } });
  assert.deepEqual(node.logged, [
    {
      level: "info",
      message: "a decision was given",
      pep: "door",
      decision: 0,
      isAllowed: true,
      reason: "allowed-by-rule",
    },
    { level: "info", message: "a query was answered", pep: "door", decision: 1, path: "app/allow" },
  ]);
});

test("what a rule escalates goes to the tiers, and both are counted", async (t) => {
  const escalate = { tier: "region", deadline: "PT1S", onUnavailable: "deny" };
  const rules = [
    rule({ id: "menu", subject: { type: "user" }, action: ["read"], resource: { type: "menu" }, safe: true }),
    rule({ id: "void", subject: { type: "user" }, action: ["void"], resource: { type: "menu" }, safe: true, escalate }),
  ];
  const node = await setupDecisionPoint(t, [DOOR], { rules: { kind: "rules/v1", id: "r", default: "deny", rules } });
  const asked = { ...request, action: { name: "void" } };
  const { json } = await ask(node.path("door.sock"), "POST", "/access/v1/evaluation", asked);
  assert.deepEqual([json["decision"], Object(json["context"]).reason], [false, "escalation-unanswered"]);
  await ask(node.path("door.sock"), "POST", "/access/v1/evaluation", request);
  assert.deepEqual(node.tiers.counts, { local: 1, escalated: 1, unanswered: 1 });
});

test("while another tier thinks, the node's own world goes on, and its deny stands whatever the tier says", async (t) => {
  const escalate = { tier: "region", deadline: "PT5S", onUnavailable: "deny" };
  const refund = { id: "refund", action: ["refund"], resource: { type: "sale" } };
  const rules = (...of: readonly object[]) => ({ rules: { kind: "rules/v1", id: "r", default: "deny", rules: of } });
  const careful = rules(rule({ ...refund, escalate }));
  const meanwhile = { happens: () => {} };
  const tier: TierClient = {
    ask: async () => {
      meanwhile.happens();
      return { type: "decided", by: "region", effect: "allow", reason: "score 0.1", at: instant(0) };
    },
  };
  const pep = { name: "till", socket: "till.sock", mayClaimSubject: ["device"] };
  const node = await setupDecisionPoint(t, [pep], careful, { tier });
  const asked = {
    subject: { type: "device", id: TILL },
    action: { name: "refund" },
    resource: { type: "sale", id: "7" },
  };
  const reasonNow = async () => {
    const { json } = await ask(node.path("till.sock"), "POST", "/access/v1/evaluation", asked);
    return [json["decision"], Object(json["context"]).reason];
  };
  attestTill(node);
  assert.deepEqual(await reasonNow(), [true, "allowed-by-tier"]);
  meanwhile.happens = () => attestTill(node, "contraindicated");
  assert.deepEqual(await reasonNow(), [false, "contraindicated"]);
  attestTill(node);
  meanwhile.happens = () => node.activate(rules(rule({ ...refund, effect: "deny" })));
  assert.deepEqual(await reasonNow(), [false, "denied-by-rule"]);
  const { bundles, result } = node.records().at(-1) ?? {};
  assert.deepEqual([Object.values(Object(bundles)), Object(result).allow], [[{ revision: "r2" }], false]);
});

test("over mTLS a registered principal is a PEP, and needs no registration to speak of itself", async (t) => {
  const site = setupSite();
  const till = { name: "till", spiffeId: TILL };
  const node = await setupDecisionPoint(t, [till, DOOR], undefined, { trust: site.trust });
  const self = { ...request, subject: { type: "device", id: TILL }, resource: { type: "price", id: "p" } };
  const answer = await node.point.serveRemote(site.requestBy("pos-1", "/access/v1/evaluation", self));
  assert.equal(answer.status, 200);
  assert.equal(node.records()[0]?.["requested_by"], TILL);
  assert.equal((await node.point.serveRemote(site.requestBy("pos-1", "/access/v1/evaluation", request))).status, 403);
});

test("over mTLS a principal that is not registered is refused whatever it asks, and so is one of another site", async (t) => {
  const site = setupSite();
  const node = await setupDecisionPoint(t, [{ name: "till", spiffeId: TILL }], undefined, { trust: site.trust });
  const path = "/access/v1/evaluation";
  assert.equal((await node.point.serveRemote(site.requestBy("pos-2", path, request))).status, 403);
  assert.equal((await node.point.serveRemote(setupSite().requestBy("pos-1", path, request))).status, 401);
  assert.equal((await node.point.serveRemote(site.requestBy("pos-1", path, request, []))).status, 401);
  assert.equal(node.records().length, 0);
  assert.deepEqual(node.problems.slice(0, 1), ["pep_unregistered"]);
});

test("registered PEPs are OPA's bundle service too: whoever has the active policy bundle is told so, others get it", async (t) => {
  const file = join(testDirectory(t), "policy.tar.gz");
  const bundle = utf8("a signed policy bundle");
  writeFileSync(file, bundle);
  const digest = hex(crypto.hash("sha256", bundle));
  const service = new BundleService({ site: "store-17", file, activeDigest: () => digest, crypto });
  t.after(() => service[Symbol.dispose]());
  const site = setupSite();
  const world = { trust: site.trust, bundles: (http: HttpRequest) => service.serve(http) };
  const any = { mayClaimSubject: ["*"] };
  const peps = [
    { ...DOOR, ...any },
    { ...any, name: "till", spiffeId: TILL },
    { name: "desk", socket: "desk.sock" },
  ];
  const node = await setupDecisionPoint(t, peps, undefined, world);
  // As OPA 1.x asks.
  const headers = { "user-agent": "Open Policy Agent/1.22.2 (linux, amd64)", prefer: "modes=snapshot,delta" };
  const get = (path: string, more = {}) => ask(node.path("door.sock"), "GET", path, undefined, { ...headers, ...more });
  const first = await get("/bundles/store-17");
  assert.deepEqual([first.status, first.headers["etag"]], [200, `"${digest}"`]);
  assert.deepEqual(first.body, Buffer.from(bundle));
  const again = await get("/bundles/store-17", { "if-none-match": `"${digest}"` });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
  assert.equal((await get("/bundles/store-18")).status, 404);
  const remote = (name: string) => site.requestBy(name, "/bundles/store-17", {}, undefined, "GET");
  assert.equal((await node.point.serveRemote(remote("pos-1"))).status, 200);
  assert.equal((await node.point.serveRemote(remote("pos-2"))).status, 403);
  const told = await ask(node.path("desk.sock"), "GET", "/bundles/store-17");
  assert.equal(told.status, 403, "it names every device, and the desk may speak of none");
  assert.equal(node.records().length, 0, "a bundle is no decision");
});

/** A site's authorities, and requests as the mTLS listener hands them on. */
function setupSite() {
  const fleet = need(parseTrustDomain("example.org"));
  const domain = need(siteDomain("store-17", fleet));
  const root = authority((key) => mintFleetRoot({ fleetDomain: fleet, signer: key }, issuance()));
  const issuing = authority(({ spki }) => mintIssuingCa({ spki }, root, issuance()));
  const ca = authority(({ spki }) => mintSiteCa({ site: "store-17", spki }, issuing, issuance()));
  const anchors = [root.certificate.der];
  const trust: TrustDocument = {
    version: 1,
    fleetDomain: fleet,
    notAfter: instant(systemClock.now() + 60_000),
    domains: [
      { domain: fleet, kind: "fleet", anchors },
      { domain, kind: "site", anchors },
    ],
    revokedSites: [],
    policyKeys: [],
    mirrors: [],
    witnesses: [],
    anchorsByClass: new Map(),
  };
  assert.equal(domain, SITE_DOMAIN);
  const chainOf = (name: string) => {
    const leaf = authority(({ spki }) => mintDeviceSvid({ deviceClass: "pos", name, spki }, ca, issuance()));
    return [leaf, ca, issuing].map(({ certificate }) => certificate.der);
  };
  return {
    trust,
    requestBy: (
      name: string,
      path: string,
      body: object,
      certificateChain = chainOf(name),
      method = "POST",
    ): HttpRequest => {
      const peer = { certificateChain };
      const channel = `${name} ${systemRandom.bytes(8).join()}`;
      return {
        method,
        path,
        target: path,
        query: new URLSearchParams(),
        headers: {},
        channel,
        peer,
        connection: { channel, peer, remoteAddress: undefined, cut: () => {}, onClose: () => {} },
        signal: new AbortController().signal,
        body: async () => Buffer.from(JSON.stringify(body)),
        stream: () => assert.fail("not read"),
      };
    },
  };
}

function authority(mint: (key: SoftwareKey) => Issued): CertificateAuthority {
  const signer = generateKey("ES256");
  return { certificate: need(parseCertificate(need(mint(signer)))), signer };
}

function issuance() {
  return { now: systemClock.now(), random: systemRandom, crypto };
}
