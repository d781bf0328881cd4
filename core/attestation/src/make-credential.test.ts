import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createFakeTpm, createFakeTpmMaker } from "@vedette/fakes";
import { createNodeCrypto, generateKey, systemRandom } from "@vedette/runtime";
import { makeCredential } from "./make-credential.ts";

const deps = { crypto: createNodeCrypto(), random: systemRandom };
const maker = createFakeTpmMaker("TPM maker");
const tpm = createFakeTpm(maker);
const secret = systemRandom.bytes(32);

describe("a protected credential", () => {
  test("is opened by the TPM that holds the EK and the AK", () => {
    const made = makeCredential(tpm.ekSpki, tpm.akName, secret, deps);
    assert.ok(made);
    assert.deepEqual(
      Buffer.from(tpm.activateCredential(made.credentialBlob, made.encryptedSecret)),
      Buffer.from(secret),
    );
  });

  test("made for another AK of the same TPM stays shut", () => {
    const made = makeCredential(tpm.ekSpki, createFakeTpm(maker).akName, secret, deps);
    assert.ok(made);
    assert.throws(() => tpm.activateCredential(made.credentialBlob, made.encryptedSecret), /TPM_RC_INTEGRITY/);
  });

  test("made for another EK stays shut", () => {
    const made = makeCredential(createFakeTpm(maker).ekSpki, tpm.akName, secret, deps);
    assert.ok(made);
    assert.throws(() => tpm.activateCredential(made.credentialBlob, made.encryptedSecret));
  });

  test("altered by one bit stays shut", () => {
    const made = makeCredential(tpm.ekSpki, tpm.akName, secret, deps);
    assert.ok(made);
    const altered = new Uint8Array(made.credentialBlob);
    altered[altered.length - 1]! ^= 1;
    assert.throws(() => tpm.activateCredential(altered, made.encryptedSecret), /TPM_RC_INTEGRITY/);
  });

  test("is different each time", () => {
    const [first, second] = [0, 1].map(() => makeCredential(tpm.ekSpki, tpm.akName, secret, deps));
    assert.notDeepEqual(first, second);
  });

  test("is not made for a key that cannot encrypt", () => {
    assert.equal(makeCredential(generateKey("ES256").spki, tpm.akName, secret, deps), undefined);
  });
});
