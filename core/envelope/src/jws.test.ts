import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, type JsonObject, parseBase64url, type Signer, utf8 } from "@vedette/base";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import fc from "fast-check";
import { JWS_LENGTH_MAX, type JwsError, signJws, type VerificationKey, verifyJws } from "./jws.ts";

const crypto = createNodeCrypto();
const TYPE = "vedette-trust+jwt";
const payload = utf8('{"version":7}');

const p256 = generateKey("ES256");
const edwards = generateKey("Ed25519");
const stranger = generateKey("ES256");

const keys: readonly VerificationKey[] = [keyOf("p256", p256), keyOf("edwards", edwards)];

function keyOf(keyId: string, { algorithm, spki }: Signer): VerificationKey {
  return { keyId, algorithm, spki };
}

function codeOf(text: string, type = TYPE, trusted = keys): JwsError["code"] | "accepted" {
  const opened = verifyJws(text, type, trusted, crypto);
  return opened.ok ? "accepted" : opened.error.code;
}

/** A JWS over any header at all, properly signed: what a holder of a trusted key could send. */
function signHeader(header: JsonObject | string, signer: Signer = p256): string {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const input = `${base64url(utf8(text))}.${base64url(payload)}`;
  return `${input}.${base64url(signer.sign(utf8(input)))}`;
}

for (const [keyId, signer] of Object.entries({ p256, edwards })) {
  test(`what ${keyId} signed opens to its payload, its key and its header`, () => {
    const opened = verifyJws(signJws(payload, TYPE, keyId, signer), TYPE, keys, crypto);
    assert.ok(opened.ok);
    assert.deepEqual(opened.value.payload, payload);
    assert.equal(opened.value.keyId, keyId);
    assert.equal(opened.value.header["alg"], keyId === "p256" ? "ES256" : "EdDSA");
  });
}

test("any bytes come back as they were signed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const opened = verifyJws(signJws(bytes, TYPE, "edwards", edwards), TYPE, keys, crypto);
      assert.deepEqual(opened.ok && opened.value.payload, bytes);
    }),
  );
});

test("the example of RFC 8037 appendix A.4 is what our signer's key would accept", () => {
  const signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
  const input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  const x = parseBase64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  const raw = parseBase64url(signature);
  assert.ok(x.ok && raw.ok);
  const spki = Uint8Array.from([...Buffer.from("302a300506032b6570032100", "hex"), ...x.value]);
  assert.equal(crypto.verify("Ed25519", spki, utf8(input), raw.value), true);
  // The RFC's header names neither key nor type, so our rules refuse the document itself.
  assert.equal(codeOf(`${input}.${signature}`, TYPE, [{ keyId: "a4", algorithm: "Ed25519", spki }]), "JWS_MALFORMED");
});

test("one altered character anywhere is refused", () => {
  const text = signJws(payload, TYPE, "edwards", edwards);
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === "A" ? "B" : "A";
    assert.notEqual(codeOf(text.slice(0, at) + other + text.slice(at + 1)), "accepted", `at ${at}`);
  }
});

test("a text cut anywhere is refused", () => {
  const text = signJws(payload, TYPE, "p256", p256);
  for (let length = 0; length < text.length; length++) assert.notEqual(codeOf(text.slice(0, length)), "accepted");
});

test("the key decides the algorithm, never the header", () => {
  for (const alg of ["EdDSA", "none", "HS256", "ES384", "RS256", "es256", ""])
    assert.equal(codeOf(signHeader({ alg, typ: TYPE, kid: "p256" })), "JWS_ALGORITHM_MISMATCH", alg);
});

test("a JWS without a signature is refused even when it says that it needs none", () => {
  const unsigned = `${base64url(utf8(JSON.stringify({ alg: "none", typ: TYPE, kid: "p256" })))}.${base64url(payload)}.`;
  assert.equal(codeOf(unsigned), "JWS_ALGORITHM_MISMATCH");
  const claimed = `${base64url(utf8(JSON.stringify({ alg: "ES256", typ: TYPE, kid: "p256" })))}.${base64url(payload)}.`;
  assert.equal(codeOf(claimed), "JWS_SIGNATURE_INVALID");
});

