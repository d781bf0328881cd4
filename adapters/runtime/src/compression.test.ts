import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import fc from "fast-check";
import { gunzip, gzip } from "./compression.ts";

test("what was packed unpacks to the same bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      assert.deepEqual(gunzip(gzip(bytes), 2_000), bytes);
    }),
  );
});

test("a small file that unpacks beyond the limit is refused, at the limit it is not", () => {
  const bomb = gzip(new Uint8Array(10_000_000));
  assert.ok(bomb.length < 20_000);
  assert.equal(gunzip(bomb, 9_999_999), undefined);
  assert.equal(gunzip(bomb, 10_000_000)?.length, 10_000_000);
});

test("what is damaged, cut or no gzip is refused", () => {
  const packed = gzip(utf8("one rule for the kiosk, another for the till"));
  for (let length = 0; length < packed.length; length++)
    assert.equal(gunzip(packed.subarray(0, length), 1_000), undefined);
  const altered = packed.slice();
  altered[20] = (altered[20] ?? 0) ^ 0xff;
  assert.equal(gunzip(altered, 1_000), undefined);
  assert.equal(gunzip(utf8("plain"), 1_000), undefined);
});
