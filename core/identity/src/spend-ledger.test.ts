import assert from "node:assert/strict";
import { test } from "node:test";
import { addDuration, days, hours, type Instant, instant, minutes } from "@vedette/base";
import fc from "fast-check";
import { codeOf, need } from "./fleet-fixture.test.ts";
import {
  SPEND_COUNTERS_MAX,
  SPEND_KEY_LENGTH_MAX,
  SPEND_RESERVATIONS_MAX,
  SpendLedger,
  type SpendRequest,
} from "./spend-ledger.ts";

const MIDNIGHT = instant(Date.UTC(2026, 10, 22));
const NOON = addDuration(MIDNIGHT, hours(12));
const DAY = days(1);

function setupLedger(): SpendLedger {
  return new SpendLedger({ timeFloor: MIDNIGHT, counters: [] });
}

function withdrawal(amount: number, others: Partial<SpendRequest> = {}): SpendRequest {
  return { counter: "cash", key: "atm-3", amount, limit: 1_000, window: DAY, ...others };
}

function spent(ledger: SpendLedger, now: Instant = NOON): number {
  return ledger.spent("cash", "atm-3", DAY, now);
}

test("what is reserved counts before it is confirmed", () => {
  const ledger = setupLedger();
  const reservation = need(ledger.reserve(withdrawal(600), NOON));
  assert.equal(spent(ledger), 600);
  assert.equal(codeOf(ledger.reserve(withdrawal(401), NOON)), "SPEND_LIMIT_EXCEEDED");
  assert.equal(ledger.confirm(reservation), true);
  assert.equal(spent(ledger), 600);
  assert.equal(codeOf(ledger.reserve(withdrawal(400), NOON)), "accepted");
  assert.equal(codeOf(ledger.reserve(withdrawal(1), NOON)), "SPEND_LIMIT_EXCEEDED");
});

test("a refusal says what is spent and leaves it so", () => {
  const ledger = setupLedger();
  need(ledger.reserve(withdrawal(600), NOON));
  const refused = ledger.reserve(withdrawal(500), NOON);
  assert.deepEqual(refused, {
    ok: false,
    error: { code: "SPEND_LIMIT_EXCEEDED", spent: 600, amount: 500, limit: 1_000 },
  });
  assert.equal(spent(ledger), 600);
});

test("a release gives back once, and nothing after a confirmation", () => {
  const ledger = setupLedger();
  const first = need(ledger.reserve(withdrawal(600), NOON));
  assert.deepEqual([ledger.release(first), ledger.release(first), ledger.confirm(first)], [true, false, false]);
  assert.equal(spent(ledger), 0);
  const second = need(ledger.reserve(withdrawal(600), NOON));
  assert.deepEqual([ledger.confirm(second), ledger.release(second)], [true, false]);
  assert.equal(spent(ledger), 600);
});

test("the window of a day is the UTC day", () => {
  const ledger = setupLedger();
  need(ledger.reserve(withdrawal(1_000), NOON));
  const midnight = addDuration(MIDNIGHT, DAY);
  assert.equal(codeOf(ledger.reserve(withdrawal(1), instant(midnight - 1))), "SPEND_LIMIT_EXCEEDED");
  assert.equal(codeOf(ledger.reserve(withdrawal(1), midnight)), "accepted");
  assert.equal(spent(ledger, midnight), 1);
});

test("a clock that steps back refills nothing", () => {
  const ledger = setupLedger();
  const tomorrow = addDuration(NOON, DAY);
  need(ledger.reserve(withdrawal(1_000), tomorrow));
  assert.equal(codeOf(ledger.reserve(withdrawal(1), NOON)), "SPEND_LIMIT_EXCEEDED");
  assert.equal(spent(ledger, NOON), 1_000);
});

test("a clock that steps back over a restart refills nothing", () => {
  const ledger = setupLedger();
  need(ledger.reserve(withdrawal(1_000), NOON));
  need(ledger.reserve(withdrawal(1_000), addDuration(NOON, DAY)));
  const restarted = new SpendLedger(ledger.state());
  assert.equal(codeOf(restarted.reserve(withdrawal(1), NOON)), "SPEND_LIMIT_EXCEEDED");
});

test("what was reserved and never confirmed is spent after a restart", () => {
  const ledger = setupLedger();
  const reservation = need(ledger.reserve(withdrawal(700), NOON));
  const restarted = new SpendLedger(ledger.state());
  assert.equal(spent(restarted), 700);
  assert.equal(restarted.release(reservation), false);
  assert.equal(spent(restarted), 700);
});

test("a late release does not reach into the next window", () => {
  const ledger = setupLedger();
  const old = need(ledger.reserve(withdrawal(500), NOON));
  const tomorrow = addDuration(NOON, DAY);
  need(ledger.reserve(withdrawal(100), tomorrow));
  ledger.release(old);
  assert.equal(spent(ledger, tomorrow), 100);
});

test("counters, keys and windows do not share a limit", () => {
  const ledger = setupLedger();
  need(ledger.reserve(withdrawal(1_000), NOON));
  for (const other of [{ counter: "refund" }, { key: "atm-4" }, { window: hours(1) }])
    assert.equal(codeOf(ledger.reserve(withdrawal(1_000, other), NOON)), "accepted");
});

