import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { addDuration, type Duration, days, hex, hours, instant, instantToString, seconds } from "@vedette/base";
import { generateKey } from "@vedette/runtime";
import {
  certificatesToPem,
  EMPTY_NAME,
  keyIdentifier,
  mintCertificate,
  PURPOSE,
  parseCertificate,
} from "@vedette/x509";
import { codeOf, crypto, ISSUANCE, NOW, need, type TestAuthority, testCreateFleet } from "./fleet-fixture.test.ts";
import {
  LIFETIME,
  mintDeviceSvid,
  mintFleetRoot,
  mintGatewaySvid,
  mintIssuingCa,
  mintNodeSvid,
  mintServerCertificate,
  mintSiteCa,
  mintWorkloadSvid,
  NOT_BEFORE_SKEW,
  parseTrustDomain,
} from "./index.ts";

const fleet = testCreateFleet();
const { root, issuingCa, siteCa, otherSiteCa, holder } = fleet;
const { spki } = holder;
const workload = need(mintWorkloadSvid({ name: "pricing", spki }, siteCa, ISSUANCE));
const server = need(mintServerCertificate({ dnsNames: ["control.example.org"], spki }, issuingCa, ISSUANCE));

interface Row {
  readonly der: Uint8Array;
  readonly below: readonly TestAuthority[];
  readonly names: readonly string[];
  readonly lifetime: Duration;
  readonly key: string;
  readonly purposes: readonly string[];
  readonly pathLength?: number;
}

const SVID = [PURPOSE.serverAuth, PURPOSE.clientAuth];
const SIGNS_CERTIFICATES = "keyCertSign, cRLSign";
const SIGNS = "digitalSignature";
const inSite = [issuingCa, siteCa];

/** The issuance table of PROTOCOLS §1. */
const TABLE: Readonly<Record<string, Row>> = {
  "fleet root": {
    der: root.der,
    below: [],
    names: ["spiffe://example.org"],
    lifetime: days(3_650),
    key: SIGNS_CERTIFICATES,
    purposes: [],
    pathLength: 2,
  },
  "issuing CA": {
    der: issuingCa.der,
    below: [],
    names: ["spiffe://example.org"],
    lifetime: days(365),
    key: SIGNS_CERTIFICATES,
    purposes: [],
    pathLength: 1,
  },
  "site CA": {
    der: siteCa.der,
    below: [issuingCa],
    names: ["spiffe://store-17.example.org"],
    lifetime: days(90),
    key: SIGNS_CERTIFICATES,
    purposes: SVID,
    pathLength: 0,
  },
  "node SVID": {
    der: fleet.node,
    below: [issuingCa],
    names: ["spiffe://example.org/node/n-1"],
    lifetime: hours(24),
    key: SIGNS,
    purposes: SVID,
  },
  "gateway SVID": {
    der: fleet.gateway,
    below: inSite,
    names: ["spiffe://store-17.example.org/gateway", "store-17.example.org"],
    lifetime: hours(24),
    key: SIGNS,
    purposes: SVID,
  },
  "device SVID": {
    der: fleet.device,
    below: inSite,
    names: ["spiffe://store-17.example.org/device/pos/pos-1"],
    lifetime: hours(24),
    key: SIGNS,
    purposes: SVID,
  },
  "workload SVID": {
    der: workload,
    below: inSite,
    names: ["spiffe://store-17.example.org/workload/pricing"],
    lifetime: hours(1),
    key: SIGNS,
    purposes: SVID,
  },
  "server certificate": {
    der: server,
    below: [issuingCa],
    names: ["control.example.org"],
    lifetime: days(7),
    key: SIGNS,
    purposes: [PURPOSE.serverAuth],
  },
};

for (const [name, row] of Object.entries(TABLE)) {
  test(`@peculiar/x509 reads the ${name} as the table has it`, async () => {
    const x509 = await loadPeer();
    const read = new x509.X509Certificate(row.der);
    assert.equal(read.notBefore.toISOString(), instantToString(addDuration(NOW, -NOT_BEFORE_SKEW as Duration)));
    assert.equal(read.notAfter.toISOString(), instantToString(addDuration(NOW, row.lifetime)));
    const basic = read.getExtension(x509.BasicConstraintsExtension);
    assert.deepEqual(
      [basic?.critical, basic?.ca, basic?.pathLength],
      [true, row.pathLength !== undefined, row.pathLength],
    );
    const usage = read.getExtension(x509.KeyUsagesExtension);
    const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags;
    assert.deepEqual(
      [usage?.critical, usage?.usages],
      [true, row.key === SIGNS ? digitalSignature : keyCertSign | cRLSign],
    );
    assert.deepEqual([...(read.getExtension(x509.ExtendedKeyUsageExtension)?.usages ?? [])], row.purposes);
    const names = read.getExtension(x509.SubjectAlternativeNameExtension);
    assert.deepEqual(
      names?.names.items.map((item) => item.value),
      row.names,
    );
    assert.equal(
      names?.critical,
      row.pathLength === undefined,
      "a certificate without a subject is named by its SAN alone",
    );
    const subjectKeyId = read.getExtension(x509.SubjectKeyIdentifierExtension);
    assert.equal(subjectKeyId?.keyId, hex(keyIdentifier(new Uint8Array(read.publicKey.rawData), crypto)));
    const issuer = row.below.at(-1) ?? root;
    const authorityKeyId = read.getExtension(x509.AuthorityKeyIdentifierExtension);
    assert.equal(authorityKeyId?.keyId, hex(issuer.certificate.subjectKeyId ?? new Uint8Array(0)));
    const signedBy = await new x509.X509Certificate(issuer.der).publicKey.export(webcrypto);
    assert.ok(await read.verify({ publicKey: signedBy, signatureOnly: true }, webcrypto));
  });
}

