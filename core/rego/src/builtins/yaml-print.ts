import { utf8 } from "@vedette/base";
import { numberToText } from "../values/big-number.ts";
import { valueToJson } from "../values/json.ts";
import { type TextLimits, TextWriter } from "../values/print.ts";
import {
  isArray,
  isNumber,
  isObject,
  isSet,
  memberOf,
  type NumberValue,
  type ObjectValue,
  sortedKeysOf,
  type Value,
} from "../values/value.ts";
import { formatFloat } from "./format-float.ts";
import { compareYamlKeys } from "./yaml-key-order.ts";
import { styleOf, writeDoubleQuoted, writeLiteral, writeSingleQuoted } from "./yaml-style.ts";

/**
 * A value as a YAML document in block style, as OPA writes it (Go's `yaml.v3`, two spaces a level). Sets become
 * sequences and keys strings, as in JSON. Throws `LimitExceeded` beyond its limits.
 */
export function valueToYaml(value: Value, limits: TextLimits = {}): string {
  const printer = new YamlPrinter(new TextWriter(limits), limits);
  printer.printNode(value, 0, INDENT);
  return printer.text;
}

const INDENT = 2;

/** A longer key, in bytes, is written as `? key`, and so is one of several lines. */
const SIMPLE_KEY_MAX = 128;

class YamlPrinter {
  readonly #writer: TextWriter;
  readonly #limits: TextLimits;

  constructor(writer: TextWriter, limits: TextLimits) {
    this.#writer = writer;
    this.#limits = limits;
  }

  get text(): string {
    return this.#writer.text;
  }

  /**
   * Where the line begun may go on: at the start, behind `- ` and behind `? `. Ends the line. A collection's further
   * lines are indented by `indent`, a scalar's by `scalarIndent`.
   */
  printNode(value: Value, indent: number, scalarIndent: number): void {
    if (isEmpty(value) || isScalarNode(value)) this.#writer.add(this.#scalar(value, scalarIndent));
    else if (isObject(value)) this.#printMap(value, indent);
    else this.#printSequence(itemsOf(value), indent);
  }

  #printSequence(items: readonly Value[], indent: number): void {
    items.forEach((item, i) => {
      this.#writer.add(`${i === 0 ? "" : " ".repeat(indent)}- `);
      this.printNode(item, indent + INDENT, indent + INDENT);
    });
  }

  #printMap(object: ObjectValue, indent: number): void {
    this.#members(object).forEach(([name, value], i) => {
      if (i > 0) this.#writer.add(" ".repeat(indent));
      const key = this.#scalar(name, indent + INDENT);
      if (isSimpleKey(name, key)) {
        this.#writer.add(`${key.slice(0, -1)}:`);
        this.#printMember(value, indent + INDENT);
      } else {
        this.#writer.add(`? ${key}${" ".repeat(indent)}: `);
        this.printNode(value, indent + INDENT, indent + INDENT);
      }
    });
  }

  /** Behind `key:`. */
  #printMember(value: Value, indent: number): void {
    const isInline = isEmpty(value) || isScalarNode(value);
    this.#writer.add(isInline ? " " : `\n${" ".repeat(indent)}`);
    this.printNode(value, indent, indent);
  }

  #members(object: ObjectValue): readonly (readonly [string, Value])[] {
    const members = new Map<string, Value>();
    for (const key of sortedKeysOf(object))
      members.set(typeof key === "string" ? key : valueToJson(key, this.#limits), memberOf(object, key) as Value);
    return [...members].sort(([a], [b]) => compareYamlKeys(a, b));
  }

  /** With the end of its line. */
  #scalar(value: Value, indent: number): string {
    if (isArray(value) || isSet(value)) return "[]\n";
    if (value === null || typeof value === "boolean") return `${value}\n`;
    if (isNumber(value)) return `${numberToYaml(value)}\n`;
    return typeof value === "string" ? textToYaml(value.toWellFormed(), indent) : "{}\n";
  }
}

function isScalarNode(value: Value): boolean {
  return value === null || typeof value !== "object" || isNumber(value);
}

function isEmpty(value: Value): boolean {
  if (isScalarNode(value)) return false;
  return isObject(value) ? sortedKeysOf(value).length === 0 : itemsOf(value).length === 0;
}

function itemsOf(value: Value): readonly Value[] {
  if (isSet(value)) return value.sorted;
  return isArray(value) ? value : [];
}

function isSimpleKey(name: string, key: string): boolean {
  return key.indexOf("\n") === key.length - 1 && !/[\r\n]/.test(name) && utf8(name).length <= SIMPLE_KEY_MAX;
}

function textToYaml(text: string, indent: number): string {
  switch (styleOf(text)) {
    case "plain":
      return `${text}\n`;
    case "single":
      return `${writeSingleQuoted(text)}\n`;
    case "double":
      return `${writeDoubleQuoted(text)}\n`;
    case "literal":
      return writeLiteral(text, indent);
  }
}

/** Integers with all their digits, other numbers as Go writes a double. */
function numberToYaml(value: NumberValue): string {
  return typeof value !== "number" || Number.isInteger(value)
    ? numberToText(value)
    : formatFloat(value, "g", undefined);
}
