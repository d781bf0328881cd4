import { type Instant, isJsonObject, type Json } from "@vedette/base";
import { isJsonArray } from "./document-reader.ts";
import type { TimeWindow } from "./rules.ts";

const DAY_NAMES: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const EVERY_DAY = 0b111_1111;
const MINUTES_OF_DAY = 1_440;
const MEMBERS: ReadonlySet<string> = new Set(["days", "from", "to", "offset"]);

/** Is the instant inside the window, on the days when it opens? */
export function isWithin(now: Instant, { days, from, to, offset }: TimeWindow): boolean {
  const local = Math.floor(now / 60_000) + offset;
  const minute = ((local % MINUTES_OF_DAY) + MINUTES_OF_DAY) % MINUTES_OF_DAY;
  const today = new Date(local * 60_000).getUTCDay();
  const opensOn = (day: number) => ((days >> day) & 1) === 1;
  if (from < to) return minute >= from && minute < to && opensOn(today);
  return (minute >= from && opensOn(today)) || (minute < to && opensOn((today + 6) % 7));
}

/** As a person reads it: `09:00 to 17:00 Z on mon, tue`. */
export function timeWindowToText({ days, from, to, offset }: TimeWindow): string {
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${timeOfDayToText(Math.abs(offset))}`;
  const named = DAY_NAMES.filter((_, day) => ((days >> day) & 1) === 1);
  return `${timeOfDayToText(from)} to ${timeOfDayToText(to)} ${zone}${days === EVERY_DAY ? "" : ` on ${named.join(", ")}`}`;
}

function timeOfDayToText(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

export function parseTimeWindow(value: Json): TimeWindow | undefined {
  if (!isJsonObject(value) || !Object.keys(value).every((key) => MEMBERS.has(key))) return undefined;
  const days = value["days"] === undefined ? EVERY_DAY : parseDays(value["days"]);
  const from = parseTimeOfDay(value["from"]);
  const to = parseTimeOfDay(value["to"]);
  const offset = parseOffset(value["offset"] ?? "Z");
  if (days === undefined || from === undefined || to === undefined || offset === undefined) return undefined;
  return from === to || from === MINUTES_OF_DAY ? undefined : { days, from, to, offset };
}

function parseDays(value: Json): number | undefined {
  if (!isJsonArray(value) || value.length === 0) return undefined;
  let days = 0;
  for (const name of value) {
    const day = typeof name === "string" ? DAY_NAMES.indexOf(name) : -1;
    if (day === -1) return undefined;
    days |= 1 << day;
  }
  return days;
}

function parseTimeOfDay(value: Json | undefined): number | undefined {
  if (value === "24:00") return MINUTES_OF_DAY;
  const match = typeof value === "string" ? /^([01]\d|2[0-3]):([0-5]\d)$/.exec(value) : null;
  return match ? Number(match[1]) * 60 + Number(match[2]) : undefined;
}

function parseOffset(value: Json): number | undefined {
  if (value === "Z") return 0;
  const match = typeof value === "string" ? /^([+-])(0\d|1[0-4]):([0-5]\d)$/.exec(value) : null;
  if (!match) return undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === "-" ? -minutes : minutes;
}
