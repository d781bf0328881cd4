import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { instant, type JsonObject, seconds } from "@vedette/base";
import { openJournal } from "@vedette/journal";
import { connectUnix, emptyResponse, type HttpRequest } from "@vedette/net";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { encodeLeaf, type Leaf, numbersIn } from "@vedette/telemetry";
import { DecisionLogUpload } from "./decision-log-upload.ts";
import { testDirectory, testService } from "./opa-fixture.test.ts";
import { UploadMark } from "./upload-mark.ts";

const crypto = createNodeCrypto();
const ORIGIN = "example.org/journal/test";
const labels = { site: "store-17", node: "store-17.edge-1" };
const CHUNK_MAX = 4_096;

/** A receiver of another make: takes what the test says, and keeps what it took. */
class Receiver {
  readonly requests: { readonly path: string; readonly headers: HttpRequest["headers"]; readonly length: number }[] =
    [];
  readonly events: JsonObject[] = [];
  answer: (body: Uint8Array) => number = () => 200;

  async handle(request: HttpRequest) {
    const body = await request.body(10_000_000);
    this.requests.push({ path: `${request.method} ${request.path}`, headers: request.headers, length: body.length });
    const status = this.answer(body);
    if (status === 200) this.events.push(...JSON.parse(gunzipSync(body).toString()));
    return emptyResponse(status);
  }

  get ids(): readonly unknown[] {
    return this.events.map((event) => event["decision_id"]);
  }
}

async function setupUpload(t: TestContext) {
  const directory = testDirectory(t);
  const receiver = new Receiver();
  const socketPath = await testService(t, (request) => receiver.handle(request));
  const bytesOf = (leaf: Leaf) => {
    const bytes = encodeLeaf(leaf, crypto);
    assert.ok(bytes.ok);
    return bytes.value;
  };
  const gapLeaf = (gap: Parameters<Parameters<typeof openJournal>[0]["gapLeaf"]>[0]) =>
    bytesOf({ kind: "gap", ...gap });
  const journal = await openJournal({ path: join(directory, "journal.db"), origin: ORIGIN, gapLeaf });
  const client = connectUnix({ path: socketPath });
  t.after(async () => {
    client.close();
    await journal.close();
  });
  const write = (leaf: Leaf) => journal.append(bytesOf(leaf), numbersIn(leaf));
  const decide = async (count: number, changes: JsonObject = {}) => {
    for (let i = 0; i < count; i++) {
      const number = journal.nextNumber();
      await write({ kind: "decision", number, record: { ...RECORD, ...changes } });
    }
  };
  const decideTogether = (count: number, input: JsonObject) => {
    const decisions = Array.from({ length: count }, () => ({
      number: journal.nextNumber(),
      record: { ...RECORD, input },
    }));
    return write({ kind: "decisions", decisions });
  };
  const sealed: { bytes: Uint8Array | undefined; isBroken: boolean } = { bytes: undefined, isBroken: false };
  const store = {
    read: () => {
      if (sealed.isBroken) throw new Error("SEAL_BROKEN");
      return sealed.bytes;
    },
    write: (bytes: Uint8Array) => {
      sealed.bytes = bytes;
    },
  };
  const logged: string[] = [];
  const log = (_level: string, message: string) => void logged.push(message);
  const upload = (chunkMax = CHUNK_MAX) =>
    new DecisionLogUpload({
      ...{ journal, service: client, path: "/logs", chunkMax, labels, crypto, random: systemRandom, log },
      reporting: { min: seconds(60), max: seconds(60) },
      mark: new UploadMark({ origin: ORIGIN, size: journal.head().size, store, log }),
      onGap: async (facts) => {
        await write({ kind: "event", name: "decision-log-gap", at: instant(0), facts });
      },
      onStatus: () => undefined,
    });
  return { journal, receiver, decide, decideTogether, write, upload, sealed, logged };
}

const RECORD: JsonObject = {
  labels,
  bundles: {},
  path: "vedette/rules",
  input: { subject: "pos-1" },
  result: { allow: false },
  erased: ["/input/context/pin"],
  requested_by: "x",
  timestamp: "2026-11-22T12:00:00.000Z",
};

