import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { utf8 } from "@vedette/base";
import { connectTls, type TlsClientOptions } from "./connect.ts";
import { bytesResponse, emptyResponse, type HttpRequest, jsonResponse } from "./http.ts";
import { dns, LONG_AGO, SERVER_NAME, testCreateAuthority, testIssue, testListen, uri } from "./network-fixture.test.ts";

const authority = testCreateAuthority("Test Root");
const greet = async () => bytesResponse(200, "text/plain", utf8("hello"));

function testClient(url: string, options: Partial<TlsClientOptions> = {}) {
  return connectTls({ url, anchors: { roots: [authority.pem] }, expectedServer: { dns: SERVER_NAME }, ...options });
}

/** A TCP server that does with each socket what it is told. */
async function testServeTcp(onSocket: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server: Server = createTcpServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `https://127.0.0.1:${port}`, [Symbol.dispose]: stop };
}

test("an answer comes back with status, headers and bytes", async () => {
  await using listener = await testListen(authority, { handler: greet });
  using client = testClient(listener.url);
  const { status, headers, body } = await client.request("GET", "/");
  assert.deepEqual([status, headers["content-type"], body], [200, "text/plain", utf8("hello")]);
});

test("a server under another root, of another name, or expired is refused with the reason", async () => {
  const cases = [
    [testIssue(testCreateAuthority("Stranger"), [dns(SERVER_NAME)]), "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
    [testIssue(authority, [dns("other.example.org")]), "SERVER_NAME_MISMATCH"],
    [testIssue(authority, [uri("spiffe://example.org/control")]), "SERVER_NAME_MISMATCH"],
    [testIssue(authority, [dns(SERVER_NAME)], [], LONG_AGO), "CERT_HAS_EXPIRED"],
  ] as const;
  let isCalled = false;
  const handler = async () => {
    isCalled = true;
    return emptyResponse(204);
  };
  for (const [certificate, reason] of cases) {
    await using listener = await testListen(authority, { certificate, handler });
    using client = testClient(listener.url);
    await assert.rejects(client.request("GET", "/"), (error: { code: string; facts: { reason: string } }) => {
      assert.deepEqual([error.code, error.facts.reason], ["NET_TLS_REFUSED", reason]);
      return true;
    });
  }
  assert.equal(isCalled, false);
});

test("a server is expected by its SPIFFE ID, which must be its only one", async () => {
  const id = "spiffe://store-17.example.org/gateway";
  const expectedServer = { spiffeId: id };
  const certificates = {
    right: testIssue(authority, [uri(id), dns("store-17.example.org")]),
    other: testIssue(authority, [uri(`${id}/x`)]),
    two: testIssue(authority, [uri(id), uri("spiffe://store-17.example.org/pos-1")]),
    none: testIssue(authority, [dns(SERVER_NAME)]),
  };
  const outcomes: Record<string, unknown> = {};
  for (const [name, certificate] of Object.entries(certificates)) {
    await using listener = await testListen(authority, { certificate, handler: greet });
    using client = testClient(listener.url, { expectedServer });
    outcomes[name] = await client.request("GET", "/").then(
      ({ status }) => status,
      (error: { facts: { reason: string } }) => error.facts.reason,
    );
  }
  const refused = "SERVER_ID_MISMATCH";
  assert.deepEqual(outcomes, { right: 200, other: refused, two: refused, none: refused });
});

test("a site CA is an anchor by itself, without the root above it", async () => {
  const site = testCreateAuthority("Site", authority);
  await using listener = await testListen(authority, {
    certificate: testIssue(site, [dns(SERVER_NAME)]),
    handler: greet,
  });
  using client = testClient(listener.url, { anchors: { roots: [site.pem] } });
  assert.equal((await client.request("GET", "/")).status, 200);
});

test("a caller may judge the chain itself, and its no is a refusal", async () => {
  await using listener = await testListen(authority, { handler: greet });
  const seen: number[] = [];
  const accepts = (chain: readonly Uint8Array[]) => seen.push(chain.length) > 1;
  for (const expected of ["NET_TLS_REFUSED", 200]) {
    using client = testClient(listener.url, { expectedServer: { accepts } });
    const outcome = await client.request("GET", "/").then(
      ({ status }) => status,
      (error: { code: string }) => error.code,
    );
    assert.equal(outcome, expected);
  }
  assert.deepEqual(seen, [2, 2]);
});

test("a pinned root is found in the chain that the server sends, and the path to it is verified", async () => {
  const issuing = testCreateAuthority("Issuing CA", authority);
  const certificate = testIssue(issuing, [dns(SERVER_NAME)], [issuing, authority]);
  await using listener = await testListen(authority, { certificate, handler: greet });
  using client = testClient(listener.url, { anchors: { pinnedRoot: authority.sha256 } });
  assert.equal((await client.request("GET", "/")).status, 200);
});

test("a root that is not the pinned one, not sent, or sent without a path to it is refused before any request", async () => {
  const stranger = testCreateAuthority("Stranger");
  const issuing = testCreateAuthority("Issuing CA", authority);
  const pin = authority.sha256;
  const leaf = (by: typeof authority, above: readonly (typeof authority)[]) => testIssue(by, [dns(SERVER_NAME)], above);
  const cases = [
    ["another root", leaf(stranger, [stranger]), pin, "PINNED_ROOT_MISSING"],
    ["not sent", leaf(issuing, [issuing]), pin, "PINNED_ROOT_MISSING"],
    ["no root", leaf(issuing, [issuing, authority]), issuing.sha256, "PINNED_ROOT_NOT_SELF_SIGNED"],
  ] as const;
  let isCalled = false;
  const handler = async () => {
    isCalled = true;
    return emptyResponse(204);
  };
  for (const [name, certificate, pinnedRoot, reason] of cases) {
    await using listener = await testListen(authority, { certificate, handler });
    using client = testClient(listener.url, { anchors: { pinnedRoot } });
    await assert.rejects(client.request("GET", "/"), (error: { code: string; facts: { reason: string } }) => {
      assert.deepEqual([error.code, error.facts.reason], ["NET_TLS_REFUSED", reason], name);
      return true;
    });
  }
  assert.equal(isCalled, false);
});

test("a stranger who sends the pinned root along is still a stranger", async () => {
  // Same name and key identifier as the root, another key: the chain looks complete until signatures are checked.
  const impostor = testCreateAuthority("Test Root");
  const lookalike = {
    ...impostor,
    issuer: { ...impostor.issuer, name: authority.issuer.name, keyId: authority.issuer.keyId },
  };
  const certificate = testIssue(lookalike, [dns(SERVER_NAME)], [authority]);
  await using listener = await testListen(authority, { certificate, handler: greet });
  using client = testClient(listener.url, { anchors: { pinnedRoot: authority.sha256 } });
  await assert.rejects(client.request("GET", "/"), { code: "NET_TLS_REFUSED" });
});

test("a client that found its server down finds it when it is up", async () => {
  await using listener = await testListen(authority, {
    certificate: testIssue(authority, [dns(SERVER_NAME)], [authority]),
    handler: greet,
  });
  const { port } = listener;
  await listener.close({ graceMs: 0 });
  using client = testClient(`https://127.0.0.1:${port}`, { anchors: { pinnedRoot: authority.sha256 } });
  await assert.rejects(client.request("GET", "/"), { code: "NET_UNREACHABLE" });
  await using _again = await testListen(authority, {
    certificate: testIssue(authority, [dns(SERVER_NAME)], [authority]),
    handler: greet,
    port,
  });
  assert.equal((await client.request("GET", "/")).status, 200);
});

test("nobody there, nobody answering, and somebody who speaks no TLS are three errors", async () => {
  using silent = await testServeTcp(() => {});
  using babbler = await testServeTcp((socket) => socket.end("hello\r\n"));
  using gone = await testServeTcp(() => {});
  gone[Symbol.dispose]();
  const limits = { connectMs: 100 };
  const codeOf = async (url: string) => {
    using client = testClient(url, { limits });
    return await client.request("GET", "/").then(
      () => "answered",
      (error: { code: string }) => error.code,
    );
  };
  assert.deepEqual(
    [await codeOf(gone.url), await codeOf(silent.url), await codeOf(babbler.url)],
    ["NET_UNREACHABLE", "NET_TIMEOUT", "NET_TLS_REFUSED"],
  );
});

test("an answer that does not come, or stops coming, is a time-out", async () => {
  const handler = async ({ path }: HttpRequest) => {
    if (path === "/silent") return new Promise<never>(() => {});
    const body = new Readable({ read: () => {} });
    body.push("half");
    return { status: 200, headers: {}, body };
  };
  await using listener = await testListen(authority, { handler });
  using client = testClient(listener.url, { limits: { answerMs: 100 } });
  for (const path of ["/silent", "/half"])
    await assert.rejects(client.request("GET", path), (error: { code: string; facts: { phase: string } }) => {
      assert.deepEqual([error.code, error.facts.phase], ["NET_TIMEOUT", "answer"], path);
      return true;
    });
});

test("an answer beyond its limit, or one that is no HTTP, is a broken protocol", async () => {
  const { chainPem, key } = testIssue(authority, [dns(SERVER_NAME)]);
  const pem = createPrivateKey({ key: Buffer.from(key.reveal()), format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  });
  const babbler = createTlsServer({ cert: chainPem, key: pem }, (socket) => socket.end("hello\r\n\r\n"));
  babbler.listen(0, "127.0.0.1");
  await once(babbler, "listening");
  using babbled = testClient(`https://127.0.0.1:${(babbler.address() as AddressInfo).port}`);
  await assert.rejects(babbled.request("GET", "/"), { code: "NET_PROTOCOL" });
  babbler.close();

  await using listener = await testListen(authority, { handler: greet });
  using client = testClient(listener.url, { limits: { answerLengthMax: 4 } });
  await assert.rejects(client.request("GET", "/"), { code: "NET_PROTOCOL" });
});

test("two messages travel on one connection or not at all", async () => {
  const channels: string[] = [];
  const handler = async (request: HttpRequest) => {
    channels.push(request.channel);
    if (request.path === "/cut") request.connection.cut();
    return jsonResponse(200, {});
  };
  await using listener = await testListen(authority, { handler });
  using client = testClient(listener.url);
  await client.withConnection(async (connection) => {
    await connection.request("POST", "/enrol", { body: utf8("1") });
    await connection.request("POST", "/enrol", { body: utf8("2") });
    await assert.rejects(connection.request("POST", "/cut"), { code: "NET_UNREACHABLE" });
    await assert.rejects(connection.request("POST", "/enrol"), { code: "NET_UNREACHABLE" });
  });
  assert.equal(channels.length, 3);
  assert.equal(new Set(channels).size, 1);
});
