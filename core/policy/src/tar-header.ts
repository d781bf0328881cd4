import { parseUtf8, utf8 } from "@vedette/base";

export const BLOCK = 512;

/** POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"): fields by offset and length. */
export const NAME = [0, 100] as const;
export const MODE = [100, 8] as const;
export const UID = [108, 8] as const;
export const GID = [116, 8] as const;
export const SIZE = [124, 12] as const;
export const MTIME = [136, 12] as const;
export const CHECKSUM = [148, 8] as const;
export const TYPE = [156, 1] as const;
export const LINK_NAME = [157, 100] as const;
export const MAGIC = [257, 8] as const;
export const PREFIX = [345, 155] as const;
export type Field = readonly [offset: number, length: number];

export const USTAR: string = "ustar\0" + "00";
const SPACE = 0x20;

/** The sum of the header's bytes with the checksum field taken as spaces. */
export function checksumOf(header: Uint8Array): number {
  const [start, length] = CHECKSUM;
  return header.reduce((total, byte, i) => total + (i >= start && i < start + length ? SPACE : byte), 0);
}

export function checksumText(header: Uint8Array): string {
  return `${octal(checksumOf(header), 6)}\0 `;
}

export function writeField(header: Uint8Array, [offset]: Field, text: string): void {
  header.set(utf8(text), offset);
}

export function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

export function fieldOf(header: Uint8Array, [offset, length]: Field): Uint8Array {
  return header.subarray(offset, offset + length);
}

/** Empty when it is no UTF-8. */
export function textOf(header: Uint8Array, field: Field): string {
  const text = parseUtf8(fieldOf(header, field));
  return text.ok ? text.value : "";
}

export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
