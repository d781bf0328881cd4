import assert from "node:assert/strict";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addDuration, instant, milliseconds } from "@vedette/base";
import { CLAIM_RETENTION_MS } from "./claims.ts";
import { openStore } from "./store.ts";

const now = instant(1_000_000);
const later = addDuration(now, milliseconds(1_000));
const claim = { hash: "c".repeat(64), site: "store-17", deviceClass: "pos", label: "till 1", notAfter: later };
const use = { hash: claim.hash, site: "store-17", deviceClass: "pos", label: "till 1", ekHash: "e".repeat(64) };

async function testStore() {
  const folder = mkdtempDisposableSync(join(tmpdir(), "vedette-claims-"));
  const store = await openStore(folder.path);
  return {
    ...store,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      folder.remove();
    },
  };
}

test("a claim is taken once, and registers the key that took it", async () => {
  await using store = await testStore();
  await store.claims.add(claim, now);
  assert.equal(await store.claims.take(use, now), "taken");
  assert.equal(await store.claims.take(use, now), "used");
  assert.deepEqual(await store.endorsementKeys.find(use.ekHash), {
    ekHash: use.ekHash,
    site: "store-17",
    deviceClass: "pos",
    label: "till 1",
  });
});

test("of concurrent takes exactly one succeeds", async () => {
  await using store = await testStore();
  await store.claims.add(claim, now);
  const keys = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(64));
  const outcomes = await Promise.all(keys.map((ekHash) => store.claims.take({ ...use, ekHash }, now)));
  assert.deepEqual(outcomes.toSorted(), ["taken", ...Array.from({ length: 7 }, () => "used")]);
  const registered = await store.endorsementKeys.list();
  assert.deepEqual(
    registered.map(({ ekHash }) => ekHash),
    [keys[outcomes.indexOf("taken")]],
  );
});

test("a claim is good until its end and not at it", async () => {
  await using store = await testStore();
  await store.claims.add(claim, now);
  assert.equal(await store.claims.take(use, later), "expired");
  assert.equal(await store.endorsementKeys.find(use.ekHash), undefined);
  assert.equal(await store.claims.take(use, addDuration(later, milliseconds(-1))), "taken");
});

test("a claim for another site, class or name is unknown there, and stays good for its own", async () => {
  await using store = await testStore();
  await store.claims.add(claim, now);
  for (const other of [{ site: "store-18" }, { deviceClass: "atm" }, { label: "till 2" }, { hash: "d".repeat(64) }]) {
    assert.equal(await store.claims.isOpen({ ...use, ...other }, now), false);
    assert.equal(await store.claims.take({ ...use, ...other }, now), "unknown");
  }
  assert.equal(await store.claims.take(use, now), "taken");
});

test("a claim is added once, and forgotten when its retention is over", async () => {
  await using store = await testStore();
  assert.equal(await store.claims.add(claim, now), true);
  assert.equal(await store.claims.add(claim, now), false);
  await store.claims.take(use, now);
  const muchLater = addDuration(later, milliseconds(CLAIM_RETENTION_MS + 1));
  await store.claims.add({ ...claim, hash: "f".repeat(64), notAfter: muchLater }, muchLater);
  assert.equal(await store.claims.take(use, muchLater), "unknown");
});
