/** A unit's nanoseconds; micro is written with either of Unicode's two letters. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["µs", 1e3],
  ["μs", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3600e9],
]);
/** OPA's own: a day has 24 hours and a year 365 days, whatever the calendar says. */
const LONG_UNITS: ReadonlyMap<string, number> = new Map([
  ["d", 86_400e9],
  ["w", 7 * 86_400e9],
  ["y", 365 * 86_400e9],
]);
const DURATION_MAX = 2n ** 63n;

/** What is wrong with a duration, before the duration itself is quoted. */
export interface DurationFault {
  readonly fault: string;
}

/** Nanoseconds of `-1h15m30.5s`, `2d`, `0` and the like (Go package `time`, `ParseDuration`). */
export function parseDuration(text: string): bigint | DurationFault {
  const isNegative = text.startsWith("-");
  const unsigned = isNegative || text.startsWith("+") ? text.slice(1) : text;
  if (unsigned === "0") return 0n;
  let sum = 0n;
  let rest = unsigned;
  do {
    const [whole, integer = "", fraction = "", unit = ""] = TERM.exec(rest) ?? [""];
    if (integer === "" && fraction.length < 2) return INVALID;
    if (unit === "") return { fault: "missing unit in duration" };
    const term = LONG_UNITS.has(unit)
      ? longTerm(`${integer}${fraction}`, unit)
      : term64(integer, fraction.slice(1), unit);
    if (term === undefined) return { fault: `unknown unit ${JSON.stringify(unit)} in duration` };
    sum += term;
    if (sum > DURATION_MAX) return INVALID;
    rest = rest.slice(whole.length);
  } while (rest !== "");
  if (sum === DURATION_MAX && !isNegative) return INVALID;
  return isNegative ? -sum : sum;
}
const INVALID: DurationFault = { fault: "invalid duration" };
/** A number and its unit. Each part excludes the first character of the next, so the pattern never goes back. */
const TERM = /^([0-9]*)(\.[0-9]*)?([dwy]|[^0-9.]*)/;

// Both round as OPA does, so that a duration is the same number of nanoseconds to both.

function longTerm(number: string, unit: string): bigint {
  const nanoseconds = Number(number) * (LONG_UNITS.get(unit) ?? 0);
  return nanoseconds < Number(DURATION_MAX) ? BigInt(Math.trunc(nanoseconds)) : DURATION_MAX + 1n;
}

function term64(integer: string, fraction: string, unit: string): bigint | undefined {
  const size = UNITS.get(unit);
  if (size === undefined) return undefined;
  if (integer.length > INTEGER_LENGTH_MAX) return DURATION_MAX + 1n;
  let value = 0n;
  let scale = 1;
  for (const digit of fraction) {
    const longer = value * 10n + BigInt(digit);
    if (longer > DURATION_MAX) break;
    value = longer;
    scale *= 10;
  }
  return BigInt(integer) * BigInt(size) + BigInt(Math.trunc(Number(value) * (size / scale)));
}
/** Leading zeros included; no number beyond 63 bits is shorter than its 19 digits, and hostile ones may be megabytes. */
const INTEGER_LENGTH_MAX = 1_000;
