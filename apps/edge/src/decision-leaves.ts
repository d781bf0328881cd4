import { AdapterError, type Clock, type Crypto, type Duration, type JsonObject } from "@vedette/base";
import { type PackedDecisions, packDecisions } from "@vedette/telemetry";

export interface DecisionLeavesOptions {
  /** Of a leaf that accounts for so many decision numbers; resolves when it is durable. */
  readonly append: (leaf: Uint8Array, numbers: number) => Promise<void>;
  readonly clock: Pick<Clock, "monotonic">;
  readonly crypto: Pick<Crypto, "hash">;
}

/** What could not be written of a batch, by decision number; empty when all of it is durable. */
export type Unwritten = ReadonlyMap<number, unknown>;

/** Decisions that go into the journal together. */
interface Batch {
  readonly decisions: { readonly number: number; readonly record: JsonObject }[];
  readonly begun: Duration;
  readonly written: PromiseWithResolvers<Unwritten>;
}

/** A record that may lag waits so long for others: little beside any window that a rule states, much beside a turn. */
const LAG_MS = 5;
/** One commit's worth; more does not wait for the end of the turn. */
const BATCH_MAX = 1_024;

/**
 * Writes what is decided within one turn of the event loop together: as few leaves as hold it, one commit
 * (docs/decisions/0016-leaves-of-several-decisions.md).
 */
export class DecisionLeaves {
  readonly #options: DecisionLeavesOptions;
  #open: Batch | undefined;
  /** Not on disk yet, oldest first. */
  readonly #unwritten = new Set<Batch>();
  #endOfTurn: NodeJS.Immediate | undefined;
  #endOfLag: NodeJS.Timeout | undefined;

  constructor(options: DecisionLeavesOptions) {
    this.#options = options;
  }

  /** Numbers come in ascending order. Resolves when the record is durable, or cannot be; never rejects. */
  add(number: number, record: JsonObject, mayLag: boolean): Promise<Unwritten> {
    const batch = this.#open ?? this.#begin();
    batch.decisions.push({ number, record });
    if (batch.decisions.length === BATCH_MAX) this.flush();
    else if (mayLag) this.#endOfLag ??= setTimeout(() => this.flush(), LAG_MS);
    else this.#endOfTurn ??= setImmediate(() => this.flush());
    return batch.written.promise;
  }

  /** How long the oldest record that is not on disk has waited. */
  get waited(): number {
    const [oldest] = this.#unwritten;
    return oldest === undefined ? 0 : this.#options.clock.monotonic() - oldest.begun;
  }

  /** Hands over what waits for others; whatever is appended from now on stands behind it. */
  flush(): void {
    clearImmediate(this.#endOfTurn);
    clearTimeout(this.#endOfLag);
    this.#endOfTurn = undefined;
    this.#endOfLag = undefined;
    const batch = this.#open;
    this.#open = undefined;
    if (batch) void this.#write(batch);
  }

  #begin(): Batch {
    const batch: Batch = {
      decisions: [],
      begun: this.#options.clock.monotonic(),
      written: Promise.withResolvers(),
    };
    this.#open = batch;
    this.#unwritten.add(batch);
    return batch;
  }

  async #write(batch: Batch): Promise<void> {
    const { decisions, written } = batch;
    const unwritten = new Map<number, unknown>();
    await Promise.all(this.#pack(decisions, unwritten).map((each) => this.#append(each, unwritten)));
    this.#unwritten.delete(batch);
    written.resolve(unwritten);
  }

  /** A record that is no JSON is the trouble of who made it, not of those it would share a leaf with. */
  #pack(decisions: Batch["decisions"], unwritten: Map<number, unknown>): readonly PackedDecisions[] {
    try {
      return packDecisions(decisions, this.#options.crypto);
    } catch (error) {
      const [first, second] = decisions;
      if (first && !second) unwritten.set(first.number, error);
      const half = decisions.length >> 1;
      return half === 0
        ? []
        : [decisions.slice(0, half), decisions.slice(half)].flatMap((each) => this.#pack(each, unwritten));
    }
  }

  async #append({ decisions, leaf }: PackedDecisions, unwritten: Map<number, unknown>): Promise<void> {
    try {
      if (!leaf.ok) throw new AdapterError(leaf.error.code, "the record does not fit into a leaf", { ...leaf.error });
      await this.#options.append(leaf.value, decisions.length);
    } catch (error) {
      for (const { number } of decisions) unwritten.set(number, error);
    }
  }
}
