import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { hex, type Random } from "@vedette/base";
import { certificateChainOf } from "./certificates.ts";
import type { Connection } from "./http.ts";

/** 128 bits: never guessed, never met twice. */
const CHANNEL_LENGTH = 16;

/** Gives each socket its `Connection`, made at the first request and kept for the socket's life. */
export function createConnections(random: Random): (socket: Socket) => Connection {
  const bySocket = new WeakMap<Socket, Connection>();
  return (socket) => {
    const known = bySocket.get(socket);
    if (known) return known;
    const connection = connectionOf(socket, random);
    bySocket.set(socket, connection);
    return connection;
  };
}

function connectionOf(socket: Socket, random: Random): Connection {
  const certificateChain = socket instanceof TLSSocket ? certificateChainOf(socket) : [];
  return {
    channel: hex(random.bytes(CHANNEL_LENGTH)),
    peer: certificateChain.length > 0 ? { certificateChain } : undefined,
    remoteAddress: plainAddress(socket.remoteAddress),
    cut: () => socket.destroy(),
    onClose: (listener) => {
      if (socket.closed) listener();
      else socket.once("close", listener);
    },
  };
}

/** An IPv4 client of a dual-stack listener appears as `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2); policies write `192.0.2.1`. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}
