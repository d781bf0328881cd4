import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { minutes, utf8 } from "@vedette/base";
import type { ClientAnswer, HttpClient } from "@vedette/net";
import { decisionsIn, type Leaf } from "@vedette/telemetry";
import { setupFleet, until } from "./fleet.ts";
import { attestDevice, decisionOf, reasonOf } from "./fleet-device.ts";
import { startNodeProcess } from "./fleet-process.ts";

const DEVICES = [
  { name: "pos-1", class: "pos" },
  { name: "atm-3", class: "atm" },
];
const PRICE = "/pricing/items/4006381333931";
const DAILY_LIMIT = 500;
/** So many answers are told before the node dies: the load is on. */
const ANSWERS_BEFORE = 40;

test("what a client was told outlives the node's sudden death, at whatever moment", async (t) => {
  const edgeConfig = { denialBudget: { whole: 3, window: "PT1S" } };
  const fleet = await setupFleet(t, { devices: DEVICES, edgeConfig });
  if (!fleet) return;
  const [pos, atm] = [await fleet.enrolDevice("pos-1"), await fleet.enrolDevice("atm-3")];
  const [till, cash] = [fleet.gatewayClient(pos.identity), fleet.gatewayClient(atm.identity)];
  const { place } = fleet;
  const atmName = { name: "atm-3", class: "atm" };
  await fleet.stopEdge();
  const told: Told = { allowed: [], denied: [] };
  const moments: readonly (readonly [when: string, act: () => unknown])[] = [
    ["while it decides", () => {}],
    ["while it reserves money", () => Promise.allSettled([1, 2, 3].map((amount) => withdraw(cash, amount)))],
    ["while it activates a policy", () => fleet.offerPolicy()],
    [
      "while it appraises a device",
      () => attestDevice(atmName, fleet.tpmOf("atm-3"), place, "reattest").catch(() => {}),
    ],
    ["while denials are counted", () => sleep(50)],
  ];
  for (const [when, act] of moments)
    await t.test(when, async () => {
      const node = startNodeProcess(t, fleet.edgeData);
      await node.ready();
      const load = startLoad(till, told);
      await until("the load is on", () => load.answers() >= ANSWERS_BEFORE);
      const acting = act();
      await sleep(5);
      await node.kill();
      await Promise.all([load.stop(), acting]);
      const before = fleet.leaves();
      assertAccounted(before, told, "gap");
      const again = startNodeProcess(t, fleet.edgeData);
      await again.ready();
      const after = fleet.leaves();
      assert.equal(after[before.length]?.kind, "gap", "the first leaf after it is the gap leaf");
      assertAccounted(after, told);
      await again.kill();
    });
  await t.test("and once more while it starts", async () => {
    const node = startNodeProcess(t, fleet.edgeData);
    await sleep(250);
    await node.kill();
    const again = startNodeProcess(t, fleet.edgeData);
    await again.ready();
    assertAccounted(fleet.leaves(), told);
    assert.equal(await again.stop(), 0);
  });
  await t.test("no more money was paid than the limit allows, and none is refilled", async () => {
    const node = startNodeProcess(t, fleet.edgeData);
    await node.ready();
    for (let i = 0; i < 10; i++) await withdraw(cash, 100);
    const paid = fleet.upstream.seen.filter(({ target }) => target === "/cash/withdrawals");
    const total = paid.reduce((sum, { body }) => sum + Number(JSON.parse(body).amount), 0);
    assert.ok(total > DAILY_LIMIT - 100 && total <= DAILY_LIMIT, `${total}`);
    assert.equal(await node.stop(), 0);
  });
  await t.test("the entries give the tree that the mirror cosigns", async () => {
    await fleet.startEdge();
    const { size } = (await fleet.status()).journal;
    await until("the mirror cosigns", async () => (await fleet.status()).journal.mirrored >= size);
  });
});

