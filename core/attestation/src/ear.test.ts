import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hex, instant, type JsonObject, utf8 } from "@vedette/base";
import { signJws } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import fc from "fast-check";
import type { AttestationResult, Verdict } from "./attestation-result.ts";
import { EAR_TYPE, type Ear, earToClaims, openEar, parseEar, resultToEar, signEar } from "./ear.ts";

const VECTORS = join(process.env["VEDETTE_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors"), "ear");
const crypto = createNodeCrypto();
const key = generateKey("ES256");
const keys = [{ keyId: "verifier", algorithm: "ES256", spki: key.spki }] as const;
const issuer = "store-17.example.org";

describe("an EAR of Veraison's test data", () => {
  const skip = existsSync(VECTORS) ? false : `no vectors at ${VECTORS}: set VEDETTE_VECTORS`;
  const files = skip ? [] : readdirSync(VECTORS).filter((file) => file.endsWith(".json"));

  test("is there to be read", { skip }, () => assert.ok(files.length >= 5));

  for (const file of files) {
    const isGood = !file.endsWith("-ko.json");
    test(`${file} is ${isGood ? "read, and written as it was read" : "refused"}`, () => {
      const claims: unknown = JSON.parse(readFileSync(join(VECTORS, file), "utf8"));
      const parsed = parseEar(claims);
      assert.equal(parsed.ok, isGood, JSON.stringify(parsed));
      if (parsed.ok) assert.deepEqual(parseEar(earToClaims(parsed.value)), parsed);
    });
  }
});

describe("an attestation result as EAR", () => {
  for (const [verdict, executables] of [
    ["affirming", 3],
    ["warning", 33],
    ["contraindicated", 96],
  ] as const)
    test(`that is ${verdict} has that status, and a vector that is no better`, () => {
      const ear = resultToEar(resultOf({ verdict }), issuer);
      const { status, trustworthinessVector } = ear.submodules["tpm"]!;
      assert.equal(status, verdict);
      assert.deepEqual(trustworthinessVector, { "instance-identity": 2, hardware: 2, executables });
      assert.equal(worstTier(trustworthinessVector!), verdict);
    });

  test("of a software attester claims nothing but that its keys lie in software", () => {
    const ear = resultToEar(resultOf({ attester: "software", verdict: "warning" }), issuer);
    const { status, trustworthinessVector } = ear.submodules["software"]!;
    assert.deepEqual(
      { status, trustworthinessVector },
      { status: "warning", trustworthinessVector: { "storage-opaque": 32 } },
    );
  });

  test("travels signed, with the TLS key that it vouches for", () => {
    const result = resultOf({ reasons: [{ code: "PCR_UNREFERENCED", pcr: 7 }] });
    const ear = resultToEar(result, issuer);
    const opened = openEar(signEar(ear, "verifier", key), keys, crypto);
    assert.deepEqual(opened, { ok: true, value: ear });
    assert.deepEqual([ear.issuer, ear.submodules["tpm"]?.attestedKey], [issuer, key.spki]);
  });

  test("is refused with another key, another type or an altered byte", () => {
    const token = signEar(resultToEar(resultOf(), issuer), "verifier", key);
    const stranger = [{ ...keys[0], spki: generateKey("ES256").spki }];
    assert.equal(codeOf(openEar(token, stranger, crypto)), "JWS_SIGNATURE_INVALID");
    const [header, payload = "", signature] = token.split(".");
    const altered = `${header}.${payload.slice(0, 20)}${payload[20] === "A" ? "B" : "A"}${payload.slice(21)}.${signature}`;
    assert.equal(codeOf(openEar(altered, keys, crypto)), "JWS_SIGNATURE_INVALID");
    const claims = utf8(JSON.stringify(earToClaims(resultToEar(resultOf(), issuer))));
    assert.equal(codeOf(openEar(signJws(claims, "JWT", "verifier", key), keys, crypto)), "JWS_MALFORMED");
  });

  test("is refused when what is signed is not a claims set", () => {
    for (const payload of [utf8("{"), utf8("[]"), Uint8Array.of(0xff)])
      assert.equal(codeOf(openEar(signJws(payload, EAR_TYPE, "verifier", key), keys, crypto)), "EAR_MALFORMED");
  });

  test("is read back as it was written, whatever it says", () => {
    fc.assert(
      fc.property(earArbitrary, (ear) => {
        assert.deepEqual(parseEar(JSON.parse(JSON.stringify(earToClaims(ear)))), { ok: true, value: ear });
      }),
    );
  });
});

