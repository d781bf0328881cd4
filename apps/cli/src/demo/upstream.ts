import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Command, exitCode } from "../command.ts";

const PRICES: Readonly<Record<string, number>> = {
  "4006381333931": 1.99,
  "5901234123457": 12.5,
  "9780201379624": 54.0,
};

/** The service behind the gateway. It has no auth code: it listens on a socket that only the gateway can reach. */
export const upstreamCommand: Command = {
  name: "demo upstream",
  summary: "the demo's pricing and cash service, behind the gateway",
  options: { socket: { summary: "Unix socket to serve on", value: "PATH", required: true } },
  async run(invocation, terminal) {
    const path = invocation.value("socket");
    await rm(path, { force: true });
    const server = createServer(serve);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    terminal.out(terminal.isJson ? JSON.stringify({ socket: path }) : `pricing serves on ${path}`);
    await new Promise<void>((resolve) => terminal.signal.addEventListener("abort", () => resolve(), { once: true }));
    server.close();
    server.closeAllConnections();
    return exitCode.done;
  },
};

function serve(request: IncomingMessage, response: ServerResponse): void {
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const sku = /^\/pricing\/items\/(\d{8,14})$/.exec(request.url ?? "")?.[1];
  if (request.method === "GET" && sku) {
    const price = PRICES[sku];
    return price === undefined
      ? answer(404, { error: "unknown article" })
      : answer(200, { sku, price, currency: "EUR" });
  }
  if (request.method === "POST" && request.url === "/cash/withdrawals") {
    request.resume().on("end", () => answer(201, { dispensed: true }));
    return;
  }
  answer(404, { error: "no such resource" });
}
