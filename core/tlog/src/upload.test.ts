import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader, type Crypto, instant, type Result, utf8 } from "@vedette/base";
import { cosignNote, formatNoteSignature, noteSignerOf, parseNote } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import fc from "fast-check";
import { parseAddCheckpoint } from "./add-checkpoint.ts";
import { PACKAGES_MAX, packageRanges, readAddEntriesHeader, readPackage } from "./add-entries.ts";
import { signCheckpoint } from "./checkpoint.ts";
import type { LogReader } from "./ports.ts";
import { rangeRoot } from "./subtree-proof.ts";
import { nodesOfTiles, TILE_WIDTH } from "./tile.ts";
import { createTreeHasher } from "./tree-hasher.ts";
import { afterUpload, planUpload, startUpload, type UploadRequest, type UploadState } from "./upload.ts";

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);
const ORIGIN = "node.example/log";
const signer = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
const mirror = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);
const log = setupLog(9_000);

test("a mirror that holds the newest checkpoint needs nothing", () => {
  assert.equal(value(planUpload(startUpload(9_000), checkpointAt(9_000), log, hasher)), undefined);
});

test("first the checkpoint is shown, then entries follow in requests of at most 32 packages", () => {
  const shown = plan(startUpload(0), 9_000);
  assert.equal(shown.path, "/add-checkpoint");
  assert.equal(value(parseAddCheckpoint(shown.body)).oldSize, 0);
  const state = value(afterUpload(startUpload(0), shown, { status: 200, body: "" })).state;
  const first = plan(state, 9_000);
  assert.equal(packagesIn(first), PACKAGES_MAX);
  const next = value(afterUpload(state, first, { status: 202, body: "9000\n8192\n\n" })).state;
  const last = plan(next, 9_000);
  assert.equal(packagesIn(last), 4);
});

test("an upload in progress is completed before a newer checkpoint is shown", () => {
  const state = { ...startUpload(0), pendingSize: 300, target: 300 };
  const request = plan(state, 9_000);
  assert.deepEqual([request.path, request.size], ["/add-entries", 300]);
});

test("the mirror's signature lines complete the upload", () => {
  const state = { ...startUpload(0), pendingSize: 300, target: 300 };
  const note = parseNote(checkpointAt(300).note);
  assert.ok(note.ok);
  const line = formatNoteSignature(cosignNote(note.value.text, mirror, instant(1_000)));
  const progress = value(afterUpload(state, plan(state, 300), { status: 200, body: line }));
  assert.deepEqual(
    progress.cosigned?.signatures.map(({ name }) => name),
    ["mirror.example"],
  );
  assert.equal(value(planUpload(progress.state, checkpointAt(300), log, hasher)), undefined);
});

test("a mirror that remembers more than we thought is believed, and one that remembers less as well", () => {
  const shown = plan(startUpload(0), 9_000);
  const ahead = value(afterUpload(startUpload(0), shown, { status: 409, body: "300\n" })).state;
  assert.deepEqual([plan(ahead, 9_000).path, plan(ahead, 9_000).size], ["/add-entries", 300]);
  const state = { ...startUpload(512), pendingSize: 9_000, target: 9_000 };
  const behind = value(afterUpload(state, plan(state, 9_000), { status: 409, body: "9000\n0\n\n" })).state;
  const header = value(readAddEntriesHeader(new ByteReader(plan(behind, 9_000).body)));
  assert.deepEqual([header.start, header.end], [0, 9_000]);
});

test("a mirror that was reset begins anew, from our cosigned size or from nothing", () => {
  const shown = plan(startUpload(300), 9_000);
  const reset = value(afterUpload(startUpload(300), shown, { status: 409, body: "0\n" })).state;
  const again = plan(reset, 9_000);
  assert.deepEqual([again.path, value(parseAddCheckpoint(again.body)).oldSize], ["/add-checkpoint", 0]);
});

test("the ticket of the mirror goes back to it", () => {
  const state = { ...startUpload(0), pendingSize: 300, target: 300 };
  const told = value(afterUpload(state, plan(state, 300), { status: 202, body: "300\n256\nAQID\n" })).state;
  const header = value(readAddEntriesHeader(new ByteReader(plan(told, 300).body)));
  assert.deepEqual([header.start, [...header.ticket]], [256, [1, 2, 3]]);
});

