import { createServer } from "node:http";
import type { Random } from "@vedette/base";
import type { HttpHandler, HttpRequest } from "./http.ts";
import {
  type ConnectionProblem,
  httpServerOptions,
  LISTENER_LIMITS,
  type ListenerLimits,
  serve,
} from "./http-server.ts";
import { type CloseOptions, closerOf } from "./listener.ts";
import { listenPrivately } from "./private-socket.ts";

export interface UnixListenerOptions {
  readonly path: string;
  readonly handler: HttpHandler;
  readonly random: Random;
  readonly limits?: Partial<ListenerLimits>;
  readonly onConnectionError: (problem: ConnectionProblem) => void;
  readonly onHandlerError: (error: unknown, request: HttpRequest) => void;
}

export interface UnixListener extends AsyncDisposable {
  readonly path: string;
  close(options?: CloseOptions): Promise<void>;
}

/**
 * HTTP/1.1 on a Unix socket for its owner alone (PROTOCOLS 5.5): folder 0700, socket 0600. The socket of a dead process is
 * replaced. Throws `AdapterError` NET_SOCKET_IN_USE, NET_SOCKET_UNSAFE, NET_LISTEN_FAILED.
 */
export async function listenUnix(options: UnixListenerOptions): Promise<UnixListener> {
  const { path } = options;
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  const server = createServer(httpServerOptions(limits));
  serve(server, { ...options, limits });
  const close = closerOf(server);
  await listenPrivately(server, path);
  return { path, close, [Symbol.asyncDispose]: () => close({ graceMs: 0 }) };
}
