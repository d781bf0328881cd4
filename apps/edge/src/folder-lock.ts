import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AdapterError } from "@vedette/base";

const LOCK_FILE = "lock.db";
/** Long enough for a predecessor that is shutting down, short enough that a second start answers at once. */
const LOCK_TIMEOUT_MS = 500;

/**
 * One process for each folder: a second one would step the state counter and write the journal behind the first one's back,
 * and neither would start again. SQLite holds the kernel's lock on an empty file, which ends with the process, however it ends.
 * Throws `AdapterError` FOLDER_IN_USE, or FILE_WRITE_FAILED when there is no such folder or nothing may be written to it.
 */
export function lockFolder(directory: string): Disposable {
  const path = join(directory, LOCK_FILE);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    throw isBusy(cause)
      ? new AdapterError("FOLDER_IN_USE", "another node runs on this folder", { directory }, cause)
      : new AdapterError("FILE_WRITE_FAILED", "could not lock the folder", { directory }, cause);
  }
  const held = database;
  return { [Symbol.dispose]: () => held.close() };
}

/** Primary result code of SQLite (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && "errcode" in cause && (Number(cause.errcode) & 0xff) === SQLITE_BUSY;
}
