import { anyOf, functionOf, NUMBER, STRING, type Type, tupleOf } from "../types.ts";
import { integerOf, numberOfInteger } from "../values/big-number.ts";
import { isArray, isNumber, kindOf, type NumberValue, type Value } from "../values/value.ts";
import {
  type Builtin,
  type BuiltinContext,
  BuiltinFailure,
  type BuiltinResult,
  failure,
  operandFailure,
} from "./builtin.ts";
import { operandMeaningFailure, taking } from "./operands.ts";
import {
  type CivilTime,
  civilTimeOf,
  daysInMonth,
  NANOSECONDS,
  NANOSECONDS_MAX,
  NANOSECONDS_MIN,
  secondsOfLocal,
} from "./time-civil.ts";
import { parseDuration } from "./time-duration.ts";
import { formatTime } from "./time-format.ts";
import { layoutOfName, RFC3339, RFC3339_NANO, WEEKDAYS } from "./time-layout.ts";
import { parseTime } from "./time-parse.ts";
import { openTimeZone, type TimeZone, UTC } from "./time-zone.ts";

const MOMENT: Type = anyOf(NUMBER, tupleOf(NUMBER, STRING));
const MOMENT_WITH_LAYOUT: Type = anyOf(NUMBER, tupleOf(NUMBER, STRING), tupleOf(NUMBER, STRING, STRING));
const THREE_NUMBERS: Type = tupleOf(NUMBER, NUMBER, NUMBER);

/** OPA policy reference, "Time". Moments are nanoseconds since 1970 that fit 64 bits, as in Go. */
export const TIME_BUILTINS: readonly Builtin[] = [
  {
    name: "time.now_ns",
    type: functionOf([], NUMBER),
    isNondeterministic: true,
    run: (context) => numberOfInteger(context.now),
  },
  { name: "time.parse_ns", type: functionOf([STRING, STRING], NUMBER), run: taking(["string", "string"], parseNs) },
  {
    name: "time.parse_rfc3339_ns",
    type: functionOf([STRING], NUMBER),
    run: taking(["string"], (_, text) => numberOfParsed(RFC3339, text)),
  },
  { name: "time.parse_duration_ns", type: functionOf([STRING], NUMBER), run: taking(["string"], parseDurationNs) },
  { name: "time.format", type: functionOf([MOMENT_WITH_LAYOUT], STRING), run: format },
  {
    name: "time.date",
    type: functionOf([MOMENT], THREE_NUMBERS),
    run: (context, operand) => ofCivilTime(context, operand, ({ year, month, day }) => [year, month, day]),
  },
  {
    name: "time.clock",
    type: functionOf([MOMENT], THREE_NUMBERS),
    run: (context, operand) => ofCivilTime(context, operand, ({ hour, minute, second }) => [hour, minute, second]),
  },
  {
    name: "time.weekday",
    type: functionOf([MOMENT], STRING),
    run: (context, operand) => ofCivilTime(context, operand, ({ weekday }) => WEEKDAYS[weekday]),
  },
  { name: "time.add_date", type: functionOf([NUMBER, NUMBER, NUMBER, NUMBER], NUMBER), run: addDate },
  {
    name: "time.diff",
    type: functionOf([MOMENT, MOMENT], tupleOf(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER)),
    run: diff,
  },
];

function parseNs(_: BuiltinContext, layout: string, text: string): BuiltinResult {
  return numberOfParsed(layoutOfName(layout), text);
}

function numberOfParsed(layout: string, text: string): BuiltinResult {
  const parsed = parseTime(layout, text);
  return "error" in parsed ? failure(parsed.error) : numberOfMoment(parsed.nanoseconds);
}

function numberOfMoment(nanoseconds: bigint): NumberValue | BuiltinFailure {
  return isMoment(nanoseconds) ? numberOfInteger(nanoseconds) : failure("time outside of valid range");
}

function isMoment(nanoseconds: bigint): boolean {
  return nanoseconds >= NANOSECONDS_MIN && nanoseconds <= NANOSECONDS_MAX;
}

function parseDurationNs(_: BuiltinContext, text: string): BuiltinResult {
  const duration = parseDuration(text);
  return typeof duration === "bigint"
    ? numberOfInteger(duration)
    : failure(`time: ${duration.fault} ${JSON.stringify(text)}`);
}

interface Moment {
  readonly nanoseconds: bigint;
  readonly zone: TimeZone;
  readonly layout: string;
}

