import assert from "node:assert/strict";
import { test } from "node:test";
import { addDuration, hex, hours, instant, milliseconds } from "@vedette/base";
import {
  type CertificateTemplate,
  distinguishedName,
  EMPTY_NAME,
  type GeneralName,
  keyIdentifier,
  mintCertificate,
  PURPOSE,
} from "@vedette/x509";
import { isSiteCa, siteConstraints } from "./authorities.ts";
import {
  codeOf,
  crypto,
  FLEET,
  ISSUANCE,
  NOW,
  need,
  STORE_17,
  type TestAuthority,
  testAuthority,
  testCreateFleet,
} from "./fleet-fixture.test.ts";
import {
  isPrincipalCurrent,
  mintDeviceSvid,
  mintIssuingCa,
  mintServerCertificate,
  mintWorkloadSvid,
  NOT_BEFORE_SKEW,
  type PresentedChain,
  principalOf,
  type TrustBundles,
} from "./index.ts";

const fleet = testCreateFleet();
const { issuingCa, siteCa, otherSiteCa, holder, trust } = fleet;
const SITE_CHAIN = [siteCa.der, issuingCa.der];

function judge(
  leaf: Uint8Array,
  intermediates: readonly Uint8Array[] = SITE_CHAIN,
  bundles: TrustBundles = trust,
  now = NOW,
) {
  return principalOf({ leaf, intermediates }, bundles, now, crypto);
}

/** What somebody who holds a CA's key can sign, past every check of `issuance`. */
function forge(authority: TestAuthority, template: Partial<CertificateTemplate>): Uint8Array {
  const { certificate, key } = authority;
  const sound: CertificateTemplate = {
    serial: Uint8Array.of(0x40, ...ISSUANCE.random.bytes(15)),
    subject: EMPTY_NAME,
    notBefore: NOW,
    notAfter: addDuration(NOW, hours(1)),
    spki: holder.spki,
    subjectKeyId: keyIdentifier(holder.spki, crypto),
    basicConstraints: { isCa: false },
    keyUsage: ["digitalSignature"],
    extendedKeyUsage: [PURPOSE.serverAuth, PURPOSE.clientAuth],
    subjectAltNames: [uri("spiffe://store-17.example.org/device/pos/pos-1")],
  };
  const issuer = { name: certificate.subject, keyId: keyIdentifier(certificate.spki, crypto), signer: key };
  return mintCertificate({ ...sound, ...template }, issuer);
}

function forgeAuthority(above: TestAuthority, template: Partial<CertificateTemplate>): TestAuthority {
  return testAuthority(({ spki }) => ({
    ok: true,
    value: forge(above, {
      spki,
      subject: distinguishedName("Vedette", "forged"),
      subjectKeyId: keyIdentifier(spki, crypto),
      basicConstraints: { isCa: true, pathLength: 1 },
      keyUsage: ["keyCertSign"],
      extendedKeyUsage: [],
      subjectAltNames: [uri("spiffe://example.org")],
      ...template,
    }),
  }));
}

function uri(value: string): GeneralName {
  return { kind: "uri", value };
}

const NODE = { subjectAltNames: [uri("spiffe://example.org/node/n-1")] };

test("a device is known by its class, its name and its site", () => {
  const { certificateHash, serial, ...principal } = need(judge(fleet.device));
  assert.deepEqual(principal, {
    id: "spiffe://store-17.example.org/device/pos/pos-1",
    trustDomain: STORE_17,
    kind: "device",
    name: "pos-1",
    deviceClass: "pos",
    notAfter: addDuration(NOW, hours(24)),
  });
  assert.equal(certificateHash, hex(crypto.hash("sha256", fleet.device)));
  assert.match(serial, /^[0-9a-f]{32}$/);
});

test("a gateway, a workload and a node are known for what they are", () => {
  const workload = need(mintWorkloadSvid({ name: "pricing", spki: holder.spki }, siteCa, ISSUANCE));
  const kinds = [judge(fleet.gateway), judge(workload), judge(fleet.node, [issuingCa.der])].map((each) => {
    const { kind, name, deviceClass, trustDomain } = need(each);
    return { kind, name, deviceClass, trustDomain };
  });
  assert.deepEqual(kinds, [
    { kind: "gateway", name: "gateway", deviceClass: undefined, trustDomain: STORE_17 },
    { kind: "workload", name: "pricing", deviceClass: undefined, trustDomain: STORE_17 },
    { kind: "node", name: "n-1", deviceClass: undefined, trustDomain: FLEET },
  ]);
});

