import { err, ok, type Result, readJsonWith } from "@vedette/base";
import { numberToText, parseNumber } from "./big-number.ts";
import { type JsonFault, JsonScanner } from "./json-scanner.ts";
import { type TextLimits, TextWriter } from "./print.ts";
import {
  compareText,
  isArray,
  isNumber,
  isSet,
  memberOf,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "./value.ts";

export interface JsonLayout extends TextLimits {
  /** In front of every line but the first. */
  readonly prefix?: string;
  /** For each level of nesting; one line without it. */
  readonly indent?: string;
}

/**
 * A value as OPA gives it in JSON: sets as sorted arrays, keys that are no strings as their own JSON text, all keys
 * sorted, and what HTML would take for markup as escapes (Go's `encoding/json`). Numbers keep every digit.
 * Throws `LimitExceeded` beyond its limits.
 */
export function valueToJson(value: Value, layout: JsonLayout = {}): string {
  const { prefix = "", indent, ...limits } = layout;
  const writer = new JsonWriter(limits, indent);
  writer.write(value, indent === undefined ? "" : `\n${prefix}`);
  return writer.text;
}

class JsonWriter {
  readonly #limits: TextLimits;
  readonly #writer: TextWriter;
  readonly #indent: string;
  readonly #colon: string;

  constructor(limits: TextLimits, indent: string | undefined) {
    this.#limits = limits;
    this.#writer = new TextWriter(limits);
    this.#indent = indent ?? "";
    this.#colon = indent === undefined ? ":" : ": ";
  }

  get text(): string {
    return this.#writer.text;
  }

  /** `newLine` is what begins a line of the value's own level; empty where all is one line. */
  write(value: Value, newLine: string): void {
    if (value === null || typeof value === "boolean") this.#writer.add(String(value));
    else if (typeof value === "string") this.#writer.add(jsonString(value));
    else if (isNumber(value)) this.#writer.add(numberToText(value));
    else if (isArray(value)) this.#writeArray(value, newLine);
    else if (isSet(value)) this.#writeArray(value.sorted, newLine);
    else this.#writeObject(value, newLine);
  }

  #writeArray(items: readonly Value[], newLine: string): void {
    if (items.length === 0) {
      this.#writer.add("[]");
      return;
    }
    const inner = newLine === "" ? "" : newLine + this.#indent;
    items.forEach((item, i) => {
      this.#writer.add((i === 0 ? "[" : ",") + inner);
      this.write(item, inner);
    });
    this.#writer.add(`${newLine}]`);
  }

  #writeObject(object: ObjectValue, newLine: string): void {
    const members = membersByName(object, this.#limits);
    if (members.length === 0) {
      this.#writer.add("{}");
      return;
    }
    const inner = newLine === "" ? "" : newLine + this.#indent;
    members.forEach(([name, value], i) => {
      this.#writer.add((i === 0 ? "{" : ",") + inner + jsonString(name) + this.#colon);
      this.write(value, inner);
    });
    this.#writer.add(`${newLine}}`);
  }
}

/** Sorted by their names. Two keys may have one name (`1` and `"1"`): then the later one in Rego's order stands. */
function membersByName(object: ObjectValue, limits: TextLimits): readonly (readonly [string, Value])[] {
  const keys = sortedKeysOf(object);
  if (keys.every((key) => typeof key === "string")) return keys.map((key) => [key, memberOf(object, key) as Value]);
  const members = new Map<string, Value>();
  for (const key of keys)
    members.set(typeof key === "string" ? key : valueToJson(key, limits), memberOf(object, key) as Value);
  return [...members].sort(([a], [b]) => compareText(a, b));
}

// What ends a script element or a line of JavaScript.
const MARKUP: RegExp = /[<>&\u2028\u2029]/g;

function jsonString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    MARKUP,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * A JSON text (RFC 8259) as a value. Numbers are exact; of members with the same name the last stands, as in
 * `JSON.parse` and in Go; half of a surrogate pair becomes U+FFFD, as in Go. Refuses nesting beyond `JSON_DEPTH_MAX`
 * and numbers that `parseNumber` refuses.
 */
export function parseJson(text: string): Result<Value, JsonFault> {
  const scanner = new JsonScanner(text.toWellFormed());
  if (!scanner.scanText()) return err(scanner.fault);
  const whole = scanner.textWithoutHalves();
  // What `JSON.parse` gives is a value.
  if (scanner.isPlain) return ok(JSON.parse(whole) as Value);
  // The scanner refused what is no number; what is read past `JSON.parse` rounds none and mistakes no escaped name.
  return ok(readJsonWith(whole, (digits) => parseNumber(digits)!));
}