test("an amount is a whole number from zero up, and a limit cannot be reached around the largest one", () => {
  const ledger = setupLedger();
  for (const amount of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    assert.equal(codeOf(ledger.reserve(withdrawal(amount), NOON)), "SPEND_AMOUNT_INVALID", `${amount}`);
  const limit = Number.MAX_SAFE_INTEGER;
  need(ledger.reserve(withdrawal(limit, { limit }), NOON));
  assert.equal(codeOf(ledger.reserve(withdrawal(limit, { limit }), NOON)), "SPEND_LIMIT_EXCEEDED");
});

test("a key that could not be sealed is refused before it is counted", () => {
  const ledger = setupLedger();
  assert.equal(codeOf(ledger.reserve(withdrawal(1, { key: "\ud800" }), NOON)), "SPEND_KEY_INVALID");
  const long = "k".repeat(SPEND_KEY_LENGTH_MAX + 1);
  assert.equal(codeOf(ledger.reserve(withdrawal(1, { key: long }), NOON)), "SPEND_KEY_INVALID");
});

test("a ledger full of open windows takes no new counter, and forgets only closed ones", () => {
  const ledger = setupLedger();
  for (let i = 0; i < SPEND_COUNTERS_MAX; i++)
    need(ledger.reserve(withdrawal(1, { key: `${i}`, window: i === 5 ? hours(1) : DAY }), NOON));
  assert.equal(codeOf(ledger.reserve(withdrawal(1, { key: "new" }), NOON)), "SPEND_COUNTERS_FULL");
  assert.equal(codeOf(ledger.reserve(withdrawal(1, { key: "7" }), NOON)), "accepted");
  const later = addDuration(NOON, hours(1));
  assert.equal(codeOf(ledger.reserve(withdrawal(1, { key: "new" }), later)), "accepted");
  assert.equal(codeOf(ledger.reserve(withdrawal(1, { key: "newer" }), later)), "SPEND_COUNTERS_FULL");
  assert.equal(ledger.spent("cash", "7", DAY, later), 2);
});

test("a counter forgotten after its window closed is not refilled by a clock that steps back", () => {
  const ledger = setupLedger();
  need(ledger.reserve(withdrawal(1_000), NOON));
  const tomorrow = addDuration(NOON, DAY);
  const fillers = Array.from({ length: SPEND_COUNTERS_MAX }, (_, i) =>
    withdrawal(1, { key: `${i}`, window: hours(1) }),
  );
  for (const filler of fillers) need(ledger.reserve(filler, tomorrow));
  const evening = addDuration(tomorrow, hours(2));
  need(ledger.reserve(withdrawal(1_000), evening));
  assert.equal(codeOf(ledger.reserve(withdrawal(1), NOON)), "SPEND_LIMIT_EXCEEDED");
  assert.equal(ledger.state().timeFloor, evening);
});

test("reservations in flight are bounded", () => {
  const ledger = setupLedger();
  const held = Array.from({ length: SPEND_RESERVATIONS_MAX }, () => need(ledger.reserve(withdrawal(0), NOON)));
  assert.equal(codeOf(ledger.reserve(withdrawal(0), NOON)), "SPEND_RESERVATIONS_FULL");
  assert.ok(held[0] && ledger.confirm(held[0]));
  assert.equal(codeOf(ledger.reserve(withdrawal(0), NOON)), "accepted");
});

const command = fc.oneof(
  fc.record({ kind: fc.constant("reserve" as const), amount: fc.integer({ min: 0, max: 400 }) }),
  fc.record({ kind: fc.constantFrom("confirm" as const, "release" as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant("restart" as const) }),
  fc.record({ kind: fc.constant("clock" as const), minutes: fc.integer({ min: -3_000, max: 600 }) }),
);

type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** The clock passes midnight and steps back before the ledger is asked again: it has seen no new day. */
const midnightUnseen: Command[] = [
  { kind: "reserve", amount: 400 },
  { kind: "reserve", amount: 400 },
  { kind: "clock", minutes: 600 },
  { kind: "clock", minutes: 120 },
  { kind: "clock", minutes: -1 },
  { kind: "reserve", amount: 300 },
];

test("whatever happens, no window pays out more than its limit", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      let ledger = setupLedger();
      let now: Instant = NOON;
      let latest: Instant = NOON;
      const open: { id: number; amount: number; day: number }[] = [];
      // The model: money that may have left, by the UTC day of the latest time at which the ledger was asked.
      const paid = new Map<number, number>();
      for (const each of commands) {
        if (each.kind === "clock") {
          now = addDuration(now, minutes(each.minutes));
        } else if (each.kind === "restart") {
          ledger = new SpendLedger(ledger.state());
          open.length = 0;
        } else if (each.kind === "reserve") {
          latest = instant(Math.max(now, latest));
          const day = Math.floor(latest / DAY);
          const before = paid.get(day) ?? 0;
          const reserved = ledger.reserve(withdrawal(each.amount), now);
          assert.equal(reserved.ok, before + each.amount <= 1_000);
          if (!reserved.ok) continue;
          paid.set(day, before + each.amount);
          open.push({ id: reserved.value.id, amount: each.amount, day });
        } else {
          const [reservation] = open.splice(each.which % Math.max(open.length, 1), 1);
          if (!reservation) continue;
          assert.equal(ledger[each.kind](reservation), true);
          const { day, amount } = reservation;
          if (each.kind === "release") paid.set(day, (paid.get(day) ?? 0) - amount);
        }
      }
    }),
    { numRuns: 300, examples: [[midnightUnseen]] },
  );
});
