import { err, ok, parseUtf8, type Result } from "@vedette/base";
import type { TarError, TarFiles } from "./tar.ts";
import {
  BLOCK,
  CHECKSUM,
  checksumOf,
  fieldOf,
  isZero,
  MAGIC,
  NAME,
  PREFIX,
  paddingOf,
  SIZE,
  TYPE,
  textOf,
  USTAR,
} from "./tar-header.ts";

/** Policies in the wild have hundreds of files; a folder for each of ten thousand tenants is an odd one. */
const FILES_MAX = 10_000;
const PATH_LENGTH_MAX = 1_024;
const SEGMENTS_MAX = 64;
/** Room for a path and for the extended attributes that some systems add. */
const EXTENSION_LENGTH_MAX = 65_536;
const GNU = "ustar  \0";

/** IEEE Std 1003.1, pax, "pax Extended Header": what changes nothing of what we read. */
const IDLE_RECORD =
  /^(?:mtime|atime|ctime|uid|gid|uname|gname|comment|charset|SCHILY\.(?:xattr|acl|dev|ino|nlink|fflags)\b.*|LIBARCHIVE\..*)$/;

/**
 * Reads what `opa build` and the usual tar programs write: regular files, folders (which are skipped), paths that are too
 * long for a header (its prefix field, pax `path`, GNU's `L`). Nothing else: no links, devices, sparse files, repeated
 * paths or paths that leave the archive. Our own bundles are read by `parseTar`, which knows one form only.
 */
export function parseStockTar(bytes: Uint8Array): Result<TarFiles, TarError> {
  const files = new Map<string, Uint8Array>();
  let longPath: string | undefined;
  let at = 0;
  while (at + BLOCK <= bytes.length && !isZero(bytes.subarray(at, at + BLOCK))) {
    const header = parseHeader(bytes.subarray(at, at + BLOCK));
    if (!header.ok) return header;
    const { type, name, size } = header.value;
    const start = at + BLOCK;
    at = start + size + paddingOf(size);
    if (at > bytes.length) return malformed("a whole archive");
    if (!isZero(bytes.subarray(start + size, at))) return malformed("zeros after a file");
    const contents = bytes.subarray(start, start + size);
    const entry = readEntry(type, longPath ?? name, contents);
    if (!entry.ok) return entry;
    if (entry.value.kind === "path" && longPath !== undefined) return malformed("one long path for each file");
    longPath = entry.value.kind === "path" ? entry.value.path : entry.value.kind === "nothing" ? longPath : undefined;
    if (entry.value.kind !== "file") continue;
    const { path } = entry.value;
    if (files.has(path)) return malformed("each path once");
    if (files.size === FILES_MAX) return malformed(`at most ${FILES_MAX} files`);
    files.set(path, contents);
  }
  const isEnded = longPath === undefined && bytes.length - at >= 2 * BLOCK && isZero(bytes.subarray(at));
  return isEnded ? ok(files) : malformed("blocks of zeros at the end");
}

type Entry =
  | { readonly kind: "file" | "path"; readonly path: string }
  | { readonly kind: "folder" }
  /** Of no consequence for what follows. */
  | { readonly kind: "nothing" };

function readEntry(type: string, name: string, contents: Uint8Array): Result<Entry, TarError> {
  switch (type) {
    case "0":
    case "\0": {
      const path = plainPath(name);
      return path === undefined ? malformed("a relative path of plain names") : ok({ kind: "file", path });
    }
    case "5": {
      // Which files there are says which folders there are; one that leads out is refused all the same.
      const folder = name.replace(/\/$/, "");
      const isPlain = folder === "." || folder === "" || plainPath(folder) !== undefined;
      return isPlain && contents.length === 0 ? ok({ kind: "folder" }) : malformed("a relative path of plain names");
    }
    case "L":
      return longPathOf(textOrNothing(contents).replace(/\0$/, ""));
    case "x": {
      const records = parseRecords(contents);
      const path = records?.get("path");
      if (!records || !areIdle(records, ["path"])) return malformed("an extended header that only names a path");
      return path === undefined ? ok({ kind: "nothing" }) : longPathOf(path);
    }
    case "g": {
      const records = parseRecords(contents);
      return records && areIdle(records, []) ? ok({ kind: "nothing" }) : malformed("no global names or sizes");
    }
    default:
      return malformed("regular files only");
  }
}

