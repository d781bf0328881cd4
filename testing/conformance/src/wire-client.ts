import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { createInterface } from "node:readline";
import { isJsonObject, type JsonObject } from "@vedette/base";

/** What a foreign client needs to talk to one of our listeners. */
export interface WireAddress {
  readonly url: string;
  /** PEM of the fleet root. */
  readonly ca: string;
  /** The DNS name in the server's certificate. */
  readonly servername: string;
}

export interface WireIdentity {
  /** PEM, leaf first. */
  readonly chainPem: string;
  /** PEM, PKCS #8. */
  readonly keyPem: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** Empty when the body is no JSON object. */
  readonly body: JsonObject;
  /** Of `{"error":{"code":…}}`. */
  readonly code: string | undefined;
}

export type WireBody = string | Uint8Array;

/** An HTTPS client with nothing of ours in it but the types: all its requests travel on one connection, one after the other. */
export class WireConnection implements Disposable {
  readonly #address: WireAddress;
  readonly #agent: Agent;

  constructor(address: WireAddress, identity?: WireIdentity) {
    this.#address = address;
    const { ca, servername } = address;
    const own = identity && { cert: identity.chainPem, key: identity.keyPem };
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca, servername, minVersion: "TLSv1.3", ...own });
  }

  get(path: string): Promise<WireAnswer> {
    return this.send("GET", path);
  }

  post(path: string, body: WireBody = ""): Promise<WireAnswer> {
    return this.send("POST", path, body);
  }

  send(method: string, path: string, body: WireBody = ""): Promise<WireAnswer> {
    const headers = method === "GET" ? {} : { "content-length": Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#address.url), { method, headers, agent: this.#agent });
      outgoing.once("error", reject);
      outgoing.once("response", (incoming) => {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => parts.push(part));
        incoming.once("error", reject);
        incoming.once("end", () =>
          resolve(readAnswer(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(parts))),
        );
      });
      outgoing.end(body);
    });
  }

  /** Follows server-sent events: each call of the returned function waits for the next `data` line. */
  async events(path: string): Promise<() => Promise<string>> {
    const outgoing = request(new URL(path, this.#address.url), { agent: this.#agent }).end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const lines = createInterface({ input: incoming })[Symbol.asyncIterator]();
    return async () => {
      for (;;) {
        const { done, value } = await lines.next();
        if (done) throw new Error("the event stream has ended");
        if (value.startsWith("data: ")) return value.slice("data: ".length);
      }
    };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

export function readAnswer(status: number, headers: IncomingHttpHeaders, bytes: Buffer): WireAnswer {
  const body = parseObject(bytes.toString());
  return { status, headers, bytes, body, code: codeOf(body) };
}

/** Of `{"error":{"code":…}}`. */
export function codeOf({ error }: JsonObject): string | undefined {
  const code = error !== undefined && isJsonObject(error) ? error["code"] : undefined;
  return typeof code === "string" ? code : undefined;
}

/** A member that must be a text. */
export function textIn(object: JsonObject, member: string): string {
  const value = object[member];
  if (typeof value !== "string") throw new Error(`${member} is no text in ${JSON.stringify(object)}`);
  return value;
}

function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    // No JSON is no object; the test sees an answer without code.
    return {};
  }
}
