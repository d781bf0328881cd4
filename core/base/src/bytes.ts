import { assert, err, ok, type Result } from "./result.ts";

// Present in every JavaScript host we run on, but not in the ECMAScript library that core is checked against.
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label: string, options: { fatal: boolean; ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}

export interface BytesError {
  readonly code: "UTF8_INVALID" | "HEX_INVALID" | "BASE64_INVALID";
}

const encoder: TextEncoder = new TextEncoder();
const decoder: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Strict: a byte sequence that is not UTF-8 is refused, never replaced. */
export function parseUtf8(bytes: Uint8Array): Result<string, BytesError> {
  try {
    return ok(decoder.decode(bytes));
  } catch {
    // The decoder's own error says nothing more than that the bytes are not UTF-8.
    return err({ code: "UTF8_INVALID" });
  }
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Not for secrets: returns at the first difference. `Crypto.isEqual` compares in constant time. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const HEX_DIGITS: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_DIGITS[byte];
  return text;
}

export function parseHex(text: string): Result<Uint8Array, BytesError> {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return err({ code: "HEX_INVALID" });
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return ok(bytes);
}

const STANDARD_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NOT_A_DIGIT = 64;

/** RFC 4648 §4, with padding. */
export function base64(bytes: Uint8Array): string {
  const text = encodeBase64(bytes, STANDARD_ALPHABET);
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** RFC 4648 §5, without padding (RFC 7515 §2). */
export function base64url(bytes: Uint8Array): string {
  return encodeBase64(bytes, URL_ALPHABET);
}

/** RFC 4648 §4: padding required, no other characters, unused bits zero, so that one value has one text. */
export function parseBase64(text: string): Result<Uint8Array, BytesError> {
  if (text.length % 4 !== 0) return err({ code: "BASE64_INVALID" });
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return decodeBase64(text.slice(0, text.length - padding), STANDARD_DIGITS);
}

/** RFC 4648 §5 without padding, unused bits zero. */
export function parseBase64url(text: string): Result<Uint8Array, BytesError> {
  return decodeBase64(text, URL_DIGITS);
}

const STANDARD_DIGITS: Uint8Array = digitsOf(STANDARD_ALPHABET);
const URL_DIGITS: Uint8Array = digitsOf(URL_ALPHABET);

function digitsOf(alphabet: string): Uint8Array {
  const digits = new Uint8Array(128).fill(NOT_A_DIGIT);
  for (let i = 0; i < alphabet.length; i++) digits[alphabet.charCodeAt(i)] = i;
  return digits;
}

function encodeBase64(bytes: Uint8Array, alphabet: string): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += alphabet[group >> 18]! + alphabet[(group >> 12) & 63]!;
    if (left > 1) text += alphabet[(group >> 6) & 63]!;
    if (left > 2) text += alphabet[group & 63]!;
  }
  return text;
}

function decodeBase64(text: string, digits: Uint8Array): Result<Uint8Array, BytesError> {
  if (text.length % 4 === 1) return err({ code: "BASE64_INVALID" });
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? digits[code]! : NOT_A_DIGIT;
    if (digit === NOT_A_DIGIT) return err({ code: "BASE64_INVALID" });
    bits = ((bits << 6) | digit) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = (bits >> held) & 0xff;
    }
  }
  if ((bits & ((1 << held) - 1)) !== 0) return err({ code: "BASE64_INVALID" });
  return ok(bytes);
}

/** Reads big-endian structures. Past the end it remembers the failure and yields zeros, so a parser checks once. */
export class ByteReader {
  readonly bytes: Uint8Array;
  #at: number;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#at = 0;
  }

  get position(): number {
    return this.#at;
  }
  get remaining(): number {
    return this.bytes.length - this.#at;
  }
  /** False once a read went past the end. */
  get isWhole(): boolean {
    return !this.#failed;
  }
  /** True when every byte was read and none was missing. */
  get isFinished(): boolean {
    return !this.#failed && this.remaining === 0;
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    if (length > this.remaining) {
      this.#failed = true;
      this.#at = this.bytes.length;
      return new Uint8Array(0);
    }
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }
  u8(): number {
    return this.take(1)[0] ?? 0;
  }
  u16(): number {
    const b = this.take(2);
    return ((b[0] ?? 0) << 8) | (b[1] ?? 0);
  }
  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
  /** A field preceded by its 16-bit length (TPM2B, C2SP entries). */
  sized16(): Uint8Array {
    return this.take(this.u16());
  }
}

/** Writes big-endian structures. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  u8(value: number): this {
    this.#room(1)[0] = value;
    return this;
  }
  u16(value: number): this {
    return this.u8((value >>> 8) & 0xff).u8(value & 0xff);
  }
  u32(value: number): this {
    return this.u16((value >>> 16) & 0xffff).u16(value & 0xffff);
  }
  u64(value: bigint): this {
    return this.u32(Number((value >> 32n) & 0xffff_ffffn)).u32(Number(value & 0xffff_ffffn));
  }
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes);
    return this;
  }
  sized16(bytes: Uint8Array): this {
    assert(bytes.length <= 0xffff, "a sized16 field holds at most 65,535 bytes");
    return this.u16(bytes.length).raw(bytes);
  }
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(length: number): Uint8Array {
    if (this.#length + length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#length += length;
    return this.#bytes.subarray(this.#length - length, this.#length);
  }
}