function longPathOf(path: string): Result<Entry, TarError> {
  return path === "" ? malformed("a relative path of plain names") : ok({ kind: "path", path });
}

/** `"<length> <key>=<value>\n"`, the length counting the whole record. Undefined when that is not what the bytes are. */
function parseRecords(contents: Uint8Array): ReadonlyMap<string, string> | undefined {
  if (contents.length > EXTENSION_LENGTH_MAX) return undefined;
  const records = new Map<string, string>();
  for (let at = 0; at < contents.length; ) {
    const space = contents.indexOf(0x20, at);
    const digits = textOrNothing(contents.subarray(at, space < 0 ? at : space));
    const length = /^[1-9]\d{0,5}$/.test(digits) ? Number(digits) : 0;
    const record = textOrNothing(contents.subarray(space + 1, at + length));
    const equals = record.indexOf("=");
    if (at + length > contents.length || equals < 1 || !record.endsWith("\n")) return undefined;
    const key = record.slice(0, equals);
    if (records.has(key)) return undefined;
    records.set(key, record.slice(equals + 1, -1));
    at += length;
  }
  return records;
}

function areIdle(records: ReadonlyMap<string, string>, besides: readonly string[]): boolean {
  return Array.from(records.keys()).every((key) => besides.includes(key) || IDLE_RECORD.test(key));
}

interface Header {
  readonly type: string;
  readonly name: string;
  readonly size: number;
}

function parseHeader(header: Uint8Array): Result<Header, TarError> {
  if (parseOctal(header, CHECKSUM) !== checksumOf(header)) return malformed("a header with its checksum");
  const magic = textOf(header, MAGIC);
  if (magic !== USTAR && magic !== GNU) return malformed("a ustar or GNU header");
  const size = parseOctal(header, SIZE);
  if (size === undefined) return malformed("an octal size");
  const name = untilZero(fieldOf(header, NAME));
  // GNU's header has times where ustar has the prefix.
  const prefix = magic === USTAR ? untilZero(fieldOf(header, PREFIX)) : "";
  return ok({ type: textOf(header, TYPE), name: prefix === "" ? name : `${prefix}/${name}`, size });
}

function parseOctal(header: Uint8Array, field: readonly [number, number]): number | undefined {
  const [, digits] = /^ *([0-7]{1,12})[\0 ]*$/.exec(textOf(header, field)) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

function untilZero(field: Uint8Array): string {
  const end = field.indexOf(0);
  return textOrNothing(end < 0 ? field : field.subarray(0, end));
}

/** What is no UTF-8 is no name. */
function textOrNothing(bytes: Uint8Array): string {
  const text = parseUtf8(bytes);
  return text.ok ? text.value : "";
}

/** `/a/b` as OPA writes it and `./a/b` as tar does are `a/b`. */
function plainPath(name: string): string | undefined {
  const path = name.replace(/^(?:\.?\/)/, "");
  const segments = path.split("/");
  const isPlain =
    path.length <= PATH_LENGTH_MAX &&
    segments.length <= SEGMENTS_MAX &&
    segments.every((segment) => segment !== "" && segment !== "." && segment !== ".." && !NO_NAME.test(segment));
  return isPlain ? path : undefined;
}
/** Control characters, and the other system's separator: what one reader takes for a name another takes for a way out. */
const NO_NAME = /[\p{Cc}\\]/u;

function malformed(expected: string): Result<never, TarError> {
  return err({ code: "TAR_MALFORMED", expected });
}
