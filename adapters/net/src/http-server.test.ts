import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { test } from "node:test";
import { connect as connectSocket, type TLSSocket } from "node:tls";
import { AdapterError, InvariantError } from "@vedette/base";
import { connectTls } from "./connect.ts";
import { bytesResponse, emptyResponse, type HttpHandler, type HttpRequest, jsonResponse } from "./http.ts";
import type { ListenerLimits } from "./http-server.ts";
import { SERVER_NAME, testCreateAuthority, testListen } from "./network-fixture.test.ts";

const authority = testCreateAuthority("Test Root");

async function testServe(handler: HttpHandler, limits: Partial<ListenerLimits> = {}) {
  const listener = await testListen(authority, { handler, limits });
  const client = connectTls({
    url: listener.url,
    anchors: { roots: [authority.pem] },
    expectedServer: { dns: SERVER_NAME },
  });
  return {
    listener,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await listener.close({ graceMs: 0 });
    },
  };
}

/** Writes bytes as they are and returns everything that comes back until the server closes. */
async function testTalk(port: number, ...parts: readonly string[]): Promise<string> {
  const socket: TLSSocket = connectSocket({ port, host: "127.0.0.1", servername: SERVER_NAME, ca: authority.pem });
  await once(socket, "secureConnect");
  let answer = "";
  socket.on("data", (data) => {
    answer += data.toString("latin1");
  });
  socket.on("error", () => {});
  for (const part of parts) socket.write(part);
  await once(socket, "close");
  return answer;
}

const head = (line: string, ...fields: readonly string[]) =>
  [line, `host: ${SERVER_NAME}`, ...fields, "", ""].join("\r\n");
const parse = (body: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(body));
const readAll = async (request: HttpRequest) => bytesResponse(200, "text/plain", await request.body(1_000));

test("a body is read whole up to its limit", async () => {
  await using served = await testServe(readAll);
  const body = new Uint8Array(1_000).fill(7);
  assert.deepEqual((await served.client.request("POST", "/", { body })).body, body);
});

test("a body that declares more than the limit is refused before it is sent", async () => {
  await using served = await testServe(readAll);
  const answer = await testTalk(served.listener.port, head("POST / HTTP/1.1", "content-length: 1001"));
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.match(answer, /connection: close/i);
  assert.match(answer, /"code":"HTTP_BODY_TOO_LARGE","lengthMax":1000/);
});

test("a body that grows past the limit is refused when it does, and the sender can read why", async () => {
  await using served = await testServe(readAll);
  const body = new Uint8Array(4_000_000);
  const { status, body: answer } = await served.client.request("POST", "/", { body });
  assert.equal(status, 413);
  assert.deepEqual(parse(answer), {
    error: { code: "HTTP_BODY_TOO_LARGE", lengthMax: 1_000, message: "request body is larger than its limit" },
  });
  const chunked = head("POST / HTTP/1.1", "transfer-encoding: chunked");
  const chunk = `258\r\n${"x".repeat(0x258)}\r\n`;
  assert.match(await testTalk(served.listener.port, chunked, chunk, chunk, chunk), /^HTTP\/1\.1 413 /);
});

test("a body that stops coming is answered with 408", async () => {
  await using served = await testServe(readAll, { bodyMs: 50 });
  const answer = await testTalk(served.listener.port, head("POST / HTTP/1.1", "content-length: 10"), "abc");
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.match(answer, /"code":"HTTP_BODY_TIMEOUT","length":3/);
});

test("a head that stops coming is answered with 408 and counted", async () => {
  await using served = await testServe(readAll, { headerMs: 50 });
  assert.match(
    await testTalk(served.listener.port, "GET / HTTP/1.1\r\nhost:"),
    /^HTTP\/1\.1 408 [\s\S]*HTTP_REQUEST_TIMEOUT/,
  );
  assert.deepEqual(served.listener.problems, [{ code: "HTTP_REQUEST_TIMEOUT", reason: "ERR_HTTP_REQUEST_TIMEOUT" }]);
});

test("a connection on which no request comes is closed", async () => {
  await using served = await testServe(readAll, { headerMs: 50 });
  assert.match(await testTalk(served.listener.port), /^HTTP\/1\.1 408 /);
});

