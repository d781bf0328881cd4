import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ByteReader,
  ByteWriter,
  base64,
  base64url,
  concatBytes,
  hex,
  isSameBytes,
  parseBase64,
  parseBase64url,
  parseHex,
  parseUtf8,
  utf8,
} from "./bytes.ts";
import { InvariantError } from "./result.ts";

const anyBytes = fc.uint8Array({ maxLength: 300 });
const refused = (code: string): object => ({ ok: false, error: { code } });

test("Base64, base64url and hex are what Node writes, and read back to the same bytes", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      assert.equal(base64(bytes), Buffer.from(bytes).toString("base64"));
      assert.equal(base64url(bytes), Buffer.from(bytes).toString("base64url"));
      assert.equal(hex(bytes), Buffer.from(bytes).toString("hex"));
      assert.deepEqual(parseBase64(base64(bytes)), { ok: true, value: bytes });
      assert.deepEqual(parseBase64url(base64url(bytes)), { ok: true, value: bytes });
      assert.deepEqual(parseHex(hex(bytes)), { ok: true, value: bytes });
    }),
  );
});

test("the test vectors of RFC 4648 §10 hold", () => {
  const vectors = {
    "": "",
    f: "Zg==",
    fo: "Zm8=",
    foo: "Zm9v",
    foob: "Zm9vYg==",
    fooba: "Zm9vYmE=",
    foobar: "Zm9vYmFy",
  };
  for (const [text, encoded] of Object.entries(vectors)) assert.equal(base64(utf8(text)), encoded);
});

test("bytes have one Base64 text: whatever is accepted is what would be written", () => {
  const alphabet = fc.string({ unit: fc.constantFrom(..."AZaz09+/-_= \n\u00e9"), maxLength: 12 });
  fc.assert(
    fc.property(alphabet, (text) => {
      const standard = parseBase64(text);
      const url = parseBase64url(text);
      if (standard.ok) assert.equal(base64(standard.value), text);
      if (url.ok) assert.equal(base64url(url.value), text);
    }),
    { numRuns: 2_000 },
  );
});

test("Base64 with wrong padding, foreign letters or unused bits set is refused", () => {
  for (const text of [
    "Zg",
    "Zg=",
    "Zg===",
    "=",
    "====",
    "Z===",
    "Zh==",
    "Zm9=",
    "Zm9v\n",
    "Zm 9",
    "Zm-_",
    "Zg==Zg==",
    "Zmé=",
  ])
    assert.deepEqual(parseBase64(text), refused("BASE64_INVALID"), text);
  for (const text of ["Zg==", "Z", "Zh", "Zm9", "Zm+/", "Zm9v.", "Zmé"])
    assert.deepEqual(parseBase64url(text), refused("BASE64_INVALID"), text);
});

test("hex is read in either case, but only whole and without ornament", () => {
  assert.deepEqual(parseHex("00fFAb"), { ok: true, value: Uint8Array.of(0x00, 0xff, 0xab) });
  for (const text of ["0", "0g", "0x00", " 00", "é0"]) assert.deepEqual(parseHex(text), refused("HEX_INVALID"), text);
});

test("UTF-8 is read as Node reads it, and refused where Node would have to guess", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      if (text.isWellFormed()) assert.deepEqual(parseUtf8(utf8(text)), { ok: true, value: text });
    }),
  );
  const hostile = [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];
  for (const bytes of hostile)
    assert.deepEqual(parseUtf8(Uint8Array.from(bytes)), refused("UTF8_INVALID"), String(bytes));
});

test("a byte order mark is a character like any other: it is kept, so that no two texts become one", () => {
  assert.deepEqual(parseUtf8(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61])), { ok: true, value: "\ufeffa" });
});

test("joined bytes are as long as their parts, in order", () => {
  fc.assert(
    fc.property(fc.array(anyBytes), (parts) => {
      assert.deepEqual(concatBytes(...parts), new Uint8Array(Buffer.concat(parts)));
    }),
  );
});

test("bytes are the same only when length and every byte are", () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      assert.equal(isSameBytes(a, b), Buffer.compare(a, b) === 0);
      assert.equal(isSameBytes(a, a.slice()), true);
      assert.equal(isSameBytes(a, concatBytes(a, Uint8Array.of(0))), false);
    }),
  );
});

test("what a writer wrote, a reader reads, to the last byte", () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant("u8" as const), value: fc.integer({ min: 0, max: 0xff }) }),
    fc.record({ kind: fc.constant("u16" as const), value: fc.integer({ min: 0, max: 0xffff }) }),
    fc.record({ kind: fc.constant("u32" as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
    fc.record({ kind: fc.constant("u64" as const), value: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }) }),
    fc.record({ kind: fc.constant("sized16" as const), value: anyBytes }),
  );
  fc.assert(
    fc.property(fc.array(field), (fields) => {
      const writer = new ByteWriter();
      for (const each of fields) {
        if (each.kind === "u64") writer.u64(each.value);
        else if (each.kind === "sized16") writer.sized16(each.value);
        else writer[each.kind](each.value);
      }
      const reader = new ByteReader(writer.finish());
      for (const { kind, value } of fields) assert.deepEqual(reader[kind](), value);
      assert.equal(reader.isFinished, true);
    }),
  );
});

test("numbers are big-endian, as DataView writes them", () => {
  const bytes = new ByteWriter().u16(0x0102).u32(0xfffe_fdfc).u64(0x8000_0000_0000_0001n).finish();
  assert.equal(hex(bytes), "0102fffefdfc8000000000000001");
});

test("a reader past the end yields zeros, remembers it, and never recovers", () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  assert.equal(reader.u16(), 0x0102);
  assert.equal(reader.isWhole, true);
  assert.equal(reader.isFinished, false);
  assert.equal(reader.u32(), 0);
  assert.equal(reader.isWhole, false);
  assert.equal(reader.take(0).length, 0);
  assert.equal(reader.isWhole, false);
  assert.equal(reader.isFinished, false);
});

test("a sized field that claims more than there is fails without reading beyond", () => {
  const whole = Uint8Array.of(0xff, 0xff, 1, 2, 3);
  const reader = new ByteReader(whole.subarray(0, 4));
  assert.equal(reader.sized16().length, 0);
  assert.equal(reader.isWhole, false);
});

test("any structure cut at any byte is noticed", () => {
  const bytes = new ByteWriter().u8(1).u16(2).sized16(utf8("three")).u64(4n).finish();
  for (let length = 0; length < bytes.length; length++) {
    const reader = new ByteReader(bytes.subarray(0, length));
    reader.u8();
    reader.u16();
    reader.sized16();
    reader.u64();
    assert.equal(reader.isFinished, false, `cut at ${length}`);
  }
});

test("a sized field holds 65,535 bytes and not one more", () => {
  assert.equal(new ByteWriter().sized16(new Uint8Array(65_535)).finish().length, 65_537);
  assert.throws(() => new ByteWriter().sized16(new Uint8Array(65_536)), InvariantError);
});
