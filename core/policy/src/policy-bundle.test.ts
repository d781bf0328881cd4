import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { days, hours, type Instant, instant, parseUtf8, utf8 } from "@vedette/base";
import { signJws } from "@vedette/envelope";
import { createNodeCrypto, generateKey, systemRandom } from "@vedette/runtime";
import { activatePolicy } from "./activation.ts";
import type { PolicyManifest } from "./manifest.ts";
import {
  BUNDLE_LENGTH_MAX,
  buildPolicyBundle,
  type Gzip,
  type OpenPolicyBundle,
  openPolicyBundle,
  RULES_FILE,
  signPolicyBundle,
} from "./policy-bundle.ts";
import { parseTar, writeTar } from "./tar.ts";

const crypto = createNodeCrypto();
const ports = { crypto, random: systemRandom };
const policyKey = generateKey("ES256");
const now = instant(Date.parse("2026-11-22T12:00:00Z"));

/** Leaves bytes as they are, so that tests can alter what is inside. */
const plain: Gzip = {
  gzip: (bytes) => bytes,
  gunzip: (bytes, lengthMax) => (bytes.length <= lengthMax ? bytes : undefined),
};

const zlib: Gzip = {
  gzip: (bytes) => new Uint8Array(gzipSync(bytes)),
  gunzip: (bytes, maxOutputLength) => {
    try {
      return new Uint8Array(gunzipSync(bytes, { maxOutputLength }));
    } catch {
      return undefined;
    }
  },
};

const rules = {
  kind: "rules/v1",
  id: "store-17",
  default: "deny",
  rules: [{ id: "r1", effect: "allow", subject: { type: "device" }, action: ["GET"], resource: { type: "pricing" } }],
};

const manifest: PolicyManifest = {
  revision: "r7",
  roots: ["vedette"],
  sequence: 7,
  site: "store-17",
  notAfter: (now + days(30)) as Instant,
};

const options: OpenPolicyBundle = {
  keys: [{ keyId: "policy-1", algorithm: "ES256", spki: policyKey.spki }],
  site: "store-17",
  now,
  sequenceAtLeast: 7,
  crypto,
  gzip: plain,
};

function built(changes: Partial<PolicyManifest> = {}, gzip = plain): Uint8Array {
  const bundle = buildPolicyBundle(
    new Map([[RULES_FILE, utf8(JSON.stringify(rules))]]),
    { ...manifest, ...changes },
    gzip,
  );
  assert.ok(bundle.ok, JSON.stringify(bundle));
  return bundle.value;
}

function signed(changes: Partial<PolicyManifest> = {}, gzip = plain): Uint8Array {
  const bundle = signPolicyBundle(built(changes, gzip), "policy-1", { signer: policyKey, crypto, gzip });
  assert.ok(bundle.ok, JSON.stringify(bundle));
  return bundle.value;
}

function codeOf(bytes: Uint8Array, changes: Partial<OpenPolicyBundle> = {}): string {
  const opened = openPolicyBundle(bytes, { ...options, ...changes });
  return opened.ok ? "OPENED" : opened.error.code;
}

function filesOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const files = parseTar(bytes);
  assert.ok(files.ok);
  return new Map(files.value);
}

/** The same policy bundle with some files replaced, added, or (undefined) left out. */
function repacked(changes: Record<string, string | undefined>, bytes: Uint8Array = signed()): Uint8Array {
  const files = filesOf(bytes);
  for (const [path, text] of Object.entries(changes)) {
    if (text === undefined) files.delete(path);
    else files.set(path, utf8(text));
  }
  return writeTar(files);
}

test("a signed policy bundle opens with its manifest, its key and its files", () => {
  const opened = openPolicyBundle(signed({}, zlib), { ...options, gzip: zlib });
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.manifest, manifest);
  assert.equal(opened.value.keyId, "policy-1");
  assert.deepEqual([...opened.value.files.keys()], [RULES_FILE]);
});

test("the same files and manifest give the same bytes", () => {
  assert.deepEqual(built(), built());
});

test("an Ed25519 key signs as well", () => {
  const key = generateKey("Ed25519");
  const bundle = signPolicyBundle(built(), "policy-2", { signer: key, crypto, gzip: plain });
  assert.ok(bundle.ok);
  assert.equal(codeOf(bundle.value, { keys: [{ keyId: "policy-2", algorithm: "Ed25519", spki: key.spki }] }), "OPENED");
});

