import assert from "node:assert/strict";
import { test } from "node:test";
import { testCreateCaller } from "./builtin-fixture.test.ts";
import { CRYPTO_BUILTINS } from "./crypto-builtins.ts";

const call = testCreateCaller(CRYPTO_BUILTINS);

test("hashes are those of RFC 1321 and FIPS 180-4 for abc", () => {
  assert.equal(call("crypto.md5", "abc"), '"900150983cd24fb0d6963f7d28e17f72"');
  assert.equal(call("crypto.sha1", "abc"), '"a9993e364706816aba3e25717850c26c9cd0d89d"');
  assert.equal(call("crypto.sha256", "abc"), '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"');
});

test("message authentication is that of RFC 2202 §2 and RFC 4231 §4.3", () => {
  const [text, key] = ["what do ya want for nothing?", "Jefe"];
  assert.equal(call("crypto.hmac.md5", text, key), '"750c783e6ab0b503eaa86e310a5db738"');
  assert.equal(call("crypto.hmac.sha1", text, key), '"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"');
  assert.equal(
    call("crypto.hmac.sha256", text, key),
    '"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"',
  );
  assert.match(call("crypto.hmac.sha512", text, key), /^"164b7a7bfcf819e2e395fbe73b56e0a3/);
});

test("codes are equal when their texts are", () => {
  assert.equal(call("crypto.hmac.equal", "abc", "abc"), "true");
  assert.equal(call("crypto.hmac.equal", "abc", "abd"), "false");
  assert.equal(call("crypto.hmac.equal", "abc", "abcd"), "false");
  assert.equal(call("crypto.hmac.equal", "abc", 1), "operand 2 must be string but got number");
});
