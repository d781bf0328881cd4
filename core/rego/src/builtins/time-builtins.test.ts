import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { numberOfInteger, parseNumber } from "../values/big-number.ts";
import type { Value } from "../values/value.ts";
import { testCreateCaller, testCreateContext } from "./builtin-fixture.test.ts";
import { TIME_BUILTINS } from "./time-builtins.ts";
import { NANOSECONDS_MAX, NANOSECONDS_MIN } from "./time-civil.ts";

const call = testCreateCaller(TIME_BUILTINS);

function exactly(text: string): Value {
  return parseNumber(text) as Value;
}

test("now is the query's moment, to the nanosecond, whenever it is asked", () => {
  const ask = testCreateCaller(TIME_BUILTINS, testCreateContext(1_795_348_800_123_456_789n));
  assert.equal(ask("time.now_ns"), "1795348800123456789");
  assert.equal(ask("time.now_ns"), "1795348800123456789");
});

test("a time is read as its layout shows, with every nanosecond", () => {
  for (const [layout, text, expected] of [
    ["RFC3339", "2017-06-02T19:00:00-07:00", "1496455200000000000"],
    ["RFC3339", "2017-06-02T19:00:00.123456789Z", "1496430000123456789"],
    ["2006-01-02", "1970-01-02", "86400000000000"],
    ["02 Jan 06 15:04 MST", "01 Jan 70 00:01 UTC", "60000000000"],
    ["3:04pm 2006", "12:30am 1970", "1800000000000"],
    ["2006 002", "2020 060", "1582934400000000000"],
    ["Monday, 2 January 2006", "friday, 2 JANUARY 1970", "86400000000000"],
    ["2006-01-02 15:04:05,000", "1970-01-01 00:00:01,500", "1500000000"],
  ])
    assert.equal(call("time.parse_ns", layout as string, text as string), expected, `${layout}: ${text}`);
});

test("what a layout does not show is refused, and the message says where", () => {
  for (const [layout, text, expected] of [
    ["2006-01-02", "2020-1-02", 'parsing time "2020-1-02" as "2006-01-02": cannot parse "1-02" as "01"'],
    ["2006-01-02", "2020-02-30", 'parsing time "2020-02-30": day out of range'],
    ["2006-01-02", "2020-13-01", 'parsing time "2020-13-01": month out of range'],
    ["2006-01-02", "2020-01-01x", 'parsing time "2020-01-01x": extra text: "x"'],
    ["2006 002", "2021 366", 'parsing time "2021 366": day-of-year out of range'],
    ["2006-01-02 002", "2020-03-01 060", 'parsing time "2020-03-01 060": day-of-year does not match month'],
    ["15", "é", 'parsing time "\\xc3\\xa9" as "15": cannot parse "\\xc3\\xa9" as "15"'],
  ])
    assert.equal(call("time.parse_ns", layout as string, text as string), expected);
});

test("a moment fits 64 bits, and one nanosecond more is refused", () => {
  assert.equal(call("time.parse_rfc3339_ns", "1677-09-21T00:12:43.145224192Z"), String(NANOSECONDS_MIN));
  assert.equal(call("time.parse_rfc3339_ns", "1677-09-21T00:12:43.145224191Z"), "time outside of valid range");
  assert.equal(call("time.parse_rfc3339_ns", "2262-04-11T23:47:16.854775807Z"), String(NANOSECONDS_MAX));
  assert.equal(call("time.parse_rfc3339_ns", "2262-04-11T23:47:16.854775808Z"), "time outside of valid range");
  assert.equal(call("time.date", exactly("9223372036854775807")), "[2262,4,11]");
  assert.equal(call("time.date", exactly("9223372036854775808")), "timestamp too big");
  assert.equal(call("time.date", 1.5), "timestamp too big");
});

const moments = fc.bigInt({ min: NANOSECONDS_MIN, max: NANOSECONDS_MAX });

test("what is written as RFC 3339 is read as the same moment", () => {
  const zones = fc.constantFrom("", "UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham");
  // Before 1970 offsets may have seconds, which RFC 3339 cannot write.
  fc.assert(
    fc.property(moments, zones, (moment, zone) => {
      const since = zone === "" || zone === "UTC" ? moment : moment < 0n ? -moment - 1n : moment;
      const text = JSON.parse(call("time.format", [numberOfInteger(since), zone])) as string;
      assert.equal(call("time.parse_rfc3339_ns", text), String(since));
    }),
  );
});

test("dates, times and weekdays in UTC are those of the host's calendar", () => {
  fc.assert(
    fc.property(moments, (moment) => {
      const seconds = moment / 1_000_000_000n - (moment % 1_000_000_000n < 0n ? 1n : 0n);
      const date = new Date(Number(seconds) * 1000);
      const operand = numberOfInteger(moment);
      const expected = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
      assert.equal(call("time.date", operand), JSON.stringify(expected));
      const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
      assert.equal(call("time.clock", operand), JSON.stringify(clock));
      const weekday = date.toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" });
      assert.equal(call("time.weekday", operand), JSON.stringify(weekday));
    }),
  );
});