test("a mirror that saw a larger tree than ours shows that our log lost entries", () => {
  const shown = plan(startUpload(0), 9_000);
  const ahead = value(afterUpload(startUpload(0), shown, { status: 409, body: "9001\n" })).state;
  const planned = planUpload(ahead, checkpointAt(9_000), log, hasher);
  assert.deepEqual(planned, { ok: false, error: { code: "MIRROR_AHEAD", mirrorSize: 9_001, size: 9_000 } });
});

test("a mirror that names a size between our newest checkpoint and our newest entry was never shown it by us", () => {
  const shown = plan(startUpload(0), 300);
  const ahead = value(afterUpload(startUpload(0), shown, { status: 409, body: "301\n" })).state;
  const planned = planUpload(ahead, checkpointAt(300), log, hasher);
  assert.deepEqual(planned, { ok: false, error: { code: "MIRROR_AHEAD", mirrorSize: 301, size: 300 } });
});

test("a mirror cannot send an upload beyond our newest checkpoint", () => {
  const state = { ...startUpload(0), pendingSize: 300, target: 300 };
  const sent = value(afterUpload(state, plan(state, 300), { status: 409, body: "8000\n0\n\n" })).state;
  const planned = planUpload(sent, checkpointAt(300), log, hasher);
  assert.deepEqual(planned, { ok: false, error: { code: "MIRROR_AHEAD", mirrorSize: 8_000, size: 300 } });
});

test("a mirror that asks for entries beyond the checkpoint it names is not understood", () => {
  const state = { ...startUpload(0), pendingSize: 300, target: 300 };
  for (const status of [202, 409]) {
    const progress = afterUpload(state, plan(state, 300), { status, body: "300\n301\n\n" });
    assert.deepEqual(progress, { ok: false, error: { code: "MIRROR_UNINTELLIGIBLE", status } });
  }
});

test("a mirror that forgot what it cosigned is shown a checkpoint again, and given up when it keeps forgetting", () => {
  let state: UploadState = { ...startUpload(300), pendingSize: 9_000, target: 9_000 };
  state = value(afterUpload(state, plan(state, 9_000), { status: 409, body: "100\n100\n\n" })).state;
  assert.equal(plan(state, 9_000).path, "/add-checkpoint");
  for (let requests = 0; ; requests++) {
    assert.ok(requests < 100, "it ends");
    const planned = planUpload(state, checkpointAt(9_000), log, hasher);
    if (!planned.ok) {
      assert.equal(planned.error.code, "MIRROR_UNSTEADY");
      return;
    }
    assert.ok(planned.value);
    const isShown = planned.value.path === "/add-checkpoint";
    const answer = isShown ? { status: 200, body: "" } : { status: 409, body: "100\n100\n\n" };
    state = value(afterUpload(state, planned.value, answer)).state;
  }
});

test("a mirror that stores and forgets in turn is given up", () => {
  let state: UploadState = { ...startUpload(0), pendingSize: 300, target: 300 };
  for (let requests = 0; ; requests++) {
    assert.ok(requests < 100, "it ends");
    const planned = planUpload(state, checkpointAt(300), log, hasher);
    if (!planned.ok) {
      assert.equal(planned.error.code, "MIRROR_UNSTEADY");
      return;
    }
    assert.ok(planned.value);
    const answer = requests % 2 === 0 ? { status: 202, body: "300\n256\n\n" } : { status: 409, body: "300\n0\n\n" };
    state = value(afterUpload(state, planned.value, answer)).state;
  }
});

test("whatever a mirror answers, an upload ends: mirrored, or with a code", () => {
  const SIZE = 600;
  const latest = checkpointAt(SIZE);
  const size = fc.oneof(
    fc.nat(SIZE + 2),
    fc.constantFrom(0, 256, 300, SIZE, 9_000, 9_001, 2 ** 53 - 1, "9999999999999999"),
  );
  const info = fc.tuple(size, size, fc.constantFrom("", "AQID")).map((lines) => `${lines.join("\n")}\n`);
  const note = parseNote(latest.note);
  assert.ok(note.ok);
  const line = formatNoteSignature(cosignNote(note.value.text, mirror, instant(1_000)));
  const wild = fc.record({
    status: fc.constantFrom(200, 202, 409, 404, 500),
    body: fc.oneof(info, fc.constant(line), fc.string()),
  });
  const toCheckpoint = fc.record({ status: fc.constantFrom(200, 409), body: size.map((each) => `${each}\n`) });
  const toEntries = fc.oneof(
    fc.record({ status: fc.constantFrom(202, 409), body: info }),
    fc.constant({ status: 200, body: line }),
  );
  // Mostly in the words of the protocol, or no lie would get far. A mirror that repeats itself does so for ever.
  const answers = (plausible: fc.Arbitrary<{ status: number; body: string }>) =>
    fc.array(fc.oneof({ arbitrary: plausible, weight: 9 }, { arbitrary: wild, weight: 1 }), {
      minLength: 1,
      maxLength: 8,
    });
  fc.assert(
    fc.property(answers(toCheckpoint), answers(toEntries), fc.nat(SIZE), (shown, sent, from) => {
      let state = startUpload(from);
      for (let i = 0; ; i++) {
        assert.ok(i < 2_000, "the upload ends");
        const planned = planUpload(state, latest, log, hasher);
        if (!planned.ok || !planned.value) return;
        assert.ok(planned.value.size <= SIZE && planned.value.size > state.cosignedSize);
        const list = planned.value.path === "/add-checkpoint" ? shown : sent;
        const progress = afterUpload(state, planned.value, list[i % list.length]!);
        if (!progress.ok) return;
        state = progress.value.state;
      }
    }),
    { numRuns: 300 },
  );
});