describe("the node's process", () => {
  test("every decision that is told alone has an fdatasync of its own", async (t) => {
    if (spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status !== 0)
      return t.skip("strace is missing, or may not trace here");
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    await fleet.stopEdge();
    const trace = join(fleet.directory, "trace");
    // -D: the node stays our child, and the tracer is nobody's.
    const strace = ["strace", "-D", "-f", "-e", "trace=fdatasync,fsync", "-o", trace];
    const node = startNodeProcess(t, fleet.edgeData, strace);
    await node.ready();
    const syncs = () =>
      readFileSync(trace, "utf8")
        .split("\n")
        .filter((line) => line.includes("sync(")).length;
    assert.equal((await till.request("GET", PRICE)).status, 200);
    const before = syncs();
    for (let i = 0; i < 20; i++) assert.equal((await till.request("GET", PRICE)).status, 200);
    const each = syncs() - before;
    assert.ok(each >= 20, `${each} for 20 decisions, one after the other`);
    const burst = await Promise.all(Array.from({ length: 64 }, () => till.request("GET", PRICE)));
    const shared = syncs() - before - each;
    assert.ok(burst.every(({ status }) => status === 200));
    assert.ok(shared >= 1 && shared <= 64, `${shared} for 64 decisions at once`);
    t.diagnostic(`${each} fdatasync for 20 decisions in a row, ${shared} for 64 at once`);
    assert.equal(await node.stop(), 0);
  });

  test("a device that was admitted just before the node died is served after it", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const { place } = fleet;
    await fleet.enrolDevice("pos-1");
    await fleet.stopEdge();
    const node = startNodeProcess(t, fleet.edgeData);
    await node.ready();
    const device = { name: "pos-1", class: "pos" };
    await sleep(1_100); // the desk's pause between two appraisals
    const { device: admitted, code } = await attestDevice(device, fleet.tpmOf("pos-1"), place, "reattest");
    assert.ok(admitted, code);
    const till = fleet.gatewayClient(admitted.identity, admitted.gatewayUrl);
    assert.equal((await till.request("GET", PRICE)).status, 200);
    await node.kill();
    const next = startNodeProcess(t, fleet.edgeData);
    await next.ready();
    const answer = await till.request("GET", PRICE);
    assert.deepEqual([answer.status, reasonOf(answer)], [200, undefined]);
    assert.equal(await next.stop(), 0);
  });

  test("a second process on the folder is refused, and harms nothing", async (t) => {
    const fleet = await setupFleet(t);
    if (!fleet) return;
    const till = fleet.gatewayClient((await fleet.enrolDevice("pos-1")).identity);
    await fleet.stopEdge();
    const first = startNodeProcess(t, fleet.edgeData);
    await first.ready();
    await assert.rejects(startNodeProcess(t, fleet.edgeData).ready(), /FOLDER_IN_USE/);
    assert.equal((await till.request("GET", PRICE)).status, 200);
    await first.kill();
    const next = startNodeProcess(t, fleet.edgeData);
    await next.ready();
    assert.equal((await till.request("GET", PRICE)).status, 200);
    assert.equal(await next.stop(), 0);
  });

  test("under a machine clock that is set back it keeps its time and its limits", async (t) => {
    // Less than the skew that a new certificate allows, so that handshakes go on.
    const fakeClock = fakeClockOf("-3m");
    if (!fakeClock) return t.skip("faketime is not installed: the node was NOT run under a machine clock set back");
    const fleet = await setupFleet(t, { devices: DEVICES });
    if (!fleet) return;
    const cash = fleet.gatewayClient((await fleet.enrolDevice("atm-3")).identity);
    for (const amount of [200, 200, 100]) assert.equal((await withdraw(cash, amount)).status, 200);
    await fleet.stopEdge();
    const { length } = fleet.leaves();
    const node = startNodeProcess(t, fleet.edgeData, ["env", "FAKETIME_DONT_FAKE_MONOTONIC=1", ...fakeClock]);
    await node.ready();
    const answer = await withdraw(cash, 1);
    assert.deepEqual([answer.status, reasonOf(answer)], [403, "limit-exceeded"]);
    assert.equal(await node.stop(), 0);
    const leaves = fleet.leaves();
    const [step, ...others] = fleet.events("clock-step");
    assert.ok(Number(step?.["steppedBackMs"]) > minutes(2));
    assert.deepEqual(others, []);
    const [last, next] = [leaves.slice(0, length), leaves.slice(length)].map((part) =>
      part.flatMap((leaf) => (leaf.kind === "event" ? [leaf.at] : [])),
    );
    assert.ok(Math.min(...(next ?? [])) >= Math.max(...(last ?? [])), "no leaf is older than the ones before");
  });
});

/**
 * What faketime(1) puts into a program's environment. Not run through it: it stays between us and the program, where a
 * signal to stop ends faketime alone.
 */
function fakeClockOf(shift: string): readonly string[] | undefined {
  const { status, stdout } = spawnSync("faketime", ["-f", shift, "env"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n").filter((line) => /^(LD_PRELOAD|FAKETIME)=/.test(line)) : undefined;
}

interface Told {
  readonly allowed: number[];
  readonly denied: number[];
}

/** Four tills that ask for prices and two that ask for what they may not have, until they are stopped or nobody answers. */
function startLoad(till: HttpClient, told: Told) {
  let isOn = true;
  let answers = 0;
  const ask = async (path: string, numbers: number[]): Promise<void> => {
    while (isOn) {
      const answer = await till.request("GET", path).catch(() => undefined);
      if (!answer) return;
      const number = decisionOf(answer);
      if (number !== undefined) numbers.push(number);
      answers++;
    }
  };
  const all = [
    ...Array.from({ length: 4 }, () => ask(PRICE, told.allowed)),
    ...Array.from({ length: 2 }, () => ask("/admin", told.denied)),
  ];
  return {
    answers: () => answers,
    async stop() {
      isOn = false;
      await Promise.all(all);
    },
  };
}

/** Every allowed decision has its leaf; every denial a leaf, a summary, or, counted when the node died, the gap. */
function assertAccounted(leaves: readonly Leaf[], { allowed, denied }: Told, but?: "gap"): void {
  const numbers = leaves.flatMap((leaf) => decisionsIn(leaf).map(({ number }) => number));
  const written = new Set(numbers);
  const ranges = leaves.flatMap((leaf) => {
    if (leaf.kind === "gap") return [[leaf.from, leaf.to] as const];
    return leaf.kind === "summary" ? [[leaf.firstNumber, leaf.lastNumber] as const] : [];
  });
  const isWithin = (number: number) => ranges.some(([from, to]) => number >= from && number <= to);
  assert.deepEqual(
    allowed.filter((number) => !written.has(number)),
    [],
  );
  if (but !== "gap")
    assert.deepEqual(
      denied.filter((number) => !written.has(number) && !isWithin(number)),
      [],
    );
  assert.equal(written.size, numbers.length, "no number twice");
}

function withdraw(client: HttpClient, amount: number): Promise<ClientAnswer> {
  return client.request("POST", "/cash/withdrawals", { body: utf8(JSON.stringify({ amount })) });
}
