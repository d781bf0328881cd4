import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { utf8 } from "@vedette/base";
import { systemRandom } from "@vedette/runtime";
import { connectUnix } from "./connect.ts";
import { HELD_DOCUMENT_LIMITS, HeldDocuments, type TaggedDocument } from "./held-document.ts";
import { listenUnix } from "./unix-listener.ts";

const HELD = "application/vnd.openpolicyagent.bundles";

async function setupDocuments(t: TestContext, limits = HELD_DOCUMENT_LIMITS) {
  const directory = mkdtempSync(join(tmpdir(), "vedette-held-"));
  const state: { document: TaggedDocument | undefined } = { document: { etag: "1", bytes: utf8("one") } };
  const held = new HeldDocuments({ contentType: "application/gzip", heldContentType: HELD, limits });
  const fail = (error: unknown) => assert.fail(String(error));
  const path = join(directory, "s.sock");
  const handler = (request: Parameters<Parameters<typeof listenUnix>[0]["handler"]>[0]) =>
    held.answer(request, "t", async () => state.document);
  const listener = await listenUnix({
    path,
    handler,
    random: systemRandom,
    onConnectionError: fail,
    onHandlerError: fail,
  });
  const client = connectUnix({ path });
  t.after(async () => {
    client.close();
    held[Symbol.dispose]();
    await listener.close();
    rmSync(directory, { recursive: true });
  });
  const get = (headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal) =>
    client.request("GET", "/bundles/t", { headers, ...(signal && { signal }) });
  const publish = (etag: string) => {
    state.document = { etag, bytes: utf8(etag) };
    held.changed("t");
  };
  const untilHeld = async (count: number) => {
    while (held.holders !== count) await sleep(2);
  };
  return { state, held, get, publish, untilHeld };
}

test("a document comes with its tag, and is not sent to who has it", async (t) => {
  const { get } = await setupDocuments(t);
  const first = await get();
  assert.deepEqual(
    [first.status, first.headers["etag"], first.headers["content-type"]],
    [200, '"1"', "application/gzip"],
  );
  for (const tags of ['"1"', 'W/"1"', '"0", "1"', "*"]) {
    const again = await get({ "if-none-match": tags });
    assert.deepEqual([again.status, again.headers["etag"], again.body.length], [304, '"1"', 0], tags);
  }
  for (const tags of ["", '"0"', "1"]) assert.equal((await get({ "if-none-match": tags })).status, 200, tags);
});

test("where there is no document nobody waits for one", async (t) => {
  const { state, get } = await setupDocuments(t);
  state.document = undefined;
  assert.equal((await get({ prefer: "wait=30" })).status, 404);
});

test("who asks to be held is told so, and answered at once while there is news", async (t) => {
  const { get } = await setupDocuments(t);
  const answer = await get({ prefer: "modes=snapshot,delta;wait=30" });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], HELD);
  assert.equal(answer.headers["preference-applied"], "modes=snapshot;wait=30");
});

test("who has the newest is held until there is a newer one", async (t) => {
  const { get, publish, untilHeld } = await setupDocuments(t);
  const waiting = get({ prefer: "modes=snapshot,delta;wait=30", "if-none-match": '"1"' });
  await untilHeld(1);
  publish("2");
  const answer = await waiting;
  assert.deepEqual([answer.status, answer.headers["etag"], Buffer.from(answer.body).toString()], [200, '"2"', "2"]);
  await untilHeld(0);
});

test("a wait ends with a 304 when nothing comes, and never lasts longer than the listener bears", async (t) => {
  const { get, held } = await setupDocuments(t, { holdMs: 40, holdersMax: 10 });
  assert.equal((await get({ prefer: "wait=9999", "if-none-match": '"1"' })).status, 304);
  assert.equal(held.holders, 0);
});

test("beyond their number nobody is held, and those who leave make room", async (t) => {
  const { get, untilHeld } = await setupDocuments(t, { holdMs: 5_000, holdersMax: 1 });
  const gone = new AbortController();
  const asked = { prefer: "wait=5", "if-none-match": '"1"' };
  const waiting = get(asked, gone.signal);
  await untilHeld(1);
  assert.equal((await get(asked)).status, 304);
  gone.abort();
  await assert.rejects(waiting);
  await untilHeld(0);
});

test("a preference that is no number of seconds is none", async (t) => {
  const { get, held } = await setupDocuments(t);
  for (const prefer of ["wait=x", "wait=", "wait=0", "xwait=5", "wait=-1", "wait=99999999", "respond-async"]) {
    const answer = await get({ prefer, "if-none-match": '"1"' });
    assert.deepEqual([answer.status, held.holders], [304, 0], prefer);
  }
});

test("nobody who is held keeps a document of megabytes in memory", async (t) => {
  const { held, state, get, untilHeld } = await setupDocuments(t);
  setFlagsFromString("--expose-gc");
  const collectGarbage: unknown = runInNewContext("gc");
  assert.ok(typeof collectGarbage === "function");
  const document = new WeakRef({ etag: "1", bytes: new Uint8Array(1_000_000) });
  state.document = document.deref();
  const waiting = get({ "if-none-match": '"1"', prefer: "modes=snapshot;wait=60" });
  await untilHeld(1);
  state.document = undefined;
  for (let turn = 0; turn < 50 && document.deref() !== undefined; turn++) {
    await sleep(2);
    collectGarbage();
  }
  assert.equal(document.deref(), undefined);
  held.changed("t");
  assert.equal((await waiting).status, 404);
});
