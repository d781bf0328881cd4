import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, utf8 } from "@vedette/base";
import fc from "fast-check";
import { type DecisionFrame, encodeFrame, FRAME_LENGTH_MAX, FrameReader, fitsFrame } from "./decision-frame.ts";

const frame = fc.record({
  kind: fc.constantFrom("ask", "answer", "refusal"),
  id: fc.nat(0xffff_ffff),
  payload: fc.uint8Array({ maxLength: 64 }),
});

test("frames come out as they went in, however the stream is cut into pieces", () => {
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (frames, cuts) => {
      const stream = concatBytes(...frames.map(encodeFrame));
      assert.deepEqual(readInPieces(stream, cuts), frames.map(plain));
    }),
  );
});

test("a frame is not told before its last byte, and the reader knows that it waits for more", () => {
  const bytes = encodeFrame({ kind: "ask", id: 7, payload: utf8("[]") });
  const reader = new FrameReader();
  for (const byte of bytes.subarray(0, -1)) assert.deepEqual(reader.push(Uint8Array.of(byte)), { ok: true, value: [] });
  assert.equal(reader.isBetweenFrames, false);
  const last = reader.push(bytes.subarray(-1));
  assert.ok(last.ok);
  assert.deepEqual(last.value.map(plain), [{ kind: "ask", id: 7, payload: [...utf8("[]")] }]);
  assert.equal(reader.isBetweenFrames, true);
});

test("a frame with an empty payload is a frame", () => {
  const read = new FrameReader().push(encodeFrame({ kind: "answer", id: 0, payload: new Uint8Array(0) }));
  assert.equal(read.ok && read.value.length, 1);
});

test("the largest frame fits, and one byte more is refused by its length alone", () => {
  const largest = FRAME_LENGTH_MAX - 6;
  assert.deepEqual([fitsFrame(largest), fitsFrame(largest + 1)], [true, false]);
  const read = new FrameReader().push(encodeFrame({ kind: "ask", id: 1, payload: new Uint8Array(largest) }));
  assert.equal(read.ok && read.value[0]?.payload.length, largest);
  const head = encodeFrame({ kind: "ask", id: 1, payload: new Uint8Array(largest + 1) }).subarray(0, 10);
  assert.equal(codeOf(head), "FRAME_TOO_LARGE");
  assert.equal(codeOf(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 0, 0)), "FRAME_TOO_LARGE");
});

test("another version, an unknown kind and a length below its own head are refused", () => {
  assert.equal(codeOf(Uint8Array.of(0, 0, 0, 6, 2, 1, 0, 0, 0, 1)), "FRAME_VERSION_UNKNOWN");
  assert.equal(codeOf(Uint8Array.of(0, 0, 0, 6, 1, 9, 0, 0, 0, 1)), "FRAME_KIND_UNKNOWN");
  assert.equal(codeOf(Uint8Array.of(0, 0, 0, 5, 1, 1, 0, 0, 0, 1)), "FRAME_TOO_SHORT");
  assert.equal(codeOf(utf8("GET /v1/data HTTP/1.1\r\n\r\n")), "FRAME_TOO_LARGE");
});

test("whatever bytes arrive, the reader answers and never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => void new FrameReader().push(bytes)));
});

function readInPieces(stream: Uint8Array, cuts: readonly number[]): unknown[] {
  const reader = new FrameReader();
  const read: unknown[] = [];
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const length = cuts[turn % cuts.length]!;
    const frames = reader.push(stream.subarray(at, at + length));
    assert.ok(frames.ok);
    read.push(...frames.value.map(plain));
    at += length;
  }
  assert.equal(reader.isBetweenFrames, true);
  return read;
}

function plain({ kind, id, payload }: DecisionFrame) {
  return { kind, id, payload: [...payload] };
}

function codeOf(bytes: Uint8Array): string {
  const read = new FrameReader().push(bytes);
  return read.ok ? "" : read.error.code;
}
