import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposableSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { SCHEMA_VERSION } from "./schema.ts";
import { openStore } from "./store.ts";

function testFolder() {
  return mkdtempDisposableSync(join(tmpdir(), "vedette-store-"));
}

const policy = (sequence: number, length = 10) => ({
  site: "store-17",
  sequence,
  revision: `r${sequence}`,
  bytes: new Uint8Array(length).fill(sequence),
  publishedAt: instant(sequence),
});

/** Runs a module text in a process of its own, with `openStore` and `folder`; resolves with the lines it printed until it ended. */
async function testRun(folder: string, text: string, killAfterLines = Number.POSITIVE_INFINITY): Promise<string[]> {
  const door = JSON.stringify(join(import.meta.dirname, "store.ts"));
  const script = `import { openStore } from ${door}; const folder = process.argv[1]; ${text}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (data) => {
    printed += data;
    if (printed.split("\n").length > killAfterLines) child.kill("SIGKILL");
  });
  await once(child, "close");
  return printed.split("\n").slice(0, -1);
}

test("what was stored is there after closing and opening", async () => {
  using folder = testFolder();
  const path = join(folder.path, "state");
  {
    await using store = await openStore(path);
    await store.policies.publish(policy(1));
  }
  await using store = await openStore(path);
  assert.deepEqual(await store.policies.current("store-17"), policy(1));
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(statSync(join(path, "control.db")).mode & 0o777, 0o600);
});

test("a second opener, of this process or another, is refused politely and the first goes on", async () => {
  using folder = testFolder();
  await using store = await openStore(folder.path);
  await assert.rejects(openStore(folder.path), { code: "STORE_BUSY" });
  const elsewhere = await testRun(folder.path, "await openStore(folder).catch((error) => console.log(error.code));");
  assert.deepEqual(elsewhere, ["STORE_BUSY"]);
  assert.deepEqual(await store.policies.publish(policy(1)), { ok: true, value: undefined });
});

test("the store of a killed process is free at once", async () => {
  using folder = testFolder();
  const hold =
    'await openStore(folder); console.log("open"); await new Promise((resolve) => setTimeout(resolve, 60_000));';
  assert.deepEqual(await testRun(folder.path, hold, 1), ["open"]);
  await using store = await openStore(folder.path);
  assert.deepEqual(await store.nodes.list(), []);
});

test("a store from the future is refused and left as it is", async () => {
  using folder = testFolder();
  await (await openStore(folder.path)).close();
  const path = join(folder.path, "control.db");
  const database = new DatabaseSync(path);
  database.exec(`UPDATE schema_version SET version = ${SCHEMA_VERSION + 1}; CREATE TABLE dreams (a TEXT) STRICT`);
  database.close();
  const before = readFileSync(path);
  await assert.rejects(openStore(folder.path), (error: { code: string; facts: unknown }) => {
    assert.equal(error.code, "STORE_SCHEMA_NEWER");
    assert.deepEqual(error.facts, { path, found: SCHEMA_VERSION + 1, supported: SCHEMA_VERSION });
    return true;
  });
  assert.deepEqual(readFileSync(path), before);
});

test("a file that is no database, or one with a broken page or a forbidden value, is corrupt", async () => {
  using folder = testFolder();
  const path = join(folder.path, "control.db");
  writeFileSync(path, "x".repeat(8_192));
  await assert.rejects(openStore(folder.path), { code: "STORE_CORRUPT" });
  writeFileSync(path, "");
  const store = await openStore(folder.path);
  for (let i = 1; i <= 10; i++) await store.policies.publish(policy(i, 4_000));
  await store.close();
  const whole = readFileSync(path);

  const broken = Buffer.from(whole);
  broken.fill(0xa5, whole.length - 8_192);
  writeFileSync(path, broken);
  await assert.rejects(openStore(folder.path), { code: "STORE_CORRUPT" });

  writeFileSync(path, whole);
  const database = new DatabaseSync(path);
  database.exec("PRAGMA ignore_check_constraints = ON; UPDATE policies SET sequence = -1 WHERE sequence = 5");
  database.close();
  await assert.rejects(openStore(folder.path), { code: "STORE_CORRUPT" });
});

test("a full store refuses to write, keeps nothing of the attempt, goes on reading, and takes smaller things", async () => {
  using folder = testFolder();
  await using store = await openStore(folder.path, { pagesMax: 60 });
  await store.policies.publish(policy(1));
  await assert.rejects(store.policies.publish(policy(2, 400_000)), { code: "STORE_FULL" });
  assert.deepEqual(await store.policies.current("store-17"), policy(1));
  assert.deepEqual(await store.generations("store-17"), { policy: 1, trust: 0, status: 0 });
  assert.deepEqual(await store.policies.publish(policy(2)), { ok: true, value: undefined });
});

test("a process killed inside a transaction leaves nothing of it", async () => {
  using folder = testFolder();
  await testRun(
    folder.path,
    `const { openDatabase } = await import(${JSON.stringify(join(import.meta.dirname, "database.ts"))});
     await openDatabase(folder).transaction().execute(async (db) => {
       await db.insertInto("generations").values({ kind: "status", site: "store-17", value: 9 }).execute();
       process.kill(process.pid, "SIGKILL");
       await new Promise((resolve) => setTimeout(resolve, 60_000));
     });`,
  );
  await using store = await openStore(folder.path);
  assert.equal((await store.generations("store-17")).status, 0);
});

test("a process killed under load loses nothing it acknowledged and keeps no half of a publication", async () => {
  using folder = testFolder();
  const publish = `const store = await openStore(folder);
  for (let sequence = 1; ; sequence++) {
    const bytes = new Uint8Array(5_000);
    await store.policies.publish({ site: "store-17", sequence, revision: "r", bytes, publishedAt: 0 });
    console.log(sequence);
  }`;
  const acknowledged = Number((await testRun(folder.path, publish, 40)).at(-1));
  await using store = await openStore(folder.path);
  const current = await store.policies.current("store-17");
  assert.ok(current && current.sequence >= acknowledged && acknowledged >= 40);
  assert.equal((await store.generations("store-17")).policy, current.sequence);
});
