import type { TimeZone } from "./time-zone.ts";

/** What clocks and calendars in a zone show at one moment; the proleptic Gregorian calendar. */
export interface CivilTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** 1 to 366. */
  readonly yearDay: number;
  /** Seconds east of UTC. */
  readonly offset: number;
  /** `CET`, or `+03` where people use no letters. */
  readonly abbreviation: string;
}

/** What a date and a time of day say; each member may be beyond its usual range and then carries over. */
export interface CivilFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

export const NANOSECONDS = 1_000_000_000n;
export const NANOSECONDS_MIN: bigint = -(2n ** 63n);
export const NANOSECONDS_MAX: bigint = 2n ** 63n - 1n;
const DAY_SECONDS = 86_400;
/** 1 January 1970 was a Thursday. */
const EPOCH_WEEKDAY = 4;

export function civilTimeOf(nanoseconds: bigint, zone: TimeZone): CivilTime {
  const seconds = secondsOf(nanoseconds);
  const offset = zone.offsetAt(seconds);
  const local = seconds + offset;
  const days = Math.floor(local / DAY_SECONDS);
  const time = local - days * DAY_SECONDS;
  const date = dateOf(days);
  return {
    ...date,
    hour: Math.floor(time / 3600),
    minute: Math.floor(time / 60) % 60,
    second: time % 60,
    nanosecond: Number(nanoseconds - BigInt(seconds) * NANOSECONDS),
    weekday: (((days + EPOCH_WEEKDAY) % 7) + 7) % 7,
    yearDay: days - daysBefore({ year: date.year, month: 1, day: 1 }) + 1,
    offset,
    // Found when it is read: few layouts show it, and it costs more than all the rest.
    get abbreviation() {
      return zone.abbreviationAt(seconds, offset);
    },
  };
}

/** Seconds since 1970 of fields that are in UTC. */
export function secondsOfFields(fields: CivilFields): number {
  return daysBefore(fields) * DAY_SECONDS + fields.hour * 3600 + fields.minute * 60 + fields.second;
}

/** The same for fields in a zone; a time that a clock shows twice or never is resolved as Go's `time.Date` does. */
export function secondsOfLocal(fields: CivilFields, zone: TimeZone): number {
  const local = secondsOfFields(fields);
  const guess = zone.offsetAt(local);
  return local - (guess === 0 ? 0 : zone.offsetAt(local - guess));
}

/** Rounded down: nanosecond −1 is in second −1. */
function secondsOf(nanoseconds: bigint): number {
  const seconds = nanoseconds / NANOSECONDS;
  return Number(seconds * NANOSECONDS > nanoseconds ? seconds - 1n : seconds);
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

export function daysInMonth(year: number, month: number): number {
  return month === 2
    ? isLeapYear(year)
      ? 29
      : 28
    : month === 4 || month === 6 || month === 9 || month === 11
      ? 30
      : 31;
}

// Years that begin in March put the leap day last, so that the months before it have the same lengths in all years.
const ERA_YEARS = 400;
const ERA_DAYS = 146_097;
/** From 1 March of year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468;

/** Days from 1 January 1970 to a date; months and days beyond their range carry over. */
export function daysBefore(date: Pick<CivilFields, "year" | "month" | "day">): number {
  const months = date.year * 12 + date.month - 3;
  const year = Math.floor(months / 12);
  const month = months - year * 12;
  const era = Math.floor(year / ERA_YEARS);
  const yearOfEra = year - era * ERA_YEARS;
  const dayOfYear = Math.floor((153 * month + 2) / 5) + date.day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * ERA_DAYS + dayOfEra - EPOCH_DAYS;
}

function dateOf(days: number): Pick<CivilTime, "year" | "month" | "day"> {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  // A day less for each fourth, hundredth and last year that has ended.
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: era * ERA_YEARS + yearOfEra + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}
