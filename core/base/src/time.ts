import { err, ok, type Result } from "./result.ts";

declare const instantBrand: unique symbol;
declare const durationBrand: unique symbol;

/** Wall time: milliseconds since 1970-01-01T00:00:00Z. For people and certificates, never for measuring. */
export type Instant = number & { readonly [instantBrand]: "Instant" };
/** A length of time in milliseconds. */
export type Duration = number & { readonly [durationBrand]: "Duration" };

export interface TimeError {
  readonly code: "INSTANT_INVALID" | "DURATION_INVALID";
  readonly text: string;
}

export function instant(milliseconds: number): Instant {
  return milliseconds as Instant;
}

export function milliseconds(count: number): Duration {
  return count as Duration;
}

export function seconds(count: number): Duration {
  return (count * 1_000) as Duration;
}

export function minutes(count: number): Duration {
  return (count * 60_000) as Duration;
}

export function hours(count: number): Duration {
  return (count * 3_600_000) as Duration;
}

export function days(count: number): Duration {
  return (count * 86_400_000) as Duration;
}

export function addDuration(to: Instant, duration: Duration): Instant {
  return (to + duration) as Instant;
}

/** `later - earlier`; negative when the order is reversed. */
export function durationBetween(earlier: Instant, later: Instant): Duration {
  return (later - earlier) as Duration;
}

export function latest(...instants: readonly Instant[]): Instant {
  return Math.max(...instants) as Instant;
}

const INSTANT_PATTERN = /^(\d{4}-\d{2}-\d{2})T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** RFC 3339 §5.6 date-time; digits beyond milliseconds are cut off. Leap seconds are refused: no clock of ours shows them. */
export function parseInstant(text: string): Result<Instant, TimeError> {
  const [, date] = INSTANT_PATTERN.exec(text) ?? [];
  if (date === undefined || !isCalendarDate(date)) return err({ code: "INSTANT_INVALID", text });
  const value = Date.parse(text);
  return Number.isNaN(value) ? err({ code: "INSTANT_INVALID", text }) : ok(instant(value));
}

/** `Date.parse` takes 30 February for 1 March; RFC 3339 §5.7 knows no such day. */
function isCalendarDate(date: string): boolean {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
}

/** RFC 3339 §5.6, UTC, milliseconds. */
export function instantToString(value: Instant): string {
  return new Date(value).toISOString();
}

// Weeks, months and years are left out: their length depends on a calendar, and a limit must not.
const DURATION_PATTERN = /^P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6}(?:\.\d{1,3})?)S)?)?$/;

/** ISO 8601 duration of days, hours, minutes and seconds, such as `PT15M` or `P1DT12H`. */
export function parseDuration(text: string): Result<Duration, TimeError> {
  const match = DURATION_PATTERN.exec(text);
  if (!match || text.endsWith("P") || text.endsWith("T")) return err({ code: "DURATION_INVALID", text });
  const [, d = "0", h = "0", m = "0", s = "0"] = match;
  // A length is a whole number of milliseconds; 1.001 × 1,000 is not one in binary.
  const rest = Math.round(Number(s) * 1_000);
  return ok(milliseconds(Number(d) * 86_400_000 + Number(h) * 3_600_000 + Number(m) * 60_000 + rest));
}

/** The shortest ISO 8601 form that `parseDuration` reads back to the same length. */
export function durationToString(duration: Duration): string {
  const d = Math.floor(duration / 86_400_000);
  const h = Math.floor((duration % 86_400_000) / 3_600_000);
  const m = Math.floor((duration % 3_600_000) / 60_000);
  const s = (duration % 60_000) / 1_000;
  const time = `${h ? `${h}H` : ""}${m ? `${m}M` : ""}${s ? `${s}S` : ""}`;
  return `P${d ? `${d}D` : ""}${time ? `T${time}` : ""}` === "P"
    ? "PT0S"
    : `P${d ? `${d}D` : ""}${time ? `T${time}` : ""}`;
}
