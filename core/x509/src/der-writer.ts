import { assert, concatBytes, utf8 } from "@vedette/base";
import { TAG } from "./der-reader.ts";

/** One DER element around its contents (X.690 §10.1: the shortest length). */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of contents) length += part.length;
  assert(length < 0x1_0000, "an element that we write is shorter than 64 KiB");
  const header = length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
  const element = new Uint8Array(header + length);
  element[0] = tag;
  if (header === 2) element[1] = length;
  else {
    element[1] = 0x80 + header - 2;
    element[header - 1] = length & 0xff;
    if (header === 4) element[2] = length >>> 8;
  }
  let at = header;
  for (const part of contents) {
    element.set(part, at);
    at += part.length;
  }
  return element;
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return der(TAG.sequence, ...contents);
}

/** INTEGER from an unsigned big-endian number of any length. */
export function unsignedInteger(octets: Uint8Array): Uint8Array {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const magnitude = octets.subarray(start);
  const isShort = magnitude.length > 0 && magnitude[0]! < 0x80;
  return der(TAG.integer, isShort ? magnitude : concatBytes(Uint8Array.of(0), magnitude));
}

export function oid(dotted: string): Uint8Array {
  const [root = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return der(TAG.oid, Uint8Array.from([root * 40 + second, ...rest].flatMap(base128)));
}

export function bitString(octets: Uint8Array): Uint8Array {
  return der(TAG.bitString, Uint8Array.of(0), octets);
}

/** NamedBitList: bit 0 is the highest bit of the first octet, trailing zero bits are left out (X.690 §11.2.2). */
export function namedBits(bits: readonly number[]): Uint8Array {
  const highest = Math.max(...bits);
  const octets = new Uint8Array(bits.length === 0 ? 0 : (highest >> 3) + 1);
  for (const bit of bits) octets[bit >> 3]! |= 0x80 >> (bit & 7);
  return der(TAG.bitString, Uint8Array.of(bits.length === 0 ? 0 : 7 - (highest & 7)), octets);
}

export function boolean(value: boolean): Uint8Array {
  return der(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function text(tag: number, value: string): Uint8Array {
  return der(tag, utf8(value));
}

function base128(arc: number): number[] {
  assert(Number.isSafeInteger(arc) && arc >= 0, "an arc that we write is a safe integer");
  const octets = [arc & 0x7f];
  for (let left = Math.floor(arc / 0x80); left > 0; left = Math.floor(left / 0x80))
    octets.unshift((left & 0x7f) | 0x80);
  return octets;
}