test("a public key is not a shared secret: an HMAC over it verifies nothing", () => {
  const input = signHeader({ alg: "ES256", typ: TYPE, kid: "p256" }).split(".").slice(0, 2).join(".");
  const tag = crypto.hmac("sha256", p256.spki, utf8(input));
  assert.equal(codeOf(`${input}.${base64url(tag)}`), "JWS_SIGNATURE_INVALID");
});

test("one kind of document is never taken for another", () => {
  const trust = signJws(payload, TYPE, "p256", p256);
  assert.equal(codeOf(trust), "accepted");
  assert.equal(codeOf(trust, "vedette-policy+jwt"), "JWS_MALFORMED");
  assert.equal(codeOf(signHeader({ alg: "ES256", kid: "p256" })), "JWS_MALFORMED");
});

test("a critical header is refused, whatever it names", () => {
  for (const crit of [["exp"], [], null])
    assert.equal(codeOf(signHeader({ alg: "ES256", typ: TYPE, kid: "p256", crit })), "JWS_MALFORMED");
});

test("a key that is not trusted is unknown; a trusted name does not help it", () => {
  assert.equal(codeOf(signJws(payload, TYPE, "stranger", stranger)), "JWS_KEY_UNKNOWN");
  assert.equal(codeOf(signJws(payload, TYPE, "p256", stranger)), "JWS_SIGNATURE_INVALID");
  assert.equal(codeOf(signJws(payload, TYPE, "p256", p256), TYPE, []), "JWS_KEY_UNKNOWN");
});

test("a header that is no object, or names no key, is malformed", () => {
  const headers = [
    "[]",
    "null",
    '"text"',
    "{",
    "",
    '{"alg":"ES256","typ":"t"}',
    JSON.stringify({ alg: 1, typ: TYPE, kid: "p256" }),
  ];
  for (const header of headers) assert.equal(codeOf(signHeader(header)), "JWS_MALFORMED", header);
});

test("a signature in DER instead of raw form is refused", () => {
  const [header, body] = signJws(payload, TYPE, "p256", p256).split(".");
  const raw = p256.sign(utf8(`${header}.${body}`));
  const der = Uint8Array.from([0x30, 0x44, 0x02, 0x20, ...raw.subarray(0, 32), 0x02, 0x20, ...raw.subarray(32)]);
  assert.equal(codeOf(`${header}.${body}.${base64url(der)}`), "JWS_SIGNATURE_INVALID");
});

test("padding, white space and further parts are malformed", () => {
  const text = signJws(payload, TYPE, "p256", p256);
  for (const hostile of ["", ".", "..", "...", `${text}.`, `${text}.${text}`, `${text}=`, ` ${text}`, `${text}\n`])
    assert.equal(codeOf(hostile), "JWS_MALFORMED", hostile.slice(0, 20));
});

test("the largest text is read, and one character more is refused unread", () => {
  const frame = signJws(new Uint8Array(0), TYPE, "p256", p256).length;
  const room = JWS_LENGTH_MAX - frame;
  const largest = signJws(new Uint8Array(Math.floor((room * 3) / 4)), TYPE, "p256", p256);
  assert.ok(JWS_LENGTH_MAX - largest.length < 2);
  assert.equal(codeOf(largest), "accepted");
  const tooLong = "A".repeat(JWS_LENGTH_MAX + 1);
  const error = { code: "JWS_TOO_LARGE", length: JWS_LENGTH_MAX + 1, lengthMax: JWS_LENGTH_MAX };
  assert.deepEqual(verifyJws(tooLong, TYPE, keys, crypto), { ok: false, error });
});
