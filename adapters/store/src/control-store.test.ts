import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { ISSUANCE_RETENTION_MS } from "./issuances.ts";
import type { NodeRecord } from "./nodes.ts";
import { PENDING_MAX } from "./pending.ts";
import { POLICIES_PER_SITE_MAX } from "./policies.ts";
import { openStore } from "./store.ts";

async function testStore() {
  const folder = mkdtempDisposableSync(join(tmpdir(), "vedette-control-"));
  const store = await openStore(folder.path);
  return {
    ...store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      folder.remove();
    },
  };
}

const hash = (value: number) => value.toString(16).padStart(64, "0");
const node: NodeRecord = {
  id: "store-17-a",
  site: "store-17",
  deviceClass: "edge",
  ekHash: hash(1),
  akName: "000b01",
  journalKey: "store-17-a+0badcafe+AQ==",
  state: "active",
  attestedAt: instant(5),
  svid: { serial: "01", notAfter: instant(10) },
  journal: { size: 7, root: hash(7) },
  ear: "a.b.c",
};
const policy = (sequence: number, site = "store-17") => ({
  site,
  sequence,
  revision: `r${sequence}`,
  bytes: new Uint8Array([sequence]),
  publishedAt: instant(sequence),
});

test("a node is found as it was put, by its id and by its endorsement key, and replaced whole", async () => {
  await using store = await testStore();
  assert.deepEqual(await store.nodes.put(node), { ok: true, value: undefined });
  assert.deepEqual(await store.nodes.find(node.id), node);
  assert.deepEqual(await store.nodes.findByEndorsementKey(node.ekHash), node);
  const bare: NodeRecord = { ...node, state: "pending", svid: undefined, ear: undefined };
  await store.nodes.put(bare);
  assert.deepEqual(await store.nodes.list(), [bare]);
  assert.equal(await store.nodes.find("store-17-b"), undefined);
});

test("one endorsement key is one node", async () => {
  await using store = await testStore();
  await store.nodes.put(node);
  const refused = await store.nodes.put({ ...node, id: "store-17-b" });
  assert.deepEqual(refused, { ok: false, error: { code: "ENDORSEMENT_KEY_TAKEN", nodeId: node.id } });
});

test("every key that a node's journals were signed with is kept, and a node that begins log after log is refused", async () => {
  await using store = await testStore();
  for (let i = 0; i < 64; i++) assert.ok((await store.nodes.put({ ...node, journalKey: `log-${i}` })).ok);
  assert.ok((await store.nodes.put({ ...node, journalKey: "log-0" })).ok);
  const keys = await store.nodes.journalKeys();
  assert.equal(keys.length, 64);
  assert.deepEqual(keys[0], { node: node.id, verifierKey: "log-0" });
  const refused = await store.nodes.put({ ...node, journalKey: "log-64" });
  assert.deepEqual(refused, { ok: false, error: { code: "JOURNAL_KEYS_FULL", nodeId: node.id, keysMax: 64 } });
  assert.equal((await store.nodes.find(node.id))?.journalKey, "log-0");
});

test("a node's state changes alone, and only if the node is known", async () => {
  await using store = await testStore();
  await store.nodes.put(node);
  assert.equal(await store.nodes.setState(node.id, "contraindicated"), true);
  assert.deepEqual(await store.nodes.find(node.id), { ...node, state: "contraindicated" });
  assert.equal(await store.nodes.setState("store-17-b", "active"), false);
});

test("a journal only grows, and has one root for one size", async () => {
  await using store = await testStore();
  await store.nodes.put(node);
  const offer = async (size: number, root: string) => {
    const advanced = await store.nodes.advanceJournal(node.id, { size, root });
    return advanced.ok ? "advanced" : advanced.error.code;
  };
  assert.deepEqual(
    [await offer(6, hash(6)), await offer(7, hash(8)), await offer(7, hash(7)), await offer(9, hash(9))],
    ["JOURNAL_SHRINKS", "JOURNAL_FORKED", "advanced", "advanced"],
  );
  assert.deepEqual((await store.nodes.find(node.id))?.journal, { size: 9, root: hash(9) });
  const unknown = await store.nodes.advanceJournal("store-17-b", node.journal);
  assert.deepEqual(unknown, { ok: false, error: { code: "NODE_UNKNOWN", nodeId: "store-17-b" } });
});

test("a policy's sequence rises strictly at each site, and each publication is a generation", async () => {
  await using store = await testStore();
  await store.policies.publish(policy(5));
  for (const sequence of [4, 5])
    assert.deepEqual(await store.policies.publish(policy(sequence)), {
      ok: false,
      error: { code: "POLICY_SEQUENCE_NOT_RISING", offered: sequence, current: 5 },
    });
  await store.policies.publish(policy(1, "store-18"));
  await store.policies.publish(policy(9));
  assert.deepEqual(await store.policies.current("store-17"), policy(9));
  assert.deepEqual(await store.policies.find("store-17", 5), policy(5));
  assert.equal((await store.generations("store-17")).policy, 2);
  assert.equal((await store.generations("store-18")).policy, 1);
});

