import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdapterError, utf8 } from "@vedette/base";
import { noteSignerOf } from "@vedette/envelope";
import { createNodeCrypto, generateKey } from "@vedette/runtime";
import { encodeAddCheckpoint, signCheckpoint } from "@vedette/tlog";
import { openJournal } from "./journal.ts";
import { openMirror } from "./mirror.ts";
import { openStoredLog } from "./stored-log.ts";

const crypto = createNodeCrypto();

test("a journal in use is read from its file, up to what is durable", async (t) => {
  const path = setupPath(t);
  const signer = noteSignerOf("ed25519", "node.example", generateKey("Ed25519"), crypto);
  const journal = await openJournal({ path, origin: "node.example", gapLeaf: () => utf8("gap") });
  t.after(() => journal.close());
  await journal.append(utf8("entry"));
  const { note } = await journal.checkpoint(signer);
  using log = openStoredLog(path);
  assert.deepEqual([log.origin, log.size, log.signed, log.cosigned], ["node.example", 1, { size: 1, note }, undefined]);
  assert.deepEqual(log.readEntries(0, 1), [utf8("entry")]);
  await journal.append(utf8("later"));
  assert.equal(log.size, 1);
});

test("of several logs in a file one must be named, and it must be there", (t) => {
  const path = setupPath(t);
  const origins = ["a.example", "b.example"];
  const signers = origins.map((origin) => noteSignerOf("ed25519", origin, generateKey("Ed25519"), crypto));
  const cosigner = noteSignerOf("cosignature", "mirror.example", generateKey("Ed25519"), crypto);
  const keysOf = (origin: string) => signers.map(({ key }) => key).filter(({ name }) => name === origin);
  const mirror = openMirror({ path, cosigner, crypto, keysOf });
  const root = crypto.hash("sha256", new Uint8Array(0));
  for (const [i, origin] of origins.entries()) {
    const signer = signers[i];
    assert.ok(signer);
    const checkpoint = signCheckpoint({ origin, size: 0, root }, signer);
    assert.equal(mirror.addCheckpoint(encodeAddCheckpoint({ oldSize: 0, proof: [], checkpoint })).status, 200);
  }
  mirror.close();
  const missing = (error: unknown) => {
    assert.ok(error instanceof AdapterError && error.code === "LOG_MISSING");
    assert.deepEqual(error.facts["origins"], origins);
    return true;
  };
  assert.throws(() => openStoredLog(path), missing);
  assert.throws(() => openStoredLog(path, "c.example"), missing);
  using log = openStoredLog(path, "b.example");
  assert.deepEqual([log.origin, log.size], ["b.example", 0]);
});

function setupPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "log.db");
}
