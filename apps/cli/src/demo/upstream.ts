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
  examples: ["vedette demo upstream --socket run/pricing.sock"],
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
  request.resume().on("end", () => {
    const [status, body] = answer(request.method ?? "", request.url ?? "");
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
}

function answer(method: string, path: string): readonly [number, object] {
  const sku = /^\/pricing\/items\/(\d{8,14})$/.exec(path)?.[1];
  const price = PRICES[sku ?? ""];
  if (method === "GET" && sku)
    return price === undefined ? [404, { error: "unknown article" }] : [200, { sku, price, currency: "EUR" }];
  if (method === "POST" && path === "/cash/withdrawals") return [201, { dispensed: true }];
  return [404, { error: "no such resource" }];
}
