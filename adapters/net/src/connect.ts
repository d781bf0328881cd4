import { Agent } from "node:http";
import { Agent as TlsAgent, type AgentOptions as TlsAgentOptions } from "node:https";
import { isIP } from "node:net";
import { assert } from "@vedette/base";
import { secureOptions, type TlsCertificate } from "./certificates.ts";
import {
  CLIENT_LIMITS,
  type ClientLimits,
  createClient,
  type HttpClient,
  type Transport,
  type TransportMaker,
} from "./client.ts";
import { clientErrorOf } from "./client-errors.ts";
import { netError } from "./errors.ts";
import { checkServer, type ExpectedServer, fetchPinnedRoot } from "./server-identity.ts";

/** What the server's chain must end in: these certificates (PEM), or a self-signed root with this SHA-256 (hexadecimal). */
export type ServerAnchors = { readonly roots: readonly string[] } | { readonly pinnedRoot: string };

export interface TlsClientOptions {
  /** `https://host:port`, without a path. */
  readonly url: string;
  readonly anchors: ServerAnchors;
  readonly expectedServer: ExpectedServer;
  /** What we present; without it the server learns nothing about us. */
  readonly identity?: TlsCertificate;
  readonly limits?: Partial<ClientLimits>;
}

/** Connections a client keeps to its server: a few requests at a time and an event stream. */
const CONNECTIONS_MAX = 8;

/**
 * A client of one server over TLS 1.3, without resumption, that keeps its connections. Nothing is sent before the server's path and
 * identity are verified. A new identity is a new client. Throws `AdapterError` NET_CERTIFICATE_INVALID.
 */
export function connectTls(options: TlsClientOptions): HttpClient {
  const limits = { ...CLIENT_LIMITS, ...options.limits };
  const { host, port } = parseServerUrl(options.url);
  const { anchors, expectedServer, identity } = options;
  const servername = "dns" in expectedServer ? expectedServer.dns : isIP(host) ? "" : host;
  const base = secureOptions(identity, "roots" in anchors ? anchors.roots : undefined);
  const findRoots = async (): Promise<readonly string[]> => {
    if ("roots" in anchors) return anchors.roots;
    const query = { host, port, servername, pinnedRoot: anchors.pinnedRoot, timeoutMs: limits.connectMs };
    return [await fetchPinnedRoot(query).catch((cause) => Promise.reject(clientErrorOf(cause, "connecting", false)))];
  };
  const tlsOptions = async (): Promise<TlsAgentOptions> => ({
    ...base,
    ca: [...(await findRoots())],
    servername,
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => checkServer(expectedServer, certificate),
    ALPNProtocols: ["http/1.1"],
    maxCachedSessions: 0,
    // A trust bundle holds the CAs of one domain: a site CA is an anchor there although it is not self-signed.
    allowPartialTrustChain: true,
    keepAlive: true,
  });
  const isIdentified = identity !== undefined;
  const where = { protocol: "https:", host, port };
  return createClient(
    keepTransports(
      async () => ({
        agent: new TlsAgent({ ...(await tlsOptions()), maxSockets: CONNECTIONS_MAX }),
        options: where,
        isIdentified,
      }),
      async () => ({
        agent: onlyOnce(new TlsAgent({ ...(await tlsOptions()), maxSockets: 1 })),
        options: where,
        isIdentified,
      }),
    ),
    limits,
  );
}

/** A client of a Unix socket; who may connect is a matter of the file system. */
export function connectUnix(options: { readonly path: string; readonly limits?: Partial<ClientLimits> }): HttpClient {
  const where = { socketPath: options.path };
  return createClient(
    keepTransports(
      async () => ({
        agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX }),
        options: where,
        isIdentified: false,
      }),
      async () => ({
        agent: onlyOnce(new Agent({ keepAlive: true, maxSockets: 1 })),
        options: where,
        isIdentified: false,
      }),
    ),
    { ...CLIENT_LIMITS, ...options.limits },
  );
}

function keepTransports(makeShared: () => Promise<Transport>, single: () => Promise<Transport>): TransportMaker {
  let kept: Promise<Transport> | undefined;
  return {
    shared: () => {
      kept ??= makeShared().catch((cause) => {
        // The next request asks again: the server may have been down.
        kept = undefined;
        throw cause;
      });
      return kept;
    },
    single,
    close: () => void kept?.then(({ agent }) => agent.destroy()).catch(() => {}),
  };
}

/** The agent opens its first connection and refuses a second: two messages on one connection, or none. */
function onlyOnce(agent: Agent): Agent {
  const open = agent.createConnection.bind(agent);
  let isUsed = false;
  agent.createConnection = (options, callback) => {
    if (isUsed) {
      // The agent does not look at the stream when there is an error.
      const fail = callback as ((error: Error) => void) | undefined;
      fail?.(netError("NET_UNREACHABLE", "the connection ended between two messages", { reason: "CONNECTION_ENDED" }));
      return undefined;
    }
    isUsed = true;
    return open(options, callback);
  };
  return agent;
}

function parseServerUrl(url: string): { readonly host: string; readonly port: number } {
  const { protocol, hostname, port, pathname } = new URL(url);
  assert(protocol === "https:" && pathname === "/", "a server URL is https://host:port");
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? 443 : Number(port) };
}
