import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bytesToText, textToBytes } from "./text-bytes.ts";

test("any bytes survive the way through a text", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.deepEqual(textToBytes(bytesToText(bytes)), bytes)));
});

test("bytes that are UTF-8 are the text they mean", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(bytesToText(textToBytes(text)), text)));
});

test("each byte that is no part of UTF-8 is one character of its own", () => {
  assert.equal(bytesToText(Uint8Array.of(0x61, 0xff, 0xe6, 0x97, 0xa5, 0xe6, 0x97)), "a\udcff日\udce6\udc97");
  assert.equal(bytesToText(Uint8Array.of(0xed, 0xa0, 0x80)), "\udced\udca0\udc80", "an encoded surrogate is not UTF-8");
});

test("half of a surrogate pair that stands for no byte becomes the replacement character", () => {
  assert.deepEqual(textToBytes("\ud800"), Uint8Array.of(0xef, 0xbf, 0xbd));
});
