import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as openTls } from "node:tls";
import { AdapterError, type Result, utf8 } from "@vedette/base";
import { connectTls } from "./connect.ts";
import { createForwarder, type ForwardOptions, type Upstream, type UpstreamError, withoutHopByHop } from "./forward.ts";
import { type HttpRequest, type HttpResponse, refusalResponse } from "./http.ts";
import { SERVER_NAME, testCreateAuthority, testListen } from "./network-fixture.test.ts";

const authority = testCreateAuthority("Test Root");

async function testUpstream(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { upstream: { host: "127.0.0.1", port }, server, [Symbol.dispose]: stop };
}

/** A gateway that forwards everything, and a client of it. A failing upstream is answered with its code. */
async function testGateway(upstream: Upstream, prepare: (request: HttpRequest) => Promise<ForwardOptions>) {
  const forwarder = createForwarder();
  const outcomes: Promise<unknown>[] = [];
  const handler = async (request: HttpRequest): Promise<HttpResponse> => {
    const forwarding = forwarder.forward(request, upstream, await prepare(request));
    outcomes.push(forwarding.catch((error) => error));
    const forwarded = await forwarding;
    return forwarded.ok ? forwarded.value : refusalResponse(502, forwarded.error.code, "upstream failed");
  };
  const listener = await testListen(authority, { handler });
  const client = connectTls({
    url: listener.url,
    anchors: { roots: [authority.pem] },
    expectedServer: { dns: SERVER_NAME },
  });
  return {
    client,
    listener,
    /** What each request came to, for the gateway: a result, or what was thrown. */
    outcomes,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await listener.close({ graceMs: 0 });
      forwarder.close();
    },
  };
}

async function errorIn(outcome: Promise<unknown> | undefined): Promise<UpstreamError> {
  const result = (await outcome) as Result<HttpResponse, UpstreamError>;
  assert.equal(result.ok, false);
  return result.error;
}

async function sentIn(outcome: Promise<unknown> | undefined): Promise<boolean> {
  return (await errorIn(outcome)).isSent;
}

const plainly = async (): Promise<ForwardOptions> => ({});
const text = (body: Uint8Array) => new TextDecoder().decode(body);

async function readAll(message: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return new Uint8Array(Buffer.concat(parts));
}

test("method, target, body, status and answer pass through", async () => {
  using up = await testUpstream(async (message, response) => {
    const body = await readAll(message);
    response.writeHead(201, { "x-answer": "yes", "set-cookie": ["a=1", "b=2"] });
    response.end(`${message.method} ${message.url} ${body.length}`);
  });
  await using gateway = await testGateway(up.upstream, plainly);
  const body = new Uint8Array(300_000).fill(1);
  const answer = await gateway.client.request("PUT", "/prices/%34%32?q=a%2Fb", { body });
  assert.deepEqual(
    [answer.status, answer.headers["x-answer"], answer.headers["set-cookie"], text(answer.body)],
    [201, "yes", "a=1, b=2", "PUT /prices/42?q=a%2Fb 300000"],
  );
});

test("a body that was read for the decision is sent on as it was read", async () => {
  using up = await testUpstream(async (message, response) => void response.end(await readAll(message)));
  await using gateway = await testGateway(up.upstream, async (request) => ({ body: await request.body(100) }));
  assert.equal(text((await gateway.client.request("POST", "/", { body: utf8("{}") })).body), "{}");
});

test("hop-by-hop fields and those that Connection names stay on their hop, in both directions", async () => {
  let seen: IncomingMessage["headers"] = {};
  using up = await testUpstream((message, response) => {
    seen = message.headers;
    response.writeHead(200, { connection: "x-inner", "x-inner": "1", "keep-alive": "timeout=1", "x-outer": "2" }).end();
  });
  await using gateway = await testGateway(up.upstream, plainly);
  const headers = {
    connection: "x-secret",
    "x-secret": "1",
    te: "trailers",
    "proxy-authorization": "Basic x",
    "x-kept": "2",
  };
  const answer = await gateway.client.request("GET", "/", { headers });
  assert.deepEqual(
    [seen["x-secret"], seen["te"], seen["proxy-authorization"], seen["x-kept"]],
    [undefined, undefined, undefined, "2"],
  );
  assert.deepEqual([answer.headers["x-inner"], answer.headers["x-outer"]], [undefined, "2"]);
});

