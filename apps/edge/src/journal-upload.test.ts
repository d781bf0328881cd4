import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Instant, instant, utf8 } from "@vedette/base";
import { cosignNote, formatNoteSignature, noteSignerOf, parseNote } from "@vedette/envelope";
import type { TrustDocument } from "@vedette/identity";
import { openJournal, openMirror } from "@vedette/journal";
import type { ClientAnswer } from "@vedette/net";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import type { FleetRequest } from "./fleet-request.ts";
import { JournalUpload } from "./journal-upload.ts";

const crypto = createNodeCrypto();
const ORIGIN = "store-17/edge-1/journal";
const COSIGNED_AT = instant(1_790_000_000_000);
const journalSigner = noteSignerOf("ed25519", ORIGIN, generateKey("Ed25519"), crypto);
const cosigner = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);
const stranger = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);
const running = new AbortController().signal;

test("a journal is mirrored, its cosignature kept and its time witnessed", async (t) => {
  const node = await setupUpload(t);
  await node.append(300);
  assert.equal(await node.upload().uploadAll(running), "mirrored");
  assert.equal(node.journal.cosignedCheckpoint()?.size, 300);
  assert.deepEqual(node.witnessed, [COSIGNED_AT]);
});

test("without news nobody is asked", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  const upload = node.upload();
  await upload.uploadAll(running);
  node.asked = 0;
  assert.equal(await upload.uploadAll(running), "mirrored");
  assert.equal(node.asked, 0);
});

test("what counts as mirrored grows only by a cosignature that verifies", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  const upload = node.upload();
  const forged = formatNoteSignature(cosignNote(textAt(node.journal, 3), stranger, COSIGNED_AT));
  node.lie = (path) => (path.endsWith("add-entries") ? answer(200, forged) : undefined);
  assert.equal(await upload.uploadAll(running), "refused");
  assert.deepEqual([upload.mirroredSize, node.journal.cosignedCheckpoint(), node.witnessed], [0, undefined, []]);
  node.lie = undefined;
  assert.equal(await upload.uploadAll(running), "mirrored");
  assert.equal(upload.mirroredSize, 3);
});

test("a mirror that lies about sizes is told once, and believed again as soon as it makes sense", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  const upload = node.upload();
  for (const body of ["4\n", "9999999999999999\n"]) {
    node.lie = () => answer(409, body);
    for (let i = 0; i < 3; i++) assert.equal(await upload.uploadAll(running), "refused");
  }
  assert.deepEqual(node.logged, ["error MIRROR_AHEAD"]);
  node.lie = () => answer(500, "");
  await upload.uploadAll(running);
  assert.deepEqual(node.logged, ["error MIRROR_AHEAD", "warn MIRROR_REFUSED"]);
  node.lie = undefined;
  assert.equal(await upload.uploadAll(running), "mirrored");
});

test("an upload without an answer goes on where it was", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  const upload = node.upload();
  node.lie = (path) => (path.endsWith("add-entries") ? "silence" : undefined);
  assert.equal(await upload.uploadAll(running), "unanswered");
  node.lie = undefined;
  node.asked = 0;
  assert.equal(await upload.uploadAll(running), "mirrored");
  assert.equal(node.asked, 1);
});

test("a restart believes the kept cosignature, and its time, after it has verified it", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  await node.upload().uploadAll(running);
  node.witnessed.length = 0;
  assert.equal(node.upload().mirroredSize, 3);
  assert.deepEqual(node.witnessed, [COSIGNED_AT]);
});

test("a kept note is not believed when the trust document names another mirror, or none is in force", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  await node.upload().uploadAll(running);
  node.witnessed.length = 0;
  for (const trust of [undefined, trustOf(stranger)]) {
    node.trust = trust;
    assert.equal(node.upload().mirroredSize, 0);
  }
  assert.deepEqual(node.witnessed, []);
  node.trust = trustOf(cosigner);
  // What is not believed any more is asked for again, and costs round trips only.
  const upload = node.upload();
  await node.append(1);
  assert.equal(await upload.uploadAll(running), "mirrored");
  assert.equal(upload.mirroredSize, 4);
});

test("a kept note that is about another tree, or a longer one, is not believed", async (t) => {
  const node = await setupUpload(t);
  await node.append(3);
  const line = (text: string) => `${text}\n${formatNoteSignature(cosignNote(text, cosigner, COSIGNED_AT))}`;
  const text = textAt(node.journal, 3);
  await node.journal.keepCosigned({ size: 2, note: line(text) });
  assert.equal(node.upload().mirroredSize, 0);
  await node.journal.keepCosigned({ size: 4, note: line(text.replace("\n3\n", "\n4\n")) });
  assert.equal(node.upload().mirroredSize, 0);
  await node.journal.keepCosigned({ size: 5, note: "no note" });
  assert.equal(node.upload().mirroredSize, 0);
});

/** A journal, an honest mirror, and a wire on which somebody may lie. */
async function setupUpload(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "vedette-upload-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const journal = await openJournal({ path: join(folder, "journal.db"), origin: ORIGIN, gapLeaf: () => utf8("gap") });
  t.after(() => journal.close());
  const mirror = openMirror({
    path: join(folder, "mirror.db"),
    cosigner,
    crypto,
    keysOf: (origin) => (origin === ORIGIN ? [journalSigner.key] : undefined),
  });
  t.after(() => mirror.close());
  const node = {
    journal,
    asked: 0,
    lie: undefined as ((path: string) => ClientAnswer | "silence" | undefined) | undefined,
    trust: trustOf(cosigner) as TrustDocument | undefined,
    witnessed: [] as Instant[],
    logged: [] as string[],
    append: (count: number) => Promise.all(Array.from({ length: count }, (_, i) => journal.append(utf8(`leaf ${i}`)))),
    upload: () =>
      new JournalUpload({
        journal,
        journalSigner,
        host: node,
        clock: { witnessCosignature: (at) => void node.witnessed.push(at) },
        crypto,
        log: (level, _message, facts) => {
          if (level !== "info") node.logged.push(`${level} ${facts?.["code"]}`);
        },
        ask,
      }),
  };
  const ask: FleetRequest = async (_method, path, extras) => {
    node.asked++;
    const lie = node.lie?.(path);
    if (lie) return lie === "silence" ? undefined : lie;
    const body = extras?.body ?? new Uint8Array(0);
    const { status, body: text } = path.endsWith("add-entries")
      ? mirror.addEntries(body, COSIGNED_AT)
      : mirror.addCheckpoint(body);
    return answer(status, text);
  };
  return node;
}

function answer(status: number, body: string): ClientAnswer {
  return { status, headers: {}, body: utf8(body) };
}

function textAt(journal: Awaited<ReturnType<typeof openJournal>>, size: number): string {
  const note = parseNote(journal.checkpointAt(size, journalSigner).note);
  assert.ok(note.ok);
  return note.value.text;
}

/** The upload asks the document for its mirrors only. */
function trustOf({ key }: typeof cosigner): TrustDocument {
  const mirrors = [{ name: "control", verifierKey: key }];
  return { mirrors } as Partial<TrustDocument> as TrustDocument;
}