test("signing again replaces the signature", () => {
  const again = signPolicyBundle(signed(), "policy-1", { signer: policyKey, crypto, gzip: plain });
  assert.ok(again.ok);
  assert.equal(codeOf(again.value), "OPENED");
});

test("no byte of a signed policy bundle can be altered", () => {
  const bytes = signed();
  assert.equal(codeOf(bytes), "OPENED");
  assert.ok(bytes.length < 8_192, "small enough to try every byte");
  for (let at = 0; at < bytes.length; at++) {
    const altered = bytes.slice();
    altered[at]! ^= 1 << (at % 8);
    assert.notEqual(codeOf(altered), "OPENED", `byte ${at} altered`);
  }
});

test("a policy bundle that was cut short at any block is refused", () => {
  const bytes = signed();
  for (let length = 0; length < bytes.length; length += 512)
    assert.notEqual(codeOf(bytes.subarray(0, length)), "OPENED");
});

test("an altered file is named", () => {
  const altered = openPolicyBundle(repacked({ [RULES_FILE]: JSON.stringify(rules).replace("GET", "PUT") }), options);
  assert.deepEqual(!altered.ok && altered.error, { code: "FILE_ALTERED", name: RULES_FILE });
});

test("white space and order of members do not matter, as in OPA, but the letters of a number do", () => {
  const text = JSON.stringify(Object.fromEntries(Object.entries(rules).reverse()), null, 2);
  assert.equal(codeOf(repacked({ [RULES_FILE]: text })), "OPENED");
  const withNumber = new Map([[RULES_FILE, utf8('{"a": 1}')]]);
  const bundle = buildPolicyBundle(withNumber, manifest, plain);
  assert.ok(bundle.ok);
  const numbered = signPolicyBundle(bundle.value, "policy-1", { signer: policyKey, crypto, gzip: plain });
  assert.ok(numbered.ok);
  assert.equal(codeOf(repacked({ [RULES_FILE]: '{ "a" : 1 }' }, numbered.value)), "OPENED");
  assert.equal(codeOf(repacked({ [RULES_FILE]: '{"a": 1.0}' }, numbered.value)), "FILE_ALTERED");
});

test("a file that was not signed, and a signed one that is gone, are named", () => {
  const added = openPolicyBundle(repacked({ "vedette/more/data.json": "{}" }), options);
  assert.deepEqual(!added.ok && added.error, { code: "FILE_UNLISTED", name: "vedette/more/data.json" });
  const gone = openPolicyBundle(repacked({ [RULES_FILE]: undefined }), options);
  assert.deepEqual(!gone.ok && gone.error, { code: "FILE_MISSING", name: RULES_FILE });
});

test("an unsigned policy bundle is refused, whether the signature file is absent or empty", () => {
  assert.equal(codeOf(built()), "BUNDLE_UNSIGNED");
  assert.equal(codeOf(repacked({ ".signatures.json": '{"signatures":[]}' })), "BUNDLE_UNSIGNED");
});

test("a second signature is refused: which of them would count?", () => {
  const text = parseUtf8(filesOf(signed()).get(".signatures.json")!);
  const { signatures } = JSON.parse(text.ok ? text.value : "");
  const twice = JSON.stringify({ signatures: [...signatures, ...signatures] });
  assert.equal(codeOf(repacked({ ".signatures.json": twice })), "BUNDLE_MALFORMED");
});

test("a key that the trust document does not name, or another key under its name, signs nothing", () => {
  const stranger = generateKey("ES256");
  const unknown = signPolicyBundle(built(), "policy-9", { signer: stranger, crypto, gzip: plain });
  assert.equal(unknown.ok && codeOf(unknown.value), "KEY_UNKNOWN");
  const impostor = signPolicyBundle(built(), "policy-1", { signer: stranger, crypto, gzip: plain });
  assert.equal(impostor.ok && codeOf(impostor.value), "SIGNATURE_INVALID");
});

test("a JWS of another type, or with a scope, is no signature of a policy bundle", () => {
  const resigned = (payload: object, type: string) =>
    repacked({
      ".signatures.json": JSON.stringify({
        signatures: [signJws(utf8(JSON.stringify(payload)), type, "policy-1", policyKey)],
      }),
    });
  assert.equal(codeOf(resigned({ files: [] }, "vedette-trust+jwt")), "BUNDLE_MALFORMED");
  assert.equal(codeOf(resigned({ files: [], scope: "write" }, "JWT")), "BUNDLE_MALFORMED");
  assert.equal(
    codeOf(resigned({ files: [{ name: ".manifest", hash: "00", algorithm: "MD5" }] }, "JWT")),
    "BUNDLE_MALFORMED",
  );
});