test("DNS names inside the domain may stand beside the ID", () => {
  const names = [
    uri("spiffe://store-17.example.org/gateway"),
    dns("store-17.example.org"),
    dns("api.store-17.example.org"),
  ];
  assert.equal(codeOf(judge(forge(siteCa, { subjectAltNames: names }))), "accepted");
});

function dns(value: string): GeneralName {
  return { kind: "dns", value };
}

// Each is signed by the issuing CA, which no name constraint binds: the first fence has to hold alone.
const GATEWAY = uri("spiffe://store-17.example.org/gateway");
const REFUSED_NAMES: Readonly<Record<string, readonly [readonly GeneralName[], string]>> = {
  "no name at all": [[], "SPIFFE_ID_MISSING"],
  "a DNS name alone": [[dns("store-17.example.org")], "SPIFFE_ID_MISSING"],
  "two IDs": [[GATEWAY, uri("spiffe://store-17.example.org/device/pos/pos-1")], "SPIFFE_ID_AMBIGUOUS"],
  "the same ID twice": [[GATEWAY, GATEWAY], "SPIFFE_ID_AMBIGUOUS"],
  "an ID and a web address": [[GATEWAY, uri("https://store-17.example.org/")], "SPIFFE_ID_AMBIGUOUS"],
  "a URI that is no ID": [[uri("https://store-17.example.org/gateway")], "SPIFFE_ID_MALFORMED"],
  "an IP address": [[GATEWAY, { kind: "ip", value: Uint8Array.of(10, 0, 0, 1) }], "NAME_FORM_REFUSED"],
  "an e-mail address": [[GATEWAY, { kind: "email", value: "a@store-17.example.org" }], "NAME_FORM_REFUSED"],
  "a directory name": [[GATEWAY, { kind: "directory", value: distinguishedName("a", "b") }], "NAME_FORM_REFUSED"],
  "another name": [[GATEWAY, { kind: "other", tag: 0x88, value: Uint8Array.of(42, 3) }], "NAME_FORM_REFUSED"],
  "a DNS name of another site": [[GATEWAY, dns("store-18.example.org")], "DNS_NAME_OUTSIDE_DOMAIN"],
  "a DNS name of the fleet": [[GATEWAY, dns("example.org")], "DNS_NAME_OUTSIDE_DOMAIN"],
  "a DNS name that ends alike": [[GATEWAY, dns("xstore-17.example.org")], "DNS_NAME_OUTSIDE_DOMAIN"],
  "a wildcard": [[GATEWAY, dns("*.store-17.example.org")], "DNS_NAME_OUTSIDE_DOMAIN"],
  "an unknown domain": [[uri("spiffe://example.net/node/n-1")], "TRUST_DOMAIN_UNKNOWN"],
  "a site that nobody listed": [[uri("spiffe://store-19.example.org/gateway")], "TRUST_DOMAIN_UNKNOWN"],
  "a node's path in a site": [[uri("spiffe://store-17.example.org/node/n-1")], "PRINCIPAL_PATH_UNKNOWN"],
  "a device's path in the fleet": [[uri("spiffe://example.org/device/pos/pos-1")], "PRINCIPAL_PATH_UNKNOWN"],
  "the trust domain itself": [[uri("spiffe://example.org")], "PRINCIPAL_PATH_UNKNOWN"],
  "a device without a class": [[uri("spiffe://store-17.example.org/device/pos-1")], "PRINCIPAL_PATH_UNKNOWN"],
  "a device below a device": [[uri("spiffe://store-17.example.org/device/pos/pos-1/x")], "PRINCIPAL_PATH_UNKNOWN"],
  "something below the gateway": [[uri("spiffe://store-17.example.org/gateway/x")], "PRINCIPAL_PATH_UNKNOWN"],
};

for (const [what, [subjectAltNames, code]] of Object.entries(REFUSED_NAMES)) {
  test(`a certificate that names ${what} is no principal`, () => {
    assert.equal(codeOf(judge(forge(issuingCa, { subjectAltNames }), [issuingCa.der])), code);
  });
}

test("a common name is never read", () => {
  const subject = distinguishedName("Vedette", "spiffe://store-17.example.org/gateway");
  assert.equal(codeOf(judge(forge(siteCa, { subject, subjectAltNames: [] }))), "SPIFFE_ID_MISSING");
});

