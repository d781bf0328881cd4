import type { ClientRequest } from "node:http";
import { TLSSocket } from "node:tls";
import { AdapterError } from "@vedette/base";
import { netError, reasonOf } from "./errors.ts";

/**
 * Watches a request's socket. The returned function says whether its connection (with TLS: its handshake) was complete; `onReady`
 * is called at that moment.
 */
export function watchHandshake(outgoing: ClientRequest, onReady: () => void): () => boolean {
  let isOver = false;
  const finish = () => {
    isOver = true;
    onReady();
  };
  outgoing.once("socket", (socket) => {
    const isTls = socket instanceof TLSSocket;
    if (outgoing.reusedSocket || (!isTls && !socket.connecting)) finish();
    else socket.once(isTls ? "secureConnect" : "connect", finish);
  });
  return () => isOver;
}

/** Gives a failure of Node's client our code. `isConnected`: the handshake was complete. */
export function clientErrorOf(cause: unknown, isConnected: boolean): AdapterError {
  if (cause instanceof AdapterError) return cause;
  const reason = reasonOf(cause);
  if (reason.startsWith("HPE_")) return netError("NET_PROTOCOL", "the answer is not HTTP", { reason }, cause);
  // In TLS 1.3 a server refuses a client's certificate after the client's side of the handshake is done (RFC 8446 §4.4).
  if (isTlsReason(reason) || (!isConnected && !UNREACHABLE.has(reason)))
    return netError("NET_TLS_REFUSED", "the TLS handshake was refused", { reason }, cause);
  return netError("NET_UNREACHABLE", "the server cannot be reached", { reason }, cause);
}

function isTlsReason(reason: string): boolean {
  return reason.startsWith("ERR_SSL_") || reason.startsWith("ERR_TLS_");
}

/** System errors of a connection that never came to TLS or broke; everything else before the end of the handshake is a refusal. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  "ABORT_ERR",
  "EACCES",
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);