test("what a client says about itself is dropped, and what the gateway says cannot be removed by the client", async () => {
  let seen: IncomingMessage["headers"] = {};
  using up = await testUpstream((message, response) => {
    seen = message.headers;
    response.end();
  });
  await using gateway = await testGateway(up.upstream, async () => ({
    headersToDrop: ["x-vedette-*", "forwarded"],
    headersToAdd: { "x-vedette-principal": "spiffe://store-17.example.org/pos-1" },
  }));
  const headers = {
    "x-vedette-principal": "spiffe://store-17.example.org/admin",
    "x-vedette-role": "admin",
    // WSGI and CGI read both spellings as one name.
    x_vedette_principal: "spiffe://store-17.example.org/admin",
    content_type: "text/plain",
    forwarded: "for=1.2.3.4",
    connection: "x-vedette-principal",
  };
  await gateway.client.request("GET", "/", { headers });
  assert.deepEqual(
    [seen["x-vedette-principal"], seen["x-vedette-role"], seen["forwarded"]],
    ["spiffe://store-17.example.org/pos-1", undefined, undefined],
  );
  assert.deepEqual(
    Object.keys(seen).filter((name) => name.includes("_")),
    [],
  );
});

test("an upstream that is down, silent or no HTTP is three values, and none of them an exception", async () => {
  using gone = await testUpstream(() => {});
  gone.server.close();
  using silent = await testUpstream(() => {});
  const sockets: Socket[] = [];
  const babbler = createTcpServer((socket) => sockets.push(socket.on("error", () => {}).end("what?\r\n\r\n")));
  babbler.listen(0, "127.0.0.1");
  await once(babbler, "listening");
  const upstreams: readonly Upstream[] = [gone.upstream, silent.upstream, babbler.address() as AddressInfo & Upstream];
  const codes: unknown[] = [];
  const isSent: unknown[] = [];
  for (const each of upstreams) {
    const upstream = "port" in each ? { host: "127.0.0.1", port: each.port } : each;
    await using gateway = await testGateway(upstream, async () => ({ limits: { answerMs: 100 } }));
    const { body } = await gateway.client.request("GET", "/");
    codes.push((JSON.parse(text(body)) as { error: { code: string } }).error.code);
    assert.deepEqual(gateway.listener.failures, []);
    isSent.push(await sentIn(gateway.outcomes[0]));
  }
  babbler.close();
  assert.deepEqual(isSent, [false, true, true]);
  assert.deepEqual(codes, ["UPSTREAM_UNREACHABLE", "UPSTREAM_TIMEOUT", "UPSTREAM_PROTOCOL"]);
});

test("an upstream that breaks off after it has the request may have acted on it", async () => {
  using up = await testUpstream((message) => message.socket.destroy());
  await using gateway = await testGateway(up.upstream, plainly);
  assert.equal((await gateway.client.request("POST", "/", { body: utf8("pay") })).status, 502);
  assert.equal(await sentIn(gateway.outcomes[0]), true);
});

test("a Unix socket that is not there was sent nothing", async () => {
  await using gateway = await testGateway({ socketPath: "/nowhere/upstream.sock" }, plainly);
  assert.equal((await gateway.client.request("GET", "/")).status, 502);
  assert.equal(await sentIn(gateway.outcomes[0]), false);
});

test("a client that hangs up once the upstream has its request does not undo it", async () => {
  const gone = new AbortController();
  using up = await testUpstream((message) => void message.resume().on("end", () => gone.abort()));
  await using gateway = await testGateway(up.upstream, plainly);
  const request = gateway.client.request("POST", "/", { body: utf8("pay"), signal: gone.signal });
  await assert.rejects(request, { code: "NET_UNREACHABLE" });
  assert.deepEqual(await errorIn(gateway.outcomes[0]), {
    code: "UPSTREAM_ABORTED",
    reason: "ABORT_ERR",
    isSent: true,
  });
});

test("a client that hangs up in the middle of its body has sent something on", async () => {
  const gone = new AbortController();
  using up = await testUpstream((message) => void message.on("error", () => {}).once("data", () => gone.abort()));
  await using gateway = await testGateway(up.upstream, plainly);
  const body = new Uint8Array(8_000_000);
  await assert.rejects(gateway.client.request("POST", "/", { body, signal: gone.signal }));
  const error = await errorIn(gateway.outcomes[0]);
  assert.deepEqual([error.code, error.isSent], ["UPSTREAM_ABORTED", true]);
});

