import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Socket, Server as SocketServer } from "node:net";
import { netError, reasonOf } from "./errors.ts";

/** How long `close` lets running requests finish when nothing else is said: below the ten seconds of most supervisors. */
const CLOSE_GRACE_MS = 5_000;

export interface CloseOptions {
  /** After this, what still runs is cut. Event streams are cut then too. */
  readonly graceMs?: number;
}

type Server = HttpServer | HttpsServer | SocketServer;

/** Starts listening. Throws `AdapterError` NET_LISTEN_FAILED. */
export async function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(where, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    throw netError("NET_LISTEN_FAILED", "could not listen", { ...where, reason: reasonOf(cause) }, cause);
  }
}

/** Returns a `close` for this server: no new connections, idle ones end, running ones get the grace, then everything is cut. */
export function closerOf(server: Server): (options?: CloseOptions) => Promise<void> {
  // Also holds sockets whose TLS handshake is under way, which Node's HTTP part does not know yet.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return ({ graceMs = CLOSE_GRACE_MS } = {}) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      if ("closeIdleConnections" in server) server.closeIdleConnections();
    });
}
