import { compareNumbers, numberToText } from "../values/big-number.ts";
import { isPrintable, valueToText } from "../values/print.ts";
import {
  compareText,
  isArray,
  isEqual,
  isNumber,
  isObject,
  memberOf,
  type NumberValue,
  sizeOfObject,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { type BuiltinContext, BuiltinFailure } from "./builtin.ts";
import { SPRINTF_BUILTINS } from "./sprintf.ts";
import { TemplateFault } from "./template-syntax.ts";
import { bytesToText, textToBytes } from "./text-bytes.ts";
import { encodeQueryPart } from "./url-query.ts";

export type TemplateFunction = (context: BuiltinContext, ...args: Value[]) => Value;

/** Go's `text/template`, "Functions", but for `call`. `and` and `or` evaluate as they go and are known elsewhere. */
export const TEMPLATE_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ["not", (_, value) => !isTrue(one("not", value))],
  ["len", (_, value) => lengthOf(one("len", value))],
  ["index", (_, value, ...keys) => index(one("index", value), keys)],
  ["slice", (_, value, ...bounds) => slice(one("slice", value), bounds)],
  ["print", (_, ...values) => printAll(values)],
  ["println", (_, ...values) => `${values.map(printValue).join(" ")}\n`],
  ["printf", printFormatted],
  ["html", (_, ...values) => printAll(values).replace(/[&<>"'\0]/g, escapeHtml)],
  ["js", (_, ...values) => Array.from(printAll(values), escapeScript).join("")],
  ["urlquery", (_, ...values) => encodeQueryPart(printAll(values))],
  ["eq", (_, value, ...others) => equalsAny(one("eq", value), others)],
  ["ne", (_, ...pair) => !isSame(...two("ne", pair))],
  ["lt", (_, ...pair) => order(...two("lt", pair)) < 0],
  ["le", (_, ...pair) => order(...two("le", pair)) <= 0],
  ["gt", (_, ...pair) => order(...two("gt", pair)) > 0],
  ["ge", (_, ...pair) => order(...two("ge", pair)) >= 0],
]);

/** False, zero, null and what is empty are false. */
export function isTrue(value: Value): boolean {
  if (isArray(value)) return value.length > 0;
  if (isObject(value)) return sizeOfObject(value) > 0;
  return value !== null && value !== false && value !== 0 && value !== "";
}

/** As an action prints it: what is not there says so. */
export function printResult(value: Value): string {
  return value === null ? "<undefined>" : printValue(value);
}

/** As Go's `fmt.Print` does. */
function printValue(value: Value): string {
  if (typeof value === "string") return value;
  if (value === null) return "<nil>";
  if (isNumber(value)) return numberToText(value);
  if (isArray(value)) return `[${value.map(printValue).join(" ")}]`;
  if (!isObject(value)) return valueToText(value);
  const members = sortedKeysOf(value).map((key) => `${printValue(key)}:${printValue(memberOf(value, key) as Value)}`);
  return `map[${members.join(" ")}]`;
}

/** A space between two values of which neither is a string. */
function printAll(values: readonly Value[]): string {
  return values.reduce<string>((text, value, i) => {
    const needsSpace = i > 0 && typeof value !== "string" && typeof values[i - 1] !== "string";
    return text + (needsSpace ? " " : "") + printValue(value);
  }, "");
}

function printFormatted(context: BuiltinContext, format: Value | undefined, ...values: Value[]): Value {
  if (typeof format !== "string") throw new TemplateFault("wrong type for the format of printf; expected string");
  const operands = values.map((value) => (isNumber(value) ? value : printValue(value)));
  const text = SPRINTF_BUILTINS[0]?.run(context, format, operands);
  if (typeof text === "string") return text;
  throw new TemplateFault(text instanceof BuiltinFailure ? text.message : "printf");
}

function one(name: string, value: Value | undefined): Value {
  if (value === undefined) throw new TemplateFault(`wrong number of args for ${name}`);
  return value;
}

function two(name: string, [a, b, more]: readonly Value[]): [Value, Value] {
  if (a === undefined || b === undefined || more !== undefined)
    throw new TemplateFault(`wrong number of args for ${name}: want 2`);
  return [a, b];
}

/** A string's in bytes, as everywhere in Go. */
function lengthOf(value: Value): number {
  if (typeof value === "string") return textToBytes(value).length;
  if (isArray(value)) return value.length;
  if (isObject(value)) return sizeOfObject(value);
  throw new TemplateFault("error calling len: no length");
}

function index(value: Value, keys: readonly Value[]): Value {
  let found = value;
  for (const key of keys) {
    if (found === null) throw new TemplateFault("error calling index: index of untyped nil");
    if (isArray(found)) found = itemAt(found, key);
    else if (isObject(found)) found = memberOf(found, key) ?? null;
    else throw new TemplateFault("error calling index: can't index item");
  }
  return found;
}

function itemAt(items: readonly Value[], key: Value): Value {
  const item = typeof key === "number" ? items[key] : undefined;
  if (item === undefined) throw new TemplateFault(`error calling index: index out of range: ${printValue(key)}`);
  return item;
}

function slice(value: Value, bounds: readonly Value[]): Value {
  const length = lengthOf(value);
  const [start = 0, end = length] = bounds;
  const isInside = isPlace(start) && isPlace(end) && start <= end && end <= length && bounds.length <= 2;
  if (!isInside) throw new TemplateFault(`error calling slice: index out of range: ${printAll(bounds)}`);
  if (typeof value === "string") return bytesToText(textToBytes(value).subarray(start, end));
  if (isArray(value)) return value.slice(start, end);
  throw new TemplateFault("error calling slice: can't slice item");
}

function isPlace(value: Value): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function equalsAny(value: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new TemplateFault("error calling eq: missing argument for comparison");
  return others.some((other) => isSame(value, other));
}

function isSame(a: Value, b: Value): boolean {
  if (isComposite(a) || isComposite(b)) {
    if (a === null || b === null) return false;
    throw new TemplateFault("non-comparable type");
  }
  if (a === null || b === null || scalarKind(a) === scalarKind(b)) return isEqual(a, b);
  // OPA gives templates the text of a number.
  if (typeof a !== "boolean" && typeof b !== "boolean") return printValue(a) === printValue(b);
  throw new TemplateFault("incompatible types for comparison");
}

function isComposite(value: Value): boolean {
  return isArray(value) || isObject(value);
}

function scalarKind(value: Value): string {
  return isNumber(value) ? "number" : typeof value;
}

function order(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a as NumberValue, b as NumberValue);
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  throw new TemplateFault("incompatible types for comparison");
}

const HTML_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&#34;"],
  ["'", "&#39;"],
]);

function escapeHtml(character: string): string {
  return HTML_ESCAPES.get(character) ?? "\ufffd";
}

const SCRIPT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["'", "\\'"],
  ['"', '\\"'],
  ["<", "\\u003C"],
  [">", "\\u003E"],
  ["&", "\\u0026"],
  ["=", "\\u003D"],
]);

function escapeScript(character: string): string {
  const known = SCRIPT_ESCAPES.get(character);
  if (known !== undefined) return known;
  const code = character.codePointAt(0) as number;
  return code >= 0x20 && isPrintable(character) ? character : `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