test("a zone has its offset of the season and its letters", () => {
  const [winter, summer] = [1_705_000_000_000_000_000, 1_720_000_000_000_000_000];
  for (const [zone, inWinter, inSummer] of [
    ["Europe/Berlin", "CET +0100", "CEST +0200"],
    ["America/New_York", "EST -0500", "EDT -0400"],
    ["Asia/Kolkata", "IST +0530", "IST +0530"],
    ["Asia/Colombo", "+0530 +0530", "+0530 +0530"],
    ["America/Sao_Paulo", "-03 -0300", "-03 -0300"],
    ["Europe/Jersey", "GMT +0000", "BST +0100"],
    ["Etc/GMT+3", "-03 -0300", "-03 -0300"],
    ["GMT", "GMT +0000", "GMT +0000"],
    ["Zulu", "UTC +0000", "UTC +0000"],
  ] as const) {
    assert.equal(call("time.format", [winter, zone, "MST -0700"]), `"${inWinter}"`, zone);
    assert.equal(call("time.format", [summer, zone, "MST -0700"]), `"${inSummer}"`, zone);
  }
});

test("a name that the time zone database does not have is refused, also one that the host would take", () => {
  for (const zone of ["nope", "europe/berlin", "+05:30", "JST", "BST", "SystemV/EST5", `A${"x".repeat(70)}`])
    assert.equal(call("time.date", [0, zone]), `unknown time zone ${zone}`);
  assert.equal(call("time.date", [0, "../etc/passwd"]), "time: invalid location name");
});

test("layouts write what they show", () => {
  const moment = exactly("1670006453141828752");
  for (const [layout, expected] of [
    ["", "2022-12-02T18:40:53.141828752Z"],
    ["ANSIC", "Fri Dec  2 18:40:53 2022"],
    ["RFC850", "Friday, 02-Dec-22 18:40:53 UTC"],
    ["3:04PM .000 .999999", "6:40PM .141 .141828"],
    ["__2 002 _2 06", "336 336  2 22"],
    ["Z07:00 -07 Z070000", "Z +00 Z"],
    ["Janet Month _2006", "Janet Month _2022"],
  ] as const)
    assert.equal(call("time.format", [moment, "UTC", layout]), JSON.stringify(expected), layout);
});

test("durations add up, to the last nanosecond that fits", () => {
  for (const [text, expected] of [
    ["100ms", "100000000"],
    ["-1h15m30.918s", "-4530918000000"],
    ["1µs1us", "2000"],
    ["1d12h", "129600000000000"],
    ["1.5w", "907200000000000"],
    ["0", "0"],
    ["9223372036854775807ns", "9223372036854775807"],
    ["-9223372036854775808ns", "-9223372036854775808"],
    ["9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'],
    ["1", 'time: missing unit in duration "1"'],
    ["1x", 'time: unknown unit "x" in duration "1x"'],
    ["", 'time: invalid duration ""'],
    [".s", 'time: invalid duration ".s"'],
    ["1h-1m", 'time: unknown unit "h-" in duration "1h-1m"'],
  ] as const)
    assert.equal(call("time.parse_duration_ns", text), expected, text);
});

test("to add a month to the end of January goes beyond February", () => {
  const january = exactly("1706659200000000000");
  assert.equal(call("time.date", exactly(call("time.add_date", january, 0, 1, 0))), "[2024,3,2]");
  assert.equal(call("time.add_date", 0, 2262, 1, 1), "time outside of valid range");
  assert.equal(call("time.add_date", 0, exactly("1e300"), 0, 0), "time outside of valid range");
  assert.equal(call("time.add_date", 0, 0, 0.5, 0), "operand 3 must be integer number but got floating-point number");
});

test("days of an hour more or less keep the time of day in their zone", () => {
  const noonBefore = exactly("1711796400000000000");
  const moved = call("time.add_date", [noonBefore, "Europe/Berlin"], 0, 0, 1);
  assert.equal(call("time.clock", [noonBefore, "Europe/Berlin"]), "[12,0,0]");
  assert.equal(call("time.clock", [exactly(moved), "Europe/Berlin"]), "[12,0,0]");
  assert.equal(Number(moved) - Number(call("time.add_date", noonBefore, 0, 0, 0)), 23 * 3600e9);
});

test("a difference is counted in calendar units, in whatever order it is asked", () => {
  const [leapDay, march] = [exactly("1078012800000000000"), exactly("1109635200000000000")];
  assert.equal(call("time.diff", march, leapDay), "[1,0,1,0,0,0]");
  assert.equal(call("time.diff", leapDay, march), "[1,0,1,0,0,0]");
  assert.equal(call("time.diff", [leapDay, "Asia/Tokyo"], [leapDay, "UTC"]), "[0,0,0,0,0,0]");
});

test("an operand that is no moment fails by its type", () => {
  assert.equal(
    call("time.date", "x"),
    "operand 1 must be either number (ns) or [number (ns), string (tz)] but got string",
  );
  assert.equal(
    call("time.date", []),
    "operand 1 must be either number (ns) or [number (ns), string (tz)] but got array",
  );
  assert.equal(call("time.date", ["0"]), "operand 1 must be number but got string");
  assert.equal(call("time.format", [0, 1]), "operand 1 must be string but got number");
});
