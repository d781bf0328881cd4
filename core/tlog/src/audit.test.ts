import assert from "node:assert/strict";
import { test } from "node:test";
import { type Crypto, instant, type Result, utf8 } from "@vedette/base";
import { cosignNote, formatNote, noteSignerOf, parseNote, type VerifierKey } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import fc from "fast-check";
import { type AuditReport, verifyExport } from "./audit.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { encodeBundle } from "./entry-bundle.ts";
import type { AuditError } from "./errors.ts";
import { bundlePath, TILE_WIDTH, tilePath } from "./tile.ts";
import { TreeBuilder } from "./tree-builder.ts";
import { createTreeHasher, HASH_LENGTH } from "./tree-hasher.ts";

const crypto: Crypto = createNodeCrypto();
const hasher = createTreeHasher(crypto);
const ORIGIN = "node.example/log";
const log = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
const mirror = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);
const trust = { logKeys: [log.key], cosignerKeys: [mirror.key] };

/** Path → contents. */
type Export = Map<string, Uint8Array>;

const SIZE = 700;
const entries = Array.from({ length: SIZE }, (_, i) => utf8(`{"entry":${i}}`));
const sound: Export = setupExport(entries);

test("a sound export passes and says what was signed, by whom and when", () => {
  const report = audit(sound);
  assert.ok(report.ok);
  assert.deepEqual([report.value.origin, report.value.size], [ORIGIN, SIZE]);
  assert.deepEqual(report.value.cosignedBy, [{ name: "mirror.example", at: instant(5_000) }]);
});

test("an empty log is sound", () => {
  assert.ok(audit(setupExport([])).ok);
});

test("one changed byte anywhere names the entry, the tile or the checkpoint that holds it", () => {
  const files = [...sound.keys()];
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.nat(), fc.integer({ min: 1, max: 255 }), (path, seed, flip) => {
      const contents = sound.get(path) ?? new Uint8Array(0);
      const at = seed % contents.length;
      assert.equal(namedBy(audit(withByte(path, at, flip))), nameOf(path, at), `${path} at ${at}`);
    }),
    { numRuns: 300 },
  );
});

test("every byte of an entry bundle is guarded, its lengths too", () => {
  const path = bundlePath(2, SIZE % TILE_WIDTH);
  const { length } = sound.get(path) ?? new Uint8Array(0);
  for (let at = 0; at < Math.min(length, 200); at++)
    assert.equal(namedBy(audit(withByte(path, at, 0x01))), nameOf(path, at), `at ${at}`);
});

test("an entry rewritten together with its hash is named by the tile that the tile above contradicts", () => {
  const rewritten = setupExport(entries.with(5, utf8("rewritten")));
  const path = tilePath({ level: 0, index: 0, width: TILE_WIDTH });
  const altered: Export = new Map(sound);
  for (const name of [path, bundlePath(0, TILE_WIDTH)]) altered.set(name, rewritten.get(name) ?? new Uint8Array(0));
  assert.deepEqual(audit(altered), { ok: false, error: { code: "TILE_MISMATCH", path } });
});

test("a history rewritten throughout does not give the signed root", () => {
  const rewritten = setupExport(entries.with(5, utf8("rewritten")));
  rewritten.set("checkpoint", sound.get("checkpoint") ?? new Uint8Array(0));
  assert.deepEqual(audit(rewritten), { ok: false, error: { code: "TREE_MISMATCH", size: SIZE } });
});

test("a truncated log with an old checkpoint passes on the log's word, and not without the mirror's", () => {
  const shorter = setupExport(entries.slice(0, 300));
  const alone = parseNote(shorter.get("checkpoint") ?? "");
  assert.ok(alone.ok);
  const signatures = alone.value.signatures.filter(({ name }) => name === ORIGIN);
  shorter.set("checkpoint", utf8(formatNote({ ...alone.value, signatures })));
  assert.deepEqual(audit(shorter), { ok: false, error: { code: "COSIGNATURE_MISSING", origin: ORIGIN } });
  assert.ok(audit(shorter, { ...trust, cosignerKeys: [] }).ok);
});

