import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { connectTls } from "./connect.ts";
import { createConnectionLedger } from "./connection-ledger.ts";
import type { Connection, HttpRequest } from "./http.ts";
import { emptyResponse } from "./http.ts";
import { SERVER_NAME, testCreateAuthority, testListen } from "./network-fixture.test.ts";

interface TestConnection extends Connection {
  isCut: boolean;
  end(): void;
}

function testConnection(channel: string): TestConnection {
  const listeners: (() => void)[] = [];
  const connection = {
    channel,
    peer: undefined,
    remoteAddress: undefined,
    isCut: false,
    cut: () => {
      connection.isCut = true;
      connection.end();
    },
    end: () => {
      for (const listener of listeners.splice(0)) listener();
    },
    onClose: (listener: () => void) => void listeners.push(listener),
  };
  return connection;
}

const atm = { id: "spiffe://store-17.example.org/atm-3", notAfter: instant(1_000) };
const pos = { id: "spiffe://store-17.example.org/pos-1", notAfter: instant(2_000) };

test("a cut ends exactly the connections of one principal", () => {
  const ledger = createConnectionLedger();
  const [first, second, other] = [testConnection("a"), testConnection("b"), testConnection("c")] as const;
  ledger.bind(first, atm);
  ledger.bind(second, atm);
  ledger.bind(other, pos);
  assert.equal(ledger.cut(atm.id, "CONTRAINDICATED"), 2);
  assert.deepEqual([first.isCut, second.isCut, other.isCut], [true, true, false]);
  assert.deepEqual(ledger.counts(), { open: 1, principals: 1, cutByReason: { CONTRAINDICATED: 2 } });
  assert.equal(ledger.cut("spiffe://store-17.example.org/atm", "CONTRAINDICATED"), 0);
});

test("a sweep cuts idle connections whose principal has expired, not before", () => {
  const ledger = createConnectionLedger();
  const [expiring, lasting] = [testConnection("a"), testConnection("b")] as const;
  ledger.bind(expiring, atm);
  ledger.bind(lasting, pos);
  assert.equal(ledger.sweep(instant(1_000)), 0);
  assert.equal(ledger.sweep(instant(1_001)), 1);
  assert.deepEqual([expiring.isCut, lasting.isCut], [true, false]);
});

test("a rule may choose whom to cut", () => {
  const ledger = createConnectionLedger();
  const [first, other] = [testConnection("a"), testConnection("b")] as const;
  ledger.bind(first, atm);
  ledger.bind(other, pos);
  assert.equal(
    ledger.cutWhere(({ id }) => id.endsWith("pos-1"), "REVOKED"),
    1,
  );
  assert.deepEqual([first.isCut, other.isCut], [false, true]);
});

test("a connection that ended is forgotten and makes room", () => {
  const ledger = createConnectionLedger(1);
  const first = testConnection("a");
  assert.equal(ledger.bind(first, atm), "bound");
  assert.equal(ledger.bind(first, atm), "bound");
  assert.equal(ledger.bind(testConnection("b"), atm), "full");
  first.end();
  assert.deepEqual(ledger.counts(), { open: 0, principals: 0, cutByReason: {} });
  assert.equal(ledger.bind(testConnection("b"), atm), "bound");
});

test("a connection cannot change its principal", () => {
  const ledger = createConnectionLedger();
  const connection = testConnection("a");
  ledger.bind(connection, atm);
  assert.throws(() => ledger.bind(connection, pos), { name: "InvariantError" });
});

test("on a real socket a cut ends a waiting request and leaves the neighbour's alone", async () => {
  const authority = testCreateAuthority("Test Root");
  const ledger = createConnectionLedger();
  const bound = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const release = Promise.withResolvers<void>();
  const handler = async ({ connection, path }: HttpRequest) => {
    ledger.bind(connection, path === "/atm" ? atm : pos);
    bound[path === "/atm" ? 0 : 1]?.resolve();
    await release.promise;
    return emptyResponse(204);
  };
  await using listener = await testListen(authority, { handler });
  const options = { url: listener.url, anchors: { roots: [authority.pem] }, expectedServer: { dns: SERVER_NAME } };
  using first = connectTls(options);
  using second = connectTls(options);
  const requests = [first.request("GET", "/atm"), second.request("GET", "/pos")] as const;
  requests[0].catch(() => {});
  await Promise.all(bound.map(({ promise }) => promise));
  assert.equal(ledger.cut(atm.id, "CONTRAINDICATED"), 1);
  await assert.rejects(requests[0], { code: "NET_UNREACHABLE" });
  release.resolve();
  assert.equal((await requests[1]).status, 204);
  assert.equal(ledger.counts().open, 1);
});
