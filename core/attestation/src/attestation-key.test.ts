import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createFakeTpm, createFakeTpmMaker, FAKE_AK_ATTRIBUTES } from "@vedette/fakes";
import { createNodeCrypto } from "@vedette/runtime";
import { parseAttestationKey } from "./attestation-key.ts";
import { objectAttribute } from "./tpm-public.ts";

const crypto = createNodeCrypto();
const maker = createFakeTpmMaker("TPM maker");

describe("an attestation key", () => {
  for (const [akType, algorithm] of [
    ["P-256", "ES256"],
    ["P-384", "ES384"],
    ["RSA", "RS256"],
  ] as const)
    test(`${akType} that is restricted to this one TPM is taken, and signs with ${algorithm}`, () => {
      const tpm = createFakeTpm(maker, { akType });
      const key = parseAttestationKey(tpm.akPublic, crypto);
      assert.ok(key.ok);
      assert.equal(key.value.algorithm, algorithm);
      assert.deepEqual(key.value.name, tpm.akName);
    });

  for (const name of ["restricted", "sign", "fixedTPM", "fixedParent", "sensitiveDataOrigin"] as const)
    test(`without ${name} is refused`, () => {
      const akAttributes = FAKE_AK_ATTRIBUTES & ~objectAttribute[name];
      const { akPublic } = createFakeTpm(maker, { akAttributes });
      const error = { code: "AK_ATTRIBUTES_WRONG", missing: [name], forbidden: [] };
      assert.deepEqual(parseAttestationKey(akPublic, crypto), { ok: false, error });
    });

  test("that also decrypts is refused: it is a storage key, and what it signs may come from outside", () => {
    const { akPublic } = createFakeTpm(maker, { akAttributes: FAKE_AK_ATTRIBUTES | objectAttribute.decrypt });
    const error = { code: "AK_ATTRIBUTES_WRONG", missing: [], forbidden: ["decrypt"] };
    assert.deepEqual(parseAttestationKey(akPublic, crypto), { ok: false, error });
  });

  const refused = { ok: false, error: { code: "AK_SCHEME_UNSUPPORTED" } };

  test("that signs, or is named, with SHA-1 is refused", () => {
    const { akPublic } = createFakeTpm(maker);
    assert.deepEqual(parseAttestationKey(withU16(akPublic, 14, 0x0004), crypto), refused);
    assert.deepEqual(parseAttestationKey(withU16(akPublic, 2, 0x0004), crypto), refused);
  });

  test("whose scheme is left open is refused: the attester would choose the hash", () => {
    const { akPublic } = createFakeTpm(maker);
    const open = new Uint8Array([...akPublic.subarray(0, 12), 0x00, 0x10, ...akPublic.subarray(16)]);
    assert.deepEqual(parseAttestationKey(open, crypto), refused);
  });

  test("of RSA with an exponent of 3 is refused", () => {
    const { akPublic } = createFakeTpm(maker, { akType: "RSA" });
    const changed = new Uint8Array(akPublic);
    changed[21] = 3;
    assert.deepEqual(parseAttestationKey(changed, crypto), refused);
  });
});

function withU16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = new Uint8Array(bytes);
  changed.set([value >> 8, value & 0xff], at);
  return changed;
}
