import { join } from "node:path";
import {
  AdapterError,
  type Clock,
  type Crypto,
  err,
  type Instant,
  latest,
  type Random,
  type Result,
} from "@vedette/base";
import {
  openStateRecord,
  type SpendError,
  SpendLedger,
  type SpendRequest,
  type SpendReservation,
  type StateRecord,
  sealStateRecord,
  stepStateWrite,
} from "@vedette/identity";
import { readFileIfExists, writeFileDurably } from "@vedette/runtime";
import type { TpmAccess } from "./tpm-access.ts";
import type { Vault } from "./vault.ts";

const STATE_FILE = "state.sealed";
const STATE_FILE_LENGTH_MAX = 1_114_112;

export interface JournalHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export interface StateKeeperOptions {
  readonly vault: Vault;
  readonly tpm: TpmAccess;
  readonly counterIndex: number;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly random: Random;
}

/** What may change; epoch, time floor, spend counters and journal head are written along each time. */
type StateChange = Partial<
  Pick<StateRecord, "policySequence" | "trustVersion" | "statusVersion" | "hasAttestedWithTpm">
>;

interface Waiting {
  readonly change: StateChange;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The sealed state record of PROTOCOLS 4.2 and 4.3. A change is durable, and may have its effect, when its promise
 * resolves: the record of epoch N+1 is on disk and the TPM's counter has followed.
 */
export class StateKeeper {
  readonly #options: StateKeeperOptions;
  readonly #ledger: SpendLedger;
  #record: StateRecord;
  #journalHead: () => JournalHead;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #isUncertain = false;

  private constructor(options: StateKeeperOptions, record: StateRecord) {
    this.#options = options;
    this.#record = record;
    this.#ledger = new SpendLedger(record.spend);
    this.#journalHead = () => record.journal;
  }

  /** For a node's first start: the record of the counter's present value, with nothing seen yet. */
  static async create(options: StateKeeperOptions): Promise<StateKeeper> {
    const { clock, counterIndex, tpm } = options;
    const epoch = await tpm.use((open) => open.defineCounter(counterIndex));
    const timeFloor = clock.now();
    const record: StateRecord = {
      epoch,
      policySequence: 0,
      trustVersion: 0,
      statusVersion: 0,
      timeFloor,
      spend: { timeFloor, counters: [] },
      journal: { size: 0, root: new Uint8Array(32) },
      hasAttestedWithTpm: false,
    };
    const keeper = new StateKeeper(options, record);
    keeper.#writeRecord(record);
    return keeper;
  }

  /**
   * Throws `AdapterError` STATE_ROLLBACK when an older record was put back or the record was removed, and what `Tpm`
   * throws when the counter is gone or is another one. Finishes a write that was cut off before its last step.
   */
  static async open(options: StateKeeperOptions): Promise<StateKeeper> {
    return new StateKeeper(options, await readRecord(options));
  }

  get record(): StateRecord {
    return this.#record;
  }

  /** From now on each record carries the journal's durable head. */
  followJournal(head: () => JournalHead): void {
    this.#journalHead = head;
  }

  /** Changes that arrive while one is being written share the next write. */
  change(change: StateChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Reserves durably: resolves when the amount cannot come back by a power cycle or a restored backup. */
  async reserve(request: SpendRequest, now: Instant): Promise<Result<SpendReservation, SpendError>> {
    const reserved = this.#ledger.reserve(request, now);
    if (!reserved.ok) return err(reserved.error);
    try {
      await this.change({});
      return reserved;
    } catch (error) {
      this.#ledger.release(reserved.value);
      throw error;
    }
  }

  /** The effect happened. */
  confirm(reservation: SpendReservation): void {
    this.#ledger.confirm(reservation);
  }

  /** The effect surely did not happen. Durable with the next change; until then a restart keeps it spent. */
  release(reservation: SpendReservation): void {
    this.#ledger.release(reservation);
  }

  spent(counter: string, key: string, window: SpendRequest["window"], now: Instant): number {
    return this.#ledger.spent(counter, key, window, now);
  }

  async #writeAll(): Promise<void> {
    // Those who ask in the same turn share the first write already.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(Object.assign({}, ...batch.map(({ change }) => change)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // Nobody knows now whether the counter moved; the next write looks first, as a start does (PROTOCOLS 4.2).
        this.#isUncertain = true;
        for (const { reject } of [...batch, ...this.#waiting]) reject(error);
        this.#waiting = [];
      }
    }
    // INVARIANT: no turn of the event loop between the empty queue and this, or a change could wait for nobody.
    this.#writing = undefined;
  }

  async #write(change: StateChange): Promise<void> {
    const { clock, tpm, counterIndex } = this.#options;
    if (this.#isUncertain) this.#record = await readRecord(this.#options);
    this.#isUncertain = false;
    const begun = stepStateWrite({ phase: "settled", epoch: this.#record.epoch }, "change").write;
    const record: StateRecord = {
      ...this.#record,
      ...change,
      epoch: begun.epoch,
      timeFloor: latest(this.#record.timeFloor, clock.now()),
      spend: this.#ledger.state(),
      journal: this.#journalHead(),
    };
    this.#writeRecord(record);
    const written = stepStateWrite(begun, "written").write;
    const counter = await tpm.use((open) => open.incrementCounter(counterIndex));
    if (counter !== written.epoch)
      throw new AdapterError("STATE_ROLLBACK", "somebody else stepped the state counter", {
        counter: counter.toString(),
        epoch: written.epoch.toString(),
      });
    stepStateWrite(written, "incremented");
    this.#record = record;
  }

  #writeRecord(record: StateRecord): void {
    const { vault, crypto, random } = this.#options;
    writeFileDurably(join(vault.directory, STATE_FILE), sealStateRecord(record, vault.dataKey, { crypto, random }));
  }
}

/** The record on disk, if the counter stands for it; finishes a write that was cut off before its last step. */
async function readRecord({ vault, tpm, counterIndex, crypto }: StateKeeperOptions): Promise<StateRecord> {
  const counter = await tpm.use((open) => open.readCounter(counterIndex));
  const sealed = readFileIfExists(join(vault.directory, STATE_FILE), STATE_FILE_LENGTH_MAX);
  if (!sealed)
    throw new AdapterError("STATE_ROLLBACK", "the state record is missing; re-enrol this node", {
      counter: counter.toString(),
    });
  const opened = openStateRecord(sealed, vault.dataKey, counter, crypto);
  if (!opened.ok)
    throw new AdapterError(
      opened.error.code,
      "the state record is refused; nothing will be issued",
      describe(opened.error),
    );
  const { record, mustIncrement } = opened.value;
  if (mustIncrement) await tpm.use((open) => open.incrementCounter(counterIndex));
  return record;
}

function describe(error: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(error).map(([key, value]) => [key, typeof value === "bigint" ? value.toString() : value]),
  );
}
