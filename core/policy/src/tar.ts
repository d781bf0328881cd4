import { concatBytes, err, ok, type Result } from "@vedette/base";
import {
  BLOCK,
  CHECKSUM,
  checksumText,
  fieldOf,
  GID,
  isZero,
  LINK_NAME,
  MAGIC,
  MODE,
  MTIME,
  NAME,
  octal,
  PREFIX,
  paddingOf,
  SIZE,
  TYPE,
  textOf,
  UID,
  USTAR,
  writeField,
} from "./tar-header.ts";

/** Path → contents. Paths have no leading slash and no `.` or `..` in them. */
export type TarFiles = ReadonlyMap<string, Uint8Array>;

export interface TarError {
  readonly code: "TAR_MALFORMED";
  readonly expected: string;
}

const END_BLOCKS = 2;
/** The name field of a ustar header; the prefix field, which would make room for more, stays empty. */
const NAME_LENGTH_MAX = 100;
/** A policy bundle has a file for each data path; a thousand paths fit one signature of `JWS_LENGTH_MAX`. */
const FILES_MAX = 1_000;

const REGULAR_FILE = 0x30;

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
  writeField(header, NAME, path);
  writeField(header, MODE, "0000644\0");
  writeField(header, UID, "0000000\0");
  writeField(header, GID, "0000000\0");
  writeField(header, SIZE, `${octal(size, 11)}\0`);
  writeField(header, MTIME, `${octal(0, 11)}\0`);
  writeField(header, TYPE, "0");
  writeField(header, MAGIC, USTAR);
  writeField(header, CHECKSUM, checksumText(header));
  return header;
}

function malformed(expected: string): Result<never, TarError> {
  return err({ code: "TAR_MALFORMED", expected });
}