test("a certificate authority is no principal, though it has a SPIFFE ID", () => {
  assert.equal(codeOf(judge(siteCa.der, [issuingCa.der])), "NOT_A_LEAF");
  const usage = { keyUsage: ["digitalSignature", "keyCertSign"] } as const;
  assert.equal(codeOf(judge(forge(siteCa, usage))), "NOT_A_LEAF");
  assert.equal(codeOf(judge(forge(siteCa, { keyUsage: ["keyEncipherment"] }))), "NOT_A_LEAF");
});

test("a certificate for servers only is no principal", () => {
  assert.equal(codeOf(judge(forge(siteCa, { extendedKeyUsage: [PURPOSE.serverAuth] }))), "PURPOSE_REFUSED");
  const server = need(
    mintServerCertificate({ dnsNames: ["control.example.org"], spki: holder.spki }, issuingCa, ISSUANCE),
  );
  assert.equal(codeOf(judge(server, [issuingCa.der])), "SPIFFE_ID_MISSING");
});

test("a stolen site CA cannot speak for a node", () => {
  assert.equal(codeOf(judge(forge(siteCa, NODE))), "NAME_NOT_PERMITTED");
});

test("a stolen site CA cannot speak for another site", () => {
  const forged = forge(siteCa, { subjectAltNames: [uri("spiffe://store-18.example.org/device/pos/pos-1")] });
  assert.equal(codeOf(judge(forged)), "NAME_NOT_PERMITTED");
  assert.equal(codeOf(judge(forged, [otherSiteCa.der, issuingCa.der])), "ISSUER_UNKNOWN");
});

test("a stolen site CA cannot make another authority", () => {
  const below = forgeAuthority(siteCa, { basicConstraints: { isCa: true }, subjectAltNames: [] });
  assert.equal(codeOf(judge(forge(below, {}), [below.der, ...SITE_CHAIN])), "PATH_LENGTH_EXCEEDED");
});

test("the issuing CA does not speak for a site's own devices", () => {
  assert.equal(codeOf(judge(forge(issuingCa, {}), [issuingCa.der])), "ISSUER_NOT_ENTITLED");
});

test("constraints that may be ignored confine nobody", () => {
  const { nameConstraints } = siteCa.certificate;
  assert.ok(nameConstraints);
  assert.equal(isSiteCa(siteCa.certificate, STORE_17), true);
  const advisory = { ...siteCa.certificate, nameConstraints: { ...nameConstraints, isCritical: false } };
  assert.equal(isSiteCa(advisory, STORE_17), false);
});

const SITE = siteConstraints(STORE_17);
const LAX_SITES: Readonly<Record<string, Partial<CertificateTemplate>>> = {
  "without constraints": {},
  "for every site": { nameConstraints: { ...SITE, permitted: [uri(".example.org"), dns("example.org")] } },
  "for two sites": { nameConstraints: { ...SITE, permitted: [...SITE.permitted, uri("store-18.example.org")] } },
  "that leaves DNS free": { nameConstraints: { ...SITE, permitted: [uri("store-17.example.org")] } },
  "that leaves addresses free": { nameConstraints: { ...SITE, excluded: [] } },
  "that may make authorities": { nameConstraints: SITE, basicConstraints: { isCa: true, pathLength: 1 } },
  "without a path length": { nameConstraints: SITE, basicConstraints: { isCa: true } },
};

for (const [what, template] of Object.entries(LAX_SITES)) {
  test(`a site CA ${what} is entitled to nothing`, () => {
    const sound = {
      basicConstraints: { isCa: true, pathLength: 0 },
      subjectAltNames: [uri("spiffe://store-17.example.org")],
    };
    const lax = forgeAuthority(issuingCa, { ...sound, ...template });
    assert.equal(codeOf(judge(forge(lax, {}), [lax.der, issuingCa.der])), "ISSUER_NOT_ENTITLED");
    assert.notEqual(codeOf(judge(forge(lax, NODE), [lax.der, issuingCa.der])), "accepted");
  });
}

test("an authority below the issuing CA does not speak for nodes, however it is made", () => {
  const below = forgeAuthority(issuingCa, {});
  assert.equal(codeOf(judge(forge(below, NODE), [below.der, issuingCa.der])), "ISSUER_NOT_ENTITLED");
});

