import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import { addDuration, base64, days, type Instant, instant } from "@vedette/base";
import { createNodeCrypto, generateKey, type SoftwareKey } from "@vedette/runtime";
import {
  type CertificateTemplate,
  certificatesToPem,
  distinguishedName,
  keyIdentifier,
  mintCertificate,
  parseCertificate,
} from "@vedette/x509";
import fc from "fast-check";
import { isPlainObject, type PlainObject, type Value } from "../values/value.ts";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { X509_BUILTINS } from "./x509-builtins.ts";

const NOW: Instant = instant(Date.UTC(2026, 10, 22, 12));
const call = testCreateCaller(X509_BUILTINS, testCreateContext(BigInt(NOW) * 1_000_000n));
const crypto = createNodeCrypto();

interface Issued {
  readonly der: Uint8Array;
  readonly key: SoftwareKey;
  readonly name: Uint8Array;
}

const CA: Partial<CertificateTemplate> = {
  basicConstraints: { isCa: true },
  keyUsage: ["keyCertSign"],
  subjectAltNames: [],
};

/** By an issuer or by itself; valid for one day around `NOW`. */
function testIssue(
  commonName: string,
  issuer: Issued | undefined,
  template: Partial<CertificateTemplate> = {},
): Issued {
  const key = generateKey("ES256");
  const name = distinguishedName("test", commonName);
  const signer = issuer ?? { key, name };
  const der = mintCertificate(
    {
      serial: Uint8Array.of(0x40, ...randomBytes(15)),
      subject: name,
      notBefore: addDuration(NOW, days(-1)),
      notAfter: addDuration(NOW, days(1)),
      spki: key.spki,
      subjectKeyId: keyIdentifier(key.spki, crypto),
      basicConstraints: { isCa: false },
      keyUsage: ["digitalSignature"],
      extendedKeyUsage: [],
      subjectAltNames: [{ kind: "dns", value: `${commonName}.example.org` }],
      ...template,
    },
    { name: signer.name, keyId: keyIdentifier(signer.key.spki, crypto), signer: signer.key },
  );
  return { der, key, name };
}

const root = testIssue("root", undefined, CA);
const issuing = testIssue("issuing", root, CA);
const leaf = testIssue("leaf", issuing);

function pem(...issued: readonly Issued[]): string {
  return certificatesToPem(issued.map(({ der }) => der));
}

function verifies(...issued: readonly Issued[]): boolean {
  return call("crypto.x509.parse_and_verify_certificates", pem(...issued)).startsWith("[true");
}

function verifiesWith(options: PlainObject, ...issued: readonly Issued[]): boolean {
  return call("crypto.x509.parse_and_verify_certificates_with_options", pem(...issued), options).startsWith("[true");
}

function first(text: string): PlainObject {
  const list = JSON.parse(text) as Value;
  const certificate = Array.isArray(list) ? list[0] : undefined;
  assert.ok(certificate !== undefined && isPlainObject(certificate), text);
  return certificate;
}

test("a certificate is shown under the names of Go's x509 package", () => {
  const names = [
    { kind: "dns", value: "a.example.org" },
    { kind: "ip", value: Uint8Array.of(10, 0, 0, 1) },
    { kind: "uri", value: "spiffe://example.org/a%2fb?q=1" },
    { kind: "email", value: "a@example.org" },
  ] as const;
  const usages = ["1.3.6.1.5.5.7.3.1", "1.2.3.4"];
  const issued = testIssue("shown", root, {
    subjectAltNames: names,
    extendedKeyUsage: usages,
    serial: Uint8Array.of(1, 0),
  });
  const fields = first(call("crypto.x509.parse_certificates", pem(issued)));
  const parsed = parseCertificate(issued.der);
  assert.ok(parsed.ok);
  const expected: PlainObject = {
    Raw: base64(issued.der),
    RawTBSCertificate: base64(parsed.value.tbs),
    Version: 3,
    SerialNumber: 256,
    NotBefore: "2026-11-21T12:00:00Z",
    NotAfter: "2026-11-23T12:00:00Z",
    DNSNames: ["a.example.org"],
    IPAddresses: ["10.0.0.1"],
    EmailAddresses: ["a@example.org"],
    URIStrings: ["spiffe://example.org/a%2fb?q=1"],
    ExtKeyUsage: [1],
    UnknownExtKeyUsage: [[1, 2, 3, 4]],
    KeyUsage: 1,
    IsCA: false,
    MaxPathLen: -1,
    SignatureAlgorithm: 10,
    PublicKeyAlgorithm: 3,
    PermittedDNSDomains: null,
  };
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(fields[name], value, name);
  const subject = fields["Subject"];
  assert.ok(subject !== undefined && isPlainObject(subject));
  assert.equal(subject["CommonName"], "shown");
  assert.deepEqual(subject["Organization"], ["test"]);
  assert.equal(subject["Country"], null);
  const uris = fields["URIs"];
  const [uri] = Array.isArray(uris) ? uris : [];
  assert.deepEqual(uri, {
    Scheme: "spiffe",
    Opaque: "",
    User: null,
    Host: "example.org",
    Path: "/a/b",
    RawPath: "/a%2fb",
    OmitHost: false,
    ForceQuery: false,
    RawQuery: "q=1",
    Fragment: "",
    RawFragment: "",
  });
});

