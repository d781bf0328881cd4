import assert from "node:assert/strict";
import { test } from "node:test";
import { instant } from "@vedette/base";
import { isWithin, parseTimeWindow } from "./time-window.ts";

function isIn(window: Parameters<typeof parseTimeWindow>[0], at: string): boolean {
  const parsed = parseTimeWindow(window);
  assert.ok(parsed, JSON.stringify(window));
  return isWithin(instant(Date.parse(at)), parsed);
}

test("a window opens at its first minute and has closed at its last", () => {
  const window = { from: "08:00", to: "20:00" };
  const at = ["07:59:59.999", "08:00:00.000", "19:59:59.999", "20:00:00.000"];
  assert.deepEqual(
    at.map((time) => isIn(window, `2026-11-22T${time}Z`)),
    [false, true, true, false],
  );
});

test("days are those of the offset, not of UTC", () => {
  const monday = { days: ["mon"], from: "00:00", to: "24:00", offset: "+02:00" };
  assert.ok(isIn(monday, "2026-11-22T22:00:00Z"));
  assert.ok(!isIn(monday, "2026-11-22T21:59:59Z"));
  assert.ok(!isIn(monday, "2026-11-23T22:00:00Z"));
});

test("a window past midnight belongs to the day on which it opens", () => {
  const fridayNight = { days: ["fri"], from: "22:00", to: "06:00" };
  assert.ok(isIn(fridayNight, "2026-11-20T23:00:00Z"));
  assert.ok(isIn(fridayNight, "2026-11-21T05:59:00Z"));
  assert.ok(!isIn(fridayNight, "2026-11-21T06:00:00Z"));
  assert.ok(!isIn(fridayNight, "2026-11-20T05:00:00Z"));
  assert.ok(!isIn(fridayNight, "2026-11-21T23:00:00Z"));
});

test("a Saturday's window reaches into Sunday, and one before 1970 counts as well", () => {
  assert.ok(isIn({ days: ["sat"], from: "23:00", to: "01:00" }, "2026-11-22T00:30:00Z"));
  assert.ok(isIn({ days: ["wed"], from: "23:00", to: "24:00", offset: "-01:00" }, "1970-01-01T00:30:00Z"));
});
