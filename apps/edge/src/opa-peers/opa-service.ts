import { readFileSync } from "node:fs";
import { AdapterError } from "@vedette/base";
import { connectTls, connectUnix, type HttpClient, type HttpRequester } from "@vedette/net";
import type { OpaService } from "@vedette/protocol";

/** A service of somebody else's, ready to be asked. Rejections are `AdapterError`. */
export interface OpaServiceClient extends HttpRequester, Disposable {}

const TOKEN_LENGTH_MAX = 16_384;

/** Throws `AdapterError` NET_CERTIFICATE_INVALID when its roots do not load. */
export function connectOpaService(service: OpaService): OpaServiceClient {
  const client = connect(service);
  return {
    request: async (method, path, extras = {}) => {
      const headers = { ...extras.headers, ...authorization(service) };
      return client.request(method, path, { ...extras, headers });
    },
    [Symbol.dispose]: () => client.close(),
  };
}

function connect(service: OpaService): HttpClient {
  if ("socketPath" in service) return connectUnix({ path: service.socketPath });
  const { url, roots, serverName } = service;
  const host = new URL(url).hostname;
  return connectTls({ url, anchors: { roots: [roots] }, expectedServer: { dns: serverName ?? host } });
}

/** Read anew each time: whoever renews the token replaces the file. */
function authorization(service: OpaService): Readonly<Record<string, string>> {
  if (!("tokenFile" in service) || service.tokenFile === undefined) return {};
  const path = service.tokenFile;
  let token: string;
  try {
    token = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new AdapterError("FILE_READ_FAILED", "could not read the token", { path }, cause);
  }
  // RFC 6750 §2.1; also keeps line breaks out of the header.
  if (token.length > TOKEN_LENGTH_MAX || !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    throw new AdapterError("TOKEN_INVALID", "the file holds no bearer token", { path });
  return { authorization: `Bearer ${token}` };
}
