import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  request as openRequest,
  type RequestOptions,
} from "node:http";
import type { Readable } from "node:stream";
import { AdapterError, concatBytes } from "@vedette/base";
import { clientErrorOf, watchPhase } from "./client-errors.ts";
import { netError } from "./errors.ts";

export interface ClientLimits {
  /** TCP, TLS and the check of the server. */
  readonly connectMs: number;
  /** The whole exchange, to the last byte of the answer. */
  readonly answerMs: number;
  readonly answerLengthMax: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  connectMs: 5_000,
  answerMs: 30_000,
  // The largest answer is a policy bundle (16 MiB).
  answerLengthMax: 16_777_216,
};

export interface RequestExtras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  readonly limits?: Partial<ClientLimits>;
}

export interface ClientAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface StreamedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Unlimited in length and time; whoever reads it bounds both. */
  readonly body: Readable;
}

/** Every rejection is an `AdapterError` with a `NetErrorCode`; a status, whatever it says, is an answer. */
export interface HttpRequester {
  request(method: string, path: string, extras?: RequestExtras): Promise<ClientAnswer>;
}

export interface HttpClient extends HttpRequester, Disposable {
  /** The head of the answer as soon as it is there; `answerMs` bounds the wait for it. */
  open(method: string, path: string, extras?: RequestExtras): Promise<StreamedAnswer>;
  /**
   * Runs `use` with a requester whose requests all travel on one connection of its own, closed afterwards (PROTOCOLS 2.5). If that
   * connection ends early the next request fails NET_UNREACHABLE; it never moves to another one.
   */
  withConnection<T>(use: (connection: HttpRequester) => Promise<T>): Promise<T>;
  /** Ends all connections, used ones too. */
  close(): void;
}

/** How a client reaches its server: options for Node's request, with an agent that keeps connections. */
export interface Transport {
  readonly agent: Agent;
  readonly options: RequestOptions;
  /** It presents a certificate of ours. */
  readonly isIdentified: boolean;
}

export interface TransportMaker {
  /** Resolved once and reused; a rejection is not kept. */
  shared(): Promise<Transport>;
  /** A transport that opens one connection and no second one. */
  single(): Promise<Transport>;
  close(): void;
}

export function createClient(transports: TransportMaker, limits: ClientLimits): HttpClient {
  return {
    request: async (method, path, extras) => requestOn(await transports.shared(), method, path, limits, extras),
    open: async (method, path, extras = {}) => {
      const { answer, done } = await openOn(
        await transports.shared(),
        method,
        path,
        { ...limits, ...extras.limits },
        extras,
      );
      done();
      return { status: answer.statusCode ?? 0, headers: headersOf(answer), body: answer };
    },
    withConnection: async (use) => {
      const transport = await transports.single();
      try {
        return await use({ request: (method, path, extras) => requestOn(transport, method, path, limits, extras) });
      } finally {
        transport.agent.destroy();
      }
    },
    close: () => transports.close(),
    [Symbol.dispose]: () => transports.close(),
  };
}

async function requestOn(
  transport: Transport,
  method: string,
  path: string,
  defaults: ClientLimits,
  extras: RequestExtras = {},
): Promise<ClientAnswer> {
  const limits = { ...defaults, ...extras.limits };
  const { answer, done } = await openOn(transport, method, path, limits, extras);
  try {
    return { status: answer.statusCode ?? 0, headers: headersOf(answer), body: await readAnswer(answer, limits) };
  } catch (cause) {
    throw clientErrorOf(cause, "reused", false);
  } finally {
    done();
  }
}

interface OpenAnswer {
  readonly answer: IncomingMessage;
  /** Stops the clock of the exchange. */
  done(): void;
}

async function openOn(
  transport: Transport,
  method: string,
  path: string,
  limits: ClientLimits,
  extras: RequestExtras,
): Promise<OpenAnswer> {
  const { headers = {}, body, signal } = extras;
  const length = body ? { "content-length": body.length } : {};
  const outgoing = openRequest({
    ...transport.options,
    agent: transport.agent,
    method,
    path,
    headers: { ...headers, ...length },
    ...(signal && { signal }),
  });
  // Destroying the answer tells its reader why; destroying the request would tell it only that the connection broke.
  let target: ClientRequest | IncomingMessage = outgoing;
  const expire = (phase: string, timeoutMs: number) =>
    setTimeout(() => {
      target.destroy(netError("NET_TIMEOUT", "no answer in time", { phase, timeoutMs }));
    }, timeoutMs);
  const answerTimer = expire("answer", limits.answerMs);
  const connectTimer = expire("connect", Math.min(limits.connectMs, limits.answerMs));
  const phase = watchPhase(outgoing, () => clearTimeout(connectTimer));
  try {
    const answer = await headOf(outgoing, body);
    target = answer;
    return { answer, done: () => clearTimeout(answerTimer) };
  } catch (cause) {
    clearTimeout(answerTimer);
    throw clientErrorOf(cause, phase(), transport.isIdentified);
  } finally {
    clearTimeout(connectTimer);
  }
}

function headOf(outgoing: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    // After the head, errors reach the reader through the answer itself.
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function readAnswer(answer: IncomingMessage, { answerLengthMax }: ClientLimits): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer) {
    if (!(part instanceof Uint8Array)) throw new AdapterError("NET_PROTOCOL", "answer is no bytes");
    length += part.length;
    if (length > answerLengthMax)
      throw netError("NET_PROTOCOL", "answer is larger than its limit", {
        reason: "ANSWER_TOO_LARGE",
        answerLengthMax,
      });
    parts.push(part);
  }
  return concatBytes(...parts);
}

function headersOf(answer: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(answer.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return headers;
}