test("a mirror that only ever contradicts itself is given up", () => {
  let state = { ...startUpload(0), pendingSize: 300, target: 300 };
  let conflicts = 0;
  for (;;) {
    const planned = planUpload(state, checkpointAt(300), log, hasher);
    if (!planned.ok) {
      assert.equal(planned.error.code, "MIRROR_UNSTEADY");
      break;
    }
    assert.ok(planned.value && conflicts++ < 10);
    state = value(afterUpload(state, planned.value, { status: 409, body: "300\n0\n\n" })).state;
  }
});

test("answers outside the protocol are refusals with their status", () => {
  const state = { ...startUpload(0), pendingSize: 300, target: 300 };
  const shown = plan(startUpload(0), 300);
  const entries = plan(state, 300);
  const code = (request: UploadRequest, status: number, body: string) => {
    const progress = afterUpload(state, request, { status, body });
    assert.ok(!progress.ok);
    return progress.error.code;
  };
  assert.equal(code(shown, 500, ""), "MIRROR_REFUSED");
  assert.equal(code(entries, 422, ""), "MIRROR_REFUSED");
  assert.equal(code(shown, 409, "many\n"), "MIRROR_UNINTELLIGIBLE");
  assert.equal(code(entries, 202, "300\n"), "MIRROR_UNINTELLIGIBLE");
  assert.equal(code(entries, 200, "thank you\n"), "MIRROR_UNINTELLIGIBLE");
});

function plan(state: UploadState, size: number): UploadRequest {
  const request = value(planUpload(state, checkpointAt(size), log, hasher));
  assert.ok(request);
  return request;
}

function packagesIn({ body }: UploadRequest): number {
  const reader = new ByteReader(body);
  const { start, end } = value(readAddEntriesHeader(reader));
  let count = 0;
  for (const range of packageRanges(start, end)) {
    if (reader.remaining === 0) break;
    assert.ok(readPackage(reader, range));
    count++;
  }
  return count;
}

function checkpointAt(size: number): { size: number; note: string } {
  const nodes = nodesOfTiles((tile) => log.readTile(tile), size, hasher);
  return { size, note: signCheckpoint({ origin: ORIGIN, size, root: rangeRoot(nodes, 0, size, hasher) }, signer) };
}

function setupLog(size: number): LogReader {
  const entries = Array.from({ length: size }, (_, i) => utf8(`entry ${i}`));
  const levels = [entries.map((entry) => hasher.leaf(entry))];
  for (let level = levels[0] ?? []; level.length >= TILE_WIDTH; level = levels.at(-1) ?? []) {
    const full = Math.floor(level.length / TILE_WIDTH);
    const below = level;
    const nodes = (height: number, index: number): Uint8Array =>
      height === 0
        ? (below[index] ?? hasher.empty)
        : hasher.node(nodes(height - 1, 2 * index), nodes(height - 1, 2 * index + 1));
    levels.push(Array.from({ length: full }, (_, i) => nodes(8, i)));
  }
  return {
    origin: ORIGIN,
    size,
    readEntries: (from, to) => entries.slice(from, to),
    readTile: ({ level, index, width }) => {
      const hashes = levels[level]?.slice(index * TILE_WIDTH, index * TILE_WIDTH + width) ?? [];
      assert.equal(hashes.length, width);
      return Uint8Array.from(hashes.flatMap((hash) => [...hash]));
    },
  };
}

function value<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
