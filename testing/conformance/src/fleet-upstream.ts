import { createServer, type IncomingMessage, type Server } from "node:http";

/** What reached the service behind the gateway. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** `silence`: no answer ever. `hang-up`: the connection ends when the request has been read, with whatever it did. */
export type UpstreamAnswer = { readonly status: number; readonly body?: string } | "silence" | "hang-up";

/** The service behind the gateway, on a Unix socket: it keeps what it saw and answers as the test says. */
export class FakeUpstream {
  readonly socketPath: string;
  readonly seen: SeenRequest[] = [];
  respond: (request: SeenRequest) => UpstreamAnswer = () => ({ status: 200 });
  #server: Server | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  async start(): Promise<void> {
    const server = createServer((incoming, response) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("end", () => {
        const { method = "", url: target = "", headers } = incoming;
        const request = { method, target, headers, body: Buffer.concat(parts).toString() };
        this.seen.push(request);
        const answer = this.respond(request);
        if (answer === "hang-up") incoming.socket.destroy();
        else if (answer !== "silence")
          response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body ?? "{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
    this.#server = server;
  }

  /** Until it is started again, nobody listens on the socket. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }
}
