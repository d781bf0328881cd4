import { err, ok, type Result } from "@vedette/base";

/** Where a text stops being base64. */
export interface Base64Fault {
  /** In bytes, as Go counts. */
  readonly offset: number;
}

export function base64Message({ offset }: Base64Fault): string {
  return `illegal base64 data at input byte ${offset}`;
}

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: Readonly<Record<"standard" | "url", ReadonlyMap<string, number>>> = {
  standard: digitsOf(`${LETTERS_AND_DIGITS}+/`),
  url: digitsOf(`${LETTERS_AND_DIGITS}-_`),
};

function digitsOf(alphabet: string): ReadonlyMap<string, number> {
  return new Map(Array.from(alphabet, (digit, value) => [digit, value]));
}

/**
 * RFC 4648 §4 or §5 with padding, as leniently as Go's `encoding/base64` reads it: line ends may stand anywhere, and
 * the unused bits of the last digit may be any.
 */
export function readBase64(text: string, alphabet: "standard" | "url"): Result<Uint8Array, Base64Fault> {
  const digits = DIGITS[alphabet];
  const bytes = new Uint8Array(Math.ceil(text.length / 4) * 3);
  let length = 0;
  let bits = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    const digit = digits.get(character);
    if (digit !== undefined) {
      bits = ((bits << 6) | digit) & 0xffff;
      count = (count + 1) % 4;
      if (count !== 1) bytes[length++] = bits >> (UNUSED_BITS[count] as number);
    } else if (character === "=") {
      const fault = checkPadding(text, at, count);
      return fault === undefined ? ok(bytes.slice(0, length)) : err(fault);
    } else if (!isLineEnd(character)) return err({ offset: at });
  }
  return count === 0 ? ok(bytes.slice(0, length)) : err({ offset: text.length - count });
}

/** How many of the bits read are not yet part of a byte, after so many digits of four. */
const UNUSED_BITS: { readonly [count: number]: number } = { 0: 0, 2: 4, 3: 2 };

/** The padding must fill up the four digits, and only line ends may follow it. */
function checkPadding(text: string, start: number, count: number): Base64Fault | undefined {
  if (count < 2) return { offset: start };
  let end = start + 1;
  if (count === 2) {
    end = skipLineEnds(text, end);
    if (end === text.length) return { offset: text.length };
    if (text[end] !== "=") return { offset: end - 1 };
    end++;
  }
  end = skipLineEnds(text, end);
  return end === text.length ? undefined : { offset: end };
}

function skipLineEnds(text: string, from: number): number {
  let at = from;
  while (isLineEnd(text[at])) at++;
  return at;
}

function isLineEnd(character: string | undefined): boolean {
  return character === "\n" || character === "\r";
}

/** RFC 4648 §5; without any padding it may be left out (RFC 7515, appendix C). */
export function readBase64url(text: string): Result<Uint8Array, string> {
  if (!text.endsWith("=") && text.length % 4 === 1) return err(`illegal base64url string: ${text}`);
  const padded = text.endsWith("=") ? text : text.padEnd(Math.ceil(text.length / 4) * 4, "=");
  const bytes = readBase64(padded, "url");
  return bytes.ok ? bytes : err(base64Message(bytes.error));
}
