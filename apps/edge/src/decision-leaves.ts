import { AdapterError, type Clock, type Crypto, type Duration } from "@vedette/base";
import {
  DECISIONS_MAX,
  type NumberedText,
  type PackedDecisions,
  packDecisions,
  type RecordText,
} from "@vedette/telemetry";

export interface DecisionLeavesOptions {
  /** Of a leaf that accounts for so many decision numbers; resolves when it is durable. */
  readonly append: (leaf: Uint8Array, numbers: number) => Promise<void>;
  /** Records that were allowed to lag will not be written; told once for each batch. */
  readonly onLost: (error: AdapterError) => void;
  readonly clock: Pick<Clock, "monotonic">;
  readonly crypto: Pick<Crypto, "hash">;
}

/** What could not be written of a batch, by decision number; empty when all of it is durable. */
export type Unwritten = ReadonlyMap<number, AdapterError>;

/** Decisions whose fate is told together. */
interface Batch {
  /** Those that are in no leaf yet. A leaf is made as soon as it is full: bytes are nothing that a garbage collector copies. */
  decisions: NumberedText[];
  /** Of their texts. */
  length: number;
  count: number;
  readonly appended: Promise<void>[];
  readonly unwritten: Map<number, AdapterError>;
  readonly begun: Duration;
  readonly written: PromiseWithResolvers<Unwritten>;
  /** Of some nobody waits to hear. */
  hasLagging: boolean;
}

/** A record that may lag waits so long for others: much beside a turn. */
const LAG_MS = 5;
/** Of a window that a rule states, most is the disk's; in a shorter one than this nobody waits for others. */
const WINDOW_MS_MIN = 20;
/** One commit's worth; more does not wait for the end of the turn. */
const BATCH_MAX = 1_024;
/** Several times a leaf: of large records a few wait as text, the others as leaves, or as digests. */
const TEXT_LENGTH_MAX = 262_144;
/** A quarter of the numbers that the journal leases: whoever asks beyond waits, instead of taking the last ones. */
const LAGGING_MAX = 1_024;

/**
 * Writes what is decided within one turn of the event loop together: as few leaves as hold it, one commit
 * (docs/decisions/0016-leaves-of-several-decisions.md).
 */
export class DecisionLeaves {
  readonly #options: DecisionLeavesOptions;
  #open: Batch | undefined;
  /** Not on disk yet, oldest first. */
  readonly #unwritten = new Set<Batch>();
  #unwrittenCount = 0;
  #endOfTurn: NodeJS.Immediate | undefined;
  #endOfLag: NodeJS.Timeout | undefined;

  constructor(options: DecisionLeavesOptions) {
    this.#options = options;
  }

  /** Numbers come in ascending order. Resolves when the record is durable, or cannot be; never rejects. */
  add(number: number, record: RecordText, mayLag: boolean): Promise<Unwritten> {
    const batch = this.#open ?? this.#begin();
    batch.decisions.push({ number, record });
    for (const member of Object.values(record)) batch.length += member.length;
    batch.count++;
    this.#unwrittenCount++;
    batch.hasLagging ||= mayLag;
    if (batch.decisions.length === DECISIONS_MAX || batch.length > TEXT_LENGTH_MAX) this.#pack(batch);
    if (batch.count === BATCH_MAX) this.flush();
    else if (mayLag) this.#endOfLag ??= setTimeout(() => this.flush(), LAG_MS);
    else this.#endOfTurn ??= setImmediate(() => this.flush());
    return batch.written.promise;
  }

  /** Whether one more may lag so long: no record has waited longer to be on disk, and not too many wait. */
  mayLag(within: Duration): boolean {
    if (within < WINDOW_MS_MIN || this.#unwrittenCount >= LAGGING_MAX) return false;
    const [oldest] = this.#unwritten;
    return oldest === undefined || this.#options.clock.monotonic() - oldest.begun < within;
  }

  /** Hands over what waits for others; whatever is appended from now on stands behind it. */
  flush(): void {
    clearImmediate(this.#endOfTurn);
    clearTimeout(this.#endOfLag);
    this.#endOfTurn = undefined;
    this.#endOfLag = undefined;
    const batch = this.#open;
    this.#open = undefined;
    if (batch) void this.#settle(batch);
  }

  #begin(): Batch {
    const batch: Batch = {
      decisions: [],
      length: 0,
      count: 0,
      appended: [],
      unwritten: new Map(),
      begun: this.#options.clock.monotonic(),
      written: Promise.withResolvers(),
      hasLagging: false,
    };
    this.#open = batch;
    this.#unwritten.add(batch);
    return batch;
  }

  async #settle(batch: Batch): Promise<void> {
    this.#pack(batch);
    await Promise.all(batch.appended);
    this.#unwritten.delete(batch);
    this.#unwrittenCount -= batch.count;
    batch.written.resolve(batch.unwritten);
    const [error] = batch.unwritten.values();
    if (error && batch.hasLagging) this.#options.onLost(error);
  }

  #pack(batch: Batch): void {
    const { decisions, appended, unwritten } = batch;
    // INVARIANT: a decision leaves the batch as a leaf, or not at all: without one nobody is told that it is durable.
    const leaves = packDecisions(decisions, this.#options.crypto);
    batch.decisions = [];
    batch.length = 0;
    for (const packed of leaves) appended.push(this.#append(packed, unwritten));
  }

  async #append({ numbers, leaf }: PackedDecisions, unwritten: Map<number, AdapterError>): Promise<void> {
    try {
      if (!leaf.ok) throw new AdapterError(leaf.error.code, "the record does not fit into a leaf", { ...leaf.error });
      await this.#options.append(leaf.value, numbers.length);
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      for (const number of numbers) unwritten.set(number, error);
    }
  }
}