test("a policy bundle for another site is refused; one for all sites is not", () => {
  assert.equal(codeOf(signed({ site: "store-18" })), "WRONG_SITE");
  assert.equal(codeOf(signed({ site: "*" })), "OPENED");
});

test("a policy bundle is in force from notBefore to notAfter, to the millisecond", () => {
  const bytes = signed({ notBefore: now, notAfter: (now + hours(1)) as Instant });
  assert.equal(codeOf(bytes, { now: (now - 1) as Instant }), "BUNDLE_NOT_YET_VALID");
  assert.equal(codeOf(bytes, { now }), "OPENED");
  assert.equal(codeOf(bytes, { now: (now + hours(1)) as Instant }), "OPENED");
  assert.equal(codeOf(bytes, { now: (now + hours(1) + 1) as Instant }), "BUNDLE_EXPIRED");
});

test("a sequence older than the sealed record is refused; the same one opens at every start", () => {
  assert.equal(codeOf(signed({ sequence: 7 }), { sequenceAtLeast: 7 }), "OPENED");
  const older = openPolicyBundle(signed({ sequence: 6 }), options);
  assert.deepEqual(!older.ok && older.error, { code: "BUNDLE_ROLLBACK", offered: 6, atLeast: 7 });
});

test("a policy bundle that is too large is refused, and unpacking is told where to stop", () => {
  assert.equal(codeOf(new Uint8Array(BUNDLE_LENGTH_MAX + 1)), "BUNDLE_TOO_LARGE");
  const bomb: Gzip = { ...plain, gunzip: (_, lengthMax) => (lengthMax === BUNDLE_LENGTH_MAX ? undefined : signed()) };
  assert.equal(codeOf(new Uint8Array(100), { gzip: bomb }), "BUNDLE_MALFORMED");
  assert.equal(codeOf(new Uint8Array(100), { gzip: zlib }), "BUNDLE_MALFORMED");
});

test("files outside the roots, or that OPA would not load as data, are not built in", () => {
  const build = (path: string) => buildPolicyBundle(new Map([[path, utf8("{}")]]), manifest, plain).ok;
  assert.ok(build("vedette/inventory/data.json"));
  for (const path of [
    "other/data.json",
    "vedette2/data.json",
    "vedette/rules.json",
    "data.json",
    "vedette/../data.json",
  ])
    assert.ok(!build(path), path);
});

test("a file that is not strict JSON is not built in, and the error says where", () => {
  const bundle = buildPolicyBundle(new Map([[RULES_FILE, utf8('{"a":1,\n"a":2}')]]), manifest, plain);
  assert.deepEqual(!bundle.ok && bundle.error, {
    code: "BUNDLE_MALFORMED",
    expected: `${RULES_FILE}:2:1: each member name once`,
  });
});

test("a manifest without sequence, site or notAfter, or with a field of ours that we do not know, is refused", () => {
  for (const changes of [{ sequence: 0 }, { sequence: 1.5 }, { site: "" }, { revision: "two words" }])
    assert.ok(!buildPolicyBundle(new Map(), { ...manifest, ...changes }, plain).ok, JSON.stringify(changes));
});

test("activation makes the next generation, and refuses rules that are missing or wrong", () => {
  const opened = openPolicyBundle(signed(), options);
  assert.ok(opened.ok);
  const first = activatePolicy(undefined, opened.value, ports);
  assert.ok(first.ok);
  const second = activatePolicy(first.value, opened.value, ports);
  assert.deepEqual([first.value.number, second.ok && second.value.number], [1, 2]);
  assert.equal(first.value.policy.origin.notAfter, manifest.notAfter);
  const without = activatePolicy(first.value, { ...opened.value, files: new Map() }, ports);
  assert.deepEqual(!without.ok && without.error, { code: "FILE_MISSING", name: RULES_FILE });
  const wrong = activatePolicy(first.value, { ...opened.value, files: new Map([[RULES_FILE, utf8("{}")]]) }, ports);
  assert.equal(!wrong.ok && wrong.error.code, "POLICY_REFUSED");
});
