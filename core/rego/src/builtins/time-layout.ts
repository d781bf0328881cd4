/**
 * One piece of a Go time layout, which shows how a moment would be written: `2006-01-02T15:04:05Z07:00` (Go package
 * `time`, "Constants"). `text` is the piece as the layout has it.
 */
export type LayoutElement =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: FieldKind; readonly text: string }
  | {
      readonly kind: "fraction";
      readonly text: string;
      readonly separator: string;
      readonly isTrimmed: boolean;
      readonly digits: number;
    }
  | { readonly kind: "offset"; readonly text: string; readonly shape: OffsetShape };

export interface OffsetShape {
  /** UTC is written as `Z`. */
  readonly hasZulu: boolean;
  readonly hasColons: boolean;
  readonly smallest: "hours" | "minutes" | "seconds";
}

type FieldKind = (typeof FIELDS)[number][1];

/** A layout that OPA knows by name. */
export function layoutOfName(nameOrLayout: string): string {
  return LAYOUTS.get(nameOrLayout) ?? nameOrLayout;
}

export const RFC3339 = "2006-01-02T15:04:05Z07:00";
export const RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00";
const LAYOUTS: ReadonlyMap<string, string> = new Map([
  ["ANSIC", "Mon Jan _2 15:04:05 2006"],
  ["UnixDate", "Mon Jan _2 15:04:05 MST 2006"],
  ["RubyDate", "Mon Jan 02 15:04:05 -0700 2006"],
  ["RFC822", "02 Jan 06 15:04 MST"],
  ["RFC822Z", "02 Jan 06 15:04 -0700"],
  ["RFC850", "Monday, 02-Jan-06 15:04:05 MST"],
  ["RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"],
  ["RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"],
  ["RFC3339", RFC3339],
  ["RFC3339Nano", RFC3339_NANO],
]);

// Where one text begins another, the longer stands first.
const FIELDS = [
  ["January", "month-name"],
  ["Jan", "month-short"],
  ["Monday", "weekday-name"],
  ["Mon", "weekday-short"],
  ["MST", "zone"],
  ["002", "day-of-year-zero"],
  ["01", "month-zero"],
  ["02", "day-zero"],
  ["03", "hour12-zero"],
  ["04", "minute-zero"],
  ["05", "second-zero"],
  ["06", "year-short"],
  ["15", "hour"],
  ["1", "month"],
  ["2006", "year"],
  ["2", "day"],
  ["__2", "day-of-year-space"],
  ["_2", "day-space"],
  ["3", "hour12"],
  ["4", "minute"],
  ["5", "second"],
  ["PM", "noon-upper"],
  ["pm", "noon-lower"],
] as const;

const OFFSETS: readonly (readonly [text: string, shape: OffsetShape])[] = ["Z", "-"].flatMap((sign) => {
  const hasZulu = sign === "Z";
  return [
    [`${sign}070000`, { hasZulu, hasColons: false, smallest: "seconds" }],
    [`${sign}07:00:00`, { hasZulu, hasColons: true, smallest: "seconds" }],
    [`${sign}0700`, { hasZulu, hasColons: false, smallest: "minutes" }],
    [`${sign}07:00`, { hasZulu, hasColons: true, smallest: "minutes" }],
    [`${sign}07`, { hasZulu, hasColons: false, smallest: "hours" }],
  ] as const;
});

export function parseLayout(layout: string): readonly LayoutElement[] {
  const elements: LayoutElement[] = [];
  let from = 0;
  for (let at = 0; at < layout.length; ) {
    const element = elementAt(layout, at);
    if (element === undefined) at++;
    else {
      if (at > from) elements.push({ kind: "literal", text: layout.slice(from, at) });
      elements.push(element);
      at += element.text.length;
      from = at;
    }
  }
  if (from < layout.length) elements.push({ kind: "literal", text: layout.slice(from) });
  return elements;
}

function elementAt(layout: string, at: number): LayoutElement | undefined {
  const first = layout[at] as string;
  if (first === "." || first === ",") return fractionAt(layout, at, first);
  if (first === "Z" || first === "-") {
    const offset = OFFSETS.find(([text]) => layout.startsWith(text, at));
    return offset && { kind: "offset", text: offset[0], shape: offset[1] };
  }
  const field = FIELDS.find(([text]) => layout.startsWith(text, at) && isWhole(layout, at, text));
  return field && { kind: field[1], text: field[0] };
}

/** `Month` does not begin with a weekday, and the `_2` of `_2006` is an underscore and a year. */
function isWhole(layout: string, at: number, text: string): boolean {
  if (text === "_2") return !layout.startsWith("_2006", at);
  return (text !== "Jan" && text !== "Mon") || !/[a-z]/.test(layout[at + text.length] ?? "");
}

/** A point or comma with zeros (so many digits) or nines (at most so many), not followed by another digit. */
function fractionAt(layout: string, at: number, separator: string): LayoutElement | undefined {
  const digit = layout[at + 1];
  if (digit !== "0" && digit !== "9") return undefined;
  let end = at + 2;
  while (layout[end] === digit) end++;
  if (isDigit(layout[end])) return undefined;
  return { kind: "fraction", text: layout.slice(at, end), separator, isTrimmed: digit === "9", digits: end - at - 1 };
}

export function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

export const MONTHS: readonly string[] = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
export const WEEKDAYS: readonly string[] = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];
/** Letters of a short month or weekday. */
export const SHORT_NAME_LENGTH = 3;
