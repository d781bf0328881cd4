import { InvariantError } from "./result.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * RFC 8785 (JCS): keys sorted by UTF-16 code units, ECMAScript numbers, no white space. One value, one text.
 * Throws `InvariantError` for what JSON cannot carry (NaN, infinities, lone surrogates): the caller built it.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return finite(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  let text = "";
  if (isArray(value)) {
    for (const item of value) text += `${text === "" ? "" : ","}${canonicalJson(item)}`;
    return `[${text}]`;
  }
  for (const key of sortedKeys(value)) {
    const member = value[key];
    if (member !== undefined) text += `${text === "" ? "" : ","}${quote(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

function finite(value: number): string {
  if (!Number.isFinite(value)) throw new InvariantError("a JSON number is finite");
  return `${value}`;
}

/** Most texts are short and plain ASCII: to see that costs a third of asking `JSON.stringify`. */
const LOOKED_THROUGH_MAX = 64;

function quote(text: string): string {
  if (text.length > LOOKED_THROUGH_MAX) return quoteAny(text);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return quoteAny(text);
  }
  return `"${text}"`;
}

function quoteAny(text: string): string {
  if (!text.isWellFormed()) throw new InvariantError("a JSON string is well-formed UTF-16");
  return JSON.stringify(text);
}

/** Documents that we made ourselves are often in order already. */
function sortedKeys(value: JsonObject): string[] {
  const keys = Object.keys(value);
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return keys.sort();
  return keys;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
