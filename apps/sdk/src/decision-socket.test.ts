import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Json, type JsonObject, parseUtf8, type Result, utf8 } from "@vedette/base";
import type { AccessRequest } from "@vedette/policy";
import { encodeFrame, FRAMES_IN_FLIGHT_MAX, type FrameKind, FrameReader, QUESTIONS_MAX } from "@vedette/protocol";
import { openDecisionSocket } from "./decision-socket.ts";

const request = (id: string): AccessRequest => ({
  subject: { type: "user", id },
  action: { name: "read" },
  resource: { type: "menu", id: "m" },
});

interface Asked {
  readonly id: number;
  readonly questions: readonly JsonObject[];
  tell(value: Json, kind?: FrameKind, id?: number): void;
  readonly socket: Socket;
}

/** A node that keeps what it is asked, and answers as the test says: by default `ann` may, others may not. */
async function setupNode(t: TestContext, answer: (asked: Asked) => void = answerByName) {
  const folder = mkdtempSync(join(tmpdir(), "vedette-sdk-"));
  const path = join(folder, "pdp.sock");
  const frames: Asked[] = [];
  const server: Server = createServer((socket) => {
    const reader = new FrameReader();
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      for (const { id, payload } of need(reader.push(chunk))) {
        const questions = JSON.parse(need(parseUtf8(payload)));
        const tell = (value: Json, kind: FrameKind = "answer", under = id) =>
          void socket.write(encodeFrame({ kind, id: under, payload: utf8(JSON.stringify(value)) }));
        const asked = { id, questions, tell, socket };
        frames.push(asked);
        answer(asked);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  let connections = 0;
  const open = (options: object = {}) =>
    openDecisionSocket({
      connect: () => {
        connections++;
        return connect({ path, noDelay: true });
      },
      ...options,
    });
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { path, frames, open, connections: () => connections };
}

function answerByName({ questions, tell }: Asked): void {
  tell(
    questions.map(({ subject, path }) =>
      path === undefined ? decisionFor(subject) : { result: path, decision_id: "1" },
    ),
  );
}

function decisionFor(subject: Json | undefined): JsonObject {
  return { decision: Object(subject).id === "ann", context: { decision_id: "1", reason: "test" } };
}

test("what is asked within one turn travels in one frame, and each gets its own answer", async (t) => {
  const node = await setupNode(t);
  using client = node.open();
  const answers = await Promise.all([client.decideAccess(request("ann")), client.decideAccess(request("eve"))]);
  assert.deepEqual(
    answers.map(({ decision }) => decision),
    [true, false],
  );
  assert.deepEqual(
    node.frames.map(({ questions }) => questions.length),
    [2],
  );
  assert.equal(answers[0]?.context["decision_id"], "1");
});

test("many questions travel in several frames, none larger than a node takes, and no more than it lets wait", async (t) => {
  const waiting: Asked[] = [];
  const node = await setupNode(t, (asked) => void waiting.push(asked));
  using client = node.open({ waitingMax: 200_000, timeoutMs: 60_000 });
  const count = QUESTIONS_MAX * (FRAMES_IN_FLIGHT_MAX + 3);
  const all = client.decideAll(Array.from({ length: count }, (_, i) => request(i % 3 === 0 ? "ann" : "eve")));
  const untilThere = async (frames: number) => {
    while (node.frames.length < frames) await new Promise(setImmediate);
  };
  await untilThere(FRAMES_IN_FLIGHT_MAX);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(node.frames.length, FRAMES_IN_FLIGHT_MAX);
  for (const asked of waiting.splice(0)) answerByName(asked);
  await untilThere(FRAMES_IN_FLIGHT_MAX + 3);
  for (const asked of waiting.splice(0)) answerByName(asked);
  const answers = await all;
  assert.equal(answers.length, count);
  assert.ok(answers.every(({ decision }, i) => decision === (i % 3 === 0)));
  assert.ok(node.frames.every(({ questions }) => questions.length <= QUESTIONS_MAX));
});

test("documents are asked by their path; undefined and a refusal are answers", async (t) => {
  const node = await setupNode(t, ({ questions, tell }) =>
    tell(
      questions.map(({ path }) =>
        path === "no" ? { decision_id: "1" } : path === "bad" ? { error: { code: "X", message: "y" } } : { result: 5 },
      ),
    ),
  );
  using client = node.open();
  assert.deepEqual(await client.document("app/allow", { x: 1 }), { ok: true, value: 5 });
  assert.deepEqual(await client.document("no"), { ok: true, value: undefined });
  assert.deepEqual(await client.document("bad"), { ok: false, error: { code: "X", message: "y" } });
});

test("a node that could not decide has not denied", async (t) => {
  const error = { status: 503, code: "POLICY_MISSING", message: "no policy" };
  const node = await setupNode(t, ({ tell }) => tell([{ decision: false, context: { error } }]));
  using client = node.open();
  await assert.rejects(client.decideAccess(request("ann")), { code: "REFUSED", message: "POLICY_MISSING: no policy" });
});

test("a refused frame rejects its questions and no others; under the id 0 it ends the connection", async (t) => {
  const node = await setupNode(t, ({ questions, tell }) => {
    const [{ subject } = {}] = questions;
    const { id } = Object(subject);
    if (id === "bad") tell({ code: "PAYLOAD_INVALID", message: "no" }, "refusal");
    else if (id === "worse") tell({ code: "FRAME_TOO_LARGE", message: "no" }, "refusal", 0);
    else answerByName({ questions, tell } as Asked);
  });
  using client = node.open();
  await assert.rejects(client.decideAccess(request("bad")), { code: "REFUSED" });
  assert.equal((await client.decideAccess(request("ann"))).decision, true);
  assert.equal(node.connections(), 1);
  await assert.rejects(client.decideAccess(request("worse")), { code: "REFUSED" });
  assert.equal((await client.decideAccess(request("ann"))).decision, true);
  assert.equal(node.connections(), 2);
});

test("an answer that fits no question ends the connection: none of them can be trusted", async (t) => {
  const lies: readonly ((asked: Asked) => void)[] = [
    ({ tell }) => tell([]),
    ({ tell }) => tell({ decision: true }),
    ({ tell }) => tell([true]),
    ({ tell }) => tell([{ decision: true }], "answer", 999),
    ({ tell }) => tell([{ decision: true }], "ask"),
    ({ socket }) => void socket.write("HTTP/1.1 200 OK\r\n\r\n"),
    ({ socket, id }) => void socket.write(encodeFrame({ kind: "answer", id, payload: utf8("[") })),
  ];
  for (const lie of lies) {
    const node = await setupNode(t, lie);
    using client = node.open();
    await assert.rejects(client.decideAccess(request("ann")), { code: "PROTOCOL" });
  }
  const node = await setupNode(t, ({ tell }) => tell([{ decision: "yes", context: {} }]));
  using client = node.open();
  await assert.rejects(client.decideAccess(request("ann")), { code: "PROTOCOL" });
});

test("no answer in time is no answer, and the next question takes another connection", async (t) => {
  let isSilent = true;
  const node = await setupNode(t, (asked) => {
    if (!isSilent) answerByName(asked);
  });
  using client = node.open({ timeoutMs: 40 });
  await assert.rejects(client.decideAccess(request("ann")), { code: "TIMEOUT" });
  isSilent = false;
  assert.equal((await client.decideAccess(request("ann"))).decision, true);
  assert.equal(node.connections(), 2);
});

test("a node that is away is unreachable, one that goes away rejects what waits, and one that is back is used", async (t) => {
  const node = await setupNode(t, ({ questions, socket, tell }) => {
    if (Object(questions[0]?.["subject"]).id === "fatal") socket.destroy();
    else answerByName({ questions, tell } as Asked);
  });
  using nobody = openDecisionSocket({ connect: () => connect({ path: `${node.path}.none` }) });
  await assert.rejects(nobody.decideAccess(request("ann")), { code: "UNREACHABLE" });
  using client = node.open();
  await assert.rejects(client.decideAccess(request("fatal")), { code: "UNREACHABLE" });
  assert.equal((await client.decideAccess(request("ann"))).decision, true);
});

test("too many questions at once, one too large, and any after the end are rejected", async (t) => {
  const node = await setupNode(t);
  using client = node.open({ waitingMax: 2 });
  const asked = ["ann", "ann", "ann"].map((id) => client.decideAccess(request(id)));
  const [, , third] = await Promise.allSettled(asked);
  assert.equal(third?.status === "rejected" && third.reason.code, "TOO_MANY");
  await assert.rejects(client.decideAccess(request("x".repeat(1_100_000))), { code: "REFUSED" });
  assert.equal((await client.decideAccess(request("ann"))).decision, true);
  client.close();
  await assert.rejects(client.decideAccess(request("ann")), { code: "CLOSED" });
});

function need<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
