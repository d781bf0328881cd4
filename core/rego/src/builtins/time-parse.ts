import { hex, utf8 } from "@vedette/base";
import { daysBefore, daysInMonth, isLeapYear, NANOSECONDS, secondsOfFields } from "./time-civil.ts";
import {
  isDigit,
  type LayoutElement,
  MONTHS,
  type OffsetShape,
  parseLayout,
  SHORT_NAME_LENGTH,
  WEEKDAYS,
} from "./time-layout.ts";

/** Nanoseconds since 1970, of any size. `error` is Go's own wording, as policies' authors know it. */
export type ParsedTime = { readonly nanoseconds: bigint } | { readonly error: string };

/** Reads a text that is written the way a Go layout shows; UTC unless the text says otherwise. */
export function parseTime(layout: string, text: string): ParsedTime {
  const reading: Reading = { ...NOTHING_READ, rest: text };
  const elements = parseLayout(layout);
  for (const [at, element] of elements.entries()) {
    const before = reading.rest;
    const next = elements[at + 1];
    const nextField = next?.kind === "literal" ? elements[at + 2] : next;
    const fault = readElement(reading, element, nextField?.kind === "fraction");
    if (fault === undefined) continue;
    const place = element.kind === "literal" ? reading.rest : before;
    return fault === MALFORMED
      ? {
          error: `parsing time ${quote(text)} as ${quote(layout)}: cannot parse ${quote(place)} as ${quote(element.text)}`,
        }
      : { error: `parsing time ${quote(text)}: ${fault} out of range` };
  }
  const whole = reading.rest === "" ? nanosecondsOf(reading) : `extra text: ${quote(reading.rest)}`;
  return typeof whole === "bigint" ? { nanoseconds: whole } : { error: `parsing time ${quote(text)}: ${whole}` };
}

interface Reading {
  rest: string;
  year: number;
  month: number | undefined;
  day: number | undefined;
  yearDay: number | undefined;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  noon: "AM" | "PM" | undefined;
  offset: number;
}

const NOTHING_READ: Omit<Reading, "rest"> = {
  year: 0,
  month: undefined,
  day: undefined,
  yearDay: undefined,
  hour: 0,
  minute: 0,
  second: 0,
  nanosecond: 0,
  noon: undefined,
  offset: 0,
};

/** What is wrong with an element: it is not there at all, or the named number is too large. */
type Fault = string;
const MALFORMED: Fault = "";

function readElement(reading: Reading, element: LayoutElement, isFractionNext: boolean): Fault | undefined {
  switch (element.kind) {
    case "literal":
      return skip(reading, element.text);
    case "year":
      return isDigit(reading.rest[0]) ? readYear(reading, 4) : MALFORMED;
    case "year-short":
      return readYear(reading, 2);
    case "month-name":
      return readName(reading, MONTHS, (month) => (reading.month = month));
    case "month-short":
      return readName(reading, MONTHS_SHORT, (month) => (reading.month = month));
    case "month":
    case "month-zero":
      return readNumber(reading, element.kind === "month-zero", "month", 1, 12, (month) => (reading.month = month));
    case "weekday-name":
      return readName(reading, WEEKDAYS, ignore);
    case "weekday-short":
      return readName(reading, WEEKDAYS_SHORT, ignore);
    case "day":
    case "day-space":
    case "day-zero":
      if (element.kind === "day-space") skipSpaces(reading, 1);
      return readNumber(reading, element.kind === "day-zero", "day", 0, 99, (day) => (reading.day = day));
    case "day-of-year-space":
    case "day-of-year-zero":
      return readYearDay(reading, element.kind === "day-of-year-zero");
    case "hour":
      return readNumber(reading, false, "hour", 0, 23, (hour) => (reading.hour = hour));
    case "hour12":
    case "hour12-zero":
      return readNumber(reading, element.kind === "hour12-zero", "hour", 0, 12, (hour) => (reading.hour = hour));
    case "minute":
    case "minute-zero":
      return readNumber(
        reading,
        element.kind === "minute-zero",
        "minute",
        0,
        59,
        (minute) => (reading.minute = minute),
      );
    case "second":
    case "second-zero":
      return readSecond(reading, element.kind === "second-zero", isFractionNext);
    case "noon-upper":
      return readNoon(reading, "AM", "PM");
    case "noon-lower":
      return readNoon(reading, "am", "pm");
    case "zone":
      return readZone(reading);
    case "fraction":
      return readFraction(reading, element);
    case "offset":
      return readOffset(reading, element.shape);
  }
}

const MONTHS_SHORT: readonly string[] = MONTHS.map((name) => name.slice(0, SHORT_NAME_LENGTH));
const WEEKDAYS_SHORT: readonly string[] = WEEKDAYS.map((name) => name.slice(0, SHORT_NAME_LENGTH));

