import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import type { Value } from "../values/value.ts";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { JWT_BUILTINS } from "./jwt-builtins.ts";

const call = testCreateCaller(JWT_BUILTINS);

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" });
const ed25519 = generateKeyPairSync("ed25519");
const PAIRS = [
  ["RS256", rsa],
  ["RS384", rsa],
  ["RS512", rsa],
  ["PS256", rsa],
  ["PS384", rsa],
  ["PS512", rsa],
  ["ES256", p256],
  ["ES384", p384],
  ["ES512", p521],
  ["EdDSA", ed25519],
] as const;

function jwk(key: KeyObject, more: { readonly [name: string]: string } = {}): { readonly [name: string]: string } {
  return { ...(key.export({ format: "jwk" }) as { readonly [name: string]: string }), ...more };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function pem(key: KeyObject): string {
  return key.export({ format: "pem", type: "spki" }).toString().trim();
}

function part(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : json(value)).toString("base64url");
}

/** With HMAC-SHA-256 and the secret `secret`. */
function testCreateToken(payload: unknown, header: object = {}): string {
  const message = `${part({ alg: "HS256", ...header })}.${part(payload)}`;
  return `${message}.${createHmac("sha256", "secret").update(message).digest("base64url")}`;
}

function testSign(
  algorithm: string,
  key: KeyObject,
  payload: Value,
  header: { readonly [name: string]: Value } = {},
): string {
  return JSON.parse(call("io.jwt.encode_sign", { alg: algorithm, ...header }, payload, jwk(key))) as string;
}

const REFUSED = "[false,{},{}]";

for (const [algorithm, pair] of PAIRS)
  test(`a token signed with ${algorithm} verifies under its own key and algorithm, and under no other`, () => {
    const token = testSign(algorithm, pair.privateKey, { sub: "node-1" });
    assert.equal(
      call("io.jwt.decode_verify", token, { cert: json(jwk(pair.publicKey)) }),
      `[true,{"alg":"${algorithm}"},{"sub":"node-1"}]`,
    );
    for (const [claimed, { publicKey }] of PAIRS)
      assert.equal(
        call(`io.jwt.verify_${claimed.toLowerCase()}`, token, pem(publicKey)),
        String(claimed === algorithm),
        claimed,
      );
    const [header, , signature] = token.split(".");
    const altered = `${header}.${part({ sub: "node-2" })}.${signature}`;
    assert.equal(call("io.jwt.decode_verify", altered, { cert: pem(pair.publicKey) }), REFUSED);
    assert.equal(call("io.jwt.decode_verify", token, { cert: pem(otherRsa.publicKey) }), REFUSED);
  });

test("a secret signs and verifies with its own algorithm only", () => {
  for (const [algorithm, size] of [
    ["HS256", 256],
    ["HS384", 384],
    ["HS512", 512],
  ] as const) {
    const key = { kty: "oct", k: part("secret") };
    const token = JSON.parse(call("io.jwt.encode_sign", { alg: algorithm }, {}, key)) as string;
    assert.equal(call(`io.jwt.verify_hs${size}`, token, "secret"), "true");
    assert.equal(call(`io.jwt.verify_hs${size}`, token, "Secret"), "false");
    assert.equal(call("io.jwt.decode_verify", token, { secret: "secret" }), `[true,{"alg":"${algorithm}"},{}]`);
    assert.equal(call("io.jwt.decode_verify", token, { secret: "secret", alg: "RS256" }), REFUSED);
  }
});

test("a public key is never taken for a secret", () => {
  const text = pem(rsa.publicKey);
  const message = `${part({ alg: "HS256" })}.${part({})}`;
  const forged = `${message}.${createHmac("sha256", text).update(message).digest("base64url")}`;
  assert.equal(call("io.jwt.decode_verify", forged, { cert: text }), REFUSED);
  assert.equal(call("io.jwt.verify_rs256", forged, text), "false");
});

test("a token without a signature is refused, whatever it says about that", () => {
  const cert = pem(rsa.publicKey);
  for (const alg of ["none", "None", "", "HS999"])
    for (const key of [{ cert }, { secret: "secret" }])
      assert.equal(call("io.jwt.decode_verify", `${part({ alg })}.${part({})}.`, key), REFUSED, alg);
});

