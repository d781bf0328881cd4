import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, hours, instant, type Json, Secret, utf8 } from "@vedette/base";
import { systemRandom } from "@vedette/runtime";
import fc from "fast-check";
import { codeOf, crypto, NOW, need } from "./fleet-fixture.test.ts";
import { openFile, openStateRecord, type StateRecord, sealFile, sealStateRecord } from "./index.ts";

const deps = { random: systemRandom, crypto };
const dataKey = new Secret(systemRandom.bytes(32));

const RECORD: StateRecord = {
  epoch: 41n,
  policySequence: 3,
  trustVersion: 7,
  statusVersion: 2,
  timeFloor: NOW,
  spend: {
    timeFloor: NOW,
    counters: [{ counter: "cash", key: "atm-3", window: hours(24), opensAt: instant(0), spent: 500 }],
  },
  journal: { size: 12, root: new Uint8Array(32).fill(7) },
  hasAttestedWithTpm: true,
};

function seal(record: StateRecord): Uint8Array {
  return sealStateRecord(record, dataKey, deps);
}

test("a record is opened as it was sealed", () => {
  const epoch = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(epoch, fc.nat(), fc.string({ maxLength: 50, unit: "grapheme" }), (epoch, size, key) => {
      const [counter] = RECORD.spend.counters;
      assert.ok(counter);
      const spend = { ...RECORD.spend, counters: [{ ...counter, key }] };
      const record = { ...RECORD, epoch, spend, journal: { ...RECORD.journal, size } };
      assert.deepEqual(need(openStateRecord(seal(record), dataKey, epoch, crypto)), { record, mustIncrement: false });
    }),
    { numRuns: 50 },
  );
});

test("the record of the counter's epoch is believed, and the next one after an increment", () => {
  const judge = (counter: bigint) => openStateRecord(seal(RECORD), dataKey, counter, crypto);
  assert.equal(need(judge(41n)).mustIncrement, false);
  assert.equal(need(judge(40n)).mustIncrement, true);
  assert.deepEqual(judge(42n), { ok: false, error: { code: "STATE_ROLLBACK", epoch: 41n, counter: 42n } });
  assert.equal(codeOf(judge(39n)), "STATE_ROLLBACK");
  assert.equal(codeOf(judge(0n)), "STATE_ROLLBACK");
});

test("a sealed file of another purpose is no state record", () => {
  const plaintext = need(openFile("state-record", seal(RECORD), dataKey, crypto));
  const elsewhere = sealFile("site-ca-key", plaintext, dataKey, deps);
  assert.equal(codeOf(openStateRecord(elsewhere, dataKey, 41n, crypto)), "SEAL_BROKEN");
});

test("another data key does not open the record", () => {
  assert.equal(codeOf(openStateRecord(seal(RECORD), new Secret(systemRandom.bytes(32)), 41n, crypto)), "SEAL_BROKEN");
});

function resealed(change: (members: Record<string, Json>) => void): Uint8Array {
  const plaintext = need(openFile("state-record", seal(RECORD), dataKey, crypto));
  const members: Record<string, Json> = JSON.parse(new TextDecoder().decode(plaintext));
  change(members);
  return sealFile("state-record", utf8(canonicalJson(members)), dataKey, deps);
}

test("a record of a later format is refused as such, politely", () => {
  const later = resealed((members) => {
    members["formatVersion"] = 2;
    members["somethingNew"] = true;
  });
  assert.deepEqual(openStateRecord(later, dataKey, 41n, crypto), {
    ok: false,
    error: { code: "STATE_FORMAT_UNKNOWN", formatVersion: 2 },
  });
});

const MALFORMED: Readonly<Record<string, readonly [(members: Record<string, Json>) => void, string]>> = {
  "an unknown member": [(m) => (m["x"] = 1), "x"],
  "an epoch as a number": [(m) => (m["epoch"] = 41), "epoch"],
  "an epoch beyond the counter's size": [(m) => (m["epoch"] = "18446744073709551616"), "epoch"],
  "an epoch with leading zeros": [(m) => (m["epoch"] = "041"), "epoch"],
  "a negative time": [(m) => (m["timeFloor"] = -1), "timeFloor"],
  "a root of another length": [(m) => (m["journal"] = { size: 0, root: "00" }), "journal.root"],
  "a counter without a window": [
    (m) => (m["spend"] = { timeFloor: 0, counters: [{ counter: "a", key: "b", window: 0, opensAt: 0, spent: 0 }] }),
    "spend.counters[0].window",
  ],
  "a flag that is no flag": [(m) => (m["hasAttestedWithTpm"] = 1), "hasAttestedWithTpm"],
};

for (const [what, [change, at]] of Object.entries(MALFORMED)) {
  test(`${what} makes the record malformed`, () => {
    const refused = openStateRecord(resealed(change), dataKey, 41n, crypto);
    assert.deepEqual(refused, { ok: false, error: { code: "STATE_MALFORMED", at } });
  });
}

test("a record that could not be opened again is never sealed", () => {
  assert.throws(() => seal({ ...RECORD, policySequence: 0.5 }), /reads back/);
  assert.throws(() => seal({ ...RECORD, journal: { size: 0, root: new Uint8Array(31) } }), /reads back/);
});
