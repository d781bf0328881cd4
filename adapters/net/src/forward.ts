import { Agent, type ClientRequest, type IncomingMessage, request as openRequest } from "node:http";
import type { Readable } from "node:stream";
import { AdapterError, err, ok, type Result } from "@vedette/base";
import { reasonOf } from "./errors.ts";
import type { HeaderFields, HttpRequest, HttpResponse } from "./http.ts";

/** A plain HTTP service behind the gateway, on this machine or on a wire that is protected otherwise. */
export type Upstream = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** `isSent`: a byte of the request may have reached the upstream, so that nobody can say any more that it had no effect. */
export type UpstreamError = { readonly isSent: boolean } & (
  | { readonly code: "UPSTREAM_UNREACHABLE"; readonly reason: string }
  | { readonly code: "UPSTREAM_TIMEOUT"; readonly timeoutMs: number }
  | { readonly code: "UPSTREAM_PROTOCOL"; readonly reason: string }
  /** The client went away (`ABORT_ERR`), or its body failed with a `RequestErrorCode`. */
  | { readonly code: "UPSTREAM_ABORTED"; readonly reason: string }
);

export interface ForwardOptions {
  /** The body when it was read already; otherwise it is streamed from the request. */
  readonly body?: Uint8Array;
  /** Lower-case names; a final `*` drops a family (`x-vedette-*`). Hop-by-hop fields and names with `_` always go. */
  readonly headersToDrop?: readonly string[];
  /** Put in after dropping, so that no client can set or remove them. */
  readonly headersToAdd?: HeaderFields;
  readonly limits?: Partial<ForwardLimits>;
}

export interface ForwardLimits {
  readonly bodyLengthMax: number;
  /** From the start to the first byte of the answer. */
  readonly answerMs: number;
  /** Between two pieces of the answer. */
  readonly stallMs: number;
}

export const FORWARD_LIMITS: ForwardLimits = {
  // Firmware images and video go elsewhere.
  bodyLengthMax: 16_777_216,
  answerMs: 10_000,
  stallMs: 30_000,
};

/** Connections per upstream: more than a small service has workers, fewer than would drown it. */
const UPSTREAM_CONNECTIONS_MAX = 64;

export interface Forwarder extends Disposable {
  /**
   * Sends the request on and returns the upstream's answer as a stream. A failure on either side is a value. Only what
   * `HttpRequest.stream` throws before a byte left is thrown on, for the listener to answer: thrown means nothing was sent.
   * Interim answers, trailers and upgrades are not passed on.
   */
  forward(
    request: HttpRequest,
    upstream: Upstream,
    options?: ForwardOptions,
  ): Promise<Result<HttpResponse, UpstreamError>>;
  close(): void;
}

