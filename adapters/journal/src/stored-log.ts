import { AdapterError } from "@vedette/base";
import type { LogReader } from "@vedette/tlog";
import { openReadOnly, storing } from "./database.ts";
import { type StoredCheckpoint, TreeStore } from "./tree-store.ts";

/** A log as it lies in a journal's or a mirror's file, read beside whoever writes it, or after them. */
export interface StoredLog extends LogReader, Disposable {
  readonly origin: string;
  /** The newest note with the mirror's cosignature. */
  readonly cosigned: StoredCheckpoint | undefined;
  /** The newest note of the log alone. */
  readonly signed: StoredCheckpoint | undefined;
}

/**
 * Opens one log of a file for reading. Without `origin` the file must hold exactly one. Throws `AdapterError`
 * LOG_MISSING (with the origins there are), JOURNAL_CORRUPT, JOURNAL_FAILED.
 */
export function openStoredLog(path: string, origin?: string): StoredLog {
  const database = openReadOnly(path);
  const rows = storing(path, () => database.prepare("SELECT id, origin FROM log ORDER BY id").all());
  const origins = rows.map((row) => String(row["origin"]));
  const row = origin === undefined && rows.length === 1 ? rows[0] : rows.find((each) => each["origin"] === origin);
  if (!row) {
    database.close();
    throw new AdapterError("LOG_MISSING", "the file does not hold this log, or holds several and none was named", {
      path,
      origins,
    });
  }
  const store = new TreeStore(database, Number(row["id"]), String(row["origin"]));
  return {
    origin: store.origin,
    size: storing(path, () => store.size),
    cosigned: storing(path, () => store.notes("cosigned").at(-1)),
    signed: storing(path, () => store.notes("signed").at(-1)),
    readEntries: (from, to) => storing(path, () => store.readEntries(from, to)),
    readTile: (tile) => storing(path, () => store.readTile(tile)),
    [Symbol.dispose]: () => database.close(),
  };
}
