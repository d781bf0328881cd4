import type { DatabaseSync, StatementSync } from "node:sqlite";
import { AdapterError, assert } from "@vedette/base";
import { parseBundle, TILE_WIDTH, type TreeBuilder } from "@vedette/tlog";
import { inTransaction, openDatabase, storing } from "./database.ts";
import type { CommitMessage, NumberGap, NumberingChange, OpenedMessage, TreeHead, WorkerSetup } from "./messages.ts";
import { TreeStore } from "./tree-store.ts";

/** A journal has one log in its file. */
export const LOG_ID = 1;

/**
 * After an unclean stop so many entries are hashed again, about half a second. A torn WAL can only have harmed what was written since
 * the WAL last started over: `WAL_BYTES_MAX` holds fewer entries than this, each of 64 bytes or more.
 */
const REPLAY_ENTRIES = 131_072;

/** Written between two checkpoints of the WAL: so much that fewer than one commit in a hundred waits for one. */
const WAL_BYTES_MAX = 8_388_608;
/** What a commit adds to the WAL besides its entries: the pages it touches. */
const COMMIT_OVERHEAD = 12_288;
const PAGE_SIZE = 4_096;

/** The journal's side of the worker: synchronous, the only writer of its file. */
export class JournalFile {
  readonly opened: OpenedMessage;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #store: TreeStore;
  readonly #putNumbering: StatementSync;
  #tree: TreeBuilder;
  #numbering: Numbering;
  #walBytes = 0;

  /**
   * Throws `AdapterError` JOURNAL_CORRUPT, JOURNAL_ORIGIN_MISMATCH and what `openDatabase` throws. After a clean stop the last
   * tile is hashed again; after an unclean one also the structure of the whole file is checked and `REPLAY_ENTRIES` hashed.
   */
  constructor({ path, origin, sizeMax }: WorkerSetup) {
    this.#path = path;
    this.#database = openDatabase(path);
    // `tidy` places them instead.
    this.#database.exec("PRAGMA wal_autocheckpoint = 0");
    if (sizeMax !== undefined) this.limit(sizeMax);
    storing(path, () => registerOrigin(this.#database, path, origin));
    this.#store = new TreeStore(this.#database, LOG_ID, origin);
    this.#putNumbering = this.#database.prepare("INSERT OR REPLACE INTO numbering VALUES (?, ?, ?, ?, ?, ?)");
    const last = storing(path, () => readNumbering(this.#database, this.#store));
    if (last.gap) storing(path, () => checkStructure(this.#database, path));
    this.#tree = this.#replay(last.gap ? REPLAY_ENTRIES : 0);
    this.#numbering = { runFrom: last.next, leasedTo: last.next, recorded: 0 };
    this.opened = { kind: "opened", head: this.#head(), nextNumber: last.next, gap: last.gap };
  }

  /** The tree's head, durable when it returns. After STORE_FULL nothing has changed and the next commit may succeed. */
  commit(message: CommitMessage): TreeHead {
    try {
      storing(this.#path, () => inTransaction(this.#database, () => this.#write(message)));
      this.#walBytes += message.bundle.length + COMMIT_OVERHEAD;
      return this.#head();
    } catch (cause) {
      this.#tree = this.#replay(0);
      throw cause;
    }
  }

  /** Moves the WAL into the file when there is much of it: after the answer, so that nobody waits for it who need not. */
  tidy(): void {
    if (this.#walBytes < WAL_BYTES_MAX) return;
    try {
      storing(this.#path, () => this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)"));
      this.#walBytes = 0;
    } catch (cause) {
      // What is in the WAL is durable there; with space again the next commit's checkpoint moves it.
      if (!(cause instanceof AdapterError && cause.code === "STORE_FULL")) throw cause;
    }
  }

  limit(sizeMax: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(sizeMax / PAGE_SIZE))}`);
  }

  close(): void {
    this.#database.close();
  }

  /** A copy: sending a part of a buffer to another thread sends the whole. */
  #head(): TreeHead {
    return { size: this.#tree.size, root: this.#tree.root().slice() };
  }

  #write({ bundle, count, numbers, notes, numbering }: CommitMessage): void {
    if (numbering?.kind === "start")
      this.#numbering = { runFrom: numbering.from, leasedTo: numbering.leasedTo, recorded: 0 };
    if (count > 0) this.#append(bundle, count, numbers);
    for (const { kind, size, note } of notes) {
      this.#store.putNote(kind, size, note);
      this.#store.pruneNotes(kind, 1);
    }
    if (numbering) this.#writeNumbering(numbering);
  }

  #append(bundle: Uint8Array, count: number, numbers: number): void {
    const entries = parseBundle(bundle, count);
    assert(entries.ok, "a batch is a bundle of its entries");
    const leafHashes = entries.value.map((entry) => this.#store.hasher.leaf(entry));
    this.#store.append(this.#tree, entries.value, leafHashes, numbers);
    this.#numbering.recorded += numbers;
  }

  #writeNumbering(change: NumberingChange): void {
    if (change.kind === "lease") this.#numbering.leasedTo = change.leasedTo;
    const { runFrom, leasedTo, recorded } = this.#numbering;
    const stoppedAt = change.kind === "stop" ? change.at : null;
    this.#putNumbering.run(LOG_ID, runFrom, leasedTo, recorded, this.#tree.size, stoppedAt);
  }

  #replay(entries: number): TreeBuilder {
    const from = Math.max(0, this.#store.size - entries);
    return storing(this.#path, () => this.#store.replay(from - (from % TILE_WIDTH)));
  }
}

interface Numbering {
  readonly runFrom: number;
  leasedTo: number;
  recorded: number;
}

function registerOrigin(database: DatabaseSync, path: string, origin: string): void {
  const found = database.prepare("SELECT origin FROM log WHERE id = ?").get(LOG_ID)?.["origin"];
  if (found === undefined) database.prepare("INSERT INTO log (id, origin) VALUES (?, ?)").run(LOG_ID, origin);
  else if (found !== origin)
    throw new AdapterError("JOURNAL_ORIGIN_MISMATCH", "journal belongs to another log", { path, origin, found });
}

/** The next decision number to lease, and what may be missing below it. */
function readNumbering(
  database: DatabaseSync,
  store: TreeStore,
): { readonly next: number; readonly gap: NumberGap | undefined } {
  const row = database.prepare("SELECT * FROM numbering WHERE log = ?").get(LOG_ID);
  if (!row) return { next: 0, gap: undefined };
  const [from, next] = [Number(row["run_from"]), Number(row["leased_to"])];
  if (row["stopped_at"] !== null) return { next: Number(row["stopped_at"]), gap: undefined };
  const recorded = Number(row["recorded"]) + store.numbersSince(Number(row["recorded_size"]));
  const atMost = next - from - recorded;
  if (atMost < 0 || Number(row["recorded_size"]) > store.size)
    throw new AdapterError("JOURNAL_CORRUPT", "journal holds more decisions than it had numbers", {
      from,
      next,
      recorded,
    });
  return { next, gap: { from, to: next - 1, atMost } };
}

/** SQLite's own look at every page; reading is all it costs, a second for each gigabyte or so. */
function checkStructure(database: DatabaseSync, path: string): void {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw new AdapterError("JOURNAL_CORRUPT", "journal file is damaged", { path, found });
}
