import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, base64, utf8 } from "@vedette/base";
import fc from "fast-check";
import { encodeAddCheckpoint, PROOF_LENGTH_MAX, parseAddCheckpoint } from "./add-checkpoint.ts";
import {
  encodeAddEntries,
  formatMirrorInfo,
  packageRanges,
  parseMirrorInfo,
  readAddEntriesHeader,
  readPackage,
} from "./add-entries.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const size = fc.maxSafeNat();

test("add-checkpoint keeps old size, proof and checkpoint through encoding and parsing", () => {
  fc.assert(
    fc.property(size, fc.array(hash, { maxLength: PROOF_LENGTH_MAX }), (oldSize, proof) => {
      const checkpoint = "o.example\n1\nroot\n\n— o.example AAAAAAA=\n";
      const parsed = parseAddCheckpoint(encodeAddCheckpoint({ oldSize, proof, checkpoint }));
      assert.ok(parsed.ok);
      assert.deepEqual([parsed.value.oldSize, parsed.value.checkpoint], [oldSize, checkpoint]);
      assert.deepEqual(parsed.value.proof.map(base64), proof.map(base64));
      assert.equal(parsed.value.origin, "o.example");
    }),
  );
});

test("an add-checkpoint body that is not one is refused", () => {
  const line = `${base64(new Uint8Array(32))}\n`;
  for (const body of [
    "",
    "old 1\n",
    "new 1\n\nx\n",
    "old 01\n\nx\n",
    "old 99999999999999999\n\nx\n",
    "old 1\nAAAA\n\nx\n",
    `old 1\n${line.repeat(PROOF_LENGTH_MAX + 1)}\nx\n`,
  ])
    assert.deepEqual(parseAddCheckpoint(utf8(body)), { ok: false, error: { code: "REQUEST_MALFORMED" } }, body);
  assert.equal(parseAddCheckpoint(Uint8Array.of(0xff)).ok, false);
});

test("packages are aligned at multiples of 256, and cover exactly the upload", () => {
  assert.deepEqual(
    [...packageRanges(300, 600)],
    [
      { subtreeStart: 256, start: 300, end: 512 },
      { subtreeStart: 512, start: 512, end: 600 },
    ],
  );
  assert.deepEqual([...packageRanges(7, 7)], []);
});

test("add-entries keeps its head and packages through encoding and reading", () => {
  const entry = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(
      fc.nat(1_000),
      fc.array(entry, { maxLength: 600 }),
      fc.array(hash, { maxLength: 5 }),
      (start, all, proof) => {
        const end = start + all.length;
        const ranges = [...packageRanges(start, end)];
        const packages = ranges.map((range) => ({ entries: all.slice(range.start - start, range.end - start), proof }));
        const ticket = Uint8Array.of(1, 2);
        const reader = new ByteReader(encodeAddEntries({ origin: "ö.example", start, end, ticket }, packages));
        const header = readAddEntriesHeader(reader);
        assert.ok(header.ok);
        assert.deepEqual([header.value.origin, header.value.start, header.value.end], ["ö.example", start, end]);
        const read = ranges.map((range) => readPackage(reader, range));
        assert.deepEqual(
          read.flatMap((one) => one?.entries.map(base64)),
          all.map(base64),
        );
        assert.ok(reader.isFinished);
      },
    ),
    { numRuns: 30 },
  );
});

test("a package cut anywhere is no package", () => {
  const range = { subtreeStart: 0, start: 0, end: 2 };
  const proof = [new Uint8Array(32)];
  const whole = encodeAddEntries({ origin: "", start: 0, end: 2, ticket: new Uint8Array(0) }, [
    { entries: [utf8("one"), utf8("two")], proof },
  ]);
  const head = 2 + 8 + 8 + 2;
  assert.ok(readPackage(new ByteReader(whole.subarray(head)), range));
  for (let end = head; end < whole.length; end++)
    assert.equal(readPackage(new ByteReader(whole.subarray(head, end)), range), undefined);
});

test("a head that ends before it starts, or is cut short, is refused", () => {
  const header = (start: number, end: number) =>
    encodeAddEntries({ origin: "o", start, end, ticket: new Uint8Array(0) }, []);
  assert.equal(readAddEntriesHeader(new ByteReader(header(2, 1))).ok, false);
  assert.equal(readAddEntriesHeader(new ByteReader(header(1, 2).subarray(0, -1))).ok, false);
});

test("mirror info keeps its three lines", () => {
  fc.assert(
    fc.property(size, size, fc.uint8Array({ maxLength: 50 }), (treeSize, nextEntry, ticket) => {
      const parsed = parseMirrorInfo(formatMirrorInfo({ size: treeSize, nextEntry, ticket }));
      assert.ok(parsed.ok);
      assert.deepEqual([parsed.value.size, parsed.value.nextEntry], [treeSize, nextEntry]);
      assert.equal(base64(parsed.value.ticket), base64(ticket));
    }),
  );
  for (const body of ["", "1\n2\n", "1\n2\n\n\n", "01\n2\n\n", "1\n2\n!\n", "9999999999999999\n2\n\n"])
    assert.deepEqual(parseMirrorInfo(body), { ok: false, error: { code: "MIRROR_INFO_MALFORMED" } }, body);
});
