import { connect, type Socket } from "node:net";

/** Keep-alive connections that ask without a pause; the answers are read as far as counting them needs. */
export interface HttpLoad {
  readonly socketPath: string;
  readonly path: string;
  readonly body: string;
  readonly connections: number;
}

/** Requests a second over `ms` milliseconds. Throws when anything but 200 comes back. */
export async function measureHttp({ socketPath, path, body, connections }: HttpLoad, ms: number): Promise<number> {
  const head = `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const request = Buffer.from(head + body);
  const until = performance.now() + ms;
  const begun = performance.now();
  const counts = await Promise.all(Array.from({ length: connections }, () => askOn(socketPath, request, until)));
  return (counts.reduce((sum, count) => sum + count, 0) * 1_000) / (performance.now() - begun);
}

function askOn(socketPath: string, request: Buffer, until: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, noDelay: true });
    let held: Buffer = Buffer.alloc(0);
    let count = 0;
    socket.on("error", reject);
    socket.on("connect", () => socket.write(request));
    socket.on("data", (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const length = answerLength(held);
      if (length === undefined || held.length < length) return;
      if (!held.subarray(0, 12).equals(OK)) {
        socket.destroy();
        reject(new Error(held.toString("utf8").slice(0, 300)));
        return;
      }
      held = held.subarray(length);
      count++;
      if (performance.now() < until) socket.write(request);
      else end(socket, () => resolve(count));
    });
  });
}

const OK = Buffer.from("HTTP/1.1 200");
const HEAD_END = Buffer.from("\r\n\r\n");

/** Of a whole answer with a Content-Length; undefined before its head has come. */
function answerLength(bytes: Buffer): number | undefined {
  const head = bytes.indexOf(HEAD_END);
  if (head < 0) return undefined;
  const [, length] = /content-length: (\d+)/i.exec(bytes.toString("latin1", 0, head)) ?? [];
  return head + HEAD_END.length + Number(length ?? 0);
}

function end(socket: Socket, ended: () => void): void {
  socket.once("close", ended);
  socket.destroy();
}
