import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addDuration,
  base64,
  canonicalJson,
  days,
  instant,
  isJsonObject,
  type Json,
  type JsonObject,
  parseBase64url,
  parseUtf8,
  utf8,
} from "@vedette/base";
import { signJws, type VerificationKey, verifierKeyOf } from "@vedette/envelope";
import { generateKey, type SoftwareKey } from "@vedette/runtime";
import { codeOf, crypto, FLEET, NOW, need, STORE_17, STORE_18, testCreateFleet } from "./fleet-fixture.test.ts";
import { principalOf } from "./index.ts";
import { openTrustDocument, signTrustDocument, TRUST_DOCUMENT_TYPE, type TrustDocument } from "./trust-document.ts";

const fleet = testCreateFleet();
const trustKey = generateKey("Ed25519");
const policyKey = generateKey("ES256");
const mirrorKey = generateKey("Ed25519");
const trustKeys: readonly VerificationKey[] = [{ keyId: "trust-1", algorithm: "Ed25519", spki: trustKey.spki }];

const DOCUMENT: TrustDocument = {
  version: 7,
  fleetDomain: FLEET,
  notAfter: addDuration(NOW, days(30)),
  domains: fleet.trust.domains,
  revokedSites: [STORE_18],
  policyKeys: [
    { keyId: "policy-1", algorithm: "ES256", spki: policyKey.spki },
    { keyId: "policy-2", algorithm: "Ed25519", spki: mirrorKey.spki, sites: ["store-17"] },
  ],
  mirrors: [
    { name: "control", verifierKey: verifierKeyOf("cosignature", "mirror.example.org", mirrorKey.spki, crypto) },
  ],
  witnesses: [],
  anchorsByClass: new Map([["pos", [fleet.root.der]]]),
};

function open(text: string, options: Partial<{ now: typeof NOW; versionAtLeast: number }> = {}, keys = trustKeys) {
  return openTrustDocument(text, keys, { now: NOW, versionAtLeast: 7, crypto, ...options });
}

/** The document with some of its JSON replaced, properly signed. */
function signed(change: (members: Record<string, Json>) => void, signer: SoftwareKey = trustKey): string {
  const members = { ...jsonOf(signTrustDocument(DOCUMENT, "trust-1", trustKey)) };
  change(members);
  return signJws(utf8(canonicalJson(members)), TRUST_DOCUMENT_TYPE, "trust-1", signer);
}

function jsonOf(jws: string): JsonObject {
  const json: unknown = JSON.parse(need(parseUtf8(need(parseBase64url(jws.split(".")[1] ?? "")))));
  assert.ok(isJsonObject(json));
  return json;
}

test("a trust document is opened as it was signed", () => {
  assert.deepEqual(need(open(signTrustDocument(DOCUMENT, "trust-1", trustKey))), DOCUMENT);
});

test("the opened document judges principals", () => {
  const trust = need(open(signTrustDocument(DOCUMENT, "trust-1", trustKey)));
  const chain = { leaf: fleet.device, intermediates: [fleet.siteCa.der, fleet.issuingCa.der] };
  assert.equal(need(principalOf(chain, trust, NOW, crypto)).trustDomain, STORE_17);
});

test("a site's entry carries no anchors of its own on the wire", () => {
  const { domains } = jsonOf(signTrustDocument(DOCUMENT, "trust-1", trustKey));
  assert.deepEqual(domains, [
    { anchors: [base64(fleet.root.der)], domain: "example.org", kind: "fleet" },
    { domain: "store-17.example.org", kind: "site" },
    { domain: "store-18.example.org", kind: "site" },
  ]);
});

test("what nobody trusted has signed is unsigned", () => {
  const text = signTrustDocument(DOCUMENT, "trust-1", trustKey);
  const [header = "", payload = "", signature = ""] = text.split(".");
  for (const [what, unsigned] of Object.entries({
    "plain JSON": canonicalJson(jsonOf(text)),
    nothing: "",
    "no signature": `${header}.${payload}`,
    "an unknown key": signTrustDocument(DOCUMENT, "trust-2", trustKey),
    "a document of another type": signJws(utf8("{}"), "vedette-policy+jwt", "trust-1", trustKey),
    "a key of another algorithm": signTrustDocument(DOCUMENT, "trust-1", policyKey),
    "one part too many": `${header}.${payload}.${signature}.${signature}`,
  }))
    assert.equal(codeOf(open(unsigned)), "TRUST_UNSIGNED", what);
  assert.equal(codeOf(open(text, {}, [])), "TRUST_UNSIGNED");
});

test("one changed octet, or another's signature under a trusted name, is an alteration", () => {
  const text = signTrustDocument(DOCUMENT, "trust-1", trustKey);
  const [header = "", payload = "", signature = ""] = text.split(".");
  for (let at = 0; at < payload.length; at += 97) {
    const changed = payload.slice(0, at) + (payload[at] === "A" ? "B" : "A") + payload.slice(at + 1);
    assert.equal(codeOf(open(`${header}.${changed}.${signature}`)), "TRUST_ALTERED", `at ${at}`);
  }
  assert.equal(codeOf(open(signTrustDocument(DOCUMENT, "trust-1", generateKey("Ed25519")))), "TRUST_ALTERED");
});

test("a version below the sealed one is a rollback, the same one is not", () => {
  const text = signTrustDocument(DOCUMENT, "trust-1", trustKey);
  assert.equal(codeOf(open(text, { versionAtLeast: 7 })), "accepted");
  assert.deepEqual(open(text, { versionAtLeast: 8 }), {
    ok: false,
    error: { code: "TRUST_ROLLBACK", offered: 7, versionAtLeast: 8 },
  });
});

