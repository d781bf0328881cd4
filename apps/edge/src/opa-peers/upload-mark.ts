import { isJsonObject, readJson, utf8 } from "@vedette/base";
import type { Log } from "@vedette/runtime";

/** Up to which leaf a journal has been sent, and how many of its events never will be. */
export interface Mark {
  readonly next: number;
  readonly dropped: number;
}

export interface UploadMarkOptions {
  readonly origin: string;
  /** Leaves of the journal now. */
  readonly size: number;
  readonly log: Log;
  /**
   * Durable, and nobody else's to write: a mark that somebody else sets higher hides what lies between. An older one costs
   * events that are sent twice, under the same ids.
   */
  readonly store: { read(): Uint8Array | undefined; write(contents: Uint8Array): void };
}

/** The mark of one receiver, written before it counts. */
export class UploadMark {
  readonly #options: UploadMarkOptions;
  #mark: Mark;

  constructor(options: UploadMarkOptions) {
    this.#options = options;
    this.#mark = read(options) ?? { next: 0, dropped: 0 };
  }

  get current(): Mark {
    return this.#mark;
  }

  /** Throws `AdapterError` when it cannot be written; then nothing has advanced. */
  advance(by: number, dropped: number): void {
    const mark = { next: this.#mark.next + by, dropped: this.#mark.dropped + dropped };
    this.#options.store.write(utf8(JSON.stringify({ origin: this.#options.origin, ...mark })));
    this.#mark = mark;
  }
}

/** What is damaged, of another journal, or beyond this one's end is no mark: everything is sent once more. */
function read({ origin, size, store, log }: UploadMarkOptions): Mark | undefined {
  const value = readMark(store);
  if (value === undefined) return undefined;
  const { next, dropped } = isJsonObject(value) ? value : {};
  if (isJsonObject(value) && value["origin"] === origin && isCount(next) && isCount(dropped) && next <= size)
    return { next, dropped };
  log("warn", "the mark of the decision log does not fit this journal; it is sent from its beginning", { origin });
  return undefined;
}

/** Null for what is there and cannot be read. */
function readMark(store: UploadMarkOptions["store"]): unknown {
  try {
    const bytes = store.read();
    return bytes && readJson(Buffer.from(bytes).toString("utf8"));
  } catch {
    // Broken seal or broken text: neither is a reason for a node not to start.
    return null;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
