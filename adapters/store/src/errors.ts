import { AdapterError } from "@vedette/base";

/**
 * Codes of the `AdapterError`s this room throws. They speak of the disk only: none of them says anything about evidence,
 * a claim or a signature, so a walk that sees one answers 503, never 403.
 */
export type StoreErrorCode =
  /** The disk or the page limit is full; nothing of the transaction was kept and reads go on working. */
  | "STORE_FULL"
  /** Another process has the store open. */
  | "STORE_BUSY"
  /** The file is not a database, or its pages, types or constraints do not hold. */
  | "STORE_CORRUPT"
  /** Written by a newer version of the program: facts `found` and `supported`. */
  | "STORE_SCHEMA_NEWER"
  /** Anything else SQLite reports (I/O error, read-only folder). */
  | "STORE_FAILED";

/** Refusals of what a caller offers; the stored state is unchanged. */
export type StoreConflict =
  | { readonly code: "POLICY_SEQUENCE_NOT_RISING"; readonly offered: number; readonly current: number }
  | { readonly code: "TRUST_VERSION_NOT_RISING"; readonly offered: number; readonly current: number };
export type NodeConflict =
  | { readonly code: "ENDORSEMENT_KEY_TAKEN"; readonly nodeId: string }
  | { readonly code: "NODES_FULL"; readonly nodesMax: number }
  | { readonly code: "JOURNAL_KEYS_FULL"; readonly nodeId: string; readonly keysMax: number };
export type JournalConflict =
  | { readonly code: "NODE_UNKNOWN"; readonly nodeId: string }
  | { readonly code: "JOURNAL_SHRINKS"; readonly offered: number; readonly current: number }
  | { readonly code: "JOURNAL_FORKED"; readonly size: number; readonly offered: string; readonly current: string };

// Primary result codes (https://www.sqlite.org/rescode.html); the low byte of the extended code.
const codeByResult: Readonly<Record<number, StoreErrorCode>> = {
  5: "STORE_BUSY",
  6: "STORE_BUSY",
  11: "STORE_CORRUPT",
  13: "STORE_FULL",
  26: "STORE_CORRUPT",
};
const messageByCode: Readonly<Record<StoreErrorCode, string>> = {
  STORE_FULL: "the store is full",
  STORE_BUSY: "another process has this store open",
  STORE_CORRUPT: "the store is damaged",
  STORE_SCHEMA_NEWER: "the store was written by a newer version",
  STORE_FAILED: "the store could not be read or written",
};

export function storeError(
  code: StoreErrorCode,
  facts: Readonly<Record<string, unknown>>,
  cause?: unknown,
): AdapterError {
  return new AdapterError(code, messageByCode[code], facts, cause);
}

/** Runs one call into SQLite and gives its failure our code. A failure that is not SQLite's is a bug and passes unchanged. */
export function callSqlite<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const result = sqliteResultOf(cause);
    if (result === undefined) throw cause;
    throw storeError(codeByResult[result & 0xff] ?? "STORE_FAILED", { sqlite: result }, cause);
  }
}

function sqliteResultOf(cause: unknown): number | undefined {
  return cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode : undefined;
}
