import assert from "node:assert/strict";
import { createSign, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { codeOf, need } from "./authority-fixture.test.ts";
import { sequence, unsignedInteger } from "./der-writer.ts";
import { ecdsaSignatureToDer, parseEcdsaSignature } from "./ecdsa-signature.ts";

test("a raw signature goes to DER and comes back", () => {
  for (const [algorithm, length] of [
    ["ES256", 64],
    ["ES384", 96],
  ] as const) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: length, maxLength: length }), (raw) => {
        assert.deepEqual(need(parseEcdsaSignature(ecdsaSignatureToDer(raw), algorithm)), raw);
      }),
    );
  }
});

test("OpenSSL's DER signature and its raw one are the same to us", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const asDer = createSign("sha256").update("message").sign(privateKey);
  assert.equal(need(parseEcdsaSignature(asDer, "ES256")).length, 64);
  const raw = sign("sha256", Buffer.from("message"), { key: privateKey, dsaEncoding: "ieee-p1363" });
  assert.deepEqual(need(parseEcdsaSignature(ecdsaSignatureToDer(raw), "ES256")), new Uint8Array(raw));
});

test("a scalar longer than the curve's order is refused", () => {
  const long = unsignedInteger(new Uint8Array(33).fill(1));
  const sound = unsignedInteger(Uint8Array.of(1));
  assert.equal(codeOf(parseEcdsaSignature(sequence(long, sound), "ES256")), "DER_MALFORMED");
  assert.equal(codeOf(parseEcdsaSignature(sequence(long, sound), "ES384")), "accepted");
});

test("a negative scalar is refused", () => {
  const signature = Uint8Array.of(0x30, 6, 0x02, 1, 0x80, 0x02, 1, 1);
  assert.equal(codeOf(parseEcdsaSignature(signature, "ES256")), "DER_MALFORMED");
});

test("a third number in the signature is refused", () => {
  const one = unsignedInteger(Uint8Array.of(1));
  assert.equal(codeOf(parseEcdsaSignature(sequence(one, one, one), "ES256")), "DER_MALFORMED");
});
