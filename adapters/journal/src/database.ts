import { closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { AdapterError } from "@vedette/base";

const SCHEMA_VERSION = 1;

/**
 * A segment is what one commit appended to one bundle: entries in tlog-tiles' form, how many decision numbers the commit
 * accounts for, and the root of the tree after them. Full tiles are stored at all levels, unfinished ones only above level 0.
 */
const SCHEMA = `
  CREATE TABLE log (id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE segment (
    log INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, numbers INTEGER NOT NULL,
    root BLOB NOT NULL, entries BLOB NOT NULL, PRIMARY KEY (log, first)) STRICT, WITHOUT ROWID;
  CREATE TABLE tile (
    log INTEGER NOT NULL, level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL,
    PRIMARY KEY (log, level, idx)) STRICT, WITHOUT ROWID;
  CREATE TABLE note (
    log INTEGER NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (log, kind, size)) STRICT, WITHOUT ROWID;
  CREATE TABLE numbering (
    log INTEGER PRIMARY KEY, run_from INTEGER NOT NULL, leased_to INTEGER NOT NULL,
    recorded INTEGER NOT NULL, recorded_size INTEGER NOT NULL, stopped_at INTEGER) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** A second process holds the write lock only for one commit; longer means that it hangs. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * WAL with synchronous=FULL: every commit is one fdatasync of the WAL before it is acknowledged.
 * Throws `AdapterError` JOURNAL_CORRUPT, JOURNAL_VERSION_UNKNOWN, JOURNAL_FAILED.
 */
export function openDatabase(path: string): DatabaseSync {
  createPrivately(path);
  return storing(path, () => {
    const database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version === 0) inTransaction(database, () => database.exec(SCHEMA));
    else if (version !== SCHEMA_VERSION)
      throw new AdapterError("JOURNAL_VERSION_UNKNOWN", "journal was written by a newer version", { path, version });
    return database;
  });
}

/**
 * SQLite gives WAL and shared memory the mode of the file, so one that is made as private makes all three private.
 * INVARIANT: never an existing file, because closing any descriptor of it drops the process's POSIX locks on it.
 */
function createPrivately(path: string): void {
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // Made by somebody else meanwhile, or it cannot be made at all: SQLite says so when it opens the file.
  }
}

/** For reading beside the writer: WAL readers never wait and never make it wait. */
export function openReadOnly(path: string): DatabaseSync {
  return storing(path, () => new DatabaseSync(path, { readOnly: true, timeout: LOCK_TIMEOUT_MS }));
}

/** All or nothing, durable when it returns. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (cause) {
    // SQLite has already rolled back by itself after some errors.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw cause;
  }
}

/** Runs SQLite and turns its errors into ours. */
export function storing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw storeError(path, cause);
  }
}

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
const SQLITE_NOTADB = 26;

function storeError(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("errcode" in cause)) return cause;
  switch (Number(cause.errcode) & 0xff) {
    case SQLITE_FULL:
      return new AdapterError("STORE_FULL", "no space left for the journal", { path }, cause);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return new AdapterError("JOURNAL_CORRUPT", "journal file is damaged", { path }, cause);
    case SQLITE_BUSY:
    case SQLITE_CONSTRAINT:
      return new AdapterError("JOURNAL_SHARED", "another process writes this journal", { path }, cause);
    default:
      return new AdapterError("JOURNAL_FAILED", "journal storage failed", { path }, cause);
  }
}
