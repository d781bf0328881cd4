import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, utf8 } from "@vedette/base";
import fc from "fast-check";
import { parseTar, writeTar } from "./tar.ts";

const path = fc.stringMatching(/^[a-z]{1,8}(\/[a-z0-9_-]{1,8}){0,3}\.json$/);

function refusedFor(bytes: Uint8Array): string {
  const files = parseTar(bytes);
  assert.ok(!files.ok, "accepted");
  return files.error.expected;
}

/** A written archive of one file whose header is changed and its checksum set right again. */
function withHeader(change: (header: Uint8Array) => void): Uint8Array {
  const bytes = writeTar(new Map([["a/data.json", utf8("{}")]]));
  const header = bytes.subarray(0, 512);
  change(header);
  header.set(utf8("        "), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(utf8(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.dictionary(path, fc.uint8Array({ maxLength: 1_500 }), { maxKeys: 5 }), (members) => {
      const files = new Map(Object.entries(members));
      const parsed = parseTar(writeTar(files));
      assert.ok(parsed.ok);
      assert.deepEqual(new Map([...parsed.value].map(([name, bytes]) => [name, bytes.slice()])), files);
    }),
    { numRuns: 50 },
  );
});

test("the leading slash that OPA writes is dropped", () => {
  const parsed = parseTar(withHeader((header) => header.set(utf8("/a/data.json"), 0)));
  assert.deepEqual(parsed.ok && [...parsed.value.keys()], ["a/data.json"]);
});

test("links, directories, devices and extended headers are refused", () => {
  for (const type of "123456xgLK\0")
    assert.equal(refusedFor(withHeader((header) => header.set(utf8(type), 156))), "regular files only");
  assert.equal(refusedFor(withHeader((header) => header.set(utf8("target"), 157))), "regular files only");
});

test("paths that leave the archive are refused", () => {
  for (const name of ["../data.json", "a/../data.json", "./data.json", "//data.json", "a//b", "a\\b.json", ""])
    assert.equal(
      refusedFor(withHeader((header) => header.fill(0, 0, 100).set(utf8(name), 0))),
      "a relative path of plain names",
      name,
    );
  assert.equal(refusedFor(withHeader((header) => header.set(utf8("etc"), 345))), "a relative path of plain names");
});

test("a path that occurs twice, with or without its slash, is refused", () => {
  const one = writeTar(new Map([["a/data.json", utf8("{}")]])).subarray(0, 1_024);
  const slashed = withHeader((header) => header.set(utf8("/a/data.json"), 0)).subarray(0, 1_024);
  assert.equal(refusedFor(concatBytes(one, one, new Uint8Array(1_024))), "each path once");
  assert.equal(refusedFor(concatBytes(one, slashed, new Uint8Array(1_024))), "each path once");
});

test("a size beyond the archive, and one that is not octal, are refused", () => {
  assert.equal(refusedFor(withHeader((header) => header.set(utf8("77777777777\0"), 124))), "a whole archive");
  assert.equal(refusedFor(withHeader((header) => header.set(utf8("-0000000001\0"), 124))), "an octal size");
});

test("bytes after the end, and in the padding of a file, are refused", () => {
  const bytes = writeTar(new Map([["a/data.json", utf8("{}")]]));
  assert.equal(refusedFor(concatBytes(bytes, utf8("x"))), "blocks of zeros at the end");
  const padded = bytes.slice();
  padded[512 + 100] = 1;
  assert.equal(refusedFor(padded), "zeros after a file");
  assert.ok(parseTar(concatBytes(bytes, new Uint8Array(8_192))).ok, "zeros at the end are how tar rounds up");
});

test("hostile bytes are refused and never thrown at", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_048 }), (bytes) => void parseTar(bytes)),
    { numRuns: 200 },
  );
  assert.ok(!parseTar(new Uint8Array(0)).ok);
});
