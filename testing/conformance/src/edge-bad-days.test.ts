import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { days, hours, seconds, utf8 } from "@vedette/base";
import { controlFiles } from "@vedette/control";
import { openStoredLog } from "@vedette/journal";
import type { ClientAnswer, HttpRequester } from "@vedette/net";
import { createNodeCrypto } from "@vedette/runtime";
import { decisionsIn, type Leaf, parseLeaf } from "@vedette/telemetry";
import { type Fleet, setupFleet, until } from "./fleet.ts";
import { codeOf, decisionOf, reasonOf } from "./fleet-device.ts";
import { StallingProxy } from "./fleet-proxy.ts";

const DEVICES = [
  { name: "pos-1", class: "pos" },
  { name: "atm-3", class: "atm" },
];
const PRICE = "/pricing/items/4006381333931";

// Side by side: they wait for clocks, timers and TPMs more than they work.
describe("a node on bad days", { concurrency: true }, () => {
  test("without its control plane, or with one that never answers, it decides as before and owes it nothing later", async (t) => {
    await using enrol = await StallingProxy.start();
    await using wire = await StallingProxy.start();
    const advertise = { enrol: enrol.url, fleet: wire.url };
    // Renewed every five seconds, so that one is always stuck on the slow wire.
    const nodeClass = { svidLifetime: "PT15S" };
    const fleet = await setupFleet(t, { devices: DEVICES, advertise, nodeClass, upTo: "control" });
    if (!fleet) return;
    connectProxies(fleet, enrol, wire);
    await fleet.initEdge();
    await fleet.startEdge();
    await fleet.publishPolicy();
    const [pos, atm] = [await fleet.enrolDevice("pos-1"), await fleet.enrolDevice("atm-3")];
    const [till, cash] = [fleet.gatewayClient(pos.identity), fleet.gatewayClient(atm.identity)];
    const told: number[] = [];
    const decide = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) told.push(numberOf(await till.request("GET", PRICE)));
      const paid = await withdraw(cash, 10);
      assert.equal(paid.status, 200);
      told.push(numberOf(paid));
    };

    await t.test("while it is dead: decisions, withdrawals, renewals of devices, a restart of the node", async () => {
      await fleet.stopControl();
      await decide();
      fleet.clock.step(seconds(2)); // the desk's pause between two appraisals
      assert.ok((await fleet.attest("pos-1", "reattest")).device);
      await fleet.restartEdge();
      await decide();
      assert.equal((await fleet.status()).fleet.contact, "unreachable");
    });
    await t.test("while it is slow: nothing waits for a renewal that is stuck", async () => {
      for (const proxy of [enrol, wire]) proxy.stall();
      await fleet.startControl();
      connectProxies(fleet, enrol, wire);
      await until("a renewal is stuck", () => enrol.stalled > 0);
      const { givenUp } = enrol;
      await decide();
      fleet.clock.step(seconds(2));
      assert.ok((await fleet.attest("pos-1", "reattest")).device);
      await decide();
      assert.equal(enrol.givenUp, givenUp, "the renewal is stuck still");
    });
    await t.test("when it answers again: everything arrives, once", async () => {
      for (const proxy of [enrol, wire]) proxy.release();
      const { size } = (await fleet.status()).journal;
      await until("the mirror has it", async () => (await fleet.status()).journal.mirrored >= size);
      const numbers = mirrored(fleet).flatMap((leaf) => decisionsIn(leaf).map(({ number }) => number));
      assert.equal(new Set(numbers).size, numbers.length);
      assert.deepEqual(
        told.filter((number) => !numbers.includes(number)),
        [],
      );
    });
  });

  test("a device that boots something else is cut off at once, and stays so", async (t) => {
    const fleet = await setupFleet(t, { devices: DEVICES });
    if (!fleet) return;
    const [pos, atm] = [await fleet.enrolDevice("pos-1"), await fleet.enrolDevice("atm-3")];
    const [till, cash] = [fleet.gatewayClient(pos.identity), fleet.gatewayClient(atm.identity)];
    const tpm = await fleet.tpmOf("atm-3").open();
    await tpm.extendPcr(4, createNodeCrypto().hash("sha256", utf8("a boot loader of somebody else")));
    await tpm.close();
    await t.test("at its next renewal its open connection ends, and it gets no identity", async () => {
      await cash.withConnection(async (connection) => {
        assert.equal((await withdraw(connection, 10)).status, 200);
        fleet.clock.step(seconds(2));
        const answer = await fleet.attest("atm-3", "reattest");
        assert.deepEqual([answer.status, answer.code, answer.device], [403, "CONTRAINDICATED", undefined]);
        await assert.rejects(withdraw(connection, 10));
      });
      assert.equal((await fleet.status()).connections.cut["CONTRAINDICATED"], 1);
    });
    const isRefused = async () => {
      const answer = await withdraw(cash, 10);
      assert.deepEqual([answer.status, reasonOf(answer)], [403, "contraindicated"]);
    };
    await t.test("under the identity that it still has its verbs are gone", isRefused);
    await t.test("a restart of the node forgets nothing", async () => {
      await fleet.restartEdge();
      await isRefused();
    });
    await t.test("the others are untouched", async () => {
      assert.equal((await till.request("GET", PRICE)).status, 200);
    });
    await t.test("booted soundly again it gets a new identity, and the old one stays dead", async () => {
      await fleet.tpmOf("atm-3").restart();
      fleet.clock.step(seconds(2));
      const sound = await fleet.enrolDevice("atm-3", "reattest");
      assert.equal((await withdraw(fleet.gatewayClient(sound.identity), 10)).status, 200);
      assert.equal((await withdraw(cash, 10)).status, 403);
    });
  });

  test("a clock that is set back is recorded and prolongs nothing", async (t) => {
    const deviceClass = { svidLifetime: "PT4S", staleAfter: "PT2S" };
    const fleet = await setupFleet(t, { devices: DEVICES, deviceClass });
    if (!fleet) return;
    const [pos, atm] = [await fleet.enrolDevice("pos-1"), await fleet.enrolDevice("atm-3")];
    const [till, cash] = [fleet.gatewayClient(pos.identity), fleet.gatewayClient(atm.identity)];
    for (const amount of [200, 200, 100]) assert.equal((await withdraw(cash, amount)).status, 200);
    const before = Date.parse((await fleet.status()).now);
    fleet.clock.step(-days(1));
    await t.test("yesterday's spend window does not open again", async () => {
      const answer = await withdraw(cash, 1);
      assert.deepEqual([answer.status, reasonOf(answer)], [403, "limit-exceeded"]);
    });
    await t.test("the step is one event, and no later record is older", async () => {
      assert.equal((await till.request("GET", PRICE)).status, 200);
      assert.equal(fleet.events("clock-step").length, 1);
      assert.ok(Number(fleet.events("clock-step")[0]?.["steppedBackMs"]) > hours(23));
      const times = timesOf(fleet.leaves());
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    });
    await t.test("an attestation grows stale and an SVID expires all the same", async () => {
      const stateOf = async () => (await fleet.status()).devices.find(({ name }) => name === "pos-1")?.state;
      await until("it is stale", async () => (await stateOf()) === "stale");
      await until("it is refused", async () => {
        const answer = await till.request("GET", PRICE);
        if (answer.status === 200) return false;
        assert.deepEqual([answer.status, codeOf(answer.body)], [401, "PRINCIPAL_EXPIRED"]);
        return true;
      });
    });
    await t.test("a restart behind the step remembers both time and spending", async () => {
      await fleet.restartEdge();
      assert.ok(Date.parse((await fleet.status()).now) >= before);
      const again = fleet.gatewayClient((await fleet.enrolDevice("atm-3", "reattest")).identity);
      const answer = await withdraw(again, 1);
      assert.deepEqual([answer.status, reasonOf(answer)], [403, "limit-exceeded"]);
    });
  });

  test("a full disk denies, and with space again the node goes on", async (t) => {
    const fleet = await setupFleet(t, { journalSizeMax: 150_000 });
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    const told: number[] = [];
    const isFull = async () => {
      const answer = await till.request("GET", PRICE);
      if (answer.status === 200) told.push(numberOf(answer));
      else assert.deepEqual([answer.status, codeOf(answer.body)], [503, "STORE_FULL"]);
      return answer.status !== 200;
    };
    await until("the disk is full", isFull);
    await t.test("nothing is forwarded, and the node answers still", async () => {
      const before = fleet.upstream.seen.length;
      for (let i = 0; i < 10; i++) assert.ok(await isFull());
      assert.equal(fleet.upstream.seen.length, before);
      assert.equal(before, told.length);
      assert.ok((await fleet.status()).decisions.unavailable >= 10);
      const renewal = await fleet.attest("pos-1", "reattest");
      assert.equal(renewal.status, 503);
    });
    await t.test("with space again it decides, and nobody's decision is lost", async () => {
      await fleet.stopEdge();
      await fleet.startEdge({}, 100_000_000);
      assert.ok(!(await isFull()));
      const numbers = fleet.leaves().flatMap((leaf) => decisionsIn(leaf).map(({ number }) => number));
      assert.equal(new Set(numbers).size, numbers.length);
      assert.deepEqual(
        told.filter((number) => !numbers.includes(number)),
        [],
      );
    });
  });
});