test("decisions go out as OPA's client sends them, masked as they were recorded", async (t) => {
  const node = await setupUpload(t);
  await node.decide(3);
  assert.equal(await node.upload().uploadAll(), "done");
  const [request] = node.receiver.requests;
  assert.equal(request?.path, "POST /logs");
  assert.equal(request?.headers["content-encoding"], "gzip");
  assert.equal(request?.headers["content-type"], "application/json");
  const ids = node.receiver.ids;
  assert.equal(ids.length, 3);
  assert.deepEqual(node.receiver.events[0], {
    ...RECORD,
    decision_id: ids[0],
    req_id: Number(`${ids[0]}`.split("#")[1]),
  });
});

test("without news nobody is asked", async (t) => {
  const node = await setupUpload(t);
  await node.decide(1);
  const upload = node.upload();
  await upload.uploadAll();
  await upload.uploadAll();
  assert.equal(node.receiver.requests.length, 1);
  assert.deepEqual(upload.progress, { uploaded: 1, waiting: 0, dropped: 0 });
});

test("what is not taken waits in the journal and goes out later, once", async (t) => {
  const node = await setupUpload(t);
  await node.decide(2);
  const upload = node.upload();
  for (const status of [500, 401, 404, 429]) {
    node.receiver.answer = () => status;
    assert.equal(await upload.uploadAll(), "failed");
    assert.deepEqual([upload.status.trouble?.httpStatus, upload.progress.waiting], [status, 2]);
  }
  node.receiver.answer = () => 200;
  await node.decide(1);
  assert.equal(await upload.uploadAll(), "done");
  assert.equal(new Set(node.receiver.ids).size, 3);
  assert.equal(node.receiver.ids.length, 3);
  assert.equal(upload.status.trouble, undefined);
});

test("a restart goes on where the last run was taken", async (t) => {
  const node = await setupUpload(t);
  await node.decide(2);
  await node.upload().uploadAll();
  await node.decide(1);
  const upload = node.upload();
  assert.equal(upload.progress.waiting, 1);
  await upload.uploadAll();
  assert.equal(node.receiver.ids.length, 3);
});

test("a mark that is damaged, of another journal or too high costs events that come twice, and hides none", async (t) => {
  const node = await setupUpload(t);
  await node.decide(2);
  const mark = (value: unknown) => new Uint8Array(Buffer.from(JSON.stringify(value)));
  for (const bytes of [
    mark({ origin: "another", next: 2, dropped: 0 }),
    mark({ origin: ORIGIN, next: 3, dropped: 0 }),
    mark({ origin: ORIGIN, next: -1, dropped: 0 }),
    mark(null),
    new Uint8Array([0xff]),
  ]) {
    node.sealed.bytes = bytes;
    assert.equal(node.upload().progress.waiting, 2);
  }
  node.sealed.isBroken = true;
  assert.equal(node.upload().progress.waiting, 2);
});

test("many decisions are many requests, none of them too large", async (t) => {
  const node = await setupUpload(t);
  await node.decide(400, { input: { padding: "x".repeat(500) } });
  await node.upload().uploadAll();
  assert.equal(new Set(node.receiver.ids).size, 400);
  assert.ok(node.receiver.requests.length > 1);
  assert.ok(node.receiver.requests.every(({ length }) => length <= CHUNK_MAX));
});

test("a receiver that wants smaller requests gets them", async (t) => {
  const node = await setupUpload(t);
  await node.decide(60, { input: { padding: noise(100) } });
  node.receiver.answer = (body) => (body.length > 1_500 ? 413 : 200);
  await node.upload(50_000).uploadAll();
  assert.equal(new Set(node.receiver.ids).size, 60);
});

test("an event that is too large goes without its input, and says so", async (t) => {
  const node = await setupUpload(t);
  await node.decide(1, { input: { padding: noise(20_000) } });
  await node.decide(1);
  const upload = node.upload();
  await upload.uploadAll();
  assert.equal(node.receiver.events.length, 2);
  const [large] = node.receiver.events;
  assert.deepEqual(large?.["erased"], ["/input/context/pin", "/input"]);
  assert.equal(upload.progress.dropped, 0);
});

