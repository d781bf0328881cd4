import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DerReader, TAG } from "./der-reader.ts";
import { bitString, der, namedBits, oid, sequence, unsignedInteger } from "./der-writer.ts";

function faultOf(octets: readonly number[], read: (reader: DerReader) => unknown): number | undefined {
  const reader = new DerReader(Uint8Array.from(octets));
  read(reader);
  reader.finish();
  return reader.faultOffset;
}

test("an unsigned integer of any length is written minimally and read back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 24 }), (octets) => {
      const reader = new DerReader(unsignedInteger(octets));
      const read = reader.integer();
      assert.equal(reader.faultOffset, undefined);
      assert.equal(
        BigInt(`0x0${Buffer.from(read).toString("hex")}`),
        BigInt(`0x0${Buffer.from(octets).toString("hex")}`),
      );
    }),
  );
});

test("an object identifier is read back as it was written", () => {
  const arc = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const rest = fc.array(arc, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 39 }), rest, (root, second, arcs) => {
      const dotted = [root, second, ...arcs].join(".");
      const reader = new DerReader(oid(dotted));
      assert.equal(reader.oid(), dotted);
      assert.equal(reader.faultOffset, undefined);
    }),
  );
});

test("elements of every length below the size limit keep their contents", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 257, 16_384, 65_535]) {
    const reader = new DerReader(der(TAG.octetString, new Uint8Array(length).fill(7)));
    assert.equal(reader.read(TAG.octetString).length, length);
    reader.finish();
    assert.equal(reader.faultOffset, undefined, `length ${length}`);
  }
});

test("named bits leave out trailing zeros", () => {
  assert.deepEqual(namedBits([0]), Uint8Array.of(0x03, 2, 7, 0x80));
  assert.deepEqual(namedBits([5, 6]), Uint8Array.of(0x03, 2, 1, 0x06));
  assert.deepEqual(namedBits([8]), Uint8Array.of(0x03, 3, 7, 0, 0x80));
});

test("a bit string with unused bits is no key and no signature", () => {
  assert.equal(new DerReader(bitString(Uint8Array.of(1, 2))).octetsOfBitString().length, 2);
  assert.notEqual(
    faultOf([0x03, 2, 1, 0x80], (reader) => reader.octetsOfBitString()),
    undefined,
  );
});

const SECOND_SPELLINGS: readonly (readonly [string, readonly number[], (reader: DerReader) => unknown])[] = [
  ["a long length where a short one would do", [0x04, 0x81, 1, 0], (r) => r.read(TAG.octetString)],
  ["a length with a leading zero", [0x04, 0x82, 0, 0x80, ...new Array<number>(128).fill(0)], (r) => r.element()],
  ["an indefinite length", [0x30, 0x80, 0, 0], (r) => r.element()],
  ["a length of four octets", [0x04, 0x84, 0, 0, 0, 1, 0], (r) => r.element()],
  ["a tag number above 30", [0x1f, 0x81, 0x01, 0], (r) => r.element()],
  ["contents shorter than the length", [0x04, 5, 1, 2], (r) => r.element()],
  ["nothing at all", [], (r) => r.element()],
  ["a tag without a length", [0x04], (r) => r.element()],
  ["another tag than asked for", [0x04, 0], (r) => r.read(TAG.integer)],
  ["bytes after the end", [0x05, 0, 0], (r) => r.element()],
  ["an integer without octets", [0x02, 0], (r) => r.integer()],
  ["an integer padded with zero", [0x02, 2, 0, 0x7f], (r) => r.integer()],
  ["an integer padded with ones", [0x02, 2, 0xff, 0x80], (r) => r.integer()],
  ["a negative number where a count is asked for", [0x02, 1, 0x80], (r) => r.smallInteger()],
  ["a count of three octets", [0x02, 3, 1, 0, 0], (r) => r.smallInteger()],
  ["a boolean that is neither 0 nor 255", [0x01, 1, 1], (r) => r.boolean()],
  ["an empty object identifier", [0x06, 0], (r) => r.oid()],
  ["an object identifier that breaks off", [0x06, 2, 0x2a, 0x86], (r) => r.oid()],
  ["an arc padded with zero", [0x06, 3, 0x2a, 0x80, 0x01], (r) => r.oid()],
];

for (const [name, octets, read] of SECOND_SPELLINGS) {
  test(`${name} is refused`, () => assert.notEqual(faultOf(octets, read), undefined));
}

test("nesting has a limit", () => {
  const nested = (depth: number): Uint8Array => (depth === 0 ? sequence() : sequence(nested(depth - 1)));
  const walk = (reader: DerReader): void => {
    if (reader.hasMore) reader.within(TAG.sequence, walk);
  };
  for (const [depth, isRefused] of [
    [15, false],
    [16, true],
    [1_000, true],
  ] as const) {
    const reader = new DerReader(nested(depth));
    walk(reader);
    assert.equal(reader.faultOffset !== undefined, isRefused, `depth ${depth}`);
  }
});

test("after a fault every read yields nothing, and the first fault is the one reported", () => {
  const reader = new DerReader(Uint8Array.of(0x04, 1, 9, 0x02, 1, 5));
  assert.equal(reader.integer().length, 0);
  assert.equal(reader.faultOffset, 0);
  assert.equal(reader.read(TAG.octetString).length, 0);
  assert.deepEqual(
    reader.list(5, (each) => each.element()),
    [],
  );
  assert.equal(reader.faultOffset, 0);
});
