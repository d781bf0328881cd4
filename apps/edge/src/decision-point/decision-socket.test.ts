import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type JsonObject, parseUtf8, utf8 } from "@vedette/base";
import { encodeFrame, FRAME_LENGTH_MAX, type FrameKind, FrameReader } from "@vedette/protocol";
import { need, setupDecisionPoint, TILL } from "./decision-fixture.test.ts";
import { serveDecisionSocket } from "./decision-socket.ts";

const PROXY = { name: "proxy", frames: "proxy.sock", mayClaimSubject: ["user"] };
const ann = { type: "user", id: "ann" };
const allowed = { subject: ann, action: { name: "read" }, resource: { type: "menu", id: "lunch" } };
const denied = { ...allowed, resource: { type: "tobacco", id: "t1" } };

interface Told {
  readonly kind: FrameKind;
  readonly id: number;
  readonly value: unknown;
}

/** A client that says what it likes and remembers what it was told. */
function testConnect(t: TestContext, path: string) {
  const socket = connect({ path, noDelay: true });
  t.after(() => socket.destroy());
  const reader = new FrameReader();
  const told: Told[] = [];
  let wake = (): void => {};
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.on("data", (chunk: Uint8Array) => {
    for (const { kind, id, payload } of need(reader.push(chunk)))
      told.push({ kind, id, value: JSON.parse(need(parseUtf8(payload))) });
    wake();
  });
  return {
    socket,
    told,
    closed,
    send: (id: number, questions: unknown) =>
      socket.write(encodeFrame({ kind: "ask", id, payload: utf8(JSON.stringify(questions)) })),
    until: async (count: number) => {
      while (told.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return told;
    },
  };
}

test("questions of one frame are answered in their order, under its id, and recorded one by one in one commit", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, node.path("proxy.sock"));
  client.send(7, [allowed, denied, { path: "app/allow", input: { user: "bob" } }, { path: "app/nothing" }]);
  const [answer] = await client.until(1);
  assert.deepEqual([answer?.kind, answer?.id], ["answer", 7]);
  const answers = (answer?.value ?? []) as readonly JsonObject[];
  assert.deepEqual(
    answers.map(({ decision, result }) => decision ?? result ?? null),
    [true, false, true, null],
  );
  const records = node.records();
  assert.deepEqual(new Set(records.map(({ decision_id }) => decision_id)).size, 4);
  assert.deepEqual([...new Set(records.map(({ requested_by }) => requested_by))], ["pep/proxy"]);
});

test("frames may follow each other without waiting; each answer finds its question by its id", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, path("proxy.sock"));
  for (let id = 0; id < 500; id++) client.send(id, [id % 2 === 0 ? allowed : denied]);
  const told = await client.until(500);
  assert.equal(new Set(told.map(({ id }) => id)).size, 500);
  for (const { id, value } of told) assert.equal(Object(value)[0].decision, id % 2 === 0);
});

test("one question at fault leaves the others their answers: no claim, no request, no path", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, path("proxy.sock"));
  client.send(1, [allowed, { ...allowed, subject: { type: "device", id: TILL } }, 5, {}]);
  client.send(2, [{ path: 5 }, { path: "app/who", input: { subject: { type: "device", id: TILL } } }, allowed]);
  const told = (await client.until(2)).toSorted((a, b) => a.id - b.id);
  const [first, second] = told.map(({ value }) => value as readonly JsonObject[]);
  assert.deepEqual(
    first?.map(({ decision }) => decision),
    [true, false, false, false],
  );
  assert.deepEqual(
    first?.slice(1).map(({ context }) => Object(context).error.code),
    ["CLAIM_REFUSED", "REQUEST_INVALID", "REQUEST_INVALID"],
  );
  assert.deepEqual(
    second?.map(({ error, decision }) => Object(error).code ?? decision),
    ["REQUEST_INVALID", "CLAIM_REFUSED", true],
  );
});

test("inputs of documents keep every digit, also among access requests", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, path("proxy.sock"));
  const text = `[${JSON.stringify(allowed)},{"path":"app/twice","input":{"x":12345678901234567890123}}]`;
  const texts: string[] = [];
  client.socket.on("data", (chunk: Uint8Array) => texts.push(Buffer.from(chunk).toString("latin1")));
  client.socket.write(encodeFrame({ kind: "ask", id: 1, payload: utf8(text) }));
  await client.until(1);
  assert.match(texts.join(""), /24691357802469135780246/);
});

test("a payload that is no list of questions is refused under its id, and the connection goes on", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, path("proxy.sock"));
  const raw = (id: number, payload: Uint8Array) => client.socket.write(encodeFrame({ kind: "ask", id, payload }));
  raw(1, utf8("{}"));
  raw(2, utf8("[1"));
  raw(3, new Uint8Array(0));
  raw(4, Uint8Array.of(0x5b, 0x22, 0xff, 0x22, 0x5d));
  raw(5, utf8(`[${"[".repeat(100_000)}${"]".repeat(100_000)}]`));
  client.send(
    6,
    Array.from({ length: 1_025 }, () => allowed),
  );
  client.send(7, [allowed]);
  const told = (await client.until(7)).toSorted((a, b) => a.id - b.id);
  assert.deepEqual(
    told.map(({ kind }) => kind),
    [...Array(6).fill("refusal"), "answer"],
  );
  assert.deepEqual(
    told.slice(0, 6).map(({ value }) => Object(value).code),
    [...Array(5).fill("PAYLOAD_INVALID"), "TOO_MANY_QUESTIONS"],
  );
});

