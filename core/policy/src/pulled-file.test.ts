import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import fc from "fast-check";
import { DELTAS_MAX, encodePulledFile, parsePulledFile } from "./pulled-file.ts";
import { writeTar } from "./tar.ts";

test("what is kept is read back, in its order", () => {
  const bytes = fc.uint8Array({ maxLength: 50 });
  fc.assert(
    fc.property(fc.string(), bytes, fc.array(bytes, { maxLength: 12 }), (etag, snapshot, deltas) => {
      const parsed = parsePulledFile(encodePulledFile({ etag: etag.toWellFormed(), snapshot, deltas }));
      assert.ok(parsed.ok);
      assert.equal(parsed.value.etag, etag.toWellFormed());
      assert.deepEqual(Buffer.from(parsed.value.snapshot), Buffer.from(snapshot));
      assert.deepEqual(parsed.value.deltas.map(Buffer.from), deltas.map(Buffer.from));
    }),
  );
});

test("a file that is damaged, lacks a part, or has one too many is refused", () => {
  const etag = ["etag", utf8('"1"')] as const;
  const snapshot = ["snapshot.tar.gz", utf8("x")] as const;
  const delta = (i: number) => [`delta-${i}.tar.gz`, utf8("x")] as const;
  for (const parts of [
    [],
    [etag],
    [snapshot],
    [etag, snapshot, ["x", utf8("x")] as const],
    [etag, snapshot, delta(1)],
    [etag, snapshot, delta(0), delta(2)],
    [etag, snapshot, ...Array.from({ length: DELTAS_MAX + 1 }, (_, i) => delta(i))],
  ])
    assert.equal(parsePulledFile(writeTar(new Map(parts))).ok, false);
  assert.equal(parsePulledFile(utf8("nothing")).ok, false);
});