test("an event that does not fit even so is counted, and its gap is in the journal and reaches the receiver", async (t) => {
  const node = await setupUpload(t);
  await node.decide(1, { result: { document: noise(20_000) } });
  await node.decide(1);
  const upload = node.upload();
  await upload.uploadAll();
  assert.equal(upload.progress.dropped, 1);
  assert.equal(node.journal.head().size, 3);
  const gap = node.receiver.events.at(-1);
  assert.equal(gap?.["path"], "vedette/journal/event");
  assert.deepEqual(gap?.["result"], {
    name: "decision-log-gap",
    facts: { origin: ORIGIN, index: 0, count: 1, decision: 0, reason: "larger than a request may be" },
  });
});

test("decisions of one leaf go out one by one, in as many requests as they need", async (t) => {
  const node = await setupUpload(t);
  await node.decideTogether(40, { padding: noise(300) });
  const upload = node.upload();
  node.receiver.answer = () => (node.receiver.requests.length === 2 ? 500 : 200);
  assert.equal(await upload.uploadAll(), "failed");
  assert.equal(upload.progress.waiting, 1, "part of a leaf is not the leaf");
  assert.ok(node.receiver.ids.length > 0);
  await upload.uploadAll();
  assert.deepEqual([node.receiver.ids.length, new Set(node.receiver.ids).size], [40, 40]);
  assert.deepEqual(upload.progress, { uploaded: 1, waiting: 0, dropped: 0 });
});

test("a stop in the middle of a leaf costs events that come twice under the same ids", async (t) => {
  const node = await setupUpload(t);
  await node.decideTogether(40, { padding: noise(300) });
  node.receiver.answer = () => (node.receiver.requests.length === 2 ? 500 : 200);
  await node.upload().uploadAll();
  await node.upload().uploadAll();
  assert.ok(node.receiver.ids.length > 40);
  assert.equal(new Set(node.receiver.ids).size, 40);
});

/** A leaf of three decisions; the second does not fit into a request, even without its input. */
const ONE_TOO_LARGE: Leaf = {
  kind: "decisions",
  decisions: [1, noise(20_000), 1].map((result, number) => ({ number, record: { ...RECORD, result } })),
};

test("one decision of a leaf that does not fit is told by its number, and the others reach the receiver", async (t) => {
  const node = await setupUpload(t);
  await node.write(ONE_TOO_LARGE);
  const upload = node.upload();
  await upload.uploadAll();
  assert.deepEqual(upload.progress, { uploaded: 2, waiting: 0, dropped: 1 });
  assert.deepEqual(
    node.receiver.events.map((event) => event["req_id"] ?? Object(event["result"]).facts.decision),
    [0, 2, 1],
  );
});

test("what is dropped from a leaf is counted once, though a stop in the middle sends it again", async (t) => {
  const node = await setupUpload(t);
  await node.write(ONE_TOO_LARGE);
  node.receiver.answer = () => (node.receiver.requests.length === 2 ? 500 : 200);
  await node.upload().uploadAll();
  const again = node.upload();
  await again.uploadAll();
  assert.equal(again.progress.dropped, 1);
});

test("summaries of denials and gaps of the journal reach the receiver too", async (t) => {
  const node = await setupUpload(t);
  const at = instant(1_790_000_000_000);
  await node.write({ kind: "summary", principal: "p", from: at, to: at, count: 2, firstNumber: 1, lastNumber: 2 });
  await node.write({ kind: "gap", from: 3, to: 4, atMost: 2 });
  await node.upload().uploadAll();
  assert.deepEqual(
    node.receiver.events.map(({ path }) => path),
    ["vedette/journal/summary", "vedette/journal/gap"],
  );
});

/** What cannot be packed much. */
function noise(length: number): string {
  return Buffer.from(systemRandom.bytes(length)).toString("base64");
}
