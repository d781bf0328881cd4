import { chmodSync, lstatSync, mkdirSync, rmSync, type Stats, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { AdapterError, type Random } from "@vedette/base";
import { netError, reasonOf } from "./errors.ts";
import type { HttpHandler, HttpRequest } from "./http.ts";
import {
  type ConnectionProblem,
  httpServerOptions,
  LISTENER_LIMITS,
  type ListenerLimits,
  serve,
} from "./http-server.ts";
import { type CloseOptions, closerOf, listen } from "./listener.ts";

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

/** `sun_path` holds 108 bytes with its final zero (unix(7)). */
const PATH_LENGTH_MAX = 107;
/** Not root's only, not the group's, not the world's. */
const OTHERS = 0o077;

/**
 * HTTP/1.1 on a Unix socket for its owner alone (PROTOCOLS 5.5): folder 0700, socket 0600. The socket of a dead process is
 * replaced. Throws `AdapterError` NET_SOCKET_IN_USE, NET_SOCKET_UNSAFE, NET_LISTEN_FAILED.
 */
export async function listenUnix(options: UnixListenerOptions): Promise<UnixListener> {
  const { path } = options;
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  if (Buffer.byteLength(path) > PATH_LENGTH_MAX)
    throw netError("NET_SOCKET_UNSAFE", "socket path is too long", { path, lengthMax: PATH_LENGTH_MAX });
  preparePrivateFolder(dirname(path));
  const server = createServer(httpServerOptions(limits));
  serve(server, { ...options, limits });
  const close = closerOf(server);
  await listenOrReplace(() => listen(server, { path }), path);
  chmodSync(path, 0o600);
  return { path, close, [Symbol.asyncDispose]: () => close({ graceMs: 0 }) };
}

/** Makes the folder; one that exists is checked and never changed, because it may be somebody else's (`/tmp`). */
function preparePrivateFolder(folder: string): void {
  const { mode, uid } = makeFolder(folder);
  if ((mode & OTHERS) !== 0 || uid !== process.getuid?.())
    throw netError("NET_SOCKET_UNSAFE", "socket folder is not for its owner alone", {
      folder,
      mode: (mode & 0o777).toString(8),
    });
}

function makeFolder(folder: string): Stats {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return statSync(folder);
  } catch (cause) {
    throw netError(
      "NET_LISTEN_FAILED",
      "could not make the socket's folder",
      { folder, reason: reasonOf(cause) },
      cause,
    );
  }
}

async function listenOrReplace(start: () => Promise<void>, path: string): Promise<void> {
  try {
    await start();
  } catch (cause) {
    if (!(cause instanceof AdapterError) || cause.facts["reason"] !== "EADDRINUSE") throw cause;
    if (!lstatSync(path).isSocket() || (await isAnswering(path)))
      throw netError("NET_SOCKET_IN_USE", "socket path is taken", { path }, cause);
    rmSync(path);
    await start();
  }
}

/** False only when nobody listens; a socket that hangs or may not be opened counts as living. */
function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (cause) => resolve(reasonOf(cause) !== "ECONNREFUSED"));
  });
}
