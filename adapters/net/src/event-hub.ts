import { Readable } from "node:stream";
import { type Json, utf8 } from "@vedette/base";
import { type HttpRequest, type HttpResponse, refusalResponse } from "./http.ts";

/** One server-sent event (WHATWG HTML §9.2). The id is what a client names when it comes back. */
export interface ServerEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Json;
}

export interface EventHubLimits {
  readonly subscribersMax: number;
  /** Unsent bytes of one subscriber; a slower one is cut and comes back to the current state. */
  readonly backlogMax: number;
  readonly heartbeatMs: number;
}

export const EVENT_HUB_LIMITS: EventHubLimits = {
  // As many as the listener has connections.
  subscribersMax: 2_560,
  // A few hundred generations.
  backlogMax: 65_536,
  // Below the shortest idle limit of middleboxes we met (30 s), and cheap.
  heartbeatMs: 15_000,
};

export interface EventHub extends Disposable {
  /**
   * The streaming answer to a request; 503 EVENT_SUBSCRIBERS_FULL beyond the limit. `first` is sent at once, so that a new subscriber
   * starts from the current state.
   */
  subscribe(request: HttpRequest, topic: string, first: ServerEvent): HttpResponse;
  /** To the subscribers of one topic; without one, to all. */
  publish(event: ServerEvent, topic?: string): void;
  readonly subscribers: number;
  /** Ends all streams. */
  close(): void;
}

export function createEventHub(limits: EventHubLimits = EVENT_HUB_LIMITS): EventHub {
  const topicByStream = new Map<Readable, string>();

  const write = (stream: Readable, text: string) => {
    stream.push(utf8(text));
    if (stream.readableLength > limits.backlogMax) stream.destroy();
  };
  const heartbeat = setInterval(() => {
    for (const stream of topicByStream.keys()) write(stream, ": heartbeat\n\n");
  }, limits.heartbeatMs);
  heartbeat.unref();

  const close = () => {
    clearInterval(heartbeat);
    for (const stream of topicByStream.keys()) stream.push(null);
    topicByStream.clear();
  };
  return {
    subscribe: (request, topic, first) => {
      if (topicByStream.size >= limits.subscribersMax)
        return refusalResponse(
          503,
          "EVENT_SUBSCRIBERS_FULL",
          "too many event streams are open",
          {},
          { "retry-after": "30" },
        );
      const stream = new Readable({ read: () => {} });
      topicByStream.set(stream, topic);
      stream.once("close", () => topicByStream.delete(stream));
      request.connection.onClose(() => stream.destroy());
      write(stream, encodeEvent(first));
      return {
        status: 200,
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
        body: stream,
      };
    },
    publish: (event, topic) => {
      const text = encodeEvent(event);
      for (const [stream, own] of topicByStream) if (topic === undefined || topic === own) write(stream, text);
    },
    get subscribers() {
      return topicByStream.size;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** JSON has no raw line breaks, so `data` is one line. INVARIANT: id and type are codes of ours without line breaks. */
function encodeEvent({ id, type, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