function connectProxies(fleet: Fleet, enrol: StallingProxy, wire: StallingProxy): void {
  const ports = fleet.controlPorts();
  enrol.target = `https://127.0.0.1:${ports.enrol}`;
  wire.target = `https://127.0.0.1:${ports.fleet}`;
}

function withdraw(client: HttpRequester, amount: number): Promise<ClientAnswer> {
  return client.request("POST", "/cash/withdrawals", { body: utf8(JSON.stringify({ amount })) });
}

function numberOf(answer: ClientAnswer): number {
  const number = decisionOf(answer);
  assert.ok(number !== undefined, `${answer.status}`);
  return number;
}

function mirrored(fleet: Fleet): readonly Leaf[] {
  using log = openStoredLog(controlFiles(fleet.controlData).mirror);
  return log.readEntries(0, log.size).flatMap((entry) => {
    const leaf = parseLeaf(entry);
    return leaf.ok ? [leaf.value] : [];
  });
}

function timesOf(leaves: readonly Leaf[]): readonly number[] {
  return leaves.flatMap((leaf) => {
    if (leaf.kind === "event") return [leaf.at];
    return decisionsIn(leaf).flatMap(({ record: { timestamp } }) =>
      typeof timestamp === "string" ? [Date.parse(timestamp)] : [],
    );
  });
}
