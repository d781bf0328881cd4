import assert from "node:assert/strict";
import { test } from "node:test";
import { base64, type Crypto, instant } from "@vedette/base";
import { cosignNote, formatNote, noteSignerOf, parseNote, signNote } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from "./checkpoint.ts";

const crypto: Crypto = createNodeCrypto();
const ROOT = new Uint8Array(32).fill(7);
const log = noteSignerOf("ed25519", "node.example/log", generateKey("Ed25519"), crypto);
const mirror = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);

test("a checkpoint is its origin, size and root, a line each", () => {
  const text = formatCheckpoint({ origin: "node.example/log", size: 20_852_163, root: ROOT });
  assert.equal(text, `node.example/log\n20852163\n${base64(ROOT)}\n`);
  assert.deepEqual(parseCheckpoint(text), {
    ok: true,
    value: { origin: "node.example/log", size: 20_852_163, root: ROOT },
  });
});

test("a signed checkpoint opens with the log's key and shows who else signed", () => {
  const note = signCheckpoint({ origin: "node.example/log", size: 3, root: ROOT }, log);
  const parsed = parseNote(note);
  assert.ok(parsed.ok);
  const cosignature = cosignNote(parsed.value.text, mirror, instant(9_000));
  const cosigned = formatNote({ ...parsed.value, signatures: [...parsed.value.signatures, cosignature] });
  const opened = openCheckpoint(cosigned, [log.key, mirror.key], crypto);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.signatures, [{ key: log.key }, { key: mirror.key, cosignedAt: instant(9_000) }]);
});

test("a checkpoint that only a cosigner signed, or another log, is not the log's", () => {
  const text = formatCheckpoint({ origin: "node.example/log", size: 3, root: ROOT });
  const other = noteSignerOf("ed25519", "other.example/log", generateKey("Ed25519"), crypto);
  for (const signature of [cosignNote(text, mirror, instant(0)), signNote(text, other)]) {
    const opened = openCheckpoint(
      formatNote({ text, signatures: [signature] }),
      [log.key, other.key, mirror.key],
      crypto,
    );
    assert.deepEqual(opened, { ok: false, error: { code: "CHECKPOINT_UNSIGNED", origin: "node.example/log" } });
  }
});

test("a checkpoint whose size was changed after signing names the signature that broke", () => {
  const note = signCheckpoint({ origin: "node.example/log", size: 3, root: ROOT }, log).replace("\n3\n", "\n4\n");
  const error = { code: "CHECKPOINT_SIGNATURE_INVALID", name: "node.example/log" };
  assert.deepEqual(openCheckpoint(note, [log.key], crypto), { ok: false, error });
});

test("texts that are no checkpoint are refused", () => {
  const root = base64(ROOT);
  for (const text of [
    "",
    "o\n",
    `o\n1\n${root}`,
    `\n1\n${root}\n`,
    `o\n01\n${root}\n`,
    `o\n-1\n${root}\n`,
    `o\n1e3\n${root}\n`,
    `o\n1\n${base64(ROOT.subarray(1))}\n`,
    `o\n1\n${root}\n\nextension\n`,
    "o\n1\nnot base64\n",
  ])
    assert.deepEqual(
      parseCheckpoint(text),
      { ok: false, error: { code: "CHECKPOINT_MALFORMED" } },
      JSON.stringify(text),
    );
});

test("extension lines are ignored, and sizes beyond 2^53 are refused by name", () => {
  assert.ok(parseCheckpoint(`o\n1\n${base64(ROOT)}\nextension\n`).ok);
  const error = { code: "CHECKPOINT_SIZE_UNSUPPORTED", size: "9007199254740992" };
  assert.deepEqual(parseCheckpoint(`o\n9007199254740992\n${base64(ROOT)}\n`), { ok: false, error });
});