/** A number, `[number, zone]` or `[number, zone, layout]`. OPA calls each of them operand 1, and so do its messages here. */
function momentOf(context: BuiltinContext, operand: Value): Moment | BuiltinFailure {
  const [number, zoneName = "", layout = ""] = isArray(operand) ? operand : [operand];
  if (number === undefined || !(isArray(operand) || isNumber(operand)))
    return operandFailure(1, "either number (ns) or [number (ns), string (tz)]", kindOf(operand));
  if (!isNumber(number)) return operandFailure(1, "number", kindOf(number));
  if (typeof zoneName !== "string") return operandFailure(1, "string", kindOf(zoneName));
  const zone = zoneOf(context, zoneName);
  if (zone instanceof BuiltinFailure) return zone;
  if (typeof layout !== "string") return operandFailure(1, "string", kindOf(layout));
  context.spend(layout.length >>> 3);
  const nanoseconds = integerOf(number);
  if (nanoseconds === undefined || !isMoment(nanoseconds)) return failure("timestamp too big");
  return { nanoseconds, zone, layout };
}

/** The host looks a zone up in its tables and prepares them. */
const ZONE_STEPS = 5_000;

/** `Local` is UTC: a decision does not depend on where the machine that takes it stands. */
function zoneOf(context: BuiltinContext, name: string): TimeZone | BuiltinFailure {
  if (name === "" || name === "UTC" || name === "Local") return UTC;
  const id = `time-zone:${name}`;
  if (!context.memo.has(id)) {
    context.spend(ZONE_STEPS);
    context.memo.set(id, openTimeZone(name) ?? failure(zoneError(name)));
  }
  // What stands under this id was put there by the lines above.
  return context.memo.get(id) as TimeZone | BuiltinFailure;
}

function zoneError(name: string): string {
  return name.includes("..") || /^[/\\]/.test(name) ? "time: invalid location name" : `unknown time zone ${name}`;
}

function ofCivilTime(
  context: BuiltinContext,
  operand: Value,
  result: (time: CivilTime) => BuiltinResult,
): BuiltinResult {
  const moment = momentOf(context, operand);
  return moment instanceof BuiltinFailure ? moment : result(civilTimeOf(moment.nanoseconds, moment.zone));
}

function format(context: BuiltinContext, operand: Value): BuiltinResult {
  const moment = momentOf(context, operand);
  if (moment instanceof BuiltinFailure) return moment;
  const layout = moment.layout === "" ? RFC3339_NANO : layoutOfName(moment.layout);
  return formatTime(civilTimeOf(moment.nanoseconds, moment.zone), layout);
}

function addDate(context: BuiltinContext, operand: Value, ...amounts: readonly Value[]): BuiltinResult {
  const moment = momentOf(context, operand);
  if (moment instanceof BuiltinFailure) return moment;
  const counts: number[] = [];
  for (const [at, amount] of amounts.entries()) {
    if (!isNumber(amount)) return operandFailure(at + 2, "number", kindOf(amount));
    const count = integerOf(amount);
    if (count === undefined)
      return operandMeaningFailure(at + 2, "must be integer number but got floating-point number");
    counts.push(Number(count));
  }
  // So many days from any moment are no moment, and their sums are still exact.
  if (counts.some((count) => Math.abs(count) > AMOUNT_MAX)) return failure("time outside of valid range");
  const [years = 0, months = 0, days = 0] = counts;
  const time = civilTimeOf(moment.nanoseconds, moment.zone);
  const moved = { ...time, year: time.year + years, month: time.month + months, day: time.day + days };
  return numberOfMoment(BigInt(secondsOfLocal(moved, moment.zone)) * NANOSECONDS + BigInt(time.nanosecond));
}
const AMOUNT_MAX = 1_000_000;

function diff(context: BuiltinContext, one: Value, other: Value): BuiltinResult {
  const first = momentOf(context, one);
  if (first instanceof BuiltinFailure) return first;
  const second = momentOf(context, other);
  if (second instanceof BuiltinFailure) return second;
  const isAscending = first.nanoseconds <= second.nanoseconds;
  const from = civilTimeOf((isAscending ? first : second).nanoseconds, first.zone);
  const to = civilTimeOf((isAscending ? second : first).nanoseconds, first.zone);
  return differenceBetween(from, to);
}

/** Years, months, days, hours, minutes and seconds, each less than one of the next larger; a borrowed month is that of `from`. */
function differenceBetween(from: CivilTime, to: CivilTime): readonly number[] {
  const fields = [
    { difference: to.second - from.second, size: 60 },
    { difference: to.minute - from.minute, size: 60 },
    { difference: to.hour - from.hour, size: 24 },
    { difference: to.day - from.day, size: daysInMonth(from.year, from.month) },
    { difference: to.month - from.month, size: 12 },
  ];
  let borrowed = 0;
  const differences = fields.map(({ difference, size }) => {
    const rest = difference - borrowed;
    borrowed = rest < 0 ? 1 : 0;
    return rest < 0 ? rest + size : rest;
  });
  return [to.year - from.year - borrowed, ...differences.reverse()];
}
