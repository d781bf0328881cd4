import assert from "node:assert/strict";
import { test } from "node:test";
import { base64, base64url } from "@vedette/base";
import fc from "fast-check";
import { readBase64, readBase64url } from "./base64-text.ts";

test("what is written as base64 is read back, with line ends anywhere", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), (bytes, at) => {
      const text = base64(bytes);
      const place = at % (text.length + 1);
      const broken = `${text.slice(0, place)}\r\n${text.slice(place)}`;
      assert.deepEqual(readBase64(broken, "standard"), { ok: true, value: bytes });
    }),
  );
});

test("base64url is read with its padding and without", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = base64url(bytes);
      assert.deepEqual(readBase64url(text), { ok: true, value: bytes });
      const padded = text.padEnd(Math.ceil(text.length / 4) * 4, "=");
      assert.deepEqual(readBase64url(padded), { ok: true, value: bytes });
    }),
  );
});

test("a fault is told by its place, as Go counts", () => {
  for (const [text, offset] of [
    ["AA*A", 2],
    ["AAAAA", 4],
    ["AA", 0],
    ["A===", 1],
    ["AA=", 3],
    ["AA=A", 2],
    ["AAA=A", 4],
    ["AAAA=", 4],
    ["éAAA", 0],
  ] as const)
    assert.deepEqual(readBase64(text, "standard"), { ok: false, error: { offset } }, text);
  assert.deepEqual(readBase64url("AAAAA"), { ok: false, error: "illegal base64url string: AAAAA" });
});
