import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { hex, instant, instantToString } from "@vedette/base";
import { generateKey } from "@vedette/runtime";
import fc from "fast-check";
import { codeOf, crypto, leafTemplate, NOW, need, testCreateLeaf, testCreateRoot } from "./authority-fixture.test.ts";
import { CERTIFICATE_LENGTH_MAX } from "./certificate.ts";
import { contextTag, TAG } from "./der-reader.ts";
import { der, oid, sequence, text, unsignedInteger } from "./der-writer.ts";
import {
  type CertificateTemplate,
  distinguishedName,
  EMPTY_NAME,
  type GeneralName,
  mintCertificate,
  parseCertificate,
  verifyPath,
} from "./index.ts";

const issuerKey = generateKey("ES256");
const leafKey = generateKey("ES256");
const issuer = { name: distinguishedName("test", "issuer"), keyId: Uint8Array.of(1, 2, 3), signer: issuerKey };

const host = fc.stringMatching(/^[a-z]{1,8}(\.[a-z]{1,8}){0,2}$/);
const generalName: fc.Arbitrary<GeneralName> = fc.oneof(
  host.map((value): GeneralName => ({ kind: "dns", value })),
  host.map((value): GeneralName => ({ kind: "uri", value: `spiffe://${value}/x` })),
  host.map((value): GeneralName => ({ kind: "email", value: `a@${value}` })),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((value): GeneralName => ({ kind: "ip", value })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value): GeneralName => ({ kind: "ip", value })),
  host.map((value): GeneralName => ({ kind: "directory", value: distinguishedName("test", value) })),
);
const subtree = fc.oneof(
  host.map((value): GeneralName => ({ kind: "uri", value })),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((value): GeneralName => ({ kind: "ip", value })),
);
const second = (from: string, to: string) =>
  fc.integer({ min: Date.parse(from) / 1_000, max: Date.parse(to) / 1_000 }).map((seconds) => instant(seconds * 1_000));
