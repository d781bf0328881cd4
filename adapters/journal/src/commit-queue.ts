import type { Worker } from "node:worker_threads";
import { AdapterError, assert, unreachable } from "@vedette/base";
import { ENTRY_LENGTH_MAX, encodeBundle } from "@vedette/tlog";
import type {
  CommitMessage,
  FromWorker,
  NumberingChange,
  OpenedMessage,
  ToWorker,
  TreeHead,
  WorkerError,
} from "./messages.ts";

/** Under a second of the fastest gateway we know; beyond, waiting in line would only hide that the disk is too slow. */
export const QUEUE_ENTRIES_MAX = 32_768;
/** Entries average 300 bytes; a queue of large ones is bounded by memory instead. */
export const QUEUE_BYTES_MAX = 33_554_432;

/** One commit: large enough that fdatasync is shared, small enough that the first entry does not wait long for the last. */
const BATCH_ENTRIES_MAX = 1_024;
const BATCH_BYTES_MAX = 1_048_576;

type Note = CommitMessage["notes"][number];

/** Something to be made durable: an entry, a note or a change of the numbering. */
interface Waiting {
  readonly entry?: Uint8Array;
  readonly numbers: number;
  readonly note?: Note;
  readonly numbering?: NumberingChange;
  /** The index of the entry; meaningless for the others. */
  readonly resolve: (result: { readonly index: number }) => void;
  readonly reject: (error: AdapterError) => void;
}

/**
 * Group commit: what arrives while the worker commits goes into its next batch. No timer: an idle worker starts at the end of
 * the current microtask, so a burst shares one fdatasync and a single entry waits for nobody.
 */
export class CommitQueue {
  readonly #worker: Worker;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #underWay: readonly Waiting[] | undefined;
  #isScheduled = false;
  #head: TreeHead;
  #numbersCommitted = 0;
  #failure: AdapterError | undefined;
  #ended: PromiseWithResolvers<void> | undefined;

  constructor(worker: Worker, { head }: OpenedMessage) {
    this.#worker = worker;
    this.#head = head;
    worker.on("message", (message: FromWorker) => this.#onMessage(message));
    worker.on("error", (cause) => this.#fail(new AdapterError("JOURNAL_FAILED", "journal worker crashed", {}, cause)));
    worker.on("exit", () => this.#onExit());
  }

  /** Where the tree stands on disk. */
  get head(): TreeHead {
    return this.#head;
  }
  /** Decision numbers that the entries committed so far account for. */
  get numbersCommitted(): number {
    return this.#numbersCommitted;
  }

  append(entry: Uint8Array, numbers: number): Promise<{ readonly index: number }> {
    assert(entry.length <= ENTRY_LENGTH_MAX, "an entry of a log has at most 65,535 bytes");
    const waiting = this.#waiting.length;
    if (waiting >= QUEUE_ENTRIES_MAX || this.#waitingBytes >= QUEUE_BYTES_MAX)
      return Promise.reject(new AdapterError("JOURNAL_BUSY", "journal cannot keep up", { waiting }));
    this.#waitingBytes += entry.length;
    return this.#enqueue({ entry, numbers });
  }

  putNote(note: Note): Promise<unknown> {
    return this.#enqueue({ note, numbers: 0 });
  }

  changeNumbering(numbering: NumberingChange): Promise<unknown> {
    return this.#enqueue({ numbering, numbers: 0 });
  }

  /** Takes effect between two commits. */
  limit(sizeMax: number): void {
    this.#post({ kind: "limit", sizeMax });
  }

  /** Resolves when everything enqueued before is decided. */
  async drain(): Promise<void> {
    await this.#enqueue({ numbers: 0 });
  }

  /** Ends the worker; resolves when its file is closed. Call it when nothing is enqueued any more. */
  async end(): Promise<void> {
    if (this.#failure) return;
    this.#ended = Promise.withResolvers();
    this.#post({ kind: "close" });
    await this.#ended.promise;
  }

  #enqueue(item: Omit<Waiting, "resolve" | "reject">): Promise<{ readonly index: number }> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...item, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#underWay || this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#underWay && this.#waiting.length > 0) this.#commitNext();
    });
  }

  #commitNext(): void {
    const batch = this.#waiting.slice(0, batchLength(this.#waiting));
    this.#waiting = this.#waiting.slice(batch.length);
    this.#underWay = batch;
    const entries = batch.flatMap(({ entry }) => (entry ? [entry] : []));
    const bundle = encodeBundle(entries);
    this.#waitingBytes -= bundle.length - 2 * entries.length;
    const numbers = batch.reduce((sum, item) => sum + item.numbers, 0);
    const notes = batch.flatMap(({ note }) => (note ? [note] : []));
    const numbering = batch.find((item) => item.numbering)?.numbering;
    // INVARIANT: nobody else has the bundle; it is handed over, not copied.
    this.#post({ kind: "commit", bundle, count: entries.length, numbers, notes, numbering }, [bundle.buffer]);
  }

  #onMessage(message: FromWorker): void {
    switch (message.kind) {
      case "committed":
        this.#onCommitted(message.head);
        break;
      case "refused":
        this.#settle(({ reject }) => reject(adapterErrorOf(message.error)));
        break;
      case "failed":
        this.#fail(adapterErrorOf(message.error));
        break;
      case "closed":
        this.#ended?.resolve();
        break;
      case "opened":
        break;
      default:
        unreachable(message);
    }
  }

  #onCommitted(head: TreeHead): void {
    let index = this.#head.size;
    this.#head = head;
    this.#settle((item) => {
      this.#numbersCommitted += item.numbers;
      item.resolve({ index: item.entry ? index++ : index });
    });
    assert(index === head.size, "the worker appended exactly what was sent");
  }

  /** The batch is decided: the next one goes out before its callers run. */
  #settle(decide: (item: Waiting) => void): void {
    const batch = this.#underWay ?? [];
    this.#underWay = undefined;
    if (this.#waiting.length > 0) this.#commitNext();
    for (const item of batch) decide(item);
  }

  #fail(error: AdapterError): void {
    this.#failure ??= error;
    const lost = [...(this.#underWay ?? []), ...this.#waiting];
    this.#underWay = undefined;
    this.#waiting = [];
    for (const item of lost) item.reject(this.#failure);
    this.#ended?.resolve();
  }

  #onExit(): void {
    if (!this.#ended) this.#fail(new AdapterError("JOURNAL_FAILED", "journal worker ended"));
    this.#ended?.resolve();
  }

  #post(message: ToWorker, handedOver: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, handedOver);
  }
}

function batchLength(waiting: readonly Waiting[]): number {
  let bytes = 0;
  let changes = 0;
  for (const [i, { entry, numbering }] of waiting.entries()) {
    bytes += entry?.length ?? 0;
    changes += numbering ? 1 : 0;
    // One change of the numbering for each commit: two would need an order within it.
    if (i === BATCH_ENTRIES_MAX || changes > 1 || (i > 0 && bytes > BATCH_BYTES_MAX)) return i;
  }
  return waiting.length;
}

export function adapterErrorOf({ code, message, facts }: WorkerError): AdapterError {
  return new AdapterError(code, message, facts);
}
