import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { type ConnectionOptions, connect as connectSocket, type TLSSocket } from "node:tls";
import { connectTls } from "./connect.ts";
import { emptyResponse, type HttpRequest, jsonResponse } from "./http.ts";
import { dns, LONG_AGO, SERVER_NAME, testCreateAuthority, testIssue, testListen, uri } from "./network-fixture.test.ts";

const authority = testCreateAuthority("Test Root");
const whoIsThere = async ({ channel, peer }: HttpRequest) =>
  jsonResponse(200, { channel, certificates: peer?.certificateChain.length ?? 0 });

function testClient(url: string, identity?: ReturnType<typeof testIssue>) {
  const expectedServer = { dns: SERVER_NAME };
  return connectTls({ url, anchors: { roots: [authority.pem] }, expectedServer, ...(identity && { identity }) });
}

function testOpenSocket(port: number, options: ConnectionOptions = {}): TLSSocket {
  return connectSocket({ port, host: "127.0.0.1", servername: SERVER_NAME, ca: authority.pem, ...options });
}

function bodyOf(answer: { readonly body: Uint8Array }): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(answer.body)) as Record<string, unknown>;
}

test("all requests of one connection have one channel, and another connection has another", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere });
  using client = testClient(listener.url);
  const [first, second] = await client.withConnection(async (connection) => [
    bodyOf(await connection.request("GET", "/")),
    bodyOf(await connection.request("GET", "/")),
  ]);
  const other = await client.withConnection(async (connection) => bodyOf(await connection.request("GET", "/")));
  assert.equal(first?.["channel"], second?.["channel"]);
  assert.match(String(first?.["channel"]), /^[0-9a-f]{32}$/);
  assert.notEqual(first?.["channel"], other["channel"]);
});

test("the peer is the certificate chain that the client proved, leaf first", async () => {
  const site = testCreateAuthority("Site", authority);
  const device = testIssue(site, [uri("spiffe://store-17.example.org/pos-1")], [site]);
  let seen: readonly Uint8Array[] = [];
  const handler = async ({ peer }: HttpRequest) => {
    seen = peer?.certificateChain ?? [];
    return emptyResponse(204);
  };
  await using listener = await testListen(authority, {
    handler,
    clientCa: { pems: [site.pem, authority.pem], required: true },
  });
  using client = testClient(listener.url, device);
  assert.equal((await client.request("GET", "/")).status, 204);
  assert.deepEqual(seen, [device.der, site.der, authority.der]);
});

test("authorities without a self-signed root are refused at once, not at every handshake", async () => {
  const site = testCreateAuthority("Site", authority);
  await assert.rejects(testListen(authority, { handler: whoIsThere, clientCa: { pems: [site.pem], required: true } }), {
    code: "NET_CERTIFICATE_INVALID",
  });
});

test("a client without a certificate, with a stranger's or with an expired one is refused at the handshake", async () => {
  let isCalled = false;
  const handler = async () => {
    isCalled = true;
    return emptyResponse(204);
  };
  await using listener = await testListen(authority, { handler, clientCa: { pems: [authority.pem], required: true } });
  const stranger = testIssue(testCreateAuthority("Stranger"), [uri("spiffe://store-17.example.org/pos-1")]);
  const expired = testIssue(authority, [uri("spiffe://store-17.example.org/pos-1")], [], LONG_AGO);
  for (const identity of [undefined, stranger, expired]) {
    using client = testClient(listener.url, identity);
    await assert.rejects(client.request("GET", "/"), { code: "NET_TLS_REFUSED" });
  }
  assert.equal(isCalled, false);
  assert.deepEqual(
    listener.problems.map(({ code }) => code),
    ["TLS_REFUSED", "TLS_REFUSED", "TLS_REFUSED"],
  );
});

test("TLS 1.2 is refused", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere });
  const socket = testOpenSocket(listener.port, { maxVersion: "TLSv1.2" });
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  assert.match(String(error.code), /PROTOCOL_VERSION/);
});

test("a session cannot be resumed, whatever the client kept of it", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere });
  const first = testOpenSocket(listener.port);
  const sessions: Buffer[] = [];
  first.on("session", (session) => sessions.push(session));
  await once(first, "secureConnect");
  first.write(`GET / HTTP/1.1\r\nhost: ${SERVER_NAME}\r\n\r\n`);
  await once(first, "data");
  // What TLS 1.3 clients keep of a connection without tickets is worthless; both are offered.
  for (const session of [...sessions, first.getSession()]) {
    assert.ok(session);
    const second = testOpenSocket(listener.port, { session });
    await once(second, "secureConnect");
    assert.equal(second.isSessionReused(), false);
    second.destroy();
  }
  first.destroy();
});

