import { X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { assert, type Random } from "@vedette/base";
import { parsePem } from "@vedette/x509";
import { isSelfSigned, secureOptions, type TlsCertificate } from "./certificates.ts";
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

/**
 * Which client certificates pass the handshake: none is asked for, or one under these CAs is required. Node's server builds every
 * path up to a self-signed root, so `pems` hold the CA of the domain and those above it. That lets other domains under the
 * same root shake hands: which domain a principal belongs to is for `principalOf` to judge, on each request.
 */
export type ClientAuthorities = "none" | { readonly pems: readonly string[]; readonly required: true };

export interface TlsListenerOptions {
  readonly certificate: TlsCertificate;
  readonly clientCa: ClientAuthorities;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly handler: HttpHandler;
  readonly random: Random;
  readonly limits?: Partial<ListenerLimits>;
  /** Failures before there is a principal; for counters. */
  readonly onConnectionError: (problem: ConnectionProblem) => void;
  /** What a handler threw; the client got 503 (`AdapterError`) or 500. */
  readonly onHandlerError: (error: unknown, request: HttpRequest) => void;
}

export interface TlsListener extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /**
   * From the next handshake on; open connections live on with the old one. Client authorities stay as they are unless given.
   * Throws `AdapterError` NET_CERTIFICATE_INVALID and keeps the old one.
   */
  swapCertificate(next: TlsCertificate, clientCa?: ClientAuthorities): void;
  close(options?: CloseOptions): Promise<void>;
}

/**
 * HTTP/1.1 over TLS 1.3 without resumption (PROTOCOLS 3.2). The handshake proves possession and a path to an anchor; who the
 * peer is and whether it still may is judged on every request, from `request.peer`.
 */
export async function listenTls(options: TlsListenerOptions): Promise<TlsListener> {
  const { certificate, clientCa, host, port, onConnectionError } = options;
  const limits = { ...LISTENER_LIMITS, ...options.limits };
  let anchors = anchorsOf(clientCa);
  const server = createServer({
    ...httpServerOptions(limits),
    ...secureOptions(certificate, anchors),
    requestCert: clientCa !== "none",
    rejectUnauthorized: true,
    handshakeTimeout: limits.handshakeMs,
    ALPNProtocols: ["http/1.1"],
  });
  serve(server, { ...options, limits });
  // Node's own listener passes a failed handshake on as a malformed request.
  server.removeAllListeners("tlsClientError");
  server.on("tlsClientError", (error, socket) => {
    // A certificate that does not verify ends as a closed socket; why is noted beside it.
    onConnectionError({ code: "TLS_REFUSED", reason: socket.authorizationError?.toString() ?? reasonOf(error) });
    socket.destroy();
  });
  server.on("secureConnection", (socket) => refuseResumed(socket, onConnectionError));
  const close = closerOf(server);
  await listen(server, { host, port });
  const bound = (server.address() as AddressInfo).port;
  return {
    port: bound,
    url: `https://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    swapCertificate: (next, nextCa) => {
      // Whether a client certificate is asked for belongs to the listener; only its anchors change.
      assert(
        !nextCa || (nextCa === "none") === (clientCa === "none"),
        "a listener keeps asking for client certificates or never does",
      );
      const nextAnchors = nextCa ? anchorsOf(nextCa) : anchors;
      server.setSecureContext(secureOptions(next, nextAnchors));
      anchors = nextAnchors;
    },
    close,
    [Symbol.asyncDispose]: () => close({ graceMs: 0 }),
  };
}

function anchorsOf(clientCa: ClientAuthorities): readonly string[] | undefined {
  if (clientCa === "none") return undefined;
  const certificates = clientCa.pems.map(parsePem).flatMap((parsed) => (parsed.ok ? parsed.value : []));
  if (!certificates.some((der) => isSelfSigned(new X509Certificate(der))))
    throw netError("NET_CERTIFICATE_INVALID", "client authorities hold no self-signed root", {
      count: certificates.length,
    });
  return clientCa.pems;
}

/** A resumed session skips the check of the client's certificate. Our options rule it out; should it happen, it is not served. */
function refuseResumed(socket: TLSSocket, onConnectionError: TlsListenerOptions["onConnectionError"]): void {
  if (!socket.isSessionReused()) return;
  onConnectionError({ code: "TLS_RESUMED", reason: "session resumption is off" });
  socket.destroy();
}
