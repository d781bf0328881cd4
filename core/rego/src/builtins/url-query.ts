import { compareText } from "../values/value.ts";
import { BuiltinFailure, failure } from "./builtin.ts";
import { bytesToText, textToBytes } from "./text-bytes.ts";

/** Go's `url.QueryEscape` (application/x-www-form-urlencoded). */
export function encodeQueryPart(text: string): string {
  if (UNRESERVED.test(text)) return text;
  let encoded = "";
  for (const byte of textToBytes(text)) encoded += encodeByte(byte);
  return encoded;
}

const UNRESERVED: RegExp = /^[A-Za-z0-9\-_.~]*$/;

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (byte < 0x80 && UNRESERVED.test(character)) return character;
  return byte === 0x20 ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Go's `url.QueryUnescape`. */
export function decodeQueryPart(text: string): string | BuiltinFailure {
  const invalid = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text);
  if (invalid !== null) return failure(`invalid URL escape "${invalid[0]}"`);
  const spaced = text.replaceAll("+", " ");
  return spaced.includes("%") ? bytesToText(unescapeBytes(textToBytes(spaced))) : spaced;
}

const PERCENT = 0x25;

function unescapeBytes(bytes: Uint8Array): Uint8Array {
  const unescaped = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === PERCENT) {
      unescaped[length++] = Number.parseInt(String.fromCharCode(bytes[at + 1] as number, bytes[at + 2] as number), 16);
      at += 2;
    } else unescaped[length++] = byte;
  }
  return unescaped.subarray(0, length);
}

/** Sorted by key; the values of one key in their order. */
export function encodeQuery(valuesByKey: ReadonlyMap<string, readonly string[]>): string {
  return [...valuesByKey]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([key, values]) => values.map((value) => `${encodeQueryPart(key)}=${encodeQueryPart(value)}`))
    .join("&");
}

/** Go's `url.ParseQuery`: a part without `=` is a key with an empty value, an empty part is none, `;` is refused. */
export function decodeQuery(query: string): ReadonlyMap<string, readonly string[]> | BuiltinFailure {
  const valuesByKey = new Map<string, string[]>();
  for (const part of query.split("&")) {
    if (part.includes(";")) return failure("invalid semicolon separator in query");
    if (part === "") continue;
    const at = part.indexOf("=");
    const key = decodeQueryPart(at < 0 ? part : part.slice(0, at));
    if (key instanceof BuiltinFailure) return key;
    const value = decodeQueryPart(at < 0 ? "" : part.slice(at + 1));
    if (value instanceof BuiltinFailure) return value;
    const values = valuesByKey.get(key);
    if (values === undefined) valuesByKey.set(key, [value]);
    else values.push(value);
  }
  return valuesByKey;
}
