import { LimitExceeded } from "../limits.ts";
import { numberToText } from "./big-number.ts";
import { isArray, isNumber, isSet, memberOf, type ObjectValue, sortedKeysOf, type Value } from "./value.ts";

/** Of a text that is made of a value. A value whose parts are shared can be exponentially longer than it is. */
export interface TextLimits {
  /** UTF-16 units; `TEXT_LENGTH_MAX` without it. */
  readonly lengthMax?: number;
  /** Pays for each part before it is written (`BuiltinContext.spend`). */
  readonly spend?: (steps: number) => void;
}

const TEXT_LENGTH_MAX: number = 1 << 24;

/**
 * A value as it would be written in a policy: `{"a": {1, 2}, "b": set()}`, keys and elements in Rego's order.
 * Throws `LimitExceeded` beyond its limits.
 */
export function valueToText(value: Value, limits: TextLimits = {}): string {
  const writer = new TextWriter(limits);
  printValue(writer, value);
  return writer.text;
}

/** A text that grows up to its limits. */
export class TextWriter {
  readonly #lengthMax: number;
  readonly #spend: (steps: number) => void;
  text = "";

  constructor({ lengthMax = TEXT_LENGTH_MAX, spend = FREE }: TextLimits) {
    this.#lengthMax = lengthMax;
    this.#spend = spend;
  }

  add(part: string): void {
    this.#spend(1 + (part.length >>> 3));
    if (this.text.length + part.length > this.#lengthMax) throw new LimitExceeded("result-size");
    this.text += part;
  }
}

const FREE = (): void => {};

function printValue(writer: TextWriter, value: Value): void {
  if (value === null || typeof value === "boolean") writer.add(String(value));
  else if (typeof value === "string") writer.add(quote(value));
  else if (isNumber(value)) writer.add(numberToText(value));
  else if (isArray(value)) printList(writer, "[", value, "]");
  else if (isSet(value)) printList(writer, value.size === 0 ? "set(" : "{", value.sorted, value.size === 0 ? ")" : "}");
  else printObject(writer, value);
}

function printList(writer: TextWriter, open: string, items: readonly Value[], close: string): void {
  writer.add(open);
  items.forEach((item, i) => {
    if (i > 0) writer.add(", ");
    printValue(writer, item);
  });
  writer.add(close);
}

function printObject(writer: TextWriter, object: ObjectValue): void {
  writer.add("{");
  sortedKeysOf(object).forEach((key, i) => {
    if (i > 0) writer.add(", ");
    printValue(writer, key);
    writer.add(": ");
    printValue(writer, memberOf(object, key) as Value);
  });
  writer.add("}");
}

export interface QuoteStyle {
  readonly mark: '"' | "'";
  /** Everything beyond ASCII as an escape. */
  readonly isAscii: boolean;
}

const DOUBLE: QuoteStyle = { mark: '"', isAscii: false };
const PLAIN: RegExp = /^[ !#-[\]-~]*$/;

/** The Go language specification, "String literals" and "Rune literals", as Go's `strconv.Quote` writes them. */
export function quote(text: string, style: QuoteStyle = DOUBLE): string {
  if (style === DOUBLE && PLAIN.test(text)) return `"${text}"`;
  let quoted = "";
  for (const character of text) quoted += escapeCharacter(character, style);
  return style.mark + quoted + style.mark;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
]);

/** Go's `unicode.IsPrint`: of the spaces only that of ASCII. */
const PRINTABLE: RegExp = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character);
}

function escapeCharacter(character: string, { mark, isAscii }: QuoteStyle): string {
  if (character === mark) return `\\${mark}`;
  const short = ESCAPES.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) as number;
  if (isByte(code)) return `\\x${hexOf(code - BYTE, 2)}`;
  if (code >= 0xd800 && code <= 0xdfff) return isAscii ? "\\ufffd" : "\ufffd";
  if (isPrintable(character) && (code < 0x80 || !isAscii)) return character;
  if (code < 0x20 || code === 0x7f) return `\\x${hexOf(code, 2)}`;
  return code < 0x10000 ? `\\u${hexOf(code, 4)}` : `\\U${hexOf(code, 8)}`;
}

/** A byte that is no part of UTF-8, as `bytesToText` keeps it. */
const BYTE = 0xdc00;

function isByte(code: number): boolean {
  return code >= BYTE + 0x80 && code <= BYTE + 0xff;
}

function hexOf(code: number, length: number): string {
  return code.toString(16).padStart(length, "0");
}
