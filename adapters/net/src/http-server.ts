import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { AdapterError, isJsonObject, type Random } from "@vedette/base";
import { createConnections } from "./connections.ts";
import { reasonOf } from "./errors.ts";
import { type Connection, type HttpHandler, type HttpRequest, type HttpResponse, refusalResponse } from "./http.ts";
import { parseTarget } from "./request-target.ts";
import { sendResponse } from "./send-response.ts";
import { ServedRequest } from "./served-request.ts";

export interface ListenerLimits {
  readonly connectionsMax: number;
  readonly handshakeMs: number;
  readonly headerMs: number;
  readonly headerLengthMax: number;
  readonly bodyMs: number;
  /** An idle keep-alive connection is closed after this. */
  readonly idleMs: number;
  /** A connection on which nothing moves, inside a request, is closed after this; streams send heartbeats. */
  readonly stallMs: number;
}

export const LISTENER_LIMITS: ListenerLimits = {
  // About 50 KB each at worst, so 128 MB.
  connectionsMax: 2_560,
  // Two round trips and a millisecond of CPU; slower ones are not ours.
  handshakeMs: 5_000,
  headerMs: 5_000,
  // Node's own default; our headers are below 2 KiB.
  headerLengthMax: 16_384,
  bodyMs: 30_000,
  // Longer than a renewal interval of a device, so that its connection lives from one to the next.
  idleMs: 65_000,
  // Eight heartbeats of an event stream.
  stallMs: 120_000,
};

/** Something went wrong before there was a request with a principal: for counters, never for the journal (PROTOCOLS 6.3). */
export interface ConnectionProblem {
  readonly code:
    | "CONNECTIONS_FULL"
    | "TLS_REFUSED"
    | "TLS_RESUMED"
    | "HTTP_MALFORMED"
    | "HTTP_HEADERS_TOO_LARGE"
    | "HTTP_REQUEST_TIMEOUT";
  readonly reason: string;
}

export interface ServerDeps {
  readonly handler: HttpHandler;
  readonly random: Random;
  readonly limits: ListenerLimits;
  readonly onConnectionError: (problem: ConnectionProblem) => void;
  readonly onHandlerError: (error: unknown, request: HttpRequest) => void;
}

export function httpServerOptions(limits: ListenerLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerLengthMax,
    headersTimeout: limits.headerMs,
    // `body()` has the better answer for a slow body; this catches what nobody reads.
    requestTimeout: limits.headerMs + limits.bodyMs + CHECK_INTERVAL_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: limits.idleMs,
  };
}
/** How late Node may notice a request that takes too long. */
const CHECK_INTERVAL_MS = 1_000;

/** Answers requests of a server by the handler; whatever goes wrong there becomes a typed refusal, never a stack on the wire. */
export function serve(server: Server | TlsServer, deps: ServerDeps): void {
  const connectionOf = createConnections(deps.random);
  const answering = new WeakMap<Duplex, number>();
  const count = (socket: Duplex, change: number) => answering.set(socket, (answering.get(socket) ?? 0) + change);
  server.maxConnections = deps.limits.connectionsMax;
  server.timeout = deps.limits.stallMs;
  server.on("request", (message, response) => {
    const { socket } = message;
    count(socket, 1);
    response.once("close", () => count(socket, -1));
    void answer(message, response, connectionOf(socket), deps);
  });
  server.on("drop", () =>
    deps.onConnectionError({ code: "CONNECTIONS_FULL", reason: `${deps.limits.connectionsMax}` }),
  );
  server.on("clientError", (error: Error, socket: Duplex) => {
    refuseConnection(error, socket, (answering.get(socket) ?? 0) > 0, deps.onConnectionError);
  });
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
  deps: ServerDeps,
): Promise<void> {
  const request = requestOf(message, response, connection, deps.limits);
  const answered = "status" in request ? request : await callHandler(request, deps);
  try {
    await sendResponse(message, response, answered);
  } catch (error) {
    // The client went away or the stream behind the answer failed; a broken connection says so to whoever is left. Before the
    // first byte it is an answer that cannot be sent, and a bug of the handler.
    if (!response.headersSent && !("status" in request)) deps.onHandlerError(error, request);
    response.destroy();
  }
}

/** The request, or the refusal of one that has no single reading. */
function requestOf(
  message: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
  limits: ListenerLimits,
): HttpRequest | HttpResponse {
  const target = parseTarget(message.url ?? "");
  if (!target.ok)
    return refusalResponse(400, target.error.code, "request target has no single reading", {
      reason: target.error.reason,
    });
  // RFC 9112 §3.2: more than one Host field is refused.
  if (countHosts(message.rawHeaders) > 1) return refusalResponse(400, "HTTP_MALFORMED", "more than one host field");
  return new ServedRequest(message, response, target.value, connection, limits.bodyMs);
}

/** Names and values in turn, as they came; Node's own view of them shows one Host only. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === "host") count++;
  return count;
}

async function callHandler(request: HttpRequest, deps: ServerDeps): Promise<HttpResponse> {
  try {
    return await deps.handler(request);
  } catch (error) {
    const known = requestFailure(error);
    if (known) return known;
    deps.onHandlerError(error, request);
    // The facts of a failing adapter are ours (paths, host names): the other side gets the code alone.
    if (error instanceof AdapterError) return refusalResponse(503, error.code, error.message, {}, RETRY_LATER);
    return refusalResponse(500, "INTERNAL", "the request could not be answered");
  }
}
const RETRY_LATER = { "retry-after": "1" };

function requestFailure(error: unknown): HttpResponse | undefined {
  if (!(error instanceof AdapterError) || !isJsonObject(error.facts)) return undefined;
  switch (error.code) {
    case "HTTP_BODY_TOO_LARGE":
      return refusalResponse(413, error.code, error.message, error.facts, CLOSE);
    case "HTTP_BODY_TIMEOUT":
      return refusalResponse(408, error.code, error.message, error.facts, CLOSE);
    case "HTTP_BODY_ABORTED":
      return refusalResponse(400, error.code, error.message, error.facts, CLOSE);
    default:
      return undefined;
  }
}

/** RFC 9110 §15.5.9, §15.5.14: after a body that was not read whole the connection is of no use. */
const CLOSE = { connection: "close" };

/** Not HTTP, too slow or too large before a request could be made of it. */
function refuseConnection(
  error: Error,
  socket: Duplex,
  isAnswering: boolean,
  onConnectionError: ServerDeps["onConnectionError"],
): void {
  const reason = reasonOf(error);
  const [status, code] = refusalByReason[reason] ?? (["400 Bad Request", "HTTP_MALFORMED"] as const);
  // A client that left is no problem of the protocol; and into an answer that has begun no second one is written.
  const isSilent = reason === "ECONNRESET" || reason === "EPIPE";
  if (!isSilent) onConnectionError({ code, reason });
  if (isSilent || isAnswering || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = `{"error":{"code":"${code}","message":"the request could not be read"}}`;
  const head = `connection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`, () => socket.destroy());
}
const refusalByReason: Readonly<Record<string, readonly [string, ConnectionProblem["code"]]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "HTTP_HEADERS_TOO_LARGE"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "HTTP_REQUEST_TIMEOUT"],
};
