import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { utf8 } from "@vedette/base";
import fc from "fast-check";
import { type ChunkFill, packChunk, startFill } from "./log-chunk.ts";

const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
const limits = { packedMax: 400 };

function eventsOf(count: number, length = 60): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => utf8(JSON.stringify({ i, x: "y".repeat(length) })));
}

/** What cannot be packed. */
function noise(length: number, seed: number): string {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 24).toString(16);
  };
  return Array.from({ length }, next).join("");
}

test("a chunk is a gzip of a JSON array of the first events", () => {
  const chunk = packChunk(eventsOf(3), { bytes: 10_000 }, limits, gzip);
  assert.ok(chunk.kind === "chunk" && chunk.count === 3);
  assert.deepEqual(
    JSON.parse(gunzipSync(chunk.body).toString()).map(({ i }: { i: number }) => i),
    [0, 1, 2],
  );
});

test("chunks grow while more would have fitted", () => {
  const events = eventsOf(500);
  const counts: number[] = [];
  let fill = startFill(limits);
  for (let at = 0; at < events.length && counts.length < 50; ) {
    const chunk = packChunk(events.slice(at), fill, limits, gzip);
    assert.ok(chunk.kind === "chunk" && chunk.body.length <= limits.packedMax);
    ({ fill } = chunk);
    at += chunk.count;
    counts.push(chunk.count);
  }
  assert.ok(counts[0]! < 10 && Math.max(...counts) > 60, `${counts}`);
});

test("chunks shrink when the events pack worse than those before", () => {
  const events = Array.from({ length: 40 }, (_, i) => utf8(JSON.stringify(noise(100, i + 1))));
  const chunk = packChunk(events, { bytes: 100_000 }, limits, gzip);
  assert.ok(chunk.kind === "chunk" && chunk.count < 10 && chunk.fill.bytes < 100_000);
});

test("an event that is too large by itself is said to be, and the rest is not held up by it", () => {
  const large = utf8(JSON.stringify(noise(4_000, 1)));
  assert.equal(packChunk([large, ...eventsOf(2)], startFill(limits), limits, gzip).kind, "too-large");
  const before = packChunk([...eventsOf(2), large], { bytes: 100_000 }, limits, gzip);
  assert.ok(before.kind === "chunk" && before.count <= 2);
});

test("every event is in exactly one chunk, in order, and no chunk is too large", () => {
  const event = fc.tuple(fc.nat(300), fc.integer()).map(([length, seed]) => utf8(JSON.stringify(noise(length, seed))));
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 50_000 }),
      (events, bytes) => {
        let fill: ChunkFill = { bytes };
        const sent: unknown[] = [];
        for (let at = 0; at < events.length; ) {
          const chunk = packChunk(events.slice(at), fill, { packedMax: 600 }, gzip);
          assert.ok(chunk.kind === "chunk" && chunk.body.length <= 600 && chunk.count >= 1);
          ({ fill } = chunk);
          at += chunk.count;
          sent.push(...JSON.parse(gunzipSync(chunk.body).toString()));
        }
        assert.deepEqual(
          sent,
          events.map((each) => JSON.parse(Buffer.from(each).toString())),
        );
      },
    ),
    { numRuns: 60 },
  );
});
