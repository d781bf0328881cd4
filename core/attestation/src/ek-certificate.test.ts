import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { instant } from "@vedette/base";
import { createFakeTpmMaker, type EkCertificateChanges } from "@vedette/fakes";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import { INTERMEDIATES_MAX } from "@vedette/x509";
import { verifyEkCertificate } from "./ek-certificate.ts";

const crypto = createNodeCrypto();
const now = instant(Date.parse("2027-03-01T12:00:00Z"));
const maker = createFakeTpmMaker("TPM maker");
const anchors = [maker.anchor];
const spki = rsaSpki(2_048);

function verify(certificate: Uint8Array, intermediates: readonly Uint8Array[] = []) {
  return verifyEkCertificate({ certificate, intermediates, anchors, now, crypto });
}

function refusalOf(certificate: Uint8Array): unknown {
  const verified = verify(certificate);
  return verified.ok ? "none" : verified.error;
}

describe("an EK certificate", () => {
  test("by a maker that the class trusts gives the key, and the hash that an operator registers", () => {
    const verified = verify(maker.issue(spki));
    assert.ok(verified.ok);
    assert.deepEqual(verified.value.spki, spki);
    assert.deepEqual(Buffer.from(verified.value.hash), createHash("sha256").update(spki).digest());
  });

  test("needs no extended key usage, but refuses another one", () => {
    const issue = (changes: EkCertificateChanges) => maker.issue(spki, changes);
    assert.equal(refusalOf(issue({ extendedKeyUsage: "none" })), "none");
    const serverAuth = refusalOf(issue({ extendedKeyUsage: "2b06010505070301" }));
    assert.equal(causeOf(serverAuth), "PURPOSE_REFUSED");
  });

  test("by a maker that nobody knows is unknown, not bad", () => {
    const stranger = createFakeTpmMaker("another maker");
    assert.deepEqual(refusalOf(stranger.issue(spki)), { code: "EK_ISSUER_UNKNOWN" });
  });

  test("that only claims the name of a known maker is bad", () => {
    const impostor = createFakeTpmMaker("TPM maker");
    assert.equal(causeOf(refusalOf(impostor.issue(spki))), "SIGNATURE_INVALID");
  });

  test("is refused the moment after it ends", () => {
    const at = (notAfter: number) => refusalOf(maker.issue(spki, { notAfter: new Date(notAfter) }));
    assert.equal(at(now), "none");
    assert.equal(causeOf(at(now - 1_000)), "CERTIFICATE_EXPIRED");
  });

  test("of a key that signs, or of a CA, is refused", () => {
    const usage = { code: "EK_PROFILE_VIOLATED", rule: "keyUsage" };
    assert.deepEqual(refusalOf(maker.issue(spki, { keyUsage: "digitalSignature" })), usage);
    assert.deepEqual(refusalOf(maker.issue(spki, { keyUsage: "none" })), usage);
    const rule = "basicConstraints";
    assert.deepEqual(refusalOf(maker.issue(spki, { isCa: true })), { code: "EK_PROFILE_VIOLATED", rule });
  });

  test("of another key than RSA-2048 is refused", () => {
    assert.deepEqual(refusalOf(maker.issue(generateKey("ES256").spki)), { code: "EK_KEY_UNSUPPORTED" });
    assert.deepEqual(refusalOf(maker.issue(rsaSpki(1_024))), { code: "EK_KEY_UNSUPPORTED" });
    assert.deepEqual(refusalOf(maker.issue(rsaSpki(2_048, 3))), { code: "EK_KEY_UNSUPPORTED" });
  });

  test("is refused when it is cut, altered or no certificate", () => {
    const certificate = maker.issue(spki);
    assert.equal(causeOf(refusalOf(certificate.subarray(0, -1))), "DER_MALFORMED");
    assert.equal(causeOf(refusalOf(new Uint8Array(0))), "DER_MALFORMED");
    assert.equal(causeOf(refusalOf(new Uint8Array(100_000))), "CERTIFICATE_TOO_LARGE");
    const altered = new Uint8Array(certificate);
    altered[certificate.length - 10]! ^= 1;
    assert.equal(causeOf(refusalOf(altered)), "SIGNATURE_INVALID");
  });

  test("is unknown when the anchors of its class are no certificates", () => {
    const request = { certificate: maker.issue(spki), intermediates: [], now, crypto };
    for (const wrong of [[], [Uint8Array.of(0x30)], [spki]]) {
      const verified = verifyEkCertificate({ ...request, anchors: wrong });
      assert.deepEqual(verified, { ok: false, error: { code: "EK_ISSUER_UNKNOWN" } });
    }
  });

  test("may bring intermediates, but not any number and nothing else", () => {
    const certificate = maker.issue(spki);
    assert.ok(verify(certificate, [maker.anchor]).ok);
    // Counted before they are read: otherwise the first would be the fault.
    const tooMany = verify(certificate, new Array(INTERMEDIATES_MAX + 1).fill(Uint8Array.of(1, 2, 3)));
    assert.equal(tooMany.ok ? "none" : causeOf(tooMany.error), "CHAIN_TOO_LONG");
    const noise = verify(certificate, [Uint8Array.of(1, 2, 3)]);
    assert.equal(noise.ok ? "none" : causeOf(noise.error), "DER_MALFORMED");
  });
});

function causeOf(refusal: unknown): unknown {
  const { code, cause } = refusal as { code: string; cause?: { code: string } };
  return code === "EK_CERTIFICATE_INVALID" ? cause?.code : code;
}

function rsaSpki(modulusLength: number, publicExponent: number = 65_537): Uint8Array {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength, publicExponent });
  return new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
}
