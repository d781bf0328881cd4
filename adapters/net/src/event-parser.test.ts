import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import fc from "fast-check";
import { createEventParser, EVENT_LENGTH_MAX, type ReceivedEvent } from "./event-parser.ts";

function testParse(...parts: readonly (string | Uint8Array)[]): readonly ReceivedEvent[] {
  const parser = createEventParser();
  return parts.flatMap((part) => parser.push(typeof part === "string" ? utf8(part) : part));
}

test("an event ends at a blank line; comments and unknown fields are passed over", () => {
  assert.deepEqual(
    testParse(": heartbeat\n\nid: 7\nevent: generation\ndata: a\ndata: b\nretry: 1\nfoo: x\n\ndata: half"),
    [{ id: "7", type: "generation", data: "a\nb" }],
  );
});

test("an id stays until another comes, and an event without data is none", () => {
  assert.deepEqual(testParse("id: 7\n\ndata\n\ndata:x\n\n"), [
    { id: "7", type: "message", data: "" },
    { id: "7", type: "message", data: "x" },
  ]);
});

test("the bytes may be cut anywhere, and lines may end in any of three ways", () => {
  const stream = utf8("id: 1\r\nevent: e\rdata: ä→\n\r\ndata: 2\r\r");
  const whole = testParse(stream, "\n");
  assert.equal(whole.length, 2);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: stream.length })), (cuts) => {
      const ends = [...cuts, stream.length].sort((a, b) => a - b);
      const parts = ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
      assert.deepEqual(testParse(...parts, "\n"), whole);
    }),
  );
});

test("a line or an event that does not end is refused at the limit, and so is what is no UTF-8", () => {
  const broken = { code: "NET_PROTOCOL" };
  assert.throws(() => testParse("x".repeat(EVENT_LENGTH_MAX + 1)), broken);
  const line = `data: ${"x".repeat(1_000)}\n`;
  assert.throws(() => testParse(...Array.from({ length: 70 }, () => line)), broken);
  assert.throws(() => testParse(new Uint8Array([0xff, 0xfe])), broken);
});
