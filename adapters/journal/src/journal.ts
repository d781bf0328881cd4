import type { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { AdapterError, assert } from "@vedette/base";
import type { NoteSigner } from "@vedette/envelope";
import {
  type LogReader,
  makeConsistencyProof,
  makeInclusionProof,
  type NodeReader,
  nodesOfTiles,
  rangeRoot,
  signCheckpoint,
  type TileCoordinates,
} from "@vedette/tlog";
import { adapterErrorOf, CommitQueue } from "./commit-queue.ts";
import { openReadOnly, storing } from "./database.ts";
import { LOG_ID } from "./journal-file.ts";
import type { FromWorker, NumberGap, OpenedMessage, TreeHead, WorkerSetup } from "./messages.ts";
import { type StoredCheckpoint, TreeStore } from "./tree-store.ts";
import { workerUrl } from "./worker-url.ts";

export interface JournalOptions {
  /** The file; its folder must exist and belong to us alone. */
  readonly path: string;
  /** The log's identity for ever; opening a file of another log throws JOURNAL_ORIGIN_MISMATCH. */
  readonly origin: string;
  /** Makes the leaf that accounts for decision numbers that may have been lost (PROTOCOLS 6.1). */
  readonly gapLeaf: (gap: NumberGap) => Uint8Array;
  /** Bytes the file may grow to (the WAL, up to about 16 MiB, comes on top). Beyond, `append` rejects with STORE_FULL. */
  readonly sizeMax?: number;
}

/**
 * A node's log on disk. What `append` has answered is on disk (fdatasync), in order, and part of the tree. Everything read is
 * durable. Rejections and throws are `AdapterError`: JOURNAL_BUSY (queue or number lease used up: try later), STORE_FULL,
 * JOURNAL_CLOSED, JOURNAL_CORRUPT, and JOURNAL_FAILED after which only a new `openJournal` helps.
 */
export interface Journal extends LogReader {
  /** A decision number nobody had before, from a durable lease. Throws JOURNAL_BUSY when `NUMBERS_LEASED` are under way. */
  nextNumber(): number;
  /** While more numbers are being leased: until they are, or cannot be. Who takes numbers and waits for no leaf waits for this. */
  readonly leasing: Promise<void> | undefined;
  /** `numbers`: how many decision numbers this leaf accounts for (1 for a decision, a summary's count, else 0). */
  append(leaf: Uint8Array, numbers?: number): Promise<{ readonly index: number }>;
  head(): TreeHead;
  /** The root this log had at a size it has reached; compare it with what was sealed or signed elsewhere. */
  rootAt(size: number): Uint8Array;
  inclusionProof(index: number, size: number): readonly Uint8Array[];
  consistencyProof(oldSize: number, newSize: number): readonly Uint8Array[];
  /** Signs the head and keeps the note; durable when answered. The key is named after the origin. */
  checkpoint(signer: NoteSigner): Promise<StoredCheckpoint>;
  /** Signs the tree as it was at a size it has reached; not kept. */
  checkpointAt(size: number, signer: NoteSigner): StoredCheckpoint;
  /** The last note that `checkpoint` kept. */
  latestCheckpoint(): StoredCheckpoint | undefined;
  /** Keeps a note with the mirror's cosignature, which the caller has verified; durable when answered. */
  keepCosigned(checkpoint: StoredCheckpoint): Promise<void>;
  cosignedCheckpoint(): StoredCheckpoint | undefined;
  /** Takes effect with the next commit. */
  setSizeMax(bytes: number): void;
  /** Writes what is waiting, returns unused numbers, ends the worker. */
  close(): Promise<void>;
}

/** Numbers that may be out without a leaf, so also the most that an unclean stop leaves in doubt: 80 ms at 50,000 a second. */
export const NUMBERS_LEASED = 4_096;
/** More are leased from here on: what comes until they are there is half of a lease at most, and a quarter may lag. */
const NUMBERS_LEFT_MIN = 3_072;

/**
 * Opens or creates. After an unclean stop the first leaf is the gap leaf, durable before this answers. Rejects with
 * `AdapterError` JOURNAL_CORRUPT (the entries do not give the stored tree: nothing is written), JOURNAL_ORIGIN_MISMATCH,
 * JOURNAL_VERSION_UNKNOWN, JOURNAL_SHARED, STORE_FULL, JOURNAL_FAILED.
 */
export async function openJournal({ path, origin, gapLeaf, sizeMax }: JournalOptions): Promise<Journal> {
  const setup: WorkerSetup = { path, origin, sizeMax };
  const worker = new Worker(workerUrl, { workerData: setup, name: "journal" });
  // A refusal is told when the worker has let go of the file: whoever mends it may begin at once.
  const opened = await firstAnswer(worker).catch(async (cause: unknown) => {
    await worker.terminate();
    throw cause;
  });
  const queue = new CommitQueue(worker, opened);
  const { gap, nextNumber: from } = opened;
  const leasedTo = from + NUMBERS_LEASED;
  // One batch, so one commit: there is never a new run whose predecessor's gap is not on disk.
  const started = queue.changeNumbering({ kind: "start", from, leasedTo });
  const told = gap ? queue.append(gapLeaf(gap), 0) : started;
  try {
    await Promise.all([started, told]);
    return new WorkerJournal(queue, { path, origin, gapLeaf }, { from, leasedTo });
  } catch (cause) {
    await worker.terminate();
    throw cause;
  }
}

class WorkerJournal implements Journal {
  readonly origin: string;
  readonly #queue: CommitQueue;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #store: TreeStore;
  readonly #gapLeaf: JournalOptions["gapLeaf"];
  readonly #runFrom: number;
  #next: number;
  #leasedTo: number;
  #leasing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(queue: CommitQueue, { path, origin, gapLeaf }: JournalOptions, lease: NumberLease) {
    this.origin = origin;
    this.#queue = queue;
    this.#path = path;
    this.#database = openReadOnly(path);
    this.#store = new TreeStore(this.#database, LOG_ID, origin);
    this.#gapLeaf = gapLeaf;
    this.#runFrom = lease.from;
    this.#next = lease.from;
    this.#leasedTo = lease.leasedTo;
  }

  get size(): number {
    return this.#queue.head.size;
  }

  nextNumber(): number {
    if (this.#closed) throw closedError();
    if (this.#leasedTo - this.#next <= NUMBERS_LEFT_MIN) this.#lease();
    if (this.#next === this.#leasedTo)
      throw new AdapterError("JOURNAL_BUSY", "all leased decision numbers are under way", { leased: NUMBERS_LEASED });
    return this.#next++;
  }

  get leasing(): Promise<void> | undefined {
    return this.#leasing;
  }

  append(leaf: Uint8Array, numbers = 0): Promise<{ readonly index: number }> {
    return this.#closed ? Promise.reject(closedError()) : this.#queue.append(leaf, numbers);
  }

  head(): TreeHead {
    return this.#queue.head;
  }

  rootAt(size: number): Uint8Array {
    return this.#read(() => rangeRoot(this.#nodes(size), 0, size, this.#store.hasher));
  }

  readEntries(from: number, to: number): readonly Uint8Array[] {
    return this.#read(() => this.#store.readEntries(from, to));
  }

  readTile(tile: TileCoordinates): Uint8Array {
    return this.#read(() => this.#store.readTile(tile));
  }

  inclusionProof(index: number, size: number): readonly Uint8Array[] {
    return this.#read(() => makeInclusionProof(this.#nodes(size), index, size, this.#store.hasher));
  }

  consistencyProof(oldSize: number, newSize: number): readonly Uint8Array[] {
    return this.#read(() => makeConsistencyProof(this.#nodes(newSize), oldSize, newSize, this.#store.hasher));
  }

  async checkpoint(signer: NoteSigner): Promise<StoredCheckpoint> {
    if (this.#closed) throw closedError();
    const { size, root } = this.head();
    const checkpoint = { size, note: signCheckpoint({ origin: this.origin, size, root }, signer) };
    await this.#queue.putNote({ kind: "signed", ...checkpoint });
    return checkpoint;
  }

  checkpointAt(size: number, signer: NoteSigner): StoredCheckpoint {
    return { size, note: signCheckpoint({ origin: this.origin, size, root: this.rootAt(size) }, signer) };
  }

  latestCheckpoint(): StoredCheckpoint | undefined {
    return this.#read(() => this.#store.notes("signed").at(-1));
  }

  async keepCosigned(checkpoint: StoredCheckpoint): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#queue.putNote({ kind: "cosigned", ...checkpoint });
  }

  cosignedCheckpoint(): StoredCheckpoint | undefined {
    return this.#read(() => this.#store.notes("cosigned").at(-1));
  }

  setSizeMax(bytes: number): void {
    this.#queue.limit(bytes);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#queue.drain();
      const atMost = this.#next - this.#runFrom - this.#queue.numbersCommitted;
      // Numbers were taken that no leaf accounts for: a clean stop must not hide them.
      if (atMost > 0) await this.#queue.append(this.#gapLeaf({ from: this.#runFrom, to: this.#next - 1, atMost }), 0);
      await this.#queue.changeNumbering({ kind: "stop", at: this.#next });
    } catch (cause) {
      // Without space or worker the stop is an unclean one, and the next start says so in its gap leaf.
      if (!(cause instanceof AdapterError)) throw cause;
    }
    this.#database.close();
    await this.#queue.end();
  }

  #lease(): void {
    this.#leasing ??= this.#leaseMore().finally(() => {
      this.#leasing = undefined;
    });
  }

  /** Once more when too many were taken meanwhile. */
  async #leaseMore(): Promise<void> {
    try {
      while (this.#leasedTo - this.#next <= NUMBERS_LEFT_MIN) {
        const leasedTo = this.#next + NUMBERS_LEASED;
        await this.#queue.changeNumbering({ kind: "lease", leasedTo });
        this.#leasedTo = leasedTo;
      }
    } catch {
      // A refused lease shows as JOURNAL_BUSY once the numbers run out; the next call asks again.
    }
  }

  #nodes(size: number): NodeReader {
    assert(size <= this.size, "proofs are made about what is durable");
    return nodesOfTiles((tile) => this.#store.readTile(tile), size, this.#store.hasher);
  }

  #read<T>(work: () => T): T {
    if (this.#closed) throw closedError();
    return storing(this.#path, work);
  }
}

interface NumberLease {
  readonly from: number;
  readonly leasedTo: number;
}

function closedError(): AdapterError {
  return new AdapterError("JOURNAL_CLOSED", "journal is closed");
}

/** The worker's verdict on the file. */
function firstAnswer(worker: Worker): Promise<OpenedMessage> {
  return new Promise((resolve, reject) => {
    worker.once("error", (cause) => reject(new AdapterError("JOURNAL_FAILED", "journal worker crashed", {}, cause)));
    worker.once("exit", () => reject(new AdapterError("JOURNAL_FAILED", "journal worker ended at its start")));
    worker.once("message", (message: FromWorker) => {
      if (message.kind === "opened") resolve(message);
      else reject(message.kind === "failed" || message.kind === "refused" ? adapterErrorOf(message.error) : message);
    });
  });
}