test("a missing file and a shortened tile are named", () => {
  const tile = tilePath({ level: 1, index: 0, width: 2 });
  for (const path of [tile, bundlePath(1, TILE_WIDTH)])
    assert.deepEqual(audit(without(path)), { ok: false, error: { code: "FILE_MISSING", path } });
  assert.deepEqual(audit(without("checkpoint")), { ok: false, error: { code: "CHECKPOINT_MISSING" } });
  const shortened = new Map(sound).set(tile, sound.get(tile)?.subarray(1) ?? new Uint8Array(0));
  assert.deepEqual(audit(shortened), { ok: false, error: { code: "TILE_MALFORMED", path: tile } });
});

test("a checkpoint signed by keys the auditor does not know is nobody's", () => {
  const stranger = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
  assert.deepEqual(audit(sound, { ...trust, logKeys: [stranger.key] }), {
    ok: false,
    error: { code: "CHECKPOINT_UNSIGNED", origin: ORIGIN },
  });
});

test("the auditor sees each entry in order and how far it has come", () => {
  const seen: number[] = [];
  const progress: number[] = [];
  const watcher = {
    onEntry: (index: number) => seen.push(index),
    onProgress: (done: number, total: number) => progress.push(done / total),
  };
  verifyExport({ read: (path) => sound.get(path) }, trust, crypto, watcher);
  assert.deepEqual(
    seen,
    Array.from({ length: SIZE }, (_, i) => i),
  );
  assert.deepEqual(progress, [256 / SIZE, 512 / SIZE, 1]);
});

test("in a tree of three levels a changed hash at each level is named", () => {
  const large = setupExport(Array.from({ length: 66_000 }, (_, i) => utf8(`${i}`)));
  for (const path of [
    tilePath({ level: 0, index: 100, width: 256 }),
    tilePath({ level: 1, index: 0, width: 256 }),
    tilePath({ level: 1, index: 1, width: 1 }),
    tilePath({ level: 2, index: 0, width: 1 }),
  ]) {
    const altered = alter(large, path, 7, 0x80);
    assert.deepEqual(audit(altered), { ok: false, error: { code: "TILE_MISMATCH", path } });
  }
});

/** What the auditor names, in one line. */
function namedBy(result: Result<AuditReport, AuditError>): string {
  assert.ok(!result.ok);
  const { error } = result;
  if (error.code.startsWith("CHECKPOINT_") || error.code === "COSIGNATURE_MISSING") return "checkpoint";
  if (error.code === "ENTRY_MISMATCH" || error.code === "ENTRY_MALFORMED") return `${error.path} entry ${error.index}`;
  return "path" in error ? error.path : error.code;
}

/** What holds the byte, in the same words. */
function nameOf(path: string, at: number): string {
  const bundle = [0, 1, 2].find((i) => path.startsWith(`tile/entries/00${i}`));
  if (bundle === undefined) return path;
  let end = 0;
  let index = bundle * TILE_WIDTH;
  for (; index < SIZE; index++) {
    end += 2 + (entries[index]?.length ?? 0);
    if (at < end) break;
  }
  return `${path} entry ${index}`;
}

function audit(files: Export, from: { logKeys: VerifierKey[]; cosignerKeys: VerifierKey[] } = trust) {
  return verifyExport({ read: (path) => files.get(path) }, from, crypto);
}

function withByte(path: string, at: number, flip: number): Export {
  return alter(sound, path, at, flip);
}

function alter(files: Export, path: string, at: number, flip: number): Export {
  const bytes = (files.get(path) ?? new Uint8Array(0)).slice();
  bytes[at] = (bytes[at] ?? 0) ^ flip;
  return new Map(files).set(path, bytes);
}

function without(path: string): Export {
  const files = new Map(sound);
  assert.ok(files.delete(path));
  return files;
}

function setupExport(all: readonly Uint8Array[]): Export {
  const files: Export = new Map();
  const tree = new TreeBuilder(hasher);
  for (const entry of all) tree.append(hasher.leaf(entry));
  for (const tile of [...tree.takeFullTiles(), ...tree.partialTiles()]) {
    const width = tile.hashes.length / HASH_LENGTH;
    files.set(tilePath({ ...tile, width }), tile.hashes);
    if (tile.level > 0) continue;
    const first = tile.index * TILE_WIDTH;
    files.set(bundlePath(tile.index, width), encodeBundle(all.slice(first, first + width)));
  }
  const note = parseNote(signCheckpoint({ origin: ORIGIN, size: all.length, root: tree.root() }, log));
  assert.ok(note.ok);
  const signatures = [...note.value.signatures, cosignNote(note.value.text, mirror, instant(5_000))];
  return files.set("checkpoint", utf8(formatNote({ ...note.value, signatures })));
}