function ignore(): void {
  // A weekday is read and does not count: the date says it.
}

/** Spaces match any number of spaces, none at the end of the text included. */
function skip(reading: Reading, literal: string): Fault | undefined {
  for (let at = 0; at < literal.length; ) {
    if (literal[at] === " ") {
      if (reading.rest !== "" && reading.rest[0] !== " ") return MALFORMED;
      while (literal[at] === " ") at++;
      skipSpaces(reading, reading.rest.length);
    } else {
      if (reading.rest[0] !== literal[at]) return MALFORMED;
      reading.rest = reading.rest.slice(1);
      at++;
    }
  }
  return undefined;
}

function skipSpaces(reading: Reading, max: number): void {
  let count = 0;
  while (count < max && reading.rest[count] === " ") count++;
  reading.rest = reading.rest.slice(count);
}

function take(reading: Reading, length: number): string {
  const taken = reading.rest.slice(0, length);
  reading.rest = reading.rest.slice(length);
  return taken;
}

function readYear(reading: Reading, length: 2 | 4): Fault | undefined {
  const year = reading.rest.length < length ? undefined : parseInteger(take(reading, length));
  if (year === undefined) return MALFORMED;
  reading.year = length === 4 ? year : year + (year >= SHORT_YEAR_TURN ? 1900 : 2000);
  return undefined;
}
/** Unix time began on the last day of 1969 somewhere on earth. */
const SHORT_YEAR_TURN = 69;

/** As Go reads it here: a sign may stand in the place of a digit, and no digits are zero. */
function parseInteger(text: string): number | undefined {
  return /^[+-]?[0-9]*$/.test(text) ? Number(text) || 0 : undefined;
}

function readName(reading: Reading, names: readonly string[], put: (position: number) => void): Fault | undefined {
  const at = names.findIndex((name) => isSameName(reading.rest.slice(0, name.length), name));
  if (at < 0) return MALFORMED;
  take(reading, (names[at] as string).length);
  put(at + 1);
  return undefined;
}

/** ASCII letters in any case. */
function isSameName(text: string, name: string): boolean {
  return /^[A-Za-z]+$/.test(text) && text.toLowerCase() === name.toLowerCase();
}

/** One digit or two; `isFixed` asks for two. */
function readNumber(
  reading: Reading,
  isFixed: boolean,
  name: string,
  min: number,
  max: number,
  put: (value: number) => void,
): Fault | undefined {
  const length = !isDigit(reading.rest[0]) ? 0 : isDigit(reading.rest[1]) ? 2 : 1;
  if (length === 0 || (isFixed && length === 1)) return MALFORMED;
  const value = Number(take(reading, length));
  if (value < min || value > max) return name;
  put(value);
  return undefined;
}

function readYearDay(reading: Reading, isFixed: boolean): Fault | undefined {
  if (!isFixed) skipSpaces(reading, 2);
  let length = 0;
  while (length < 3 && isDigit(reading.rest[length])) length++;
  if (length === 0 || (isFixed && length < 3)) return MALFORMED;
  reading.yearDay = Number(take(reading, length));
  return undefined;
}

/** A fraction may follow the second though the layout does not show one. */
function readSecond(reading: Reading, isFixed: boolean, isFractionNext: boolean): Fault | undefined {
  const fault = readNumber(reading, isFixed, "second", 0, 59, (second) => (reading.second = second));
  if (fault !== undefined || isFractionNext || !hasFraction(reading.rest)) return fault;
  return takeNanoseconds(reading, digitsAfterPoint(reading.rest));
}

function readFraction(reading: Reading, element: LayoutElement & { readonly kind: "fraction" }): Fault | undefined {
  if (!element.isTrimmed)
    return reading.rest.length > element.digits ? takeNanoseconds(reading, element.digits) : MALFORMED;
  return hasFraction(reading.rest) ? takeNanoseconds(reading, digitsAfterPoint(reading.rest)) : undefined;
}

function hasFraction(text: string): boolean {
  return (text[0] === "." || text[0] === ",") && isDigit(text[1]);
}

function digitsAfterPoint(text: string): number {
  let length = 0;
  while (isDigit(text[1 + length])) length++;
  return length;
}

/** What is smaller than a nanosecond is cut off. */
const FRACTION_DIGITS_MAX = 9;

function takeNanoseconds(reading: Reading, length: number): Fault | undefined {
  const text = take(reading, 1 + length);
  const digits = text.slice(1, 1 + FRACTION_DIGITS_MAX);
  const value = text[0] === "." || text[0] === "," ? parseInteger(digits) : undefined;
  if (value === undefined) return MALFORMED;
  if (value < 0) return "fractional second";
  reading.nanosecond = value * 10 ** (FRACTION_DIGITS_MAX - digits.length);
  return undefined;
}