const template: fc.Arbitrary<CertificateTemplate> = fc.record({
  serial: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((octets) => Uint8Array.of(0x40, ...octets)),
  subject: fc.oneof(
    fc.constant(EMPTY_NAME),
    host.map((name) => distinguishedName("test", name)),
  ),
  notBefore: second("1950-01-01T00:00:00Z", "2049-12-31T23:59:59Z"),
  notAfter: second("2050-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
  spki: fc.constant(leafKey.spki),
  subjectKeyId: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  basicConstraints: fc.oneof(
    fc.constant({ isCa: false }),
    fc.constant({ isCa: true }),
    fc.integer({ min: 0, max: 9 }).map((pathLength) => ({ isCa: true, pathLength })),
  ),
  keyUsage: fc.constantFrom(["digitalSignature"], ["keyCertSign", "cRLSign"], ["digitalSignature", "decipherOnly"]),
  extendedKeyUsage: fc.array(fc.constantFrom("1.3.6.1.5.5.7.3.1", "2.23.133.8.1"), { maxLength: 2 }),
  subjectAltNames: fc.array(generalName, { maxLength: 4 }),
  nameConstraints: fc.record({
    permitted: fc.array(subtree, { maxLength: 3 }),
    excluded: fc.array(subtree, { maxLength: 3 }),
  }),
}) as fc.Arbitrary<CertificateTemplate>;

test("whatever is minted is read back as it was meant", () => {
  fc.assert(
    fc.property(template, (meant) => {
      const read = need(parseCertificate(mintCertificate(meant, issuer)));
      const { serial, nameConstraints, extendedKeyUsage, ...rest } = meant;
      assert.deepEqual({ ...rest, serial: hex(serial) }, pick(read, [...Object.keys(rest), "serial"]));
      assert.deepEqual(read.nameConstraints, { isCritical: true, ...nameConstraints });
      assert.deepEqual(read.extendedKeyUsage ?? [], extendedKeyUsage);
      assert.deepEqual(read.authorityKeyId, issuer.keyId);
      assert.deepEqual(read.unknownCriticalExtensions, []);
      assert.ok(crypto.verify("ES256", issuerKey.spki, read.tbs, read.signature));
    }),
    { numRuns: 60 },
  );
});

test("OpenSSL reads the same serial, times and names out of what we mint", () => {
  const ours = testCreateLeaf(testCreateRoot(), {
    subjectAltNames: [
      { kind: "uri", value: "spiffe://example.org/node/1" },
      { kind: "dns", value: "example.org" },
    ],
  });
  const theirs = new X509Certificate(ours.der);
  assert.equal(theirs.serialNumber.toLowerCase(), ours.serial);
  assert.equal(theirs.validFromDate.toISOString(), instantToString(ours.notBefore));
  assert.equal(theirs.validToDate.toISOString(), instantToString(ours.notAfter));
  assert.equal(theirs.subjectAltName, "URI:spiffe://example.org/node/1, DNS:example.org");
});

test("the reader keeps a copy: changing the given bytes changes nothing", () => {
  const given = new Uint8Array(testCreateLeaf(testCreateRoot()).der);
  const read = need(parseCertificate(given));
  const before = hex(read.tbs);
  given.fill(0);
  assert.equal(hex(read.tbs), before);
});

test("no byte of a certificate can be cut off or added", () => {
  const { der } = testCreateLeaf(testCreateRoot());
  for (let length = 0; length < der.length; length++)
    assert.equal(codeOf(parseCertificate(der.subarray(0, length))), "DER_MALFORMED");
  assert.equal(codeOf(parseCertificate(Uint8Array.of(...der, 0))), "DER_MALFORMED");
});

test("a certificate beyond the size limit is refused unread", () => {
  assert.equal(codeOf(parseCertificate(new Uint8Array(CERTIFICATE_LENGTH_MAX + 1))), "CERTIFICATE_TOO_LARGE");
});

test("mutated certificates are refused or fail their signature, and never throw", () => {
  const root = testCreateRoot();
  const leaf = testCreateLeaf(root, {
    subjectAltNames: [{ kind: "ip", value: Uint8Array.of(1, 2, 3, 4) }],
    nameConstraints: { permitted: [{ kind: "dns", value: "a.org" }], excluded: [] },
  });
  const mutation = fc.record({ at: fc.nat(leaf.der.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const mutated = new Uint8Array(leaf.der);
      for (const { at, to } of mutations) mutated[at] = to;
      const read = parseCertificate(mutated);
      if (!read.ok || hex(mutated) === hex(leaf.der)) return;
      const path = verifyPath({ leaf: read.value, intermediates: [], anchors: [root.certificate], now: NOW, crypto });
      assert.equal(path.ok, false);
    }),
    { numRuns: 2_000, seed: 17 },
  );
});

// Certificates that no decent library would write, put together by hand.
const UTC_TIME = text(TAG.utcTime, "260101000000Z");
const EC_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const SIGNATURE = der(
  TAG.bitString,
  Uint8Array.of(0),
  sequence(unsignedInteger(Uint8Array.of(1)), unsignedInteger(Uint8Array.of(1))),
);
const VERSION_3 = der(contextTag(0, "constructed"), unsignedInteger(Uint8Array.of(2)));

interface Oddity {
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  readonly inner?: Uint8Array;
  readonly outer?: Uint8Array;
  readonly notBefore?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
}

function odd({ version = VERSION_3, serial, inner, outer, notBefore, extensions }: Oddity): Uint8Array {
  const tbs = sequence(
    version,
    serial ?? unsignedInteger(Uint8Array.of(1)),
    inner ?? EC_SHA256,
    issuer.name,
    sequence(notBefore ?? UTC_TIME, UTC_TIME),
    EMPTY_NAME,
    leafKey.spki,
    extensions ? der(contextTag(3, "constructed"), sequence(...extensions)) : new Uint8Array(0),
  );
  return sequence(tbs, outer ?? inner ?? EC_SHA256, SIGNATURE);
}

function extension(id: string, value: Uint8Array, ...critical: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(id), ...critical, der(TAG.octetString, value));
}
const TRUE = der(TAG.boolean, Uint8Array.of(0xff));
const FALSE = der(TAG.boolean, Uint8Array.of(0));
const KEY_USAGE = der(TAG.bitString, Uint8Array.of(7, 0x80));

test("the skeleton of the odd certificates is sound in itself", () => {
  assert.equal(codeOf(parseCertificate(odd({}))), "accepted");
  assert.equal(codeOf(parseCertificate(odd({ extensions: [extension("2.5.29.15", KEY_USAGE, TRUE)] }))), "accepted");
});

