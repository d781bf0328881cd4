import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addDuration,
  days,
  durationBetween,
  durationToString,
  hours,
  instant,
  instantToString,
  latest,
  milliseconds,
  minutes,
  parseDuration,
  parseInstant,
  seconds,
} from "./time.ts";

/** Six digits of days are what a duration may carry. */
const LONGEST_MS = 999_999 * 86_400_000;

test("a duration keeps its length through text", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LONGEST_MS }), (count) => {
      assert.deepEqual(parseDuration(durationToString(milliseconds(count))), { ok: true, value: count });
    }),
  );
});

test("a duration is always a whole number of milliseconds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: 0, max: 999 }), (whole, thousandths) => {
      const text = `PT${whole}.${String(thousandths).padStart(3, "0")}S`;
      assert.deepEqual(parseDuration(text), { ok: true, value: whole * 1_000 + thousandths });
    }),
  );
});

test("durations are written in their shortest form", () => {
  const written = [minutes(15), milliseconds(0), hours(36), seconds(1.5), days(90)].map(durationToString);
  assert.deepEqual(written, ["PT15M", "PT0S", "P1DT12H", "PT1.5S", "P90D"]);
});

test("a duration that depends on a calendar, is negative or has no part is refused", () => {
  for (const text of ["P", "PT", "P1DT", "P1W", "P1M", "P1Y", "-PT1S", "PT-1S", "PT1.0001S", "PT1H ", "1H", ""])
    assert.deepEqual(parseDuration(text), { ok: false, error: { code: "DURATION_INVALID", text } }, text);
});

test("a duration has at most six digits in each part", () => {
  assert.equal(parseDuration("P999999D").ok, true);
  assert.equal(parseDuration("P1000000D").ok, false);
});

test("an instant keeps its milliseconds through text", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }),
      (date) => {
        const text = instantToString(instant(date.getTime()));
        assert.equal(text, date.toISOString());
        assert.deepEqual(parseInstant(text), { ok: true, value: date.getTime() });
      },
    ),
  );
});

test("an offset names the same instant as UTC does", () => {
  const utc = parseInstant("2026-03-01T00:30:00Z");
  assert.deepEqual(parseInstant("2026-03-01T02:00:00+01:30"), utc);
  assert.deepEqual(parseInstant("2026-02-28T19:30:00.000-05:00"), utc);
});

test("a day exists up to the last of its month and not beyond", () => {
  assert.equal(parseInstant("2024-02-29T00:00:00Z").ok, true);
  assert.equal(parseInstant("2023-02-29T00:00:00Z").ok, false);
  assert.equal(parseInstant("2024-04-30T23:59:59Z").ok, true);
  assert.equal(parseInstant("2024-04-31T00:00:00Z").ok, false);
});

test("what is not an RFC 3339 date-time is refused", () => {
  const refused = [
    "",
    "2024-01-01",
    "2024-01-01T00:00:00",
    "2024-01-01 00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T23:59:60Z",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00.Z",
    "+002024-01-01T00:00:00Z",
    "2024-01-01T00:00:00Z\n",
  ];
  for (const text of refused)
    assert.deepEqual(parseInstant(text), { ok: false, error: { code: "INSTANT_INVALID", text } }, text);
});

test("the way from one instant to a later one is positive, and leads there", () => {
  const start = instant(1_000);
  const end = addDuration(start, minutes(2));
  assert.equal(durationBetween(start, end), minutes(2));
  assert.equal(durationBetween(end, start), -120_000);
  assert.equal(latest(start, end, start), end);
});
