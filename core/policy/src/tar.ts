import { concatBytes, err, ok, parseUtf8, type Result, utf8 } from "@vedette/base";

/** Path → contents. Paths have no leading slash and no `.` or `..` in them. */
export type TarFiles = ReadonlyMap<string, Uint8Array>;

export interface TarError {
  readonly code: "TAR_MALFORMED";
  readonly expected: string;
}

const BLOCK = 512;
const END_BLOCKS = 2;
/** The name field of a ustar header; the prefix field, which would make room for more, stays empty. */
const NAME_LENGTH_MAX = 100;
/** A policy bundle has a file for each data path; a thousand paths fit one signature of `JWS_LENGTH_MAX`. */
const FILES_MAX = 1_000;

/** POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"): fields by offset and length. */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const UID = [108, 8] as const;
const GID = [116, 8] as const;
const SIZE = [124, 12] as const;
const MTIME = [136, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = [156, 1] as const;
const LINK_NAME = [157, 100] as const;
const MAGIC = [257, 8] as const;
const PREFIX = [345, 155] as const;
type Field = readonly [offset: number, length: number];

const USTAR = "ustar\0" + "00";
const REGULAR_FILE = 0x30;
const SPACE = 0x20;

const PATH = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;

export function isTarPath(path: string): boolean {
  const isPlain = !path.split("/").some((segment) => segment === "." || segment === "..");
  return isPlain && path.length <= NAME_LENGTH_MAX && PATH.test(path);
}

/** One set of files, one sequence of bytes: names in order, no times, no owners. */
export function writeTar(files: TarFiles): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const path of [...files.keys()].sort()) {
    const contents = files.get(path) ?? new Uint8Array(0);
    parts.push(headerOf(path, contents.length), contents, new Uint8Array(paddingOf(contents.length)));
  }
  return concatBytes(...parts, new Uint8Array(BLOCK * END_BLOCKS));
}

/**
 * Reads regular files and nothing else: no links, directories, devices, extended headers, repeated paths or paths
 * that leave the archive. A leading slash, which OPA writes, is dropped. Every byte counts: what is padding is zero.
 */
export function parseTar(bytes: Uint8Array): Result<TarFiles, TarError> {
  const files = new Map<string, Uint8Array>();
  let at = 0;
  while (at + BLOCK <= bytes.length && !isZero(bytes.subarray(at, at + BLOCK))) {
    const entry = parseHeader(bytes.subarray(at, at + BLOCK));
    if (!entry.ok) return entry;
    const { path, size } = entry.value;
    const start = at + BLOCK;
    at = start + size + paddingOf(size);
    if (at > bytes.length) return malformed("a whole archive");
    if (!isZero(bytes.subarray(start + size, at))) return malformed("zeros after a file");
    if (files.has(path)) return malformed("each path once");
    if (files.size === FILES_MAX) return malformed(`at most ${FILES_MAX} files`);
    files.set(path, bytes.subarray(start, start + size));
  }
  const isEnded = bytes.length - at >= BLOCK * END_BLOCKS && bytes.length % BLOCK === 0 && isZero(bytes.subarray(at));
  return isEnded ? ok(files) : malformed("blocks of zeros at the end");
}

function parseHeader(header: Uint8Array): Result<{ path: string; size: number }, TarError> {
  if (textOf(header, CHECKSUM) !== checksumText(header)) return malformed("a header with its checksum");
  if (textOf(header, MAGIC) !== USTAR) return malformed("a ustar header");
  if (header[TYPE[0]] !== REGULAR_FILE || !isZero(fieldOf(header, LINK_NAME))) return malformed("regular files only");
  const name = textOf(header, NAME).replace(/\0+$/, "").replace(/^\//, "");
  if (!isTarPath(name) || !isZero(fieldOf(header, PREFIX))) return malformed("a relative path of plain names");
  const size = /^[0-7]{11}[\0 ]$/.test(textOf(header, SIZE)) ? Number.parseInt(textOf(header, SIZE), 8) : undefined;
  return size === undefined ? malformed("an octal size") : ok({ path: name, size });
}

function headerOf(path: string, size: number): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const write = (text: string, [offset]: Field) => header.set(utf8(text), offset);
  write(path, NAME);
  write("0000644\0", MODE);
  write("0000000\0", UID);
  write("0000000\0", GID);
  write(`${octal(size, 11)}\0`, SIZE);
  write(`${octal(0, 11)}\0`, MTIME);
  write("0", TYPE);
  write(USTAR, MAGIC);
  write(checksumText(header), CHECKSUM);
  return header;
}

/** The sum of the header's bytes with the checksum field taken as spaces. */
function checksumText(header: Uint8Array): string {
  const [start, length] = CHECKSUM;
  const sum = header.reduce((total, byte, i) => total + (i >= start && i < start + length ? SPACE : byte), 0);
  return `${octal(sum, 6)}\0 `;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function fieldOf(header: Uint8Array, [offset, length]: Field): Uint8Array {
  return header.subarray(offset, offset + length);
}

function textOf(header: Uint8Array, field: Field): string {
  const text = parseUtf8(fieldOf(header, field));
  return text.ok ? text.value : "";
}

function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function malformed(expected: string): Result<never, TarError> {
  return err({ code: "TAR_MALFORMED", expected });
}