const NO_ISSUING_CAS: Readonly<Record<string, Partial<CertificateTemplate>>> = {
  "is confined, even to the fleet": { nameConstraints: { permitted: [uri("example.org")], excluded: [] } },
  "has another path length": { basicConstraints: { isCa: true, pathLength: 0 } },
  "names another domain": { subjectAltNames: [uri("spiffe://store-17.example.org")] },
  "names none": { subjectAltNames: [] },
};

for (const [what, template] of Object.entries(NO_ISSUING_CAS)) {
  test(`an authority below the root that ${what} does not speak for nodes`, () => {
    const sound = forgeAuthority(fleet.root, {});
    assert.equal(codeOf(judge(forge(sound, NODE), [sound.der])), "accepted");
    const authority = forgeAuthority(fleet.root, template);
    assert.equal(codeOf(judge(forge(authority, NODE), [authority.der])), "ISSUER_NOT_ENTITLED");
  });
}

test("the root itself does not speak for nodes", () => {
  assert.equal(codeOf(judge(forge(fleet.root, NODE), [])), "ISSUER_NOT_ENTITLED");
});

test("a chain must end in the bundle of the ID's own domain", () => {
  const strangers = testCreateFleet();
  const chain: PresentedChain = {
    leaf: strangers.device,
    intermediates: [strangers.siteCa.der, strangers.issuingCa.der],
  };
  assert.equal(codeOf(principalOf(chain, strangers.trust, NOW, crypto)), "accepted");
  assert.equal(codeOf(principalOf(chain, trust, NOW, crypto)), "ISSUER_UNKNOWN");
  const [fleetBundle, ...sites] = trust.domains;
  assert.ok(fleetBundle);
  const foreignFleet = { ...fleetBundle, anchors: [strangers.root.der] };
  assert.equal(
    codeOf(principalOf(chain, { ...trust, domains: [foreignFleet, ...sites] }, NOW, crypto)),
    "ISSUER_UNKNOWN",
  );
});

test("the site CA has to be presented", () => {
  assert.equal(codeOf(judge(fleet.device, [])), "ISSUER_UNKNOWN");
  assert.equal(codeOf(judge(fleet.device, [issuingCa.der])), "ISSUER_UNKNOWN");
});

test("a revoked site has no principals left, and its neighbours keep theirs", () => {
  const revoked = { ...trust, revokedSites: [STORE_17] };
  assert.equal(codeOf(judge(fleet.device, SITE_CHAIN, revoked)), "SITE_REVOKED");
  assert.equal(codeOf(judge(fleet.node, [issuingCa.der], revoked)), "accepted");
  const neighbour = need(
    mintDeviceSvid({ deviceClass: "pos", name: "pos-1", spki: holder.spki }, otherSiteCa, ISSUANCE),
  );
  assert.equal(codeOf(judge(neighbour, [otherSiteCa.der, issuingCa.der], revoked)), "accepted");
});

test("a principal is current from its first moment to its last", () => {
  const principal = need(judge(fleet.device));
  const first = addDuration(NOW, milliseconds(-NOT_BEFORE_SKEW));
  assert.equal(codeOf(judge(fleet.device, SITE_CHAIN, trust, instant(first - 1))), "CERTIFICATE_NOT_YET_VALID");
  assert.equal(codeOf(judge(fleet.device, SITE_CHAIN, trust, principal.notAfter)), "accepted");
  assert.equal(isPrincipalCurrent(principal, principal.notAfter), true);
  const after = instant(principal.notAfter + 1);
  assert.equal(codeOf(judge(fleet.device, SITE_CHAIN, trust, after)), "CERTIFICATE_EXPIRED");
  assert.equal(isPrincipalCurrent(principal, after), false);
});

test("a principal does not outlive the authorities that vouch for it", () => {
  const shortLived = testAuthority(({ spki }) =>
    mintIssuingCa({ spki }, fleet.root, { ...ISSUANCE, lifetime: hours(1) }),
  );
  const node = forge(shortLived, {
    ...NODE,
    notAfter: addDuration(NOW, hours(10)),
  });
  assert.equal(need(judge(node, [shortLived.der])).notAfter, addDuration(NOW, hours(1)));
});

test("bytes that are no certificate are refused wherever they stand", () => {
  assert.equal(codeOf(judge(new Uint8Array(0))), "DER_MALFORMED");
  assert.equal(codeOf(judge(fleet.device, [...SITE_CHAIN, Uint8Array.of(0x30, 0)])), "DER_MALFORMED");
});
