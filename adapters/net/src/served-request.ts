import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { readBody, streamBody } from "./body.ts";
import type { Connection, HttpRequest, Peer } from "./http.ts";
import type { RequestTarget } from "./request-target.ts";

/** What a listener hands to its handler; what few handlers ask for is made when they do. */
export class ServedRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: Connection;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #query: string;
  readonly #bodyMs: number;
  #gone: AbortController | undefined;

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    { path, query }: RequestTarget,
    connection: Connection,
    bodyMs: number,
  ) {
    this.method = message.method ?? "";
    this.path = path;
    this.target = query === "" ? path : `${path}?${query}`;
    this.headers = joinHeaders(message.headers);
    this.connection = connection;
    this.#message = message;
    this.#response = response;
    this.#query = query;
    this.#bodyMs = bodyMs;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#query);
  }

  get channel(): string {
    return this.connection.channel;
  }

  get peer(): Peer | undefined {
    return this.connection.peer;
  }

  get signal(): AbortSignal {
    this.#gone ??= this.#watch();
    return this.#gone.signal;
  }

  body(lengthMax: number): Promise<Uint8Array> {
    return readBody(this.#message, lengthMax, this.#bodyMs);
  }

  stream(lengthMax: number): Readable {
    return streamBody(this.#message, lengthMax);
  }

  #watch(): AbortController {
    const gone = new AbortController();
    const response = this.#response;
    const onClose = () => {
      if (!response.writableFinished) gone.abort();
    };
    if (response.closed) onClose();
    else response.once("close", onClose);
    return gone;
  }
}

function joinHeaders(headers: IncomingMessage["headers"]): Readonly<Record<string, string>> {
  const joined: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers))
    joined[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return joined;
}
