import { createServer, type Socket } from "node:net";
import { type CloseOptions, closerOf } from "./listener.ts";
import { listenPrivately } from "./private-socket.ts";
import type { UnixListener } from "./unix-listener.ts";

export interface SocketListenerOptions {
  readonly path: string;
  readonly connectionsMax: number;
  /** Owns the socket from here on, its errors and its end included. */
  readonly onConnection: (socket: Socket) => void;
  /** One more came than may be open. */
  readonly onDropped: () => void;
}

/** A private Unix socket for a protocol of the caller's own; where it lies and who may reach it is as with `listenUnix`. */
export async function listenSocket(options: SocketListenerOptions): Promise<UnixListener> {
  const { path, connectionsMax, onConnection, onDropped } = options;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  server.maxConnections = connectionsMax;
  server.on("drop", onDropped);
  const close = closerOf(server);
  await listenPrivately(server, path);
  return {
    path,
    close: (closing?: CloseOptions) => close(closing),
    [Symbol.asyncDispose]: () => close({ graceMs: 0 }),
  };
}
