import { AdapterError, type Crypto, type Duration, type JsonObject } from "@vedette/base";
import type { Journal } from "@vedette/journal";
import { type Decision, RecordWriter } from "@vedette/policy";
import type { Log } from "@vedette/runtime";
import { DenialBudget, type DenialLimits, encodeLeaf, type Leaf, numbersIn, recordText } from "@vedette/telemetry";
import { DecisionLeaves, type Unwritten } from "./decision-leaves.ts";
import type { EffectiveClock } from "./effective-clock.ts";

export interface EvidenceLogOptions {
  readonly journal: Journal;
  readonly clock: EffectiveClock;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly denialLimits: DenialLimits;
}

/** Windows that are over become summaries about this often. */
const COLLECT_INTERVAL_MS = 1_000;

/** What the node writes into its journal: decisions within the denial budget, those of one turn together, and events. */
export class EvidenceLog implements AsyncDisposable {
  readonly #options: EvidenceLogOptions;
  readonly #writer = new RecordWriter();
  readonly #budget: DenialBudget;
  readonly #timer: NodeJS.Timeout;
  readonly #decisions: DecisionLeaves;
  /** What must still be written when the journal works again: summaries of what was told, and bad news. */
  #owed: Leaf[] = [];
  #hasFailed = false;

  constructor(options: EvidenceLogOptions) {
    this.#options = options;
    this.#budget = new DenialBudget(options.denialLimits);
    this.#decisions = new DecisionLeaves({
      ...options,
      append: (leaf, numbers) => this.#commit(leaf, numbers),
      onLost: (error) => this.#report(error),
    });
    this.#timer = setInterval(() => void this.#collect(), COLLECT_INTERVAL_MS);
    this.#timer.unref();
    options.clock.onStepBack((steppedBack, now) => {
      const facts = { steppedBackMs: steppedBack };
      this.#append({ kind: "event", name: "clock-step", at: now, facts }).catch((error) => this.#report(error));
    });
  }

  /**
   * Resolves with the decision's number when its record is durable (PROTOCOLS 6.2). With `fastWithin`, a rule's opt-in,
   * when it is queued: as long as the journal works and nothing queued has waited longer than that.
   * Throws `AdapterError` when it cannot be written.
   */
  async allowed(decision: Recordable, fastWithin?: Duration): Promise<number> {
    return settled(this.writeAllowed(decision, fastWithin));
  }

  /** As `allowed`, but a denial beyond the principal's budget is only counted, and accounted for by a summary (PROTOCOLS 6.3). */
  async denied(decision: Recordable, principal: string): Promise<number> {
    return settled(this.writeDenied(decision, principal));
  }

  /** `allowed` for whoever decides much at once: one promise for all that is written together. */
  writeAllowed(decision: Recordable, fastWithin?: Duration): Writing {
    // INVARIANT: before there is a number, for what cannot be written throws; and in the same turn, so that numbers ascend.
    const record = decision.writeRecord(this.#writer);
    const number = this.#options.journal.nextNumber();
    const mayLag = fastWithin !== undefined && this.#isKeepingUp(fastWithin);
    const written = this.#decisions.add(number, record, mayLag);
    return { number, written: mayLag ? undefined : written };
  }

  /** `denied`, likewise. */
  writeDenied(decision: Recordable, principal: string): Writing {
    const { journal, clock } = this.#options;
    const record = decision.writeRecord(this.#writer);
    const number = journal.nextNumber();
    // Nothing is merely counted while nothing can be written: what is owed stays as little as it was.
    const { as, summary } = this.#hasFailed
      ? { as: "whole", summary: undefined }
      : this.#budget.onDenial(principal, number, clock.now());
    const told = summary && this.#appendSurely(summary);
    // What is merely counted could use up the numbers of others before more are leased.
    const written = as === "whole" ? this.#decisions.add(number, record, false) : journal.leasing?.then(() => NOTHING);
    return { number, written: told ? withSummary(number, told, written) : written };
  }

  /** A document or query that a PEP asked for: always whole, because nobody can say which answers are denials. */
  async queried(record: JsonObject): Promise<number> {
    return this.allowed({ writeRecord: () => recordText(record) });
  }

  /** A failure before there was a principal. */
  unauthenticated(reason: string): void {
    this.#budget.onUnauthenticated(reason, this.#options.clock.now());
  }

  async event(name: string, facts: JsonObject): Promise<void> {
    await this.#append({ kind: "event", name, at: this.#options.clock.now(), facts });
  }

  /** As `event`, for what has happened whether or not it can be written: after a throw it is tried again until it is. */
  async eventSurely(name: string, facts: JsonObject): Promise<void> {
    await this.#appendSurely({ kind: "event", name, at: this.#options.clock.now(), facts });
  }

  /** Before a stop, which goes on when it cannot be written: then the next start finds no clean one. */
  async lastEvent(name: string, facts: JsonObject): Promise<void> {
    await this.event(name, facts).catch((error) => this.#report(error));
  }

  /** Writes what is counted and owed. What cannot be written any more is told, and the next start's gap leaf accounts for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#decisions.flush();
    await this.#settle([...this.#owed, ...this.#budget.collectAll(this.#options.clock.now())]);
  }

  async #appendSurely(leaf: Leaf): Promise<void> {
    try {
      await this.#append(leaf);
    } catch (error) {
      this.#owed.push(leaf);
      throw error;
    }
  }

  async #append(leaf: Leaf): Promise<void> {
    const bytes = encodeLeaf(leaf, this.#options.crypto);
    if (!bytes.ok) throw new AdapterError(bytes.error.code, "the record does not fit into a leaf", { ...bytes.error });
    this.#decisions.flush();
    await this.#commit(bytes.value, numbersIn(leaf));
  }

  async #commit(leaf: Uint8Array, numbers: number): Promise<void> {
    const { journal, clock } = this.#options;
    const at = clock.now();
    try {
      await journal.append(leaf, numbers);
      this.#hasFailed = false;
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
    clock.witnessLeaf(at);
  }

  /** A journal that failed, or lags behind a rule's window, has no fast path: the next one waits and learns why. */
  #isKeepingUp(within: Duration): boolean {
    return !this.#hasFailed && this.#decisions.mayLag(within);
  }

  async #collect(): Promise<void> {
    await this.#settle([...this.#owed, ...this.#budget.collect(this.#options.clock.now())]);
  }

  async #settle(due: readonly Leaf[]): Promise<void> {
    this.#owed = [];
    const written = await Promise.allSettled(due.map((leaf) => this.#appendSurely(leaf)));
    const failed = written.find((each) => each.status === "rejected");
    if (failed) this.#report(failed.reason);
  }

  #report(error: unknown): void {
    this.#options.log("error", "a leaf could not be written", { error });
  }
}

/** A decision, as far as its record goes. */
type Recordable = Pick<Decision, "writeRecord">;

/** A decision that has its number, and a place in what is written next. */
export interface Writing {
  readonly number: number;
  /** What the decision's effect has to wait for; never rejects. */
  readonly written: Promise<Unwritten> | undefined;
}

async function settled({ number, written }: Writing): Promise<number> {
  const failure = (await written)?.get(number);
  if (failure) throw failure;
  return number;
}

async function withSummary(
  number: number,
  told: Promise<void>,
  written: Promise<Unwritten> | undefined,
): Promise<Unwritten> {
  try {
    await told;
  } catch (error) {
    if (error instanceof AdapterError) return new Map([[number, error]]);
    throw error;
  }
  return (await written) ?? NOTHING;
}

const NOTHING: Unwritten = new Map();