describe("EAR claims", () => {
  const good = earToClaims(resultToEar(resultOf(), issuer));
  const tpm = { "ear.status": "affirming" };

  for (const [what, change, path] of [
    ["another profile", { eat_profile: "tag:github.com,2022:veraison/ear" }, "eat_profile"],
    ["no time", { iat: "1666091373" }, "iat"],
    ["a time that is no whole second", { iat: 0.5 }, "iat"],
    ["a time before 1970", { iat: -1 }, "iat"],
    ["an issuer without a name", { iss: 1 }, "iss"],
    ["no verifier", { "ear.verifier-id": { developer: "Acme" } }, "ear.verifier-id"],
    ["evidence that is not base64url", { "ear.raw-evidence": "+" }, "ear.raw-evidence"],
    ["no submodule", { submods: {} }, "submods"],
    ["a submodule that is a token", { submods: { tpm: "eyJ" } }, "submods.tpm"],
    ["an unknown status", { submods: { tpm: { "ear.status": "fine" } } }, "submods.tpm.ear.status"],
    [
      "an unknown trustworthiness claim",
      { submods: { tpm: { ...tpm, "ear.trustworthiness-vector": { mood: 2 } } } },
      "submods.tpm.ear.trustworthiness-vector",
    ],
    [
      "a trustworthiness claim that is no octet",
      { submods: { tpm: { ...tpm, "ear.trustworthiness-vector": { hardware: 128 } } } },
      "submods.tpm.ear.trustworthiness-vector",
    ],
    [
      "an attested key that is none",
      { submods: { tpm: { ...tpm, "ear.veraison.key-attestation": { akpub: "" } } } },
      "submods.tpm.ear.veraison.key-attestation",
    ],
    [
      "a policy that is no URI",
      { submods: { tpm: { ...tpm, "ear.appraisal-policy-id": 1 } } },
      "submods.tpm.ear.appraisal-policy-id",
    ],
  ] as const)
    test(`with ${what} are refused where they are wrong`, () => {
      assert.deepEqual(parseEar({ ...good, ...change }), { ok: false, error: { code: "EAR_MALFORMED", path } });
    });

  test("that we do not know are passed over", () => {
    assert.ok(parseEar({ ...good, "ear.veraison.annotated-evidence": { k1: "v1" }, eat_nonce: "x" }).ok);
  });

  test("that are nothing at all are refused", () => {
    for (const nothing of [undefined, null, [], "{}"]) assert.equal(parseEar(nothing).ok, false);
  });
});

const statusArbitrary = fc.constantFrom("none", "affirming", "warning", "contraindicated");
const policyClaimsArbitrary = fc.constant<JsonObject>({
  name: "pos-1",
  reasons: [{ code: "PCR_UNREFERENCED", pcr: 7 }],
});
const plain = { noNullPrototype: true };
const appraisalArbitrary = fc.record(
  {
    status: statusArbitrary,
    trustworthinessVector: fc.record(
      { hardware: fc.integer({ min: -128, max: 127 }), executables: fc.integer({ min: -128, max: 127 }) },
      { ...plain, requiredKeys: [] },
    ),
    appraisalPolicyId: fc.webUrl(),
    attestedKey: fc.uint8Array({ minLength: 1, maxLength: 91 }),
    policyClaims: policyClaimsArbitrary,
  },
  { ...plain, requiredKeys: ["status"] },
);
const earArbitrary: fc.Arbitrary<Ear> = fc.record(
  {
    issuedAt: fc.nat().map((second) => instant(second * 1_000)),
    issuer: fc.string(),
    verifier: fc.record({ developer: fc.string(), build: fc.string() }, plain),
    submodules: fc.dictionary(fc.string(), appraisalArbitrary, { ...plain, minKeys: 1, maxKeys: 16 }),
  },
  { ...plain, requiredKeys: ["issuedAt", "verifier", "submodules"] },
);

function resultOf(changes: Partial<AttestationResult> = {}): AttestationResult {
  return {
    verdict: "affirming",
    reasons: [],
    attester: "tpm",
    purpose: "enrol",
    deviceClass: "till",
    site: "store-17",
    name: "pos-1",
    ekHash: hex(new Uint8Array(32)),
    akName: `000b${hex(new Uint8Array(32))}`,
    spki: key.spki,
    admittedBy: "registration",
    claimHash: undefined,
    pcrs: {},
    clock: undefined,
    journal: { size: 0, root: new Uint8Array(32) },
    attestedAt: instant(1_800_000_000_999),
    ...changes,
  };
}

/** AR4SI §2.3.2: the range of a value is its tier, and the worst one counts. */
function worstTier(vector: Readonly<Record<string, number>>): Verdict {
  const worst = Math.max(...Object.values(vector));
  return worst >= 96 ? "contraindicated" : worst >= 32 ? "warning" : "affirming";
}

function codeOf(result: ReturnType<typeof openEar>): string {
  return result.ok ? "none" : result.error.code;
}