test("a head beyond its limit is answered with 431, and what is no HTTP with 400", async () => {
  await using served = await testServe(readAll, { headerLengthMax: 1_024 });
  const large = await testTalk(served.listener.port, head("GET / HTTP/1.1", `x: ${"y".repeat(2_000)}`));
  assert.match(large, /^HTTP\/1\.1 431 [\s\S]*HTTP_HEADERS_TOO_LARGE/);
  assert.match(await testTalk(served.listener.port, "what?\r\n\r\n"), /^HTTP\/1\.1 400 [\s\S]*HTTP_MALFORMED/);
});

test("a request that two parsers would cut apart differently is refused", async () => {
  let served = 0;
  await using server = await testServe(async () => {
    served++;
    return emptyResponse(204);
  });
  const both = head("POST / HTTP/1.1", "content-length: 5", "transfer-encoding: chunked");
  const twoLengths = head("POST / HTTP/1.1", "content-length: 5", "content-length: 6");
  const twoHosts = head("GET / HTTP/1.1", "host: other.example.org", "connection: close");
  const absolute = head("GET http://other.example.org/ HTTP/1.1", "connection: close");
  for (const text of [both, twoLengths, twoHosts, absolute])
    assert.match(await testTalk(server.listener.port, text, "0\r\n\r\n"), /^HTTP\/1\.1 400 /, text);
  assert.equal(served, 0);
});

test("an unread body does not become the next request", async () => {
  const seen: string[] = [];
  await using served = await testServe(async ({ method, path }) => {
    seen.push(`${method} ${path}`);
    return emptyResponse(403);
  });
  const smuggled = head("GET /smuggled HTTP/1.1");
  const outer = head("POST /outer HTTP/1.1", `content-length: ${smuggled.length}`);
  await testTalk(served.listener.port, outer, smuggled, head("GET /next HTTP/1.1", "connection: close"));
  assert.deepEqual(seen, ["POST /outer", "GET /next"]);
});

test("a failing adapter becomes 503 with its code alone, a bug becomes 500, and both are reported", async () => {
  const full = new AdapterError("STORE_FULL", "the store is full", { path: "/var/lib/secret" });
  const bug = new InvariantError("a lease ends after it begins");
  await using served = await testServe(async ({ path }) => Promise.reject(path === "/full" ? full : bug));
  const answers = [await served.client.request("GET", "/full"), await served.client.request("GET", "/bug")];
  assert.deepEqual(
    answers.map(({ status, body }) => [status, parse(body)]),
    [
      [503, { error: { code: "STORE_FULL", message: "the store is full" } }],
      [500, { error: { code: "INTERNAL", message: "the request could not be answered" } }],
    ],
  );
  assert.deepEqual(served.listener.failures, [full, bug]);
});

test("an answer that cannot be written is reported, and breaks the connection", async () => {
  await using served = await testServe(async () => emptyResponse(204, { "x-name": "two\r\nlines" }));
  await assert.rejects(served.client.request("GET", "/"), { code: "NET_UNREACHABLE" });
  assert.equal(served.listener.failures.length, 1);
});

test("a stream that fails breaks the connection, so that a part is not taken for the whole", async () => {
  async function* half() {
    yield Buffer.from("half");
    throw new Error("disk gone");
  }
  await using served = await testServe(async () => ({ status: 200, headers: {}, body: Readable.from(half()) }));
  await assert.rejects(served.client.request("GET", "/"), { code: "NET_UNREACHABLE" });
});

test("the handler's signal aborts when the client leaves, and not when it was answered", async () => {
  const arrived = Promise.withResolvers<HttpRequest>();
  await using served = await testServe(async (request) => {
    if (request.path === "/quick") return jsonResponse(200, {});
    arrived.resolve(request);
    return new Promise(() => {});
  });
  const leaving = new AbortController();
  const request = served.client.request("GET", "/slow", { signal: leaving.signal });
  request.catch(() => {});
  const { signal } = await arrived.promise;
  assert.equal(signal.aborted, false);
  leaving.abort();
  if (!signal.aborted) await once(signal, "abort");
  await assert.rejects(request, { code: "NET_UNREACHABLE" });
});
