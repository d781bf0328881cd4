import type { Location } from "../syntax/ast.ts";
import { valueToText } from "../values/print.ts";
import { isObject, isSet, sizeOfObject, type Value } from "../values/value.ts";
import type { ExplainedCall, Explanation, GaveUp } from "./explain.ts";

/** Rules below rules; deeper ones are named and not explained. */
const DEPTH_MAX = 8;
/** Characters of a value that a line shows. */
const VALUE_LENGTH_MAX = 200;

/** An explanation in words, a line each, indented by what caused what. */
export function explanationToText({ calls, gaveUp }: Explanation): string {
  const lines: string[] = [];
  for (const call of calls) addCall(lines, call, 0);
  for (const statement of gaveUp)
    if (statement.count > 0 && statement.calls.length === 0) addGaveUp(lines, statement, "the query", 0);
  return lines.map((line) => `${line}\n`).join("");
}

/** Where one statement gave up: its place, its text and what it looked at. */
export function gaveUpToText(gaveUp: GaveUp): string {
  const lines: string[] = [];
  lines.push(`${placeOf(gaveUp.location)}:`, `  ${gaveUp.text}`);
  addDetails(lines, gaveUp, 1);
  return lines.map((line) => `${line}\n`).join("");
}

function addCall(lines: string[], call: ExplainedCall, depth: number): void {
  const name = nameOf(call);
  if (call.fallback !== undefined) {
    add(lines, depth, `${name} is ${shown(call.value)}, its default (${placeOf(call.fallback)}):`);
  } else if (call.value === undefined) add(lines, depth, `${name} is undefined:`);
  else add(lines, depth, `${name} is ${shown(call.value)}${call.held.length > 0 ? ` (${placesOf(call.held)})` : ""}`);
  if (!hasFailed(call)) return;
  const gaveUp = call.gaveUp.filter(({ hasHeld }) => !hasHeld);
  if (gaveUp.length === 0) {
    const reason = call.isFunction ? "no definition takes these operands" : "no definition was tried";
    if (call.held.length === 0) add(lines, depth + 1, reason);
    return;
  }
  if (depth >= DEPTH_MAX) return;
  for (const each of gaveUp) {
    const head = each.head === undefined ? "it" : `the definition at ${placeOf(each.head)}`;
    addGaveUp(lines, each, head, depth + 1);
  }
}

function addGaveUp(lines: string[], gaveUp: GaveUp, who: string, depth: number): void {
  const isSameFile = gaveUp.head?.file === gaveUp.location.file;
  const where = isSameFile ? `line ${gaveUp.location.row}` : placeOf(gaveUp.location);
  add(lines, depth, `${who} gave up at ${where}: ${gaveUp.text}`);
  addDetails(lines, gaveUp, depth + 1);
}

function addDetails(lines: string[], { examples, count, calls, inside, isNegated }: GaveUp, depth: number): void {
  const told = examples.filter(({ values }) => values.length > 0);
  for (const { values } of told)
    add(lines, depth, values.map(({ text, value }) => `${text} is ${shown(value)}`).join(", "));
  const more = count - examples.length;
  if (more > 0 && told.length > 0) add(lines, depth, `and ${more} more`);
  for (const inner of inside) addGaveUp(lines, inner, "inside, it", depth);
  const asked = told.length > 0 ? calls.filter((call) => isNegated || hasFailed(call)) : calls;
  for (const call of asked) addCall(lines, call, depth);
}

/** Nothing that a statement could go on with. */
function hasFailed({ value, fallback }: ExplainedCall): boolean {
  if (value === undefined || value === false || fallback !== undefined) return true;
  return (isSet(value) && value.size === 0) || (isObject(value) && sizeOfObject(value) === 0);
}

function nameOf({ path, args, isFunction }: ExplainedCall): string {
  return isFunction ? `${refToText(path)}(${args.map(shown).join(", ")})` : refToText(path);
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `data.a.b["c-d"]` */
export function refToText(path: readonly string[]): string {
  return `data${path.map((name) => (NAME.test(name) ? `.${name}` : `[${valueToText(name)}]`)).join("")}`;
}

function placeOf({ file, row }: Location): string {
  return file === "" ? `query:${row}` : `${file}:${row}`;
}

function placesOf(locations: readonly Location[]): string {
  return locations.map(placeOf).join(", ");
}

function shown(value: Value | undefined): string {
  if (value === undefined) return "undefined";
  const text = valueToText(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 1)}…` : text;
}

function add(lines: string[], depth: number, text: string): void {
  lines.push("  ".repeat(depth) + text);
}
