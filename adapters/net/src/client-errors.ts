import type { ClientRequest } from "node:http";
import { TLSSocket } from "node:tls";
import { AdapterError } from "@vedette/base";
import { netError, reasonOf } from "./errors.ts";

/** How far a request's connection had come when something went wrong. */
export type Phase =
  | "connecting"
  /** The first request on this connection. */
  | "fresh"
  | "reused";

/** Watches a request's socket; the returned function tells the phase. `onReady` is called when connecting (with TLS) is over. */
export function watchPhase(outgoing: ClientRequest, onReady: () => void): () => Phase {
  let phase: Phase = "connecting";
  const finish = (reached: Phase) => {
    phase = reached;
    onReady();
  };
  outgoing.once("socket", (socket) => {
    if (outgoing.reusedSocket) finish("reused");
    else if (socket instanceof TLSSocket) socket.once("secureConnect", () => finish("fresh"));
    else if (socket.connecting) socket.once("connect", () => finish("fresh"));
    else finish("fresh");
  });
  return () => phase;
}

/**
 * Gives a failure of Node's client our code. `isIdentified`: we presented a certificate; a server that then closes a fresh connection
 * without an answer has refused it. TLS 1.3 has no other sign when the server gives no alert (RFC 8446 §4.4: the client's side of
 * the handshake is over by then), and Node's server gives none. A server that dies in this moment looks the same.
 */
export function clientErrorOf(cause: unknown, phase: Phase, isIdentified: boolean): AdapterError {
  if (cause instanceof AdapterError) return cause;
  const reason = reasonOf(cause);
  if (reason.startsWith("HPE_")) return netError("NET_PROTOCOL", "the answer is not HTTP", { reason }, cause);
  if (
    reason.startsWith("ERR_SSL_") ||
    reason.startsWith("ERR_TLS_") ||
    (phase === "connecting" && !UNREACHABLE.has(reason))
  )
    return netError("NET_TLS_REFUSED", "the TLS handshake was refused", { reason }, cause);
  if (phase === "fresh" && isIdentified && CLOSED.has(reason))
    return netError(
      "NET_TLS_REFUSED",
      "the server closed the connection over our certificate",
      { reason: "CLOSED_AFTER_HANDSHAKE" },
      cause,
    );
  return netError("NET_UNREACHABLE", "the server cannot be reached", { reason }, cause);
}

const CLOSED: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);
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
