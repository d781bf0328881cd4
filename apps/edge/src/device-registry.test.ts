import assert from "node:assert/strict";
import { test } from "node:test";
import { hours, instant, type JsonObject, minutes } from "@vedette/base";
import type { DeviceClass } from "@vedette/protocol";
import { type DeviceList, DeviceRegistry } from "./device-registry.ts";

const ek = "e".repeat(64);
const pos: DeviceClass = {
  roles: ["pos"],
  pcrs: [0],
  referenceValues: {},
  svidLifetime: minutes(1),
  staleAfter: minutes(10),
  expiredAfter: hours(1),
};
const device = { name: "pos-1", class: "pos", ek };
const devices: DeviceList = {
  inventory: { kind: "vedette/inventory/v1", classes: { pos }, devices: [device] },
  deviceByName: new Map([["pos-1", device]]),
};
const till = { name: "pos-1", deviceClass: "pos", keyHash: "key-1" };
const appraisal: JsonObject = {
  device: "pos-1",
  class: "pos",
  ek,
  ak: "00",
  key: "key-1",
  verdict: "affirming",
  at: 1_000,
  tpmTime: { resetCount: 3, milliseconds: 500 },
};

function setupRegistry(...appraisals: JsonObject[]): DeviceRegistry {
  const registry = new DeviceRegistry();
  for (const facts of appraisals) registry.apply(facts);
  return registry;
}

test("a device grows stale and then expires while nothing is heard from it", () => {
  const registry = setupRegistry(appraisal);
  const at = (ms: number) => registry.freshnessOf(till, devices, instant(ms));
  assert.deepEqual([at(1_000), at(1_000 + minutes(10)), at(1_000 + hours(1))], ["fresh", "stale", "expired"]);
});

test("a clock that steps back makes a stale device no fresher, a new appraisal does", () => {
  const registry = setupRegistry(appraisal);
  assert.equal(registry.freshnessOf(till, devices, instant(1_000 + minutes(10))), "stale");
  assert.equal(registry.freshnessOf(till, devices, instant(1_000)), "stale");
  registry.apply({ ...appraisal, at: 2_000 });
  assert.equal(registry.freshnessOf(till, devices, instant(2_000)), "fresh");
});

test("a negative appraisal counts at once and outlives a replay of the journal", () => {
  const registry = setupRegistry(appraisal, { ...appraisal, verdict: "contraindicated", at: 1_001 });
  assert.equal(registry.freshnessOf(till, devices, instant(1_002)), "contraindicated");
});

test("a device for whose state nobody vouches is at best stale", () => {
  const registry = setupRegistry({ ...appraisal, verdict: "warning" });
  assert.equal(registry.freshnessOf(till, devices, instant(1_000)), "stale");
});

test("a device that was never appraised, claims another class, has another EK or left the inventory is expired", () => {
  const registry = setupRegistry(appraisal);
  const now = instant(1_000);
  assert.equal(registry.freshnessOf({ ...till, name: "pos-2" }, devices, now), "expired");
  assert.equal(registry.freshnessOf({ ...till, deviceClass: "atm" }, devices, now), "expired");
  assert.equal(registry.freshnessOf(till, { ...devices, deviceByName: new Map() }, now), "expired");
  const other = setupRegistry({ ...appraisal, ek: "f".repeat(64) });
  assert.equal(other.freshnessOf(till, devices, now), "expired");
});

test("only the attested key is fresh, and the one before it while its connections end", () => {
  const registry = setupRegistry(appraisal, { ...appraisal, key: "key-2" });
  const now = instant(1_000);
  assert.equal(registry.freshnessOf({ ...till, keyHash: "key-2" }, devices, now), "fresh");
  assert.equal(registry.freshnessOf(till, devices, now), "fresh");
  assert.equal(registry.freshnessOf({ ...till, keyHash: "key-0" }, devices, now), "expired");
});

test("a key from before a negative appraisal stays dead when the device is sound again", () => {
  const registry = setupRegistry(
    appraisal,
    { ...appraisal, verdict: "contraindicated" },
    { ...appraisal, key: "key-2" },
  );
  assert.equal(registry.freshnessOf(till, devices, instant(1_000)), "expired");
});

test("a quote kept back from before the last appraisal is not newer", () => {
  const registry = setupRegistry(appraisal);
  const quotedAt = (resetCount: number, milliseconds: number) =>
    registry.isNewer({ name: "pos-1", clock: { resetCount, milliseconds, restartCount: 0, isSafe: true } });
  assert.deepEqual([quotedAt(3, 499), quotedAt(3, 500), quotedAt(3, 501)], [false, false, true]);
  assert.deepEqual([quotedAt(2, 9_999), quotedAt(4, 1)], [false, true]);
});

test("from a part of the journal that no seal covers bad news is believed, and marked good news that is newer", () => {
  const later = { ...appraisal, at: 2_000, tpmTime: { resetCount: 3, milliseconds: 501 } };
  const freshnessAfter = (facts: JsonObject, isMarked: boolean, ...known: JsonObject[]) => {
    const registry = setupRegistry(...known);
    registry.applyUnsealed(facts, isMarked);
    return registry.freshnessOf(till, devices, instant(2_000));
  };
  const bad = { ...appraisal, verdict: "contraindicated" };
  assert.equal(freshnessAfter(bad, false, appraisal), "contraindicated");
  assert.equal(freshnessAfter(later, false, bad), "contraindicated");
  assert.equal(freshnessAfter(appraisal, true, bad), "contraindicated");
  assert.equal(freshnessAfter(later, true, bad), "fresh");
  assert.equal(freshnessAfter(later, false), "expired");
  assert.equal(freshnessAfter(later, true), "fresh");
});

test("facts that are no appraisal change nothing", () => {
  const registry = setupRegistry({}, { ...appraisal, verdict: "wonderful" }, { ...appraisal, at: "today" });
  assert.deepEqual(registry.list(), []);
});