async function loadPeer() {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const skip = hasOpenssl ? false : "openssl is not installed: the issuance table is not verified by it";
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "vedette-identity-"));
  writeFileSync(join(folder, "root.pem"), certificatesToPem([root.der]));
});
after(() => rmSync(folder, { recursive: true }));

/** What `openssl verify` says of a leaf under our root; empty when it accepts. */
function opensslRefusal(leaf: Uint8Array, below: readonly TestAuthority[], purpose: string): string {
  writeFileSync(join(folder, "leaf.pem"), certificatesToPem([leaf]));
  writeFileSync(join(folder, "below.pem"), certificatesToPem(below.map(({ der }) => der)));
  const untrusted = below.length > 0 ? ["-untrusted", "below.pem"] : [];
  const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "root.pem", ...untrusted, "leaf.pem"];
  const { status, stdout, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  return status === 0 ? "" : stdout + stderr;
}

for (const [name, row] of Object.entries(TABLE)) {
  test(`OpenSSL verifies the ${name}`, { skip }, () => {
    const purposes = row.purposes.map((oid) => (oid === PURPOSE.serverAuth ? "sslserver" : "sslclient"));
    for (const purpose of purposes.length > 0 && row.pathLength === undefined ? purposes : ["any"])
      assert.equal(opensslRefusal(row.der, row.below, purpose), "");
  });
}

test("OpenSSL finds the site's name constraints, critical and complete", { skip }, () => {
  const pem = certificatesToPem([siteCa.der]);
  const args = ["x509", "-noout", "-ext", "nameConstraints"];
  const { stdout } = spawnSync("openssl", args, { input: pem, encoding: "utf8" });
  assert.deepEqual(stdout.trim().split(/\s*\n\s*/), [
    "X509v3 Name Constraints: critical",
    "Permitted:",
    "URI:store-17.example.org",
    "DNS:store-17.example.org",
    "Excluded:",
    "IP:0.0.0.0/0.0.0.0",
    "IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0",
  ]);
});

const SUBTREE_VIOLATION = /error 47 at 0 depth lookup: permitted subtree violation/;
const EXCLUDED_VIOLATION = /error 48 at 0 depth lookup: excluded subtree violation/;

test("OpenSSL refuses what a stolen site CA mints for a node, for another site, or for an address", { skip }, () => {
  const forge = (subjectAltNames: Parameters<typeof mintCertificate>[0]["subjectAltNames"]) =>
    mintCertificate(
      {
        serial: Uint8Array.of(0x41),
        subject: EMPTY_NAME,
        notBefore: NOW,
        notAfter: addDuration(NOW, hours(1)),
        spki,
        subjectKeyId: keyIdentifier(spki, crypto),
        basicConstraints: { isCa: false },
        keyUsage: ["digitalSignature"],
        extendedKeyUsage: SVID,
        subjectAltNames,
      },
      { name: siteCa.certificate.subject, keyId: keyIdentifier(siteCa.key.spki, crypto), signer: siteCa.key },
    );
  const refusal = (names: Parameters<typeof forge>[0]) => opensslRefusal(forge(names), inSite, "sslclient");
  assert.equal(refusal([{ kind: "uri", value: "spiffe://store-17.example.org/gateway" }]), "");
  assert.match(refusal([{ kind: "uri", value: "spiffe://example.org/node/n-1" }]), SUBTREE_VIOLATION);
  assert.match(refusal([{ kind: "uri", value: "spiffe://store-18.example.org/device/pos/pos-1" }]), SUBTREE_VIOLATION);
  assert.match(refusal([{ kind: "dns", value: "control.example.org" }]), SUBTREE_VIOLATION);
  assert.match(refusal([{ kind: "ip", value: Uint8Array.of(127, 0, 0, 1) }]), EXCLUDED_VIOLATION);
  assert.match(refusal([{ kind: "ip", value: new Uint8Array(16).fill(1) }]), EXCLUDED_VIOLATION);
});

