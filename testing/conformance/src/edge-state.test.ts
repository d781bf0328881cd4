import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type JsonObject, utf8 } from "@vedette/base";
import { edgeFiles } from "@vedette/edge";
import { openStateRecord, type StateRecord, sealStateRecord } from "@vedette/identity";
import { openJournal, openStoredLog } from "@vedette/journal";
import { type ClientAnswer, connectTls, type HttpClient } from "@vedette/net";
import { createNodeCrypto, systemRandom } from "@vedette/runtime";
import { encodeLeaf } from "@vedette/telemetry";
import { FLEET, type Fleet, NODE, SITE, setupFleet } from "./fleet.ts";
import { unsealDataKey } from "./fleet-authorities.ts";
import { reasonOf } from "./fleet-device.ts";

const DEVICES = [{ name: "atm-3", class: "atm" }];
const deps = { crypto: createNodeCrypto(), random: systemRandom };
const DAILY_LIMIT = 500;

describe("the node's state", { concurrency: true }, () => {
  test("a spend limit is not refilled by a restart, and an older folder does not start", async (t) => {
    const fleet = await setupFleet(t, { devices: DEVICES });
    if (!fleet) return;
    const cash = await attach(fleet);
    assert.equal((await withdraw(cash, 200)).status, 200);
    await fleet.stopEdge();
    const old = fleet.copyEdgeData("old");
    await fleet.startEdge();
    assert.equal((await withdraw(cash, 200)).status, 200);
    assert.equal((await withdraw(cash, 100)).status, 200);
    await fleet.restartEdge();
    await t.test("a clean restart refills nothing", () => assertSpent(cash));

    const powerCut = fleet.copyEdgeData("power-cut");
    await fleet.stopEdge();
    const recent = fleet.copyEdgeData("recent");
    await t.test("a backup of the whole folder is refused, and nothing listens", async () => {
      fleet.restoreEdgeData(old);
      await assertDoesNotStart(fleet, "STATE_ROLLBACK");
      fleet.restoreEdgeData(recent);
    });
    await t.test("what a power cut leaves is behind the clean stop that followed, and is refused", async () => {
      fleet.restoreEdgeData(powerCut);
      await assertDoesNotStart(fleet, "STATE_ROLLBACK");
      fleet.restoreEdgeData(recent);
    });
    await t.test("an older state record beside the newer rest is refused", async () => {
      replace(fleet, old, "state.sealed");
      await assertDoesNotStart(fleet, "STATE_ROLLBACK");
      fleet.restoreEdgeData(recent);
    });
    await t.test("an older journal beside the newer rest is refused", async () => {
      for (const name of readdirSync(fleet.edgeData))
        if (name.startsWith("journal.db")) rmSync(join(fleet.edgeData, name));
      for (const name of readdirSync(old)) if (name.startsWith("journal.db")) replace(fleet, old, name);
      await assertDoesNotStart(fleet, "JOURNAL_ROLLBACK");
      fleet.restoreEdgeData(recent);
    });
    await t.test("a missing journal is refused", async () => {
      for (const name of readdirSync(fleet.edgeData))
        if (name.startsWith("journal.db")) rmSync(join(fleet.edgeData, name));
      await assertDoesNotStart(fleet, "JOURNAL_ROLLBACK");
      fleet.restoreEdgeData(recent);
    });
    await t.test("a missing state record is refused", async () => {
      rmSync(join(fleet.edgeData, "state.sealed"));
      await assertDoesNotStart(fleet, "STATE_ROLLBACK");
      fleet.restoreEdgeData(recent);
    });
    await t.test("a state record with one octet changed is refused", async () => {
      flipByte(join(fleet.edgeData, "state.sealed"));
      await assertDoesNotStart(fleet, "SEAL_BROKEN");
      fleet.restoreEdgeData(recent);
    });
    await t.test("after all of this the untouched folder starts, and nothing is refilled", async () => {
      await fleet.startEdge();
      await assertSpent(cash);
    });
  });

  test("a state write that was cut off is finished at the next start, whichever step it had reached", async (t) => {
    const fleet = await setupFleet(t, { devices: DEVICES });
    if (!fleet) return;
    const cash = await attach(fleet);
    await fleet.stopEdge();

    await t.test("before the new record had its name", async () => {
      const before = await readState(fleet);
      writeFileSync(join(fleet.edgeData, "state.sealed.new"), "half a rec");
      await fleet.startEdge();
      assert.equal((await withdraw(cash, 1)).status, 200);
      await fleet.stopEdge();
      assert.ok((await readState(fleet)).epoch > before.epoch);
    });
    await t.test("after the record and before the counter: the new record counts", async () => {
      const record = await readState(fleet);
      const [counter] = record.spend.counters;
      assert.ok(counter);
      const spend = { ...record.spend, counters: [{ ...counter, spent: DAILY_LIMIT }] };
      await writeState(fleet, { ...record, epoch: record.epoch + 1n, spend });
      await fleet.startEdge();
      assert.equal(await readCounter(fleet), record.epoch + 1n);
      await assertSpent(cash);
      await fleet.stopEdge();
    });
    await t.test("a record two steps ahead of the counter is none of ours", async () => {
      const record = await readState(fleet);
      await writeState(fleet, { ...record, epoch: record.epoch + 2n });
      await assertDoesNotStart(fleet, "STATE_ROLLBACK");
      await writeState(fleet, record);
      await fleet.startEdge();
    });
  });

  test("the counter belongs to the node alone: stepped by somebody else, no state is believed any more", async (t) => {
    const fleet = await setupFleet(t, { devices: [...DEVICES, { name: "pos-1", class: "pos" }] });
    if (!fleet) return;
    const cash = await attach(fleet);
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    await stepCounter(fleet);
    await t.test("while it runs, nothing that needs the state is done, and the rest goes on", async () => {
      const before = fleet.upstream.seen.length;
      for (const amount of [10, 20]) assert.equal((await withdraw(cash, amount)).status, 503);
      assert.equal(fleet.upstream.seen.length, before);
      assert.equal((await till.request("GET", "/pricing/items/1")).status, 200);
    });
    await t.test("told to stop, it stops, and says that its last state is not sealed", async () => {
      await assert.rejects(fleet.stopEdge(), { code: "STATE_ROLLBACK" });
      await assertSilent(fleet);
    });
    await t.test("and it does not start again", () => assertDoesNotStart(fleet, "STATE_ROLLBACK"));
  });

  test("what whoever has the disk adds to the journal is not believed", async (t) => {
    const fleet = await setupFleet(t, { devices: DEVICES });
    if (!fleet) return;
    const cash = await attach(fleet);
    const [sound] = fleet.events("appraisal");
    assert.ok(sound);
    const tpm = await fleet.tpmOf("atm-3").open();
    await tpm.extendPcr(4, deps.crypto.hash("sha256", utf8("a boot loader of somebody else")));
    await tpm.close();
    await sleep(1_100); // the desk's pause between two appraisals
    assert.equal((await fleet.attest("atm-3", "reattest")).code, "CONTRAINDICATED");
    await fleet.stopEdge();
    await forgeEvent(fleet, "appraisal", { ...sound, at: fleet.clock.now() });
    await t.test("a start that fails does not seal it", async () => {
      await assertDoesNotStart(fleet, "STORE_FULL", {}, 1);
    });
    await t.test("the device that the forger calls sound stays contraindicated", async () => {
      await fleet.startEdge();
      const answer = await withdraw(cash, 1);
      assert.deepEqual([answer.status, reasonOf(answer)], [403, "contraindicated"]);
    });
    await t.test("also after the next restart, when the forgery lies under the seal", async () => {
      await fleet.restartEdge();
      const answer = await withdraw(cash, 1);
      assert.deepEqual([answer.status, reasonOf(answer)], [403, "contraindicated"]);
    });
  });

  test("sealed files open in their own place on their own machine in the boot state they were sealed to", async (t) => {
    const fleet = await setupFleet(t, { devices: DEVICES });
    if (!fleet) return;
    await fleet.stopEdge();
    const whole = fleet.copyEdgeData("whole");
    const sealed = readdirSync(whole).filter((name) => name.endsWith(".sealed"));
    assert.ok(sealed.length >= 4);
    await t.test("two sealed files that changed places are noticed", async () => {
      for (const [i, name] of sealed.entries()) {
        const other = sealed[(i + 1) % sealed.length] ?? "";
        renameSync(join(fleet.edgeData, name), join(fleet.edgeData, "aside"));
        renameSync(join(fleet.edgeData, other), join(fleet.edgeData, name));
        renameSync(join(fleet.edgeData, "aside"), join(fleet.edgeData, other));
        await assertDoesNotStart(fleet, "SEAL_BROKEN");
        fleet.restoreEdgeData(whole);
      }
    });
    await t.test("one octet changed in any sealed file is noticed", async () => {
      for (const name of sealed) {
        flipByte(join(fleet.edgeData, name));
        await assertDoesNotStart(fleet, "SEAL_BROKEN");
        fleet.restoreEdgeData(whole);
      }
    });
    await t.test("a sealed file that is missing is noticed", async () => {
      for (const name of sealed) {
        rmSync(join(fleet.edgeData, name));
        await assertDoesNotStart(fleet, name === "state.sealed" ? "STATE_ROLLBACK" : "SEALED_FILE_MISSING");
        fleet.restoreEdgeData(whole);
      }
    });
    await t.test("on another machine they stay closed", async () => {
      await assertDoesNotStart(fleet, "VAULT_FOREIGN", { tpm: fleet.tpmOf("atm-3").socketPath });
    });
    await t.test("a machine that booted something else does not open them, until it boots soundly again", async () => {
      const tpm = await fleet.tpmOf(NODE).open();
      await tpm.extendPcr(4, deps.crypto.hash("sha256", utf8("a boot loader of somebody else")));
      await tpm.close();
      await assertDoesNotStart(fleet, "VAULT_LOCKED");
      await fleet.tpmOf(NODE).restart();
      await fleet.startEdge();
      await fleet.stopEdge();
    });
    await t.test("without its TPM it does not start", async () => {
      await assertDoesNotStart(fleet, "TPM_UNAVAILABLE", { tpm: join(fleet.directory, "no-tpm") });
    });
  });
});

