import { AdapterError } from "@vedette/base";

/** Codes of the `AdapterError`s that a client throws. Each leads to another step: wait, retry, alarm, report a bug. */
export type NetErrorCode =
  /** Nobody answers there, or the connection broke: wait and retry. Fact `reason`. */
  | "NET_UNREACHABLE"
  /** Fact `phase`: "connect" or "answer". */
  | "NET_TIMEOUT"
  /** One side refused the other's certificate or the handshake. Never retried blindly. Fact `reason`. */
  | "NET_TLS_REFUSED"
  /** Not HTTP, or an answer beyond its limit. Fact `reason`. */
  | "NET_PROTOCOL";

/** Codes of the `AdapterError`s that opening a listener or a client throws. */
export type ListenErrorCode =
  /** Certificate, key or CA do not load or do not belong together. */
  | "NET_CERTIFICATE_INVALID"
  | "NET_LISTEN_FAILED"
  /** A living process listens on this Unix socket. */
  | "NET_SOCKET_IN_USE"
  /** The socket's folder is open to others, or the path is too long. */
  | "NET_SOCKET_UNSAFE";

/** Codes of the `AdapterError`s that reading a request throws; the listener answers them with 413, 408 and silence. */
export type RequestErrorCode = "HTTP_BODY_TOO_LARGE" | "HTTP_BODY_TIMEOUT" | "HTTP_BODY_ABORTED";

export function netError(
  code: NetErrorCode | ListenErrorCode,
  message: string,
  facts: Readonly<Record<string, unknown>>,
  cause?: unknown,
): AdapterError {
  return new AdapterError(code, message, facts, cause);
}

export function requestError(code: RequestErrorCode, facts: Readonly<Record<string, unknown>>): AdapterError {
  return new AdapterError(code, messageByCode[code], facts);
}
const messageByCode: Readonly<Record<RequestErrorCode, string>> = {
  HTTP_BODY_TOO_LARGE: "request body is larger than its limit",
  HTTP_BODY_TIMEOUT: "request body took too long",
  HTTP_BODY_ABORTED: "request body ended early",
};

/** Node's `code`, such as ECONNREFUSED or ERR_SSL_…, or the error's name. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "unknown";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.name;
}
