import { setTimeout as sleep } from "node:timers/promises";
import {
  AdapterError,
  assert,
  type Crypto,
  type Duration,
  type JsonObject,
  milliseconds,
  type Random,
} from "@vedette/base";
import type { Journal } from "@vedette/journal";
import {
  afterFailure,
  BACKOFF_POLICY,
  type Backoff,
  type BackoffPolicy,
  type ClientAnswer,
  chanceOf,
  type HttpRequester,
  RESTED,
} from "@vedette/net";
import type { DecisionLogStatus } from "@vedette/policy";
import { gzip, type Log } from "@vedette/runtime";
import {
  type ChunkFill,
  encodeEvent,
  eventsOfLeaf,
  packChunk,
  parseLeaf,
  startFill,
  withoutInput,
} from "@vedette/telemetry";
import type { UploadMark } from "./upload-mark.ts";

export interface DecisionLogUploadOptions {
  readonly journal: Pick<Journal, "origin" | "head" | "readEntries">;
  readonly service: HttpRequester;
  /** With a leading slash. */
  readonly path: string;
  readonly chunkMax: number;
  /** Between uploads; drawn evenly from it. */
  readonly reporting: { readonly min: Duration; readonly max: Duration };
  /** On events that are not decisions: those bring their own. */
  readonly labels: Readonly<Record<string, string>>;
  readonly mark: UploadMark;
  /** Writes into the journal what the receiver will not get; it is durable when this resolves. */
  readonly onGap: (facts: JsonObject) => Promise<void>;
  readonly crypto: Pick<Crypto, "hash">;
  readonly random: Random;
  readonly log: Log;
  readonly backoff?: BackoffPolicy;
  onStatus(): void;
}

export interface DecisionLogProgress {
  /** Leaves that the receiver has taken or that a gap accounts for. */
  readonly uploaded: number;
  readonly waiting: number;
  /** Events that it will never get. */
  readonly dropped: number;
}

type Outcome = "done" | "failed";

/** Events to choose a request's from. */
const WINDOW = 256;
/** Read at once; each at most 64 KiB. */
const LEAVES_READ = 32;
const CONTENT_TOO_LARGE = 413;
/** A receiver that finds even this too large has another trouble than size. */
const CHUNK_FLOOR = 1_024;
const JSON_GZIP = { "content-type": "application/json", "content-encoding": "gzip" };

/** An event that has not been taken yet. Without it, the leaf cannot be read. */
interface Waiting {
  readonly index: number;
  readonly event: JsonObject | undefined;
  /** Of its leaf: with it the whole leaf is taken. */
  readonly isLast: boolean;
}

/**
 * Sends the journal to somebody else's decision log service in OPA's format. The journal itself is the buffer: what was
 * not taken is read again, after a restart too, and nothing makes room for something newer.
 */