async function attach(fleet: Fleet): Promise<HttpClient> {
  return fleet.gatewayClient((await fleet.enrolDevice("atm-3")).identity);
}

function withdraw(client: HttpClient, amount: number): Promise<ClientAnswer> {
  return client.request("POST", "/cash/withdrawals", { body: utf8(JSON.stringify({ amount })) });
}

async function assertSpent(cash: HttpClient): Promise<void> {
  const answer = await withdraw(cash, 1);
  assert.deepEqual([answer.status, reasonOf(answer)], [403, "limit-exceeded"]);
}

/** It says why, and no port of it answers. */
async function assertDoesNotStart(fleet: Fleet, code: string, changes: object = {}, sizeMax?: number): Promise<void> {
  await assert.rejects(fleet.startEdge(changes, sizeMax), { code });
  await assertSilent(fleet);
}

async function assertSilent(fleet: Fleet): Promise<void> {
  const ports: Record<string, number> = JSON.parse(readFileSync(join(fleet.edgeData, "ports.json"), "utf8"));
  for (const port of Object.values(ports)) {
    const anchors = { pinnedRoot: fleet.rootHash };
    const expectedServer = { spiffeId: `spiffe://${SITE}.${FLEET}/gateway` };
    using client = connectTls({ url: `https://127.0.0.1:${port}`, anchors, expectedServer });
    await assert.rejects(client.request("GET", "/"), { code: "NET_UNREACHABLE" });
  }
}