test("certificates are read from PEM, and from the base64 of PEM and of DER", () => {
  const text = pem(leaf, root);
  const expected = call("crypto.x509.parse_certificates", text);
  const whole = new Uint8Array([...leaf.der, ...root.der]);
  assert.equal(call("crypto.x509.parse_certificates", base64(Buffer.from(text))), expected);
  assert.equal(call("crypto.x509.parse_certificates", base64(whole)), expected);
  assert.equal(call("crypto.x509.parse_certificates", ""), "[]");
});

test("what is no certificate is refused", () => {
  assert.equal(call("crypto.x509.parse_certificates", "YmFkc3RyaW5n"), "x509: malformed certificate");
  assert.match(call("crypto.x509.parse_certificates", "foobar*"), /^illegal base64 data/);
  const key = leaf.key.exportPkcs8();
  assert.ok(key);
  assert.equal(
    call("crypto.x509.parse_certificates", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
    "PEM block type is 'PUBLIC KEY', expected CERTIFICATE",
  );
});

test("any one octet that is wrong breaks the chain, and nothing else", () => {
  fc.assert(
    fc.property(fc.nat({ max: leaf.der.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const altered = leaf.der.slice();
      altered[at] = (altered[at] ?? 0) ^ change;
      assert.match(call("crypto.x509.parse_certificates", base64(altered)), /^(?:\[|x509: )/);
      const chain = base64(new Uint8Array([...root.der, ...issuing.der, ...altered]));
      assert.equal(call("crypto.x509.parse_and_verify_certificates", chain), "[false,[]]");
    }),
  );
});

test("a chain leads from the last certificate to the first", () => {
  assert.equal(verifies(root, issuing, leaf), true);
  assert.equal(verifies(root, leaf), false);
  assert.equal(verifies(issuing, leaf), true);
  assert.equal(verifies(root), false);
  const stranger = testIssue("root", undefined, CA);
  assert.equal(verifies(stranger, issuing, leaf), false);
  const chain = JSON.parse(call("crypto.x509.parse_and_verify_certificates", pem(root, stranger, issuing, leaf)));
  assert.deepEqual(
    chain[1].map((certificate: PlainObject) => certificate["Raw"]),
    [leaf, issuing, root].map(({ der }) => base64(der)),
  );
});

test("a chain is good from the beginning of its validity to the end", () => {
  const [from, to] = [BigInt(addDuration(NOW, days(-1))), BigInt(addDuration(NOW, days(1)))].map(
    (ms) => ms * 1_000_000n,
  );
  assert.ok(from !== undefined && to !== undefined);
  const isGood = (time: bigint): boolean => {
    const ask = testCreateCaller(X509_BUILTINS, testCreateContext(time));
    return ask("crypto.x509.parse_and_verify_certificates", pem(root, issuing, leaf)).startsWith("[true");
  };
  assert.deepEqual([from - 1n, from, to, to + 1n].map(isGood), [false, true, true, false]);
});

test("only an authority issues, and only as far as it may", () => {
  const notCa = testIssue("not-ca", root);
  assert.equal(verifies(root, notCa, testIssue("below", notCa)), false);
  const notSigning = testIssue("not-signing", root, { ...CA, keyUsage: ["digitalSignature"] });
  assert.equal(verifies(root, notSigning, testIssue("below", notSigning)), false);
  const last = testIssue("last", root, { ...CA, basicConstraints: { isCa: true, pathLength: 0 } });
  const below = testIssue("below", last, CA);
  assert.equal(verifies(root, last, testIssue("leaf", last)), true);
  assert.equal(verifies(root, last, below, testIssue("leaf", below)), false);
});

test("a usage must be allowed by every certificate of the chain", () => {
  const [serverAuth, clientAuth] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
  const client = testIssue("client", issuing, { extendedKeyUsage: [clientAuth] });
  assert.equal(verifies(root, issuing, client), false);
  assert.equal(verifiesWith({ KeyUsages: ["KeyUsageClientAuth"] }, root, issuing, client), true);
  assert.equal(verifiesWith({ KeyUsages: ["KeyUsageAny"] }, root, issuing, client), true);
  const serverOnly = testIssue("server-only", root, { ...CA, extendedKeyUsage: [serverAuth] });
  const below = testIssue("below", serverOnly, { extendedKeyUsage: [clientAuth, serverAuth] });
  assert.equal(verifies(root, serverOnly, below), true);
  assert.equal(verifiesWith({ KeyUsages: ["KeyUsageClientAuth"] }, root, serverOnly, below), false);
});

test("a host is named exactly, or by one star for its first label", () => {
  const names = [
    { kind: "dns", value: "a.example.org" },
    { kind: "dns", value: "*.b.example.org" },
    { kind: "ip", value: Uint8Array.of(10, 0, 0, 1) },
  ] as const;
  const named = testIssue("named", root, { subjectAltNames: names });
  const isNamed = (host: string): boolean => verifiesWith({ DNSName: host }, root, named);
  for (const host of ["a.example.org", "A.EXAMPLE.org.", "x.b.example.org", "10.0.0.1", "[10.0.0.1]"])
    assert.equal(isNamed(host), true, host);
  for (const host of ["example.org", "b.example.org", "x.y.b.example.org", "10.0.0.2", "named"])
    assert.equal(isNamed(host), false, host);
});

test("options that are unknown or of the wrong type fail", () => {
  for (const [options, message] of [
    [{ Foo: 1 }, "invalid key option"],
    [{ DNSName: 1 }, "'DNSName' should be a string"],
    [{ CurrentTime: 1.5 }, "'CurrentTime' should be a valid int64 number"],
    [{ KeyUsages: ["x"] }, "invalid entries for 'KeyUsages' found: [x]"],
  ] as const)
    assert.equal(call("crypto.x509.parse_and_verify_certificates_with_options", pem(root, leaf), options), message);
});

test("private keys are shown with their numbers, and as JSON Web Keys", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = privateKey.export({ format: "jwk" });
  for (const type of ["pkcs1", "pkcs8"] as const) {
    const text = privateKey.export({ format: "pem", type }).toString();
    assert.deepEqual(JSON.parse(call("crypto.x509.parse_rsa_private_key", text)), jwk);
    assert.match(call("crypto.parse_private_keys", text), /^\[\{"D":\d+,"E":65537,"N":\d+,"Precomputed":/);
  }
  for (const { privateKey: key } of [
    generateKeyPairSync("ec", { namedCurve: "P-521" }),
    generateKeyPairSync("ed25519"),
    generateKeyPairSync("x25519"),
  ]) {
    const text = key.export({ format: "pem", type: "pkcs8" }).toString();
    assert.deepEqual(JSON.parse(call("crypto.x509.parse_rsa_private_key", text)), key.export({ format: "jwk" }));
  }
  assert.equal(call("crypto.parse_private_keys", ""), "null");
  assert.equal(call("crypto.parse_private_keys", "x"), "[]");
});

test("an RSA key whose numbers do not belong together is no key", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const der = privateKey.export({ format: "der", type: "pkcs1" });
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  const text = `-----BEGIN RSA PRIVATE KEY-----\n${der.toString("base64")}\n-----END RSA PRIVATE KEY-----`;
  assert.equal(call("crypto.parse_private_keys", text), "x509: failed to parse private key (PKCS #1)");
});

test("a key pair is one only with the certificate's own key", () => {
  const privatePem = ({ key }: Issued): string =>
    createPrivateKey({ key: Buffer.from(key.exportPkcs8().reveal()), format: "der", type: "pkcs8" })
      .export({ format: "pem", type: "pkcs8" })
      .toString();
  const pair = JSON.parse(call("crypto.x509.parse_keypair", pem(leaf, issuing), privatePem(leaf)));
  assert.deepEqual(pair.Certificate, [base64(leaf.der), base64(issuing.der)]);
  assert.equal(pair.Leaf.Raw, base64(leaf.der));
  assert.equal(
    call("crypto.x509.parse_keypair", pem(leaf), privatePem(issuing)),
    "tls: private key does not match public key",
  );
});

/** Made with `openssl req -new -addext`: an Ed25519 key, a DNS name and an address. */
const REQUEST = [
  "MIHKMH4CAQAwEzERMA8GA1UEAwwIZGV2aWNlLTEwKjAFBgMrZXADIQB5znC+Vat2BRnViHG66uX9j6GPuh8XpBco+xsvxO/efKA4",
  "MDYGCSqGSIb3DQEJDjEpMCcwJQYDVR0RBB4wHIIUZGV2aWNlLTEuZXhhbXBsZS5vcmeHBAoAAAEwBQYDK2VwA0EAVYZtwnYc6PEv",
  "fddwthtMmP6EdMS3jyLLvzSLfNc+yTp5MCPL8t8pfy592rKtUYvq5Z57VPmEBijXB3oOGDVZAA==",
].join("");

test("a certification request is shown with the names it asks for", () => {
  const fields = JSON.parse(call("crypto.x509.parse_certificate_request", REQUEST));
  assert.equal(fields.Subject.CommonName, "device-1");
  assert.deepEqual(fields.DNSNames, ["device-1.example.org"]);
  assert.deepEqual(fields.IPAddresses, ["10.0.0.1"]);
  assert.equal(fields.PublicKeyAlgorithm, 4);
  assert.deepEqual(fields.Attributes[0].Type, [1, 2, 840, 113549, 1, 9, 14]);
  assert.match(call("crypto.x509.parse_certificate_request", "YmFkc3RyaW5n"), /^asn1: structure error/);
});
