import type { CivilTime } from "./time-civil.ts";
import {
  type LayoutElement,
  MONTHS,
  type OffsetShape,
  parseLayout,
  SHORT_NAME_LENGTH,
  WEEKDAYS,
} from "./time-layout.ts";

/** Writes a moment the way a Go layout shows. */
export function formatTime(time: CivilTime, layout: string): string {
  return parseLayout(layout)
    .map((element) => formatElement(time, element))
    .join("");
}

function formatElement(time: CivilTime, element: LayoutElement): string {
  switch (element.kind) {
    case "literal":
      return element.text;
    case "year":
      return padded(time.year, 4);
    case "year-short":
      return padded(time.year % 100, 2);
    case "month-name":
      return MONTHS[time.month - 1] as string;
    case "month-short":
      return (MONTHS[time.month - 1] as string).slice(0, SHORT_NAME_LENGTH);
    case "month":
      return String(time.month);
    case "month-zero":
      return padded(time.month, 2);
    case "weekday-name":
      return WEEKDAYS[time.weekday] as string;
    case "weekday-short":
      return (WEEKDAYS[time.weekday] as string).slice(0, SHORT_NAME_LENGTH);
    case "day":
      return String(time.day);
    case "day-space":
      return String(time.day).padStart(2, " ");
    case "day-zero":
      return padded(time.day, 2);
    case "day-of-year-space":
      return String(time.yearDay).padStart(3, " ");
    case "day-of-year-zero":
      return padded(time.yearDay, 3);
    case "hour":
      return padded(time.hour, 2);
    case "hour12":
      return String(time.hour % 12 || 12);
    case "hour12-zero":
      return padded(time.hour % 12 || 12, 2);
    case "minute":
      return String(time.minute);
    case "minute-zero":
      return padded(time.minute, 2);
    case "second":
      return String(time.second);
    case "second-zero":
      return padded(time.second, 2);
    case "noon-upper":
      return time.hour < 12 ? "AM" : "PM";
    case "noon-lower":
      return time.hour < 12 ? "am" : "pm";
    case "zone":
      return time.abbreviation;
    case "fraction":
      return formatFraction(time.nanosecond, element);
    case "offset":
      return formatOffset(time.offset, element.shape);
  }
}

function formatFraction(nanosecond: number, element: LayoutElement & { readonly kind: "fraction" }): string {
  const digits = padded(nanosecond, 9).slice(0, element.digits);
  if (!element.isTrimmed) return element.separator + digits;
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return end === 0 ? "" : element.separator + digits.slice(0, end);
}

function formatOffset(offset: number, shape: OffsetShape): string {
  if (shape.hasZulu && offset === 0) return "Z";
  const minutes = Math.trunc(offset / 60);
  const separator = shape.hasColons ? ":" : "";
  // An offset of less than a minute west counts as none, as it does in Go.
  const parts = [minutes < 0 ? "-" : "+", padded(Math.floor(Math.abs(minutes) / 60), 2)];
  if (shape.smallest !== "hours") parts.push(separator, padded(Math.abs(minutes) % 60, 2));
  if (shape.smallest === "seconds") parts.push(separator, padded(Math.abs(offset) % 60, 2));
  return parts.join("");
}

function padded(value: number, length: number): string {
  return String(value).padStart(length, "0");
}
