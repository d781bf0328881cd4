import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8 } from "@vedette/base";
import fc from "fast-check";
import { ENTRY_LENGTH_MAX, encodeBundle, parseBundle } from "./entry-bundle.ts";
import { bundlePath, tilePath, tilesOf } from "./tile.ts";

test("tile paths are those of the standard", () => {
  assert.equal(tilePath({ level: 0, index: 1_234_067, width: 256 }), "tile/0/x001/x234/067");
  assert.equal(tilePath({ level: 2, index: 0, width: 1 }), "tile/2/000.p/1");
  assert.equal(bundlePath(273, 112), "tile/entries/273.p/112");
  assert.equal(bundlePath(1_000, 256), "tile/entries/x001/000");
});

test("a tree of 70,000 entries has the tiles that the standard counts", () => {
  const tiles = [...tilesOf(70_000)];
  const count = (level: number, width: number) => tiles.filter((t) => t.level === level && t.width === width).length;
  assert.equal(count(0, 256), 273);
  assert.deepEqual([count(0, 112), count(1, 256), count(1, 17), count(2, 1)], [1, 1, 1, 1]);
  assert.equal(tiles.length, 277);
});

test("a tree of 256 entries is a full tile and one hash above it, and an empty tree is nothing", () => {
  assert.deepEqual(
    [...tilesOf(256)],
    [
      { level: 0, index: 0, width: 256 },
      { level: 1, index: 0, width: 1 },
    ],
  );
  assert.deepEqual([...tilesOf(0)], []);
});

test("a bundle is its entries, each after its length", () => {
  assert.deepEqual(encodeBundle([utf8("one"), utf8("")]), Uint8Array.of(0, 3, 0x6f, 0x6e, 0x65, 0, 0));
});

test("any entries survive encoding and parsing", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (entries) => {
      const parsed = parseBundle(encodeBundle(entries), entries.length);
      assert.ok(parsed.ok);
      assert.deepEqual(parsed.value.map(hex), entries.map(hex));
    }),
  );
});

test("the largest entry fits, and one byte more is a bug of ours", () => {
  assert.ok(parseBundle(encodeBundle([new Uint8Array(ENTRY_LENGTH_MAX)]), 1).ok);
  assert.throws(() => encodeBundle([new Uint8Array(ENTRY_LENGTH_MAX + 1)]), /at most 65,535/);
});

test("a bundle with an entry too few, cut short, or with a byte too many is refused with what could be read", () => {
  const bundle = encodeBundle([utf8("one"), utf8("two")]);
  const readable = (bytes: Uint8Array, count: number) => {
    const parsed = parseBundle(bytes, count);
    assert.ok(!parsed.ok);
    assert.equal(parsed.error.code, "BUNDLE_MALFORMED");
    return parsed.error.entries.length;
  };
  assert.equal(readable(bundle, 3), 2);
  assert.equal(readable(bundle.subarray(0, -1), 2), 1);
  assert.equal(readable(Uint8Array.of(...bundle, 0), 2), 2);
});
