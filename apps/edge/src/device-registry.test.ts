import assert from "node:assert/strict";
import { test } from "node:test";
import { hours, instant, type JsonObject, minutes } from "@vedette/base";
import type { DeviceClass, Inventory } from "@vedette/protocol";
import { DeviceRegistry } from "./device-registry.ts";

const ek = "e".repeat(64);
const pos: DeviceClass = {
  roles: ["pos"],
  pcrs: [0],
  referenceValues: {},
  svidLifetime: minutes(1),
  staleAfter: minutes(10),
  expiredAfter: hours(1),
};
const inventory: Inventory = {
  kind: "vedette/inventory/v1",
  classes: { pos },
  devices: [{ name: "pos-1", class: "pos", ek }],
};
const appraisal: JsonObject = { device: "pos-1", class: "pos", ek, ak: "00", verdict: "affirming", at: 1_000 };

function setupRegistry(...appraisals: JsonObject[]): DeviceRegistry {
  const registry = new DeviceRegistry();
  for (const facts of appraisals) registry.apply(facts);
  return registry;
}

test("a device grows stale and then expires while nothing is heard from it", () => {
  const registry = setupRegistry(appraisal);
  const at = (ms: number) => registry.freshnessOf("pos-1", "pos", inventory, instant(ms));
  assert.deepEqual([at(1_000), at(1_000 + minutes(10)), at(1_000 + hours(1))], ["fresh", "stale", "expired"]);
});

test("a clock that steps back makes a stale device no fresher, a new appraisal does", () => {
  const registry = setupRegistry(appraisal);
  assert.equal(registry.freshnessOf("pos-1", "pos", inventory, instant(1_000 + minutes(10))), "stale");
  assert.equal(registry.freshnessOf("pos-1", "pos", inventory, instant(1_000)), "stale");
  registry.apply({ ...appraisal, at: 2_000 });
  assert.equal(registry.freshnessOf("pos-1", "pos", inventory, instant(2_000)), "fresh");
});

test("a negative appraisal counts at once and outlives a replay of the journal", () => {
  const registry = setupRegistry(appraisal, { ...appraisal, verdict: "contraindicated", at: 1_001 });
  assert.equal(registry.freshnessOf("pos-1", "pos", inventory, instant(1_002)), "contraindicated");
});

test("a device that was never appraised, claims another class, has another EK or left the inventory is expired", () => {
  const registry = setupRegistry(appraisal);
  const now = instant(1_000);
  assert.equal(registry.freshnessOf("pos-2", "pos", inventory, now), "expired");
  assert.equal(registry.freshnessOf("pos-1", "atm", inventory, now), "expired");
  assert.equal(registry.freshnessOf("pos-1", "pos", { ...inventory, devices: [] }, now), "expired");
  const other = setupRegistry({ ...appraisal, ek: "f".repeat(64) });
  assert.equal(other.freshnessOf("pos-1", "pos", inventory, now), "expired");
});

test("facts that are no appraisal change nothing", () => {
  const registry = setupRegistry({}, { ...appraisal, verdict: "wonderful" }, { ...appraisal, at: "today" });
  assert.deepEqual(registry.list(), []);
});