test("a document is good until its last moment", () => {
  const text = signTrustDocument(DOCUMENT, "trust-1", trustKey);
  assert.equal(codeOf(open(text, { now: DOCUMENT.notAfter })), "accepted");
  assert.equal(codeOf(open(text, { now: instant(DOCUMENT.notAfter + 1) })), "TRUST_EXPIRED");
});

const root = base64(fleet.root.der);
const fleetEntry = { domain: "example.org", kind: "fleet", anchors: [root] };
const key = (members: JsonObject) => ({ keyId: "k", algorithm: "ES256", spki: base64(policyKey.spki), ...members });

const MALFORMED: Readonly<Record<string, readonly [(members: Record<string, Json>) => void, string]>> = {
  "an unknown member": [(m) => (m["restriction"] = true), "restriction"],
  "an unknown member inside": [(m) => (m["domains"] = [{ ...fleetEntry, until: 1 }]), "domains[0].until"],
  "a missing member": [(m) => delete m["revokedSites"], "revokedSites"],
  "a fractional version": [(m) => (m["version"] = 1.5), "version"],
  "a negative version": [(m) => (m["version"] = -1), "version"],
  "an end that is no time": [(m) => (m["notAfter"] = "soon"), "notAfter"],
  "an end as a number": [(m) => (m["notAfter"] = 5), "notAfter"],
  "a fleet that is no trust domain": [(m) => (m["fleetDomain"] = "Example.org"), "fleetDomain"],
  "no fleet": [(m) => (m["domains"] = []), "domains"],
  "two fleets": [(m) => (m["domains"] = [fleetEntry, fleetEntry]), "domains"],
  "another fleet's domain": [(m) => (m["domains"] = [{ ...fleetEntry, domain: "example.net" }]), "domains[0].domain"],
  "a fleet without anchors": [(m) => (m["domains"] = [{ ...fleetEntry, anchors: [] }]), "domains[0].anchors"],
  "an anchor that is no certificate": [
    (m) => (m["domains"] = [{ ...fleetEntry, anchors: ["AAAA"] }]),
    "domains[0].anchors",
  ],
  "a site with anchors of its own": [
    (m) => (m["domains"] = [fleetEntry, { domain: "store-17.example.org", kind: "site", anchors: [root] }]),
    "domains[1].anchors",
  ],
  "a site of another fleet": [
    (m) => (m["domains"] = [fleetEntry, { domain: "a.example.net", kind: "site" }]),
    "domains[1].domain",
  ],
  "a site listed twice": [
    (m) => (m["domains"] = [fleetEntry, ...[1, 2].map(() => ({ domain: "a.example.org", kind: "site" }))]),
    "domains",
  ],
  "an unknown kind of domain": [(m) => (m["domains"] = [{ ...fleetEntry, kind: "region" }]), "domains[0].kind"],
  "a revoked site of another fleet": [(m) => (m["revokedSites"] = ["a.example.net"]), "revokedSites[0]"],
  "a policy key that is no key": [(m) => (m["policyKeys"] = [key({ spki: "AAAA" })]), "policyKeys[0].spki"],
  "a policy key of another algorithm": [
    (m) => (m["policyKeys"] = [key({ algorithm: "Ed25519" })]),
    "policyKeys[0].spki",
  ],
  "an algorithm that we do not speak": [
    (m) => (m["policyKeys"] = [key({ algorithm: "none" })]),
    "policyKeys[0].algorithm",
  ],
  "two keys of one name": [(m) => (m["policyKeys"] = [key({}), key({})]), "policyKeys"],
  "a mirror's key that is none": [
    (m) => (m["mirrors"] = [{ name: "m", verifierKey: "m+00000000+AAAA" }]),
    "mirrors[0].verifierKey",
  ],
  "a class whose anchor is no certificate": [(m) => (m["anchorsByClass"] = { pos: ["AAAA"] }), "anchorsByClass.pos"],
  "classes as a list": [(m) => (m["anchorsByClass"] = []), "anchorsByClass"],
};

for (const [what, [change, at]] of Object.entries(MALFORMED)) {
  test(`${what} is refused, and the member is named`, () => {
    assert.deepEqual(open(signed(change)), { ok: false, error: { code: "TRUST_MALFORMED", at } });
  });
}

test("a member that stands twice is refused, not overwritten", () => {
  const json = canonicalJson(jsonOf(signTrustDocument(DOCUMENT, "trust-1", trustKey)));
  const twice = json.replace("{", '{"version":9,');
  assert.equal(codeOf(open(signJws(utf8(twice), TRUST_DOCUMENT_TYPE, "trust-1", trustKey))), "TRUST_MALFORMED");
});

test("a class may have any name, even one that objects are born with", () => {
  const document = { ...DOCUMENT, anchorsByClass: new Map([["__proto__", [fleet.root.der]]]) };
  const { anchorsByClass } = need(open(signTrustDocument(document, "trust-1", trustKey)));
  assert.deepEqual([...anchorsByClass.keys()], ["__proto__"]);
  assert.equal(anchorsByClass.get("constructor"), undefined);
});

test("a document whose sites have other anchors than the fleet is never signed", () => {
  const domains = DOCUMENT.domains.map((bundle) => (bundle.kind === "site" ? { ...bundle, anchors: [] } : bundle));
  assert.throws(() => signTrustDocument({ ...DOCUMENT, domains }, "trust-1", trustKey), /anchors are the fleet's/);
});