export class DecisionLogUpload implements AsyncDisposable {
  readonly #options: DecisionLogUploadOptions;
  readonly #stop = new AbortController();
  #fill: ChunkFill;
  /** What this receiver takes; less than configured once it has said so. */
  #chunkMax: number;
  #trouble: DecisionLogStatus["trouble"];
  /** From the mark on, as far as it has been read; without those of the mark's own leaf that were taken before. */
  #waiting: Waiting[] = [];
  #readTo: number;
  /** Of a leaf that the mark has not passed yet. */
  #dropped = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(options: DecisionLogUploadOptions) {
    this.#options = options;
    this.#chunkMax = options.chunkMax;
    this.#fill = startFill({ packedMax: this.#chunkMax });
    this.#readTo = options.mark.current.next;
  }

  get status(): DecisionLogStatus {
    return this.#trouble ? { trouble: this.#trouble } : {};
  }

  get progress(): DecisionLogProgress {
    const { journal, mark } = this.#options;
    const { next, dropped } = mark.current;
    return { uploaded: next, waiting: journal.head().size - next, dropped };
  }

  start(onBug: (error: unknown) => void): void {
    this.#running = this.#run().catch(onBug);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Everything that is durable by now, in as many requests as it takes. Throws `AdapterError` when the journal fails. */
  async uploadAll(): Promise<Outcome> {
    const { journal, mark } = this.#options;
    while (!this.#stop.signal.aborted && mark.current.next < journal.head().size)
      if ((await this.#uploadOne()) === "failed") return "failed";
    return "done";
  }

  async #run(): Promise<void> {
    const { reporting, random, backoff = BACKOFF_POLICY } = this.#options;
    const { signal } = this.#stop;
    let state: Backoff = RESTED;
    while (!signal.aborted) {
      const outcome = await this.#tryAll();
      const failed = afterFailure(state, backoff, chanceOf(random));
      state = outcome === "failed" ? failed.state : RESTED;
      const spread = milliseconds(reporting.min + chanceOf(random) * (reporting.max - reporting.min));
      await sleep(outcome === "failed" ? failed.wait : spread, undefined, { signal }).catch(() => undefined);
    }
  }

  async #tryAll(): Promise<Outcome> {
    try {
      return await this.uploadAll();
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      this.#noteTrouble({ message: error.message });
      return "failed";
    }
  }

  async #uploadOne(): Promise<Outcome> {
    this.#readAhead();
    const whole: JsonObject[] = [];
    for (const { event } of this.#waiting) {
      if (event === undefined) break;
      whole.push(event);
    }
    const [first] = whole;
    if (!first) return this.#skip("the leaf cannot be read");
    const packed = this.#pack(whole.map(encodeEvent));
    if (packed.kind === "chunk") return this.#send(packed.body, packed.count);
    // OPA drops what it can do without before it drops the event; here that is the input.
    const smaller = withoutInput(first, this.#options.crypto);
    const alone = smaller && this.#pack([encodeEvent(smaller)]);
    return alone?.kind === "chunk" ? this.#send(alone.body, 1) : this.#skip("larger than a request may be");
  }

  #readAhead(): void {
    const { journal } = this.#options;
    const { size } = journal.head();
    while (this.#waiting.length < WINDOW && this.#readTo < size) {
      const leaves = journal.readEntries(this.#readTo, Math.min(this.#readTo + LEAVES_READ, size));
      for (const bytes of leaves) this.#waiting.push(...this.#eventsOf(bytes, this.#readTo++));
    }
  }

  #eventsOf(bytes: Uint8Array, index: number): readonly Waiting[] {
    const { journal, labels } = this.#options;
    const leaf = parseLeaf(bytes);
    const events = leaf.ok ? eventsOfLeaf(leaf.value, { origin: journal.origin, index }, labels) : [undefined];
    return events.map((event, i) => ({ index, event, isLast: i === events.length - 1 }));
  }

  /**
   * Part of a leaf moves no mark: after a restart all of it is sent once more, under the same ids. What was dropped of it is
   * counted when the mark moves, or it would be counted twice.
   */
  #advance(count: number, dropped: number): void {
    const leaves = this.#waiting.slice(0, count).filter(({ isLast }) => isLast).length;
    this.#dropped += dropped;
    this.#waiting = this.#waiting.slice(count);
    if (leaves === 0) return;
    this.#options.mark.advance(leaves, this.#dropped);
    this.#dropped = 0;
  }

  #pack(events: readonly Uint8Array[]) {
    const packed = packChunk(events, this.#fill, { packedMax: this.#chunkMax }, gzip);
    this.#fill = packed.fill;
    return packed;
  }

  async #send(body: Uint8Array, count: number): Promise<Outcome> {
    const answer = await this.#post(body);
    if (answer instanceof AdapterError) return this.#failed({ message: answer.message });
    const { status } = answer;
    if (status === CONTENT_TOO_LARGE && this.#chunkMax > CHUNK_FLOOR) {
      this.#chunkMax = Math.max(CHUNK_FLOOR, Math.floor(Math.min(this.#chunkMax, body.length) / 2));
      this.#fill = startFill({ packedMax: this.#chunkMax });
      return "done";
    }
    // Whatever else it says, the events stay queued: a wrong token is mended, and a wrong receiver replaced.
    if (status < 200 || status > 299)
      return this.#failed({ message: `server replied with ${status}`, httpStatus: status });
    this.#advance(count, 0);
    this.#clearTrouble();
    return "done";
  }

  async #post(body: Uint8Array): Promise<ClientAnswer | AdapterError> {
    const { service, path } = this.#options;
    try {
      return await service.request("POST", path, { headers: JSON_GZIP, body, signal: this.#stop.signal });
    } catch (error) {
      if (error instanceof AdapterError) return error;
      throw error;
    }
  }

  /** INVARIANT: the gap is in the journal before the mark passes it, so that nothing is left out that nothing tells of. */
  async #skip(reason: string): Promise<Outcome> {
    const { journal, onGap, log } = this.#options;
    const [first] = this.#waiting;
    assert(first !== undefined, "what is skipped is there");
    const { index, event } = first;
    const decision = event?.["req_id"];
    await onGap({ origin: journal.origin, index, count: 1, ...(decision !== undefined && { decision }), reason });
    this.#advance(1, 1);
    log("warn", "an event could not be sent to the decision log service", { index, reason });
    return "done";
  }

  #failed(trouble: NonNullable<DecisionLogStatus["trouble"]>): Outcome {
    this.#noteTrouble(trouble);
    return "failed";
  }

  /** Told once when it changes, not at every try. */
  #noteTrouble(trouble: NonNullable<DecisionLogStatus["trouble"]>): void {
    const { log, onStatus } = this.#options;
    if (this.#stop.signal.aborted || trouble.message === this.#trouble?.message) return;
    log("warn", "the decision log service does not take decisions; they wait in the journal", { ...trouble });
    this.#trouble = trouble;
    onStatus();
  }

  #clearTrouble(): void {
    if (!this.#trouble) return;
    this.#options.log("info", "the decision log service takes decisions again");
    this.#trouble = undefined;
    this.#options.onStatus();
  }
}
