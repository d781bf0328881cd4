import type { Readable } from "node:stream";
import { canonicalJson, type Json, utf8 } from "@vedette/base";

/** One TCP or Unix connection; TLS is done when it is seen here. */
export interface Connection {
  /** Random, the same for all requests of this connection. */
  readonly channel: string;
  /** What the other side proved at the handshake; undefined without client authentication. */
  readonly peer: Peer | undefined;
  /** The other side's IP address; undefined on a Unix socket. It proves nothing about who that is. */
  readonly remoteAddress: string | undefined;
  /** Destroys the socket: no further byte is read or written. */
  cut(): void;
  /** Calls once when the connection has ended, at once when it already has. */
  onClose(listener: () => void): void;
}

export interface Peer {
  /**
   * DER: the leaf, then the accepted CAs above it. A CA that only the client sent is not in it (nodejs/node#65579), and none is
   * needed: the CA of a domain issues its leaves directly (PROTOCOLS §1) and is among the accepted ones.
   */
  readonly certificateChain: readonly Uint8Array[];
}

export interface HttpRequest {
  readonly method: string;
  /** The one reading of the request path (see `parseTarget`), still percent-encoded. */
  readonly path: string;
  /** `path` and the query as sent; what is forwarded. */
  readonly target: string;
  readonly query: URLSearchParams;
  /** Lower-case names; a repeated field is joined or dropped by Node's rules, and only this view is forwarded. */
  readonly headers: Readonly<Record<string, string>>;
  readonly channel: string;
  readonly peer: Peer | undefined;
  readonly connection: Connection;
  /** Aborted when the client goes away before it has the whole answer. */
  readonly signal: AbortSignal;
  /** The whole body. Rejects with a `RequestErrorCode`, which the listener answers; the caller lets it pass. Once only. */
  body(lengthMax: number): Promise<Uint8Array>;
  /** The body as it arrives, failing like `body`. Once only, and not together with `body`. */
  stream(lengthMax: number): Readable;
}

export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

export interface HttpResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Bytes, or a stream whose failure breaks the connection so that nobody takes the part for the whole. */
  readonly body: Uint8Array | Readable;
}

export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export function jsonResponse(status: number, value: Json, headers: HeaderFields = {}): HttpResponse {
  return { status, headers: { "content-type": "application/json", ...headers }, body: utf8(canonicalJson(value)) };
}

export function bytesResponse(
  status: number,
  contentType: string,
  bytes: Uint8Array,
  headers: HeaderFields = {},
): HttpResponse {
  return { status, headers: { "content-type": contentType, ...headers }, body: bytes };
}

export function emptyResponse(status: number, headers: HeaderFields = {}): HttpResponse {
  return { status, headers, body: new Uint8Array(0) };
}

/** `{"error":{"code","message",…facts}}`, the shape of every refusal we send. */
export function refusalResponse(
  status: number,
  code: string,
  message: string,
  facts: Readonly<Record<string, Json>> = {},
  headers: HeaderFields = {},
): HttpResponse {
  return jsonResponse(status, { error: { ...facts, code, message } }, headers);
}