test("each authority signs its own rows of the table and no other", () => {
  const refusedBy = (ca: TestAuthority) =>
    Object.entries({
      issuingCa: mintIssuingCa({ spki }, ca, ISSUANCE),
      siteCa: mintSiteCa({ site: "store-19", spki }, ca, ISSUANCE),
      node: mintNodeSvid({ nodeId: "n-2", spki }, ca, ISSUANCE),
      server: mintServerCertificate({ dnsNames: ["a.example.org"], spki }, ca, ISSUANCE),
      gateway: mintGatewaySvid({ spki }, ca, ISSUANCE),
      device: mintDeviceSvid({ deviceClass: "pos", name: "a", spki }, ca, ISSUANCE),
      workload: mintWorkloadSvid({ name: "a", spki }, ca, ISSUANCE),
    }).flatMap(([row, issued]) => (codeOf(issued) === "ISSUER_NOT_ENTITLED" ? [row] : []));
  assert.deepEqual(refusedBy(root), ["siteCa", "node", "server", "gateway", "device", "workload"]);
  assert.deepEqual(refusedBy(issuingCa), ["issuingCa", "gateway", "device", "workload"]);
  assert.deepEqual(refusedBy(siteCa), ["issuingCa", "siteCa", "node", "server"]);
});

test("a site CA names only its own site", () => {
  const device = need(
    parseCertificate(need(mintDeviceSvid({ deviceClass: "pos", name: "a", spki }, otherSiteCa, ISSUANCE))),
  );
  assert.deepEqual(device.subjectAltNames, [{ kind: "uri", value: "spiffe://store-18.example.org/device/pos/a" }]);
});

test("nothing outlives the authority that signed it", () => {
  const { notAfter } = siteCa.certificate;
  const late = { ...ISSUANCE, now: addDuration(notAfter, hours(-1)) };
  const device = need(parseCertificate(need(mintDeviceSvid({ deviceClass: "pos", name: "a", spki }, siteCa, late))));
  assert.equal(device.notAfter, notAfter);
});

test("an authority signs until its last second and not after", () => {
  const { notAfter } = siteCa.certificate;
  const at = (now: number) => codeOf(mintGatewaySvid({ spki }, siteCa, { ...ISSUANCE, now: instant(now) }));
  assert.equal(at(notAfter - 1_000), "accepted");
  assert.equal(at(notAfter), "ISSUER_EXPIRED");
});

test("a lifetime can be asked for", () => {
  const issued = mintDeviceSvid({ deviceClass: "pos", name: "a", spki }, siteCa, {
    ...ISSUANCE,
    lifetime: seconds(30),
  });
  assert.equal(need(parseCertificate(need(issued))).notAfter, addDuration(NOW, seconds(30)));
  assert.equal(LIFETIME.deviceSvid, hours(24));
});

test("serial numbers are positive, of one length, and do not repeat", () => {
  const serials = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const { serial } = need(parseCertificate(need(mintGatewaySvid({ spki }, siteCa, ISSUANCE))));
    assert.match(serial, /^[4-7][0-9a-f]{31}$/);
    serials.add(serial);
  }
  assert.equal(serials.size, 50);
});

test("names from a request end inside the path they were meant for", () => {
  for (const name of ["", "..", "a/b", "a b", "ä"]) {
    assert.equal(codeOf(mintDeviceSvid({ deviceClass: "pos", name, spki }, siteCa, ISSUANCE)), "SPIFFE_ID_MALFORMED");
    assert.equal(
      codeOf(mintDeviceSvid({ deviceClass: name, name: "a", spki }, siteCa, ISSUANCE)),
      "SPIFFE_ID_MALFORMED",
    );
    assert.equal(codeOf(mintNodeSvid({ nodeId: name, spki }, issuingCa, ISSUANCE)), "SPIFFE_ID_MALFORMED");
  }
  assert.equal(codeOf(mintSiteCa({ site: "a.b", spki }, issuingCa, ISSUANCE)), "SITE_NAME_MALFORMED");
  assert.equal(
    codeOf(mintServerCertificate({ dnsNames: ["*.a.org"], spki }, issuingCa, ISSUANCE)),
    "DNS_NAME_MALFORMED",
  );
  const fleetDomain = need(parseTrustDomain("under_score.org"));
  assert.equal(codeOf(mintFleetRoot({ fleetDomain, signer: root.key }, ISSUANCE)), "TRUST_DOMAIN_MALFORMED");
});

test("only keys of the kinds we speak get a certificate", () => {
  const keyOf = (options: { readonly namedCurve: string }) =>
    new Uint8Array(generateKeyPairSync("ec", options).publicKey.export({ format: "der", type: "spki" }));
  const judge = (key: Uint8Array) => codeOf(mintNodeSvid({ nodeId: "a", spki: key }, issuingCa, ISSUANCE));
  assert.equal(judge(keyOf({ namedCurve: "P-256" })), "accepted");
  assert.equal(judge(generateKey("Ed25519").spki), "accepted");
  assert.equal(judge(keyOf({ namedCurve: "P-384" })), "PUBLIC_KEY_UNSUPPORTED");
  assert.equal(judge(Uint8Array.of(...spki, 0)), "PUBLIC_KEY_UNSUPPORTED");
  assert.equal(judge(new Uint8Array(0)), "PUBLIC_KEY_UNSUPPORTED");
});