test("what is no frame ends the connection with a reason: too long, another version, another protocol, an answer", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const answer = encodeFrame({ kind: "answer", id: 1, payload: utf8("[]") });
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [Uint8Array.of(0, 0x10, 0, 1, 1, 1, 0, 0, 0, 1), "FRAME_TOO_LARGE"],
    [Uint8Array.of(0, 0, 0, 6, 9, 1, 0, 0, 0, 1), "FRAME_VERSION_UNKNOWN"],
    [utf8("GET /v1/data HTTP/1.1\r\n\r\n"), "FRAME_TOO_LARGE"],
    [answer, "FRAME_KIND_UNEXPECTED"],
  ];
  for (const [bytes, code] of cases) {
    const client = testConnect(t, node.path("proxy.sock"));
    client.socket.write(bytes);
    await client.closed;
    assert.deepEqual(
      client.told.map(({ kind, id, value }) => [kind, id, Object(value).code]),
      [["refusal", 0, code]],
    );
  }
  assert.deepEqual(
    node.problems,
    cases.map(([, code]) => code.toLowerCase()),
  );
});

test("a frame that never ends costs its sender the connection, however busily it drips", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const { problem, client } = await testShortPatience(t, node, { frameMs: 60 });
  client.socket.write(Uint8Array.of(0, 0, 1, 0, 1, 1, 0, 0, 0, 1));
  const drip = setInterval(() => client.socket.write(" "), 5);
  await client.closed;
  clearInterval(drip);
  assert.deepEqual([Object(client.told[0]?.value).code, problem()], ["FRAME_TIMEOUT", "FRAME_TIMEOUT"]);
});

test("who does not take its answers is read no further, then cut", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const { problem, client, server } = await testShortPatience(t, node, { stallMs: 200 });
  client.socket.pause();
  const batch = Array.from({ length: 1_000 }, () => allowed);
  for (let id = 0; id < 120; id++) client.send(id, batch);
  while (!server().isPaused()) await new Promise(setImmediate);
  while (!server().destroyed) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(problem(), "SOCKET_STALLED");
  assert.ok(server().bytesRead < 120 * JSON.stringify(batch).length);
});

test("an end in the middle of a frame is noted; what was asked whole before it is answered", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, node.path("proxy.sock"));
  client.send(1, [allowed]);
  client.socket.end(encodeFrame({ kind: "ask", id: 2, payload: utf8("[]") }).subarray(0, 8));
  await client.closed;
  assert.deepEqual(
    client.told.map(({ id }) => id),
    [1],
  );
  assert.deepEqual(node.problems, ["frame_cut_off"]);
});

test("the largest frame is answered", async (t) => {
  const { path } = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, path("proxy.sock"));
  const padding = "x".repeat(FRAME_LENGTH_MAX - 6 - JSON.stringify([{ ...allowed, context: { padding: "" } }]).length);
  client.send(1, [{ ...allowed, context: { padding } }]);
  assert.equal(Object((await client.until(1))[0]?.value)[0].decision, true);
});

test("without a policy every question is refused as unavailable, and so is one whose record cannot be written", async (t) => {
  const node = await setupDecisionPoint(t, [PROXY]);
  const client = testConnect(t, node.path("proxy.sock"));
  node.activate(undefined);
  client.send(1, [allowed, { path: "app/allow" }]);
  const [answer] = await client.until(1);
  const [access, document] = (answer?.value ?? []) as readonly JsonObject[];
  assert.deepEqual([access?.["decision"], Object(access?.["context"]).error.status], [false, 503]);
  assert.equal(Object(document?.["error"]).code, "POLICY_MISSING");
});

/** The same conversation with less patience, over a listener of the test's own. */
async function testShortPatience(t: TestContext, node: Awaited<ReturnType<typeof setupDecisionPoint>>, limits: object) {
  const { createServer } = await import("node:net");
  const problems: string[] = [];
  let accepted: Socket | undefined;
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    accepted = socket;
    const pep = {
      name: "proxy",
      requestedBy: "pep/proxy",
      self: undefined,
      mayClaimSubject: new Set(["user"]),
      isLogged: false,
    };
    serveDecisionSocket(socket, pep, {
      ...node.point.desks,
      onProblem: (code) => problems.push(code),
      onBug: assert.fail,
      limits,
    });
  });
  const path = node.path("short.sock");
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  t.after(() => listener.close());
  const client = testConnect(t, path);
  await new Promise<void>((resolve) => client.socket.once("connect", () => resolve()));
  while (!accepted) await new Promise(setImmediate);
  return { client, problem: () => problems.join(), server: () => accepted as Socket };
}