const MALFORMED: Readonly<Record<string, Oddity>> = {
  "version 4": { version: der(contextTag(0, "constructed"), unsignedInteger(Uint8Array.of(3))) },
  "a serial of 21 octets": { serial: unsignedInteger(new Uint8Array(21).fill(1)) },
  "two signature algorithms": { outer: sequence(oid("1.2.840.10045.4.3.3")) },
  "parameters for ECDSA": { inner: sequence(oid("1.2.840.10045.4.3.2"), unsignedInteger(Uint8Array.of(1))) },
  "the 31st of February": { notBefore: text(TAG.utcTime, "260231000000Z") },
  "a time without seconds": { notBefore: text(TAG.utcTime, "2601010000Z") },
  "a time with an offset": { notBefore: text(TAG.utcTime, "260101000000+0100") },
  "a year of four digits in UTCTime": { notBefore: text(TAG.utcTime, "20260101000000Z") },
  "a year of two digits in GeneralizedTime": { notBefore: text(TAG.generalizedTime, "260101000000Z") },
  "a fraction of a second": { notBefore: text(TAG.generalizedTime, "20260101000000.5Z") },
  "an extension twice": { extensions: [extension("2.5.29.15", KEY_USAGE), extension("2.5.29.15", KEY_USAGE)] },
  "an extension with a tail": { extensions: [extension("2.5.29.15", Uint8Array.of(...KEY_USAGE, 0))] },
  "key usage with set unused bits": {
    extensions: [extension("2.5.29.15", der(TAG.bitString, Uint8Array.of(7, 0xff)))],
  },
  "an IP address of 5 octets": {
    extensions: [extension("2.5.29.17", sequence(der(contextTag(7, "primitive"), new Uint8Array(5))))],
  },
  "a NUL in a DNS name": {
    extensions: [extension("2.5.29.17", sequence(text(contextTag(2, "primitive"), "good.org\0.evil.org")))],
  },
  "a DNS name that is not ASCII": {
    extensions: [extension("2.5.29.17", sequence(text(contextTag(2, "primitive"), "gööd.org")))],
  },
  "a subtree with a minimum": {
    extensions: [
      extension(
        "2.5.29.30",
        sequence(
          der(
            contextTag(0, "constructed"),
            sequence(text(contextTag(2, "primitive"), "a.org"), der(contextTag(0, "primitive"), Uint8Array.of(1))),
          ),
        ),
      ),
    ],
  },
  "a negative path length": {
    extensions: [extension("2.5.29.19", sequence(TRUE, der(TAG.integer, Uint8Array.of(0x80))))],
  },
};

for (const [name, oddity] of Object.entries(MALFORMED)) {
  test(`${name} is malformed`, () => assert.equal(codeOf(parseCertificate(odd(oddity))), "DER_MALFORMED"));
}

test("a signature algorithm that we do not check is named", () => {
  const sha1 = sequence(oid("1.2.840.113549.1.1.5"), der(TAG.null));
  const refused = parseCertificate(odd({ inner: sha1 }));
  assert.deepEqual(refused, {
    ok: false,
    error: { code: "SIGNATURE_ALGORITHM_UNSUPPORTED", oid: "1.2.840.113549.1.1.5" },
  });
});

test("a default that is written out all the same is read as the default", () => {
  const read = need(parseCertificate(odd({ extensions: [extension("1.2.3.4", Uint8Array.of(9), FALSE)] })));
  assert.deepEqual(read.unknownCriticalExtensions, []);
});

test("an unknown extension is remembered when it is critical", () => {
  const oddity = { extensions: [extension("1.2.3.4", Uint8Array.of(9), TRUE), extension("1.2.3.5", Uint8Array.of(9))] };
  const leaf = need(parseCertificate(odd(oddity)));
  assert.deepEqual(leaf.unknownCriticalExtensions, ["1.2.3.4"]);
});

function pick(value: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
}

test("an Ed25519 issuer signs as well", () => {
  const signer = generateKey("Ed25519");
  const read = need(parseCertificate(mintCertificate(leafTemplate(leafKey.spki), { ...issuer, signer })));
  assert.equal(read.signatureAlgorithm, "Ed25519");
  assert.ok(crypto.verify("Ed25519", signer.spki, read.tbs, read.signature));
});