test("of two concurrent publications of one sequence one wins", async () => {
  await using store = await testStore();
  const outcomes = await Promise.all([store.policies.publish(policy(1)), store.policies.publish(policy(1))]);
  assert.deepEqual(outcomes.map(({ ok }) => ok).toSorted(), [false, true]);
});

test("old policies of a site make room, those of another stay", async () => {
  await using store = await testStore();
  await store.policies.publish(policy(1, "store-18"));
  for (let sequence = 1; sequence <= POLICIES_PER_SITE_MAX + 1; sequence++)
    await store.policies.publish(policy(sequence));
  assert.equal(await store.policies.find("store-17", 1), undefined);
  assert.deepEqual(await store.policies.find("store-17", 2), policy(2));
  assert.deepEqual(await store.policies.current("store-18"), policy(1, "store-18"));
});

test("an acknowledgement never goes back", async () => {
  await using store = await testStore();
  await store.policies.acknowledge({ node: node.id, sequence: 5, at: instant(1) });
  await store.policies.acknowledge({ node: node.id, sequence: 4, at: instant(2) });
  assert.deepEqual(await store.policies.acknowledgements(), [{ node: node.id, sequence: 5, at: instant(1) }]);
  await store.policies.acknowledge({ node: node.id, sequence: 6, at: instant(3) });
  assert.equal((await store.policies.acknowledgements())[0]?.sequence, 6);
});

test("a trust document's version rises strictly, and concerns every site", async () => {
  await using store = await testStore();
  await store.trustDocuments.publish({ version: 2, text: "a.b.c" });
  assert.deepEqual(await store.trustDocuments.publish({ version: 2, text: "x.y.z" }), {
    ok: false,
    error: { code: "TRUST_VERSION_NOT_RISING", offered: 2, current: 2 },
  });
  assert.deepEqual(await store.trustDocuments.current(), { version: 2, text: "a.b.c" });
  assert.equal((await store.generations("store-18")).trust, 1);
});

test("a status list of one site is news to that site alone", async () => {
  await using store = await testStore();
  assert.deepEqual([await store.bumpStatus("store-17"), await store.bumpStatus("store-17")], [1, 2]);
  assert.equal((await store.generations("store-18")).status, 0);
});

test("who waits is noted once with the number of attempts, oldest first, until removed", async () => {
  await using store = await testStore();
  const waiting = { ekHash: hash(1), site: "store-17", deviceClass: "edge", reason: "EK_NOT_REGISTERED" };
  await store.pending.note(waiting, instant(1));
  await store.pending.note({ ...waiting, ekHash: hash(2) }, instant(2));
  await store.pending.note(waiting, instant(3));
  const [first, second] = await store.pending.list();
  assert.deepEqual(first, { ...waiting, firstSeenAt: 1, lastSeenAt: 3, attempts: 2 });
  assert.equal(second?.ekHash, hash(2));
  assert.deepEqual([await store.pending.remove(hash(1)), await store.pending.remove(hash(1))], [true, false]);
});

test("a flood of newcomers does not push out who waits already", async () => {
  await using store = await testStore();
  const waiting = (value: number) => ({ ekHash: hash(value), site: "store-17", deviceClass: "edge", reason: "x" });
  for (let i = 0; i < PENDING_MAX; i++) await store.pending.note(waiting(i), instant(i));
  assert.equal(await store.pending.note(waiting(PENDING_MAX), instant(PENDING_MAX)), "full");
  assert.equal(await store.pending.note(waiting(0), instant(PENDING_MAX)), "noted");
});

test("an issuance is kept until its retention after the certificate's end", async () => {
  await using store = await testStore();
  const issuance = { serial: "0a", kind: "node-svid", name: "spiffe://example.org/node/a", notAfter: instant(100) };
  await store.issuances.record(issuance, instant(0));
  assert.deepEqual(await store.issuances.find("0a"), issuance);
  const end = 100 + ISSUANCE_RETENTION_MS;
  await store.issuances.record({ ...issuance, serial: "0b", notAfter: instant(end) }, instant(end));
  assert.deepEqual(
    (await store.issuances.list(10)).map(({ serial }) => serial),
    ["0b", "0a"],
  );
  await store.issuances.record({ ...issuance, serial: "0c", notAfter: instant(end + 1) }, instant(end + 1));
  assert.deepEqual(
    (await store.issuances.list(10)).map(({ serial }) => serial),
    ["0c", "0b"],
  );
});
