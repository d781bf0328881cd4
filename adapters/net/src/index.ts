export { afterFailure, BACKOFF_POLICY, type Backoff, type BackoffPolicy, chanceOf, RESTED } from "./backoff.ts";
export type { TlsCertificate } from "./certificates.ts";
export {
  CLIENT_LIMITS,
  type ClientAnswer,
  type ClientLimits,
  type HttpClient,
  type HttpRequester,
  type RequestExtras,
  type StreamedAnswer,
} from "./client.ts";
export { connectTls, connectUnix, type ServerAnchors, type TlsClientOptions } from "./connect.ts";
export {
  type BoundPrincipal,
  type ConnectionLedger,
  createConnectionLedger,
  LEDGER_CONNECTIONS_MAX,
  type LedgerCounts,
} from "./connection-ledger.ts";
export type { ListenErrorCode, NetErrorCode, RequestErrorCode } from "./errors.ts";
export { createEventHub, EVENT_HUB_LIMITS, type EventHub, type EventHubLimits, type ServerEvent } from "./event-hub.ts";
export type { ReceivedEvent } from "./event-parser.ts";
export {
  createForwarder,
  FORWARD_LIMITS,
  type Forwarder,
  type ForwardLimits,
  type ForwardOptions,
  type Upstream,
  type UpstreamError,
} from "./forward.ts";
export {
  HELD_DOCUMENT_LIMITS,
  type HeldDocumentLimits,
  type HeldDocumentOptions,
  HeldDocuments,
  type TaggedDocument,
} from "./held-document.ts";
export {
  bytesResponse,
  type Connection,
  emptyResponse,
  type HeaderFields,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  type Peer,
  refusalResponse,
} from "./http.ts";
export { type ConnectionProblem, LISTENER_LIMITS, type ListenerLimits } from "./http-server.ts";
export type { CloseOptions } from "./listener.ts";
export { createRouter, type PathParameters, type Route, type RouteHandler, route } from "./router.ts";
export type { ExpectedServer } from "./server-identity.ts";
export { listenSocket, type SocketListenerOptions } from "./socket-listener.ts";
export { type ClientAuthorities, listenTls, type TlsListener, type TlsListenerOptions } from "./tls-listener.ts";
export { listenUnix, type UnixListener, type UnixListenerOptions } from "./unix-listener.ts";
export { WATCH_SILENCE_MS, type WatchOptions, watch } from "./watch.ts";
