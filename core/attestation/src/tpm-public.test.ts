import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { ByteWriter, concatBytes } from "@vedette/base";
import { createFakeTpm, createFakeTpmMaker, FAKE_AK_ATTRIBUTES } from "@vedette/fakes";
import { createNodeCrypto } from "@vedette/runtime";
import fc from "fast-check";
import { nameOfTpmPublic, parseTpmPublic, TPM_PUBLIC_LENGTH_MAX, tpmPublicToSpki } from "./tpm-public.ts";

const crypto = createNodeCrypto();
const maker = createFakeTpmMaker("TPM maker");
const malformed = { ok: false, error: { code: "TPM_STRUCTURE_MALFORMED", structure: "TPMT_PUBLIC" } };

describe("TPMT_PUBLIC", () => {
  for (const akType of ["P-256", "P-384", "RSA"] as const) {
    const { akPublic, akName } = createFakeTpm(maker, { akType });

    test(`of an ${akType} key becomes the SPKI that OpenSSL reads as the same key`, () => {
      const parsed = parseTpmPublic(akPublic);
      assert.ok(parsed.ok);
      const spki = tpmPublicToSpki(parsed.value);
      const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
      assert.deepEqual(new Uint8Array(key.export({ format: "der", type: "spki" })), spki);
      const { n = "", x = "" } = key.export({ format: "jwk" });
      assert.ok(Buffer.from(akPublic).includes(Buffer.from(n || x, "base64url")));
    });

    test(`of an ${akType} key has the Name that the TPM gives it`, () => {
      const parsed = parseTpmPublic(akPublic);
      assert.ok(parsed.ok);
      assert.deepEqual(nameOfTpmPublic(parsed.value, akPublic, crypto), akName);
    });

    test(`of an ${akType} key is refused when it is cut anywhere, or followed by anything`, () => {
      for (let length = 0; length < akPublic.length; length++)
        assert.equal(parseTpmPublic(akPublic.subarray(0, length)).ok, false, `cut to ${length}`);
      assert.deepEqual(parseTpmPublic(concatBytes(akPublic, Uint8Array.of(0))), malformed);
    });
  }

  const point = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
  const x = new Uint8Array(Buffer.from(point.x ?? "", "base64url"));
  const y = new Uint8Array(Buffer.from(point.y ?? "", "base64url"));

  test("with a reserved attribute bit is refused", () => {
    for (const bit of [0, 3, 12, 13, 14, 15, 20, 31])
      assert.deepEqual(parseTpmPublic(eccPublic({ attributes: FAKE_AK_ATTRIBUTES | (1 << bit), x, y })), malformed);
  });

  test("with a coordinate that lost its leading zeros is the same key, with a longer one it is none", () => {
    const short = parseTpmPublic(eccPublic({ x: x.subarray(1), y }));
    assert.ok(short.ok);
    assert.deepEqual(tpmPublicToSpki(short.value).subarray(27, 59), concatBytes(Uint8Array.of(0), x.subarray(1)));
    assert.deepEqual(parseTpmPublic(eccPublic({ x: concatBytes(Uint8Array.of(0), x), y })), malformed);
    assert.deepEqual(parseTpmPublic(eccPublic({ x: new Uint8Array(0), y })), malformed);
  });

  test("with a policy of another length than its Name's hash is refused", () => {
    assert.ok(parseTpmPublic(eccPublic({ authPolicy: new Uint8Array(32), x, y })).ok);
    assert.deepEqual(parseTpmPublic(eccPublic({ authPolicy: new Uint8Array(20), x, y })), malformed);
  });

  test("of an unknown kind, curve, hash, cipher or scheme is named as unsupported", () => {
    const changed = (changes: Partial<EccFields>) => parseTpmPublic(eccPublic({ x, y, ...changes }));
    const unsupported = (algorithm: number) => ({
      ok: false,
      error: { code: "TPM_ALGORITHM_UNSUPPORTED", structure: "TPMT_PUBLIC", algorithm },
    });
    assert.deepEqual(changed({ type: 0x0008 }), unsupported(0x0008));
    assert.deepEqual(changed({ nameId: 0x0012 }), unsupported(0x0012));
    assert.deepEqual(changed({ symmetric: 0x0006 }), unsupported(0x0006));
    assert.deepEqual(changed({ scheme: 0x001a }), unsupported(0x001a));
    assert.deepEqual(changed({ schemeHash: 0x0027 }), unsupported(0x0027));
    assert.deepEqual(changed({ curve: 0x0020 }), unsupported(0x0023));
    assert.deepEqual(changed({ kdf: 0x0020 }), unsupported(0x0020));
  });

  test("longer than any key is refused before it is read", () => {
    const length = TPM_PUBLIC_LENGTH_MAX + 1;
    assert.deepEqual(parseTpmPublic(new Uint8Array(length)), {
      ok: false,
      error: { code: "TPM_STRUCTURE_TOO_LARGE", structure: "TPMT_PUBLIC", length, lengthMax: TPM_PUBLIC_LENGTH_MAX },
    });
  });

  test("of any bytes at all never throws", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => typeof parseTpmPublic(bytes).ok === "boolean"));
  });

  test("has the Name of Part 1 §16: the hash's identifier, then the hash", () => {
    const bytes = eccPublic({ x, y });
    const parsed = parseTpmPublic(bytes);
    assert.ok(parsed.ok);
    const expected = Buffer.concat([Buffer.of(0x00, 0x0b), createHash("sha256").update(bytes).digest()]);
    assert.deepEqual(Buffer.from(nameOfTpmPublic(parsed.value, bytes, crypto)), expected);
  });
});

interface EccFields {
  readonly type: number;
  readonly nameId: number;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly symmetric: number;
  readonly scheme: number;
  readonly schemeHash: number;
  readonly curve: number;
  readonly kdf: number;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

function eccPublic(changes: Partial<EccFields>): Uint8Array {
  const { type = 0x0023, nameId = 0x000b, attributes = FAKE_AK_ATTRIBUTES, authPolicy = new Uint8Array(0) } = changes;
  const { symmetric = 0x0010, scheme = 0x0018, schemeHash = 0x000b, curve = 0x0003, kdf = 0x0010 } = changes;
  const { x = new Uint8Array(32), y = new Uint8Array(32) } = changes;
  return new ByteWriter()
    .u16(type)
    .u16(nameId)
    .u32(attributes)
    .sized16(authPolicy)
    .u16(symmetric)
    .u16(scheme)
    .u16(schemeHash)
    .u16(curve)
    .u16(kdf)
    .sized16(x)
    .sized16(y)
    .finish();
}
