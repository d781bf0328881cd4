import { bytesResponse, emptyResponse, type HttpRequest, type HttpResponse, refusalResponse } from "./http.ts";

/** A document that is replaced from time to time, as one value with the tag that tells its versions apart. */
export interface TaggedDocument {
  /** Without quotes. */
  readonly etag: string;
  /** Asked for only when a client needs them; undefined when they are gone. */
  readonly bytes: Uint8Array | undefined;
}

export interface HeldDocumentOptions {
  readonly contentType: string;
  /** Of an answer to a client that asked to be held: it says that we do. */
  readonly heldContentType: string;
  readonly limits?: HeldDocumentLimits;
}

export interface HeldDocumentLimits {
  readonly holdMs: number;
  readonly holdersMax: number;
}

export const HELD_DOCUMENT_LIMITS: HeldDocumentLimits = {
  // Within the time after which a listener takes a connection for stalled.
  holdMs: 100_000,
  // Half of a listener's connections; whoever comes later is answered at once.
  holdersMax: 1_280,
};

/**
 * Conditional GETs that may be held until there is something new: `If-None-Match` (RFC 9110 §13.1.2) and OPA's way of
 * asking for it, `Prefer: modes=snapshot,delta;wait=30`. Documents have topics; each client waits for one.
 */
export class HeldDocuments implements Disposable {
  readonly #options: HeldDocumentOptions;
  readonly #limits: HeldDocumentLimits;
  readonly #wakeByTopic = new Map<string, Set<() => void>>();
  #holders = 0;
  #isClosed = false;

  constructor(options: HeldDocumentOptions) {
    this.#options = options;
    this.#limits = options.limits ?? HELD_DOCUMENT_LIMITS;
  }

  /** 200 with the document, 304 when the client has it and nothing came in time, 404 when there is none. */
  async answer(
    request: HttpRequest,
    topic: string,
    current: () => Promise<TaggedDocument | undefined>,
  ): Promise<HttpResponse> {
    const seconds = heldSeconds(request.headers["prefer"] ?? "");
    const applied = { "preference-applied": `modes=snapshot${seconds === undefined ? "" : `;wait=${seconds}`}` };
    // INVARIANT: whoever may be held listens before it looks, or it would sleep through a change in between.
    using change = this.#listen(topic);
    let document = await current();
    if (document && seconds !== undefined && has(request, document)) {
      // What a client has already is not kept for as long as it is held.
      document = undefined;
      await this.#hold(change, Math.min(seconds * 1_000, this.#limits.holdMs), request.signal);
      document = await current();
    }
    if (!document) return UNKNOWN;
    const headers = { etag: `"${document.etag}"`, vary: "prefer", ...applied };
    if (has(request, document)) return emptyResponse(304, headers);
    const { contentType, heldContentType } = this.#options;
    const { bytes } = document;
    if (!bytes) return UNKNOWN;
    return bytesResponse(200, seconds === undefined ? contentType : heldContentType, bytes, headers);
  }

  /** Whoever waits for the topic looks again. */
  changed(topic: string): void {
    for (const wake of this.#wakeByTopic.get(topic) ?? []) wake();
  }

  get holders(): number {
    return this.#holders;
  }

  /** Answers everybody; nobody is held any more. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const topic of this.#wakeByTopic.keys()) this.changed(topic);
  }

  #listen(topic: string): Change {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listeners = this.#wakeByTopic.get(topic) ?? new Set();
    this.#wakeByTopic.set(topic, listeners.add(resolve));
    return {
      promise,
      [Symbol.dispose]: () => {
        listeners.delete(resolve);
        if (listeners.size === 0 && this.#wakeByTopic.get(topic) === listeners) this.#wakeByTopic.delete(topic);
      },
    };
  }

  async #hold({ promise }: Change, holdMs: number, gone: AbortSignal): Promise<void> {
    if (this.#isClosed || this.#holders >= this.#limits.holdersMax) return;
    this.#holders++;
    const end = Promise.withResolvers<void>();
    const timer = setTimeout(end.resolve, holdMs);
    gone.addEventListener("abort", () => end.resolve(), { once: true });
    await Promise.race([promise, end.promise]);
    clearTimeout(timer);
    this.#holders--;
  }
}

const UNKNOWN = refusalResponse(404, "BUNDLE_UNKNOWN", "there is no such bundle");

interface Change extends Disposable {
  readonly promise: Promise<void>;
}

/** RFC 7240 separates preferences with commas, OPA with semicolons. */
function heldSeconds(prefer: string): number | undefined {
  const [, digits] = /(?:^|[;,]\s*)wait=(\d{1,6})(?:\s*[;,]|\s*$)/.exec(prefer) ?? [];
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits);
}

/** RFC 9110 §13.1.2: a weak comparison with any of the tags. */
function has({ headers }: HttpRequest, { etag }: TaggedDocument): boolean {
  const tags = (headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(`"${etag}"`);
}