export function createForwarder(): Forwarder {
  const agent = new Agent({ keepAlive: true, maxSockets: UPSTREAM_CONNECTIONS_MAX });
  const close = () => agent.destroy();
  return {
    forward: async (request, upstream, options = {}) => {
      const first = await attempt(agent, request, upstream, options);
      return first === "STALE" ? repeated(await attempt(agent, request, upstream, options)) : first;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** The upstream closed a kept connection just as we used it. Safe to repeat when it has no effect and its body is at hand. */
type Attempt = Result<HttpResponse, UpstreamError> | "STALE";

/** The first try was written to a connection; that it was read there is unlikely, and not impossible. */
function repeated(second: Attempt): Result<HttpResponse, UpstreamError> {
  if (second === "STALE") return err({ code: "UPSTREAM_UNREACHABLE", reason: "ECONNRESET", isSent: true });
  return second.ok ? second : err({ ...second.error, isSent: true });
}

async function attempt(
  agent: Agent,
  request: HttpRequest,
  upstream: Upstream,
  options: ForwardOptions,
): Promise<Attempt> {
  const limits = { ...FORWARD_LIMITS, ...options.limits };
  const body = options.body ?? (declaresBody(request) ? request.stream(limits.bodyLengthMax) : undefined);
  const outgoing = openRequest({
    agent,
    ...upstream,
    method: request.method,
    path: request.target,
    signal: request.signal,
  });
  const isSent = watchSending(outgoing);
  const headers = { ...headersToSend(request, options), ...framing(request, options.body) };
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
  const timer = setTimeout(() => outgoing.destroy(new UpstreamSilence()), limits.answerMs);
  try {
    const answer = await exchange(outgoing, body);
    answer.setTimeout(limits.stallMs, () => answer.destroy());
    return ok({ status: answer.statusCode ?? 502, headers: withoutHopByHop(answer.headers), body: answer });
  } catch (cause) {
    const reason = cause instanceof AdapterError ? cause.code : reasonOf(cause);
    if (outgoing.reusedSocket && reason === "ECONNRESET" && isRepeatable(request, body)) return "STALE";
    if (cause instanceof AdapterError && !isSent()) throw cause;
    return err({ ...describeFailure(cause, reason, limits), isSent: isSent() });
  } finally {
    clearTimeout(timer);
  }
}

function describeFailure(cause: unknown, reason: string, { answerMs }: ForwardLimits) {
  if (cause instanceof UpstreamSilence) return { code: "UPSTREAM_TIMEOUT", timeoutMs: answerMs } as const;
  if (cause instanceof AdapterError || reason === "ABORT_ERR") return { code: "UPSTREAM_ABORTED", reason } as const;
  if (reason.startsWith("HPE_")) return { code: "UPSTREAM_PROTOCOL", reason } as const;
  return { code: "UPSTREAM_UNREACHABLE", reason } as const;
}

/** The returned function tells whether something was written to an established connection. */
function watchSending(outgoing: ClientRequest): () => boolean {
  let isSent = () => false;
  outgoing.once("socket", (socket) => {
    const before = socket.bytesWritten;
    const watch = () => {
      // Counts what waits in the kernel or in Node as well: too careful by a little, never too bold.
      isSent = () => socket.bytesWritten > before;
    };
    if (socket.connecting) socket.once("connect", watch);
    else watch();
  });
  return () => isSent();
}

class UpstreamSilence extends Error {
  override readonly name = "UpstreamSilence";
}

/** Resolves with the head of the answer; rejects with what broke first, on either side. */
function exchange(outgoing: ClientRequest, body: Readable | Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    // Later errors have no listener left to tell; the answer's own stream reports them.
    outgoing.on("error", reject);
    if (!body || body instanceof Uint8Array) {
      outgoing.end(body);
      return;
    }
    body.once("error", (cause) => {
      reject(cause);
      outgoing.destroy();
    });
    body.pipe(outgoing);
  });
}

/** RFC 9110 §9.2.2, the safe ones only. */
function isRepeatable(request: HttpRequest, body: Readable | Uint8Array | undefined): boolean {
  return (request.method === "GET" || request.method === "HEAD") && (!body || body instanceof Uint8Array);
}

function declaresBody(request: HttpRequest): boolean {
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}

/** The framing is ours, never the client's: that is what request smuggling lives on. */
function framing(request: HttpRequest, body: Uint8Array | undefined): HeaderFields {
  if (body) return { "content-length": `${body.length}` };
  if (request.headers["transfer-encoding"] !== undefined) return { "transfer-encoding": "chunked" };
  const length = request.headers["content-length"];
  return length === undefined ? {} : { "content-length": length };
}

function headersToSend(request: HttpRequest, options: ForwardOptions): HeaderFields {
  const dropped = [...(options.headersToDrop ?? []), "content-length", "expect", "host"];
  // CGI and WSGI read X_Vedette_Subject as X-Vedette-Subject (RFC 3875 §4.1.18).
  const isDropped = (name: string) =>
    name.includes("_") ||
    dropped.some((each) => (each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : name === each));
  const kept = Object.entries(withoutHopByHop(request.headers)).filter(([name]) => !isDropped(name));
  return { ...Object.fromEntries(kept), ...options.headersToAdd };
}

/** RFC 9110 §7.6.1: fields of this connection only, and those that Connection names. */
export function withoutHopByHop(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): HeaderFields {
  const named = `${headers["connection"] ?? ""}`.split(",").map((name) => name.trim().toLowerCase());
  const kept: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name) && !named.includes(name)) kept[name] = value;
  }
  return kept;
}
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "proxy-authenticate",
  "proxy-authorization",
]);