function readNoon(reading: Reading, before: string, after: string): Fault | undefined {
  const text = take(reading, 2);
  if (text !== before && text !== after) return MALFORMED;
  reading.noon = text === before ? "AM" : "PM";
  return undefined;
}

function readOffset(reading: Reading, shape: OffsetShape): Fault | undefined {
  if (shape.hasZulu && reading.rest[0] === "Z") {
    take(reading, 1);
    return undefined;
  }
  const separator = shape.hasColons ? ":" : "";
  const count = shape.smallest === "hours" ? 1 : shape.smallest === "minutes" ? 2 : 3;
  const text = take(reading, 1 + 2 * count + separator.length * (count - 1));
  const parts = [1, 2, 3].slice(0, count).map((part) => (part - 1) * (2 + separator.length) + 1);
  const numbers = parts.map((at) => text.slice(at, at + 2));
  const isShaped = parts.slice(1).every((at) => text.slice(at - separator.length, at) === separator);
  if (!isShaped || !numbers.every((number) => /^[0-9]{2}$/.test(number))) return MALFORMED;
  const [hours = 0, minutes = 0, seconds = 0] = numbers.map(Number);
  // Some people write offsets of 24 hours or 60 minutes, so Go takes them.
  if (hours > 24) return "time zone offset hour";
  if (minutes > 60) return "time zone offset minute";
  if (seconds > 60) return "time zone offset second";
  if (text[0] !== "+" && text[0] !== "-") return MALFORMED;
  reading.offset = (text[0] === "-" ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
  return undefined;
}

/** An abbreviation means many zones, so none but UTC is known, and it counts as UTC (Go package `time`, `Parse`). */
function readZone(reading: Reading): Fault | undefined {
  const length = reading.rest.startsWith("UTC") ? 3 : zoneLength(reading.rest);
  if (length === 0) return MALFORMED;
  take(reading, length);
  return undefined;
}

function zoneLength(text: string): number {
  if (text.length < 3) return 0;
  if (text.startsWith("ChST") || text.startsWith("MeST")) return 4;
  if (text.startsWith("GMT")) return 3 + signedHoursLength(text.slice(3));
  if (text[0] === "+" || text[0] === "-") return signedHoursLength(text);
  let letters = 0;
  while (letters < 6 && /[A-Z]/.test(text[letters] ?? "")) letters++;
  if (letters === 5) return text[4] === "T" ? 5 : 0;
  if (letters === 4) return text[3] === "T" || text.startsWith("WITA") ? 4 : 0;
  return letters === 3 ? 3 : 0;
}

/** `+03`: a sign and a number of hours. */
function signedHoursLength(text: string): number {
  const [whole, hours] = /^[+-]([0-9]+)/.exec(text) ?? [""];
  return whole !== "" && Number(hours) <= 23 ? whole.length : 0;
}

/** The moment, or what does not go together. */
function nanosecondsOf(reading: Reading): bigint | string {
  const { year, yearDay, minute, second } = reading;
  const date = yearDay === undefined ? { month: 1, day: 1, ...dateRead(reading) } : dateOfYearDay(year, yearDay);
  if (date === undefined) return "day-of-year out of range";
  if (reading.month !== undefined && reading.month !== date.month) return "day-of-year does not match month";
  if (reading.day !== undefined && reading.day !== date.day) return "day-of-year does not match day";
  if (date.day < 1 || date.day > daysInMonth(year, date.month)) return "day out of range";
  const hour = hourOf(reading);
  const seconds = secondsOfFields({ year, ...date, hour, minute, second }) - reading.offset;
  return BigInt(seconds) * NANOSECONDS + BigInt(reading.nanosecond);
}

function dateRead({ month, day }: Reading): { month?: number; day?: number } {
  return { ...(month !== undefined && { month }), ...(day !== undefined && { day }) };
}

function dateOfYearDay(year: number, yearDay: number): { month: number; day: number } | undefined {
  if (yearDay < 1 || yearDay > (isLeapYear(year) ? 366 : 365)) return undefined;
  const newYear = daysBefore({ year, month: 1, day: 1 });
  let month = 12;
  while (daysBefore({ year, month, day: 1 }) - newYear >= yearDay) month--;
  return { month, day: yearDay - (daysBefore({ year, month, day: 1 }) - newYear) };
}

function hourOf({ noon, hour }: Reading): number {
  if (noon === "PM" && hour < 12) return hour + 12;
  return noon === "AM" && hour === 12 ? 0 : hour;
}

/** As Go quotes in these messages: bytes that are not printable ASCII as `\x`. */
function quote(text: string): string {
  let quoted = '"';
  for (const character of text) {
    if (character >= "\x7f" || character < " ")
      for (const byte of utf8(character)) quoted += `\\x${hex(Uint8Array.of(byte))}`;
    else quoted += character === '"' || character === "\\" ? `\\${character}` : character;
  }
  return `${quoted}"`;
}