test("a swapped certificate serves new connections while an open one lives on", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere });
  using client = testClient(listener.url);
  const nextAuthority = testCreateAuthority("Next Root");
  const next = testIssue(nextAuthority, [dns(SERVER_NAME)]);
  await client.withConnection(async (connection) => {
    const before = bodyOf(await connection.request("GET", "/"));
    listener.swapCertificate(next);
    assert.deepEqual(bodyOf(await connection.request("GET", "/")), before);
  });
  const socket = testOpenSocket(listener.port, { ca: nextAuthority.pem });
  await once(socket, "secureConnect");
  assert.deepEqual(new Uint8Array(socket.getPeerCertificate().raw), next.der);
  socket.destroy();
  using old = testClient(listener.url);
  await assert.rejects(old.request("GET", "/"), { code: "NET_TLS_REFUSED" });
});

test("after a swap client certificates are still required, under the new authorities if given", async () => {
  const site = testCreateAuthority("Site");
  const nextSite = testCreateAuthority("Next Site");
  const device = testIssue(site, [uri("spiffe://store-17.example.org/pos-1")]);
  const nextDevice = testIssue(nextSite, [uri("spiffe://store-17.example.org/pos-1")]);
  await using listener = await testListen(authority, {
    handler: whoIsThere,
    clientCa: { pems: [site.pem], required: true },
  });
  const isServed = async (identity?: ReturnType<typeof testIssue>) => {
    using client = testClient(listener.url, identity);
    const answer = await client.request("GET", "/").catch((error: unknown) => error);
    return !(answer instanceof Error);
  };
  listener.swapCertificate(testIssue(authority, [dns(SERVER_NAME)]));
  assert.deepEqual([await isServed(), await isServed(device), await isServed(nextDevice)], [false, true, false]);
  listener.swapCertificate(testIssue(authority, [dns(SERVER_NAME)]), { pems: [nextSite.pem], required: true });
  assert.deepEqual([await isServed(), await isServed(device), await isServed(nextDevice)], [false, false, true]);
});

test("a certificate without its key is refused at the swap, and the old one goes on serving", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere });
  const one = testIssue(authority, [dns(SERVER_NAME)]);
  const other = testIssue(authority, [dns(SERVER_NAME)]);
  assert.throws(() => listener.swapCertificate({ chainPem: one.chainPem, key: other.key }), {
    code: "NET_CERTIFICATE_INVALID",
  });
  using client = testClient(listener.url);
  assert.equal((await client.request("GET", "/")).status, 200);
});

test("a handshake that never comes is ended", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere, limits: { handshakeMs: 50 } });
  const socket = connectTcp(listener.port, "127.0.0.1").resume();
  await once(socket, "close");
  assert.deepEqual(listener.problems, [{ code: "TLS_REFUSED", reason: "ERR_TLS_HANDSHAKE_TIMEOUT" }]);
});

test("beyond the limit of connections a new one is dropped, and counted", async () => {
  await using listener = await testListen(authority, { handler: whoIsThere, limits: { connectionsMax: 1 } });
  using client = testClient(listener.url);
  await client.withConnection(async (connection) => {
    await connection.request("GET", "/");
    using second = testClient(listener.url);
    await assert.rejects(second.request("GET", "/"), { code: "NET_UNREACHABLE" });
  });
  assert.deepEqual(listener.problems, [{ code: "CONNECTIONS_FULL", reason: "1" }]);
});

test("a running request finishes within the grace of closing, an endless one is cut", async () => {
  const release = Promise.withResolvers<void>();
  const arrived = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const handler = async ({ path }: HttpRequest) => {
    arrived[path === "/endless" ? 1 : 0]?.resolve();
    await (path === "/endless" ? new Promise<void>(() => {}) : release.promise);
    return emptyResponse(204);
  };
  const listener = await testListen(authority, { handler });
  using client = testClient(listener.url);
  const [running, endless] = [client.request("GET", "/running"), client.request("GET", "/endless")];
  endless.catch(() => {});
  await Promise.all(arrived.map(({ promise }) => promise));
  const closed = listener.close({ graceMs: 300 });
  release.resolve();
  assert.equal((await running).status, 204);
  await assert.rejects(endless, { code: "NET_UNREACHABLE" });
  await closed;
});