/** Writes a leaf as the node would, for the journal's file has no secret; and so many more that no page has room left. */
async function forgeEvent(fleet: Fleet, name: string, facts: JsonObject): Promise<void> {
  const path = edgeFiles(fleet.edgeData).journal;
  const journal = await openJournal({ path, ...readOrigin(path), gapLeaf: () => assert.fail("it stopped cleanly") });
  const leafOf = (event: { readonly name: string; readonly facts: JsonObject }) => {
    const leaf = encodeLeaf({ kind: "event", at: fleet.clock.now(), ...event }, deps.crypto);
    assert.ok(leaf.ok);
    return leaf.value;
  };
  await journal.append(leafOf({ name, facts }));
  journal.setSizeMax(1);
  const padding = leafOf({ name: "x", facts: {} });
  for (let isFull = false; !isFull; )
    isFull = await journal.append(padding).then(
      () => false,
      () => true,
    );
  await journal.close();
}

function readOrigin(path: string): { readonly origin: string } {
  using log = openStoredLog(path);
  return { origin: log.origin };
}

function replace(fleet: Fleet, from: string, name: string): void {
  writeFileSync(join(fleet.edgeData, name), readFileSync(join(from, name)));
}

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function readState(fleet: Fleet): Promise<StateRecord> {
  const sealed = new Uint8Array(readFileSync(join(fleet.edgeData, "state.sealed")));
  const opened = openStateRecord(sealed, await unsealDataKey(fleet), await readCounter(fleet), deps.crypto);
  assert.ok(opened.ok);
  return opened.value.record;
}

async function writeState(fleet: Fleet, record: StateRecord): Promise<void> {
  writeFileSync(join(fleet.edgeData, "state.sealed"), sealStateRecord(record, await unsealDataKey(fleet), deps));
}

async function readCounter(fleet: Fleet): Promise<bigint> {
  const tpm = await fleet.tpmOf(NODE).open();
  try {
    return await tpm.readCounter(fleet.edgeConfig().epochCounter);
  } finally {
    await tpm.close();
  }
}

async function stepCounter(fleet: Fleet): Promise<void> {
  const tpm = await fleet.tpmOf(NODE).open();
  await tpm.incrementCounter(fleet.edgeConfig().epochCounter);
  await tpm.close();
}
