import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { AdapterError, type Duration, type Random } from "@vedette/base";
import { afterFailure, BACKOFF_POLICY, type Backoff, type BackoffPolicy, chanceOf, RESTED } from "./backoff.ts";
import type { HttpClient } from "./client.ts";
import { clientErrorOf } from "./client-errors.ts";
import { netError } from "./errors.ts";
import { createEventParser, type EventParser, type ReceivedEvent } from "./event-parser.ts";

export interface WatchOptions {
  readonly onEvent: (event: ReceivedEvent) => void;
  /** Called once per loss, with the wait before the next try. The caller polls until the next event (PROTOCOLS 7.3). */
  readonly onLost: (error: AdapterError, wait: Duration) => void;
  readonly signal: AbortSignal;
  readonly random: Random;
  readonly lastEventId?: string;
  readonly backoff?: BackoffPolicy;
  /** Without a byte for this long the stream counts as lost. */
  readonly silenceMs?: number;
}

/** Three heartbeats of the hub. */
export const WATCH_SILENCE_MS = 45_000;

/**
 * Follows an event stream until the signal aborts, reconnecting with back-off and telling the last event it saw. Whatever happens
 * to the stream goes to `onLost`; it rejects only with what `onEvent` or `onLost` throws.
 */
export async function watch(client: HttpClient, path: string, options: WatchOptions): Promise<void> {
  const { signal, random, onLost, backoff = BACKOFF_POLICY } = options;
  const seen = { state: RESTED, lastEventId: options.lastEventId };
  while (!signal.aborted) {
    const error = await follow(client, path, seen, options);
    if (signal.aborted) return;
    const { state, wait } = afterFailure(seen.state, backoff, chanceOf(random));
    seen.state = state;
    onLost(error, wait);
    // An abort ends the wait; the loop's condition sees it.
    await sleep(wait, undefined, { signal }).catch(() => {});
  }
}

interface Seen {
  state: Backoff;
  lastEventId: string | undefined;
}

/** One connection's life; returns what ended it. */
async function follow(client: HttpClient, path: string, seen: Seen, options: WatchOptions): Promise<AdapterError> {
  const { signal, silenceMs = WATCH_SILENCE_MS } = options;
  const opened = await openStream(client, path, seen.lastEventId, signal);
  if (opened instanceof AdapterError) return opened;
  const silence = setTimeout(() => {
    opened.destroy(netError("NET_TIMEOUT", "event stream is silent", { phase: "stream", silenceMs }));
  }, silenceMs);
  const parser = createEventParser();
  const parts = opened[Symbol.asyncIterator]();
  try {
    while (true) {
      const events = await nextEvents(parts, parser);
      if (events instanceof AdapterError) return events;
      silence.refresh();
      for (const event of events) {
        seen.state = RESTED;
        seen.lastEventId = event.id;
        options.onEvent(event);
      }
    }
  } finally {
    clearTimeout(silence);
    opened.destroy();
  }
}

async function openStream(
  client: HttpClient,
  path: string,
  lastEventId: string | undefined,
  signal: AbortSignal,
): Promise<Readable | AdapterError> {
  const headers = { accept: "text/event-stream", ...(lastEventId !== undefined && { "last-event-id": lastEventId }) };
  try {
    const { status, headers: answered, body } = await client.open("GET", path, { headers, signal });
    if (status === 200 && answered["content-type"] === "text/event-stream") return body;
    body.destroy();
    return netError("NET_PROTOCOL", "the answer is no event stream", { reason: "NO_EVENT_STREAM", status });
  } catch (cause) {
    if (cause instanceof AdapterError) return cause;
    throw cause;
  }
}

/** Reading fails as a value, so that what the caller's `onEvent` throws is not taken for a broken stream. */
async function nextEvents(
  parts: AsyncIterator<Uint8Array>,
  parser: EventParser,
): Promise<readonly ReceivedEvent[] | AdapterError> {
  try {
    const { done, value } = await parts.next();
    if (done) return netError("NET_UNREACHABLE", "the event stream ended", { reason: "STREAM_ENDED" });
    return parser.push(value);
  } catch (cause) {
    return clientErrorOf(cause, "reused", false);
  }
}
