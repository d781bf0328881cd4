import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { AdapterError } from "@vedette/base";

/** Mode of every file we write: keys and state are for their owner alone. */
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/**
 * Replaces a file so that a power cut leaves the old one or the new one, whole: write beside it, fsync, rename, fsync the folder.
 * Throws `AdapterError` FILE_WRITE_FAILED.
 */
export function writeFileDurably(path: string, contents: Uint8Array | string): void {
  const beside = `${path}.new`;
  try {
    const file = openSync(beside, "w", PRIVATE_FILE);
    try {
      const bytes = typeof contents === "string" ? Buffer.from(contents) : contents;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
    syncDirectory(dirname(path));
  } catch (cause) {
    throw new AdapterError("FILE_WRITE_FAILED", "could not write file durably", { path }, cause);
  }
}

/** Undefined when the file does not exist. Throws `AdapterError` FILE_READ_FAILED, or FILE_TOO_LARGE past `sizeMax` bytes. */
export function readFileIfExists(path: string, sizeMax: number): Uint8Array | undefined {
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined) return undefined;
    if (size > sizeMax)
      throw new AdapterError("FILE_TOO_LARGE", "file is larger than its limit", { path, size, sizeMax });
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    if (cause instanceof AdapterError) throw cause;
    throw new AdapterError("FILE_READ_FAILED", "could not read file", { path }, cause);
  }
}

/** Makes the folder if needed and leaves it readable by its owner alone. */
export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY });
  chmodSync(path, PRIVATE_DIRECTORY);
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
