import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { AdapterError } from "@vedette/base";
import { Kysely, type SqliteDatabase, SqliteDialect } from "kysely";
import { callSqlite, storeError } from "./errors.ts";
import { migrate, type Schema } from "./schema.ts";

/** 4 KiB pages, so 4 GiB: ten thousand nodes with their policies and a year of issuances need less than a tenth of it. */
export const STORE_PAGES_MAX = 1_048_576;
/** Long enough for a predecessor that is shutting down, short enough that a second start answers at once. */
const BUSY_TIMEOUT_MS = 500;
const FILE_NAME = "control.db";

export interface StoreOptions {
  /** The store answers STORE_FULL beyond this many pages of 4 KiB. */
  readonly pagesMax?: number;
}

/** Opens `<directory>/control.db`, checks it whole, and brings its schema up to date. */
export function openDatabase(directory: string, options: StoreOptions = {}): Kysely<Schema> {
  const path = join(directory, FILE_NAME);
  const database = openFile(directory, path);
  try {
    callSqlite(() => {
      configure(database, options.pagesMax ?? STORE_PAGES_MAX);
      checkWhole(database, path);
      migrate(database);
    });
  } catch (cause) {
    database.close();
    throw cause instanceof AdapterError ? namingFile(cause, path) : cause;
  }
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapt(database) }) });
}

/** SQLite says what is wrong, but not with which file. */
function namingFile({ code, message, facts, cause }: AdapterError, path: string): AdapterError {
  return new AdapterError(code, message, { path, ...facts }, cause);
}

function openFile(directory: string, path: string): DatabaseSync {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!existsSync(path)) createPrivately(path);
    return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (cause) {
    throw storeError("STORE_FAILED", { path }, cause);
  }
}

/**
 * SQLite gives the WAL the mode of the database file, so creating that one as private makes both private.
 * INVARIANT: nothing but SQLite opens an existing store: closing any descriptor of a file drops the process's POSIX locks on it.
 */
function createPrivately(path: string): void {
  closeSync(openSync(path, "wx", 0o600));
}

function configure(database: DatabaseSync, pagesMax: number): void {
  // INVARIANT: EXCLUSIVE comes before the first read. The kernel then holds our file lock until the process ends, however
  // it ends: a second process gets SQLITE_BUSY and no lock file can go stale.
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA trusted_schema = OFF");
  database.exec(`PRAGMA max_page_count = ${pagesMax}`);
}

/** The folder is writable by the host: types and constraints of every row are proved before the first one is believed. */
function checkWhole(database: DatabaseSync, path: string): void {
  const report = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (report !== "ok") throw storeError("STORE_CORRUPT", { path, report });
}

/** Kysely's SQLite dialect over `node:sqlite`. */
function adapt(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare: (sql) => {
      const statement = callSqlite(() => database.prepare(sql));
      // SQLite rolls a transaction back by itself when the disk is full; a second rollback would hide the first error.
      const isDone = sql === "rollback" && !database.isTransaction;
      return {
        reader: statement.columns().length > 0,
        all: (values) => callSqlite(() => statement.all(...bind(values))),
        run: (values) =>
          isDone ? { changes: 0, lastInsertRowid: 0 } : callSqlite(() => statement.run(...bind(values))),
        iterate: (values) => statement.iterate(...bind(values)),
      };
    },
  };
}

/** `Schema` holds numbers, texts, bytes and nulls only, and those are what SQLite takes; it refuses anything else itself. */
function bind(values: readonly unknown[]): SQLInputValue[] {
  return values as SQLInputValue[];
}