test("what is thrown, was thrown before a byte left", async () => {
  using up = await testUpstream(() => assert.fail("the upstream hears nothing"));
  await using gateway = await testGateway(up.upstream, async () => ({ limits: { bodyLengthMax: 10 } }));
  assert.equal((await gateway.client.request("POST", "/", { body: new Uint8Array(11) })).status, 413);
  assert.ok((await gateway.outcomes[0]) instanceof AdapterError);
});

test("a body without a declared length that grows too large says that part of it was sent", async () => {
  using up = await testUpstream((message) => void message.on("error", () => {}).resume());
  await using gateway = await testGateway(up.upstream, async () => ({ limits: { bodyLengthMax: 100_000 } }));
  const { port } = new URL(gateway.listener.url);
  const socket = openTls({ host: "127.0.0.1", port: Number(port), ca: authority.pem, servername: SERVER_NAME });
  socket.on("error", () => {}).resume();
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
  for (let i = 0; i < 40; i++) {
    socket.write(`2710\r\n${"x".repeat(10_000)}\r\n`);
    await sleep(5);
  }
  const error = await errorIn(gateway.outcomes[0]);
  socket.destroy();
  assert.deepEqual(error, { code: "UPSTREAM_ABORTED", reason: "HTTP_BODY_TOO_LARGE", isSent: true });
});

test("a repeated request whose first try was sent counts as sent", async () => {
  const served: Socket[] = [];
  using up = await testUpstream((message, response) => {
    if (!served.includes(message.socket)) {
      served.push(message.socket);
      response.end("ok");
      return;
    }
    // Nobody listens any more when the second try comes.
    up.server.close();
    message.socket.destroy();
  });
  await using gateway = await testGateway(up.upstream, plainly);
  assert.equal((await gateway.client.request("GET", "/")).status, 200);
  assert.equal((await gateway.client.request("GET", "/")).status, 502);
  assert.deepEqual(await errorIn(gateway.outcomes[1]), {
    code: "UPSTREAM_UNREACHABLE",
    reason: "ECONNREFUSED",
    isSent: true,
  });
});

test("an answer that stalls half-way breaks the connection", async () => {
  using up = await testUpstream((_, response) => void response.write("half"));
  await using gateway = await testGateway(up.upstream, async () => ({ limits: { stallMs: 50 } }));
  await assert.rejects(gateway.client.request("GET", "/"), { code: "NET_UNREACHABLE" });
});

test("a streamed body beyond the limit is refused with 413 and never completes at the upstream", async () => {
  const completed: boolean[] = [];
  using up = await testUpstream((message) => {
    message.on("error", () => {}).resume();
    message.on("close", () => completed.push(message.complete));
  });
  await using gateway = await testGateway(up.upstream, async () => ({ limits: { bodyLengthMax: 1_000 } }));
  const declared = await gateway.client.request("POST", "/", { body: new Uint8Array(2_000) });
  assert.equal(declared.status, 413);
  assert.ok(!completed.includes(true));
});

test("a connection that the upstream closed meanwhile costs a safe request nothing", async () => {
  const served: Socket[] = [];
  using up = await testUpstream((message, response) => {
    // The second request of a connection finds it closing, as after an idle limit.
    if (served.includes(message.socket)) message.socket.destroy();
    else {
      served.push(message.socket);
      response.end("ok");
    }
  });
  await using gateway = await testGateway(up.upstream, plainly);
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await gateway.client.request("GET", "/")).status);
  assert.deepEqual(statuses, [200, 200, 200]);
  assert.equal((await gateway.client.request("POST", "/")).status, 502);
  assert.equal(await sentIn(gateway.outcomes.at(-1)), true);
});

test("fields of one hop are those of RFC 9110 and those it names, whatever their case", () => {
  const headers = {
    connection: "Close, X-One",
    "x-one": "1",
    "transfer-encoding": "chunked",
    upgrade: "h2c",
    "x-two": "2",
  };
  assert.deepEqual(withoutHopByHop(headers), { "x-two": "2" });
});