test("an ES signature is by its own curve, and a PS signature has a salt as long as its hash", () => {
  const message = `${part({ alg: "ES256" })}.${part({})}`;
  const options = { key: p384.privateKey, dsaEncoding: "ieee-p1363" as const };
  const foreignCurve = `${message}.${sign("sha256", Buffer.from(message), options).toString("base64url")}`;
  assert.equal(call("io.jwt.verify_es256", foreignCurve, pem(p384.publicKey)), "false");
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 });
  assert.equal(
    call("io.jwt.encode_sign", { alg: "RS256" }, {}, jwk(short.privateKey)),
    "the key cannot sign with RS256",
  );
});

test("of a key set the key counts that the token names, or else any that fits", () => {
  const keys = [jwk(otherRsa.publicKey, { kid: "old" }), jwk(rsa.publicKey, { kid: "new", alg: "RS256" })];
  const cert = json({ keys });
  assert.match(
    call("io.jwt.decode_verify", testSign("RS256", rsa.privateKey, {}, { kid: "new" }), { cert }),
    /^\[true/,
  );
  assert.equal(call("io.jwt.decode_verify", testSign("RS256", rsa.privateKey, {}, { kid: "old" }), { cert }), REFUSED);
  assert.match(call("io.jwt.decode_verify", testSign("RS256", rsa.privateKey, {}, { kid: "?" }), { cert }), /^\[true/);
  // The second key is made for RS256 alone.
  assert.equal(call("io.jwt.decode_verify", testSign("RS512", rsa.privateKey, {}), { cert }), REFUSED);
  assert.equal(call("io.jwt.decode_verify", testSign("RS256", rsa.privateKey, {}), { cert: '{"keys":[]}' }), REFUSED);
});

test("a key that cannot be read is a failure, also as one of many", () => {
  const token = testCreateToken({});
  for (const key of ["", "x", "[]", "{}", '{"kty":"oct"}', '{"kty":"RSA","n":"AQ"}', '{"keys":[{"kty":"?"}]}'])
    assert.match(call("io.jwt.verify_rs256", token, key), /^failed to parse a JWK key \(set\)/, key);
  const { x, y } = jwk(p256.publicKey);
  const offCurve = json({ kty: "EC", crv: "P-256", x: y, y: x });
  assert.match(call("io.jwt.verify_es256", token, offCurve), /^failed to parse a JWK key/);
  assert.equal(
    call("io.jwt.verify_rs256", token, `${pem(rsa.publicKey)}\n `),
    "extra data after a PEM certificate block",
  );
  assert.equal(
    call("io.jwt.verify_rs256", token, "-----BEGIN FOO-----\nAAAA\n-----END FOO-----"),
    "failed to extract a Key from the PEM certificate",
  );
});

test("a token is valid until it expires, and not before its time", () => {
  const token = testCreateToken({ nbf: 100, exp: 200.5 });
  const at = (time: number): string => call("io.jwt.decode_verify", token, { secret: "secret", time }).slice(0, 6);
  assert.equal(at(99_999_999_999), "[false");
  assert.equal(at(100e9), "[true,");
  assert.equal(at(200.4e9), "[true,");
  assert.equal(at(200.5e9), "[false");
  assert.equal(
    call("io.jwt.decode_verify", testCreateToken({ exp: "soon" }), { secret: "secret" }),
    "exp value must be a number",
  );
  // Without a time it is the query's.
  assert.equal(call("io.jwt.decode_verify", token, { secret: "secret" }), REFUSED);
});

test("a token for somebody is for nobody else", () => {
  const isAccepted = (claims: object, constraints: { readonly [name: string]: Value }): boolean =>
    call("io.jwt.decode_verify", testCreateToken(claims), { secret: "secret", ...constraints }).startsWith("[true");
  assert.equal(isAccepted({ aud: "edge" }, { aud: "edge" }), true);
  assert.equal(isAccepted({ aud: ["cloud", "edge"] }, { aud: "edge" }), true);
  assert.equal(isAccepted({ aud: "edge" }, {}), false);
  assert.equal(isAccepted({ aud: ["cloud"] }, { aud: "edge" }), false);
  assert.equal(isAccepted({}, { aud: "edge" }), false);
  assert.equal(isAccepted({ iss: "https://issuer" }, { iss: "https://issuer" }), true);
  assert.equal(isAccepted({ iss: "https://other" }, { iss: "https://issuer" }), false);
  assert.equal(isAccepted({ iss: 1 }, { iss: "https://issuer" }), false);
});

test("constraints that are unknown, or contradict each other, are no constraints", () => {
  const token = testCreateToken({});
  for (const [constraints, message] of [
    [{}, "no key constraint"],
    [{ secret: "" }, "no key constraint"],
    [{ secret: "x", cert: pem(rsa.publicKey) }, "duplicate key constraints"],
    [{ secret: "x", sub: "x" }, "unknown token validation constraint: sub"],
    [{ secret: "x", time: -1 }, "token time constraint: must not be negative"],
    [{ secret: 1 }, "secret constraint: must be a string"],
  ] as const)
    assert.equal(call("io.jwt.decode_verify", token, constraints), message);
});

test("a critical header parameter is refused, because none is understood", () => {
  for (const header of [{ crit: ["b64"], b64: false }, { crit: ["exp"] }, { crit: ["alg"] }])
    assert.equal(call("io.jwt.decode_verify", testCreateToken({}, header), { secret: "secret" }), REFUSED);
  const empty = testCreateToken({}, { crit: [] });
  assert.equal(call("io.jwt.decode_verify", empty, { secret: "secret" }), "crit: must be a nonempty list");
});

test("a token inside a token is opened, when both are signed", () => {
  const nested = testCreateToken(testCreateToken({ sub: "x" }), { cty: "JWT" });
  assert.equal(call("io.jwt.decode_verify", nested, { secret: "secret" }), '[true,{"alg":"HS256"},{"sub":"x"}]');
  assert.match(call("io.jwt.decode", nested), /^\[\{"alg":"HS256"\},\{"sub":"x"\},"[0-9a-f]{64}"\]$/);
  const forged = testCreateToken(testCreateToken({ sub: "x" }).slice(0, -1), { cty: "JWT" });
  assert.notEqual(call("io.jwt.decode_verify", forged, { secret: "secret" }).slice(0, 5), "[true");
});

test("what is no token is told apart by what is wrong with it", () => {
  const good = testCreateToken({});
  const [header, payload, signature] = good.split(".");
  for (const [token, message] of [
    ["", "encoded JWT had no period separators"],
    [`${header}.${payload}`, "encoded JWT must have 3 sections, found 2"],
    [`${good}.x.y`, "encoded JWT must have 3 sections, found 5"],
    [`*.${payload}.${signature}`, "JWT header had invalid encoding: illegal base64url string: *"],
    [`${header}.ab*d.${signature}`, "JWT payload had invalid encoding: illegal base64 data at input byte 2"],
    [`${header}.${payload}.ab*d`, "JWT signature had invalid encoding: illegal base64 data at input byte 2"],
    [`${part([])}.${payload}.`, "bad JWT header: decoded JSON type was not an Object"],
    [`${header}.${part([])}.`, "decoded JSON type was not an Object"],
    [testCreateToken({}, { enc: "A128GCM" }), "JWT is a JWE object, which is not supported"],
  ] as const)
    assert.equal(call("io.jwt.decode", token), message);
});

test("a claim's number keeps every digit", () => {
  const token = testCreateToken('{"id":12345678901234567890}');
  assert.match(call("io.jwt.decode", token), /"id":12345678901234567890/);
});

test("raw texts are signed as they are, if a JWT's payload is JSON", () => {
  const key = json({ kty: "oct", k: part("secret") });
  const header = '{"typ":"JWT",\r\n "alg":"HS256"}';
  const token = JSON.parse(call("io.jwt.encode_sign_raw", header, '{ "a": 1 }', key)) as string;
  assert.equal(token.split(".").slice(0, 2).join("."), `${part(header)}.${part('{ "a": 1 }')}`);
  assert.equal(call("io.jwt.verify_hs256", token, "secret"), "true");
  assert.equal(call("io.jwt.encode_sign_raw", header, "plain", key), "type is JWT but payload is not JSON");
  assert.match(call("io.jwt.encode_sign_raw", '{"alg":"HS256","typ":"text/plain"}', "plain", key), /^"/);
});

test("an RSA key signs without the numbers that follow from its primes, and not without the primes", () => {
  const { kty, n, e, d, p, q } = jwk(rsa.privateKey) as Record<"kty" | "n" | "e" | "d" | "p" | "q", string>;
  const token = JSON.parse(call("io.jwt.encode_sign", { alg: "RS256" }, {}, { kty, n, e, d, p, q })) as string;
  assert.equal(call("io.jwt.verify_rs256", token, pem(rsa.publicKey)), "true");
  for (const key of [{ kty, n, e, d }, { kty, n, e }, jwk(p256.privateKey)])
    assert.equal(call("io.jwt.encode_sign", { alg: "RS256" }, {}, key), "the key cannot sign with RS256");
  assert.match(call("io.jwt.encode_sign", { alg: "RS256" }, {}, { kty, n, e, d, p: q, q: d }), /^failed to parse/);
});
