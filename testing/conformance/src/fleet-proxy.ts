import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";

/**
 * A wire between the node and one listener of the control plane, which a test can make slow: connections are taken and
 * then nothing moves on them. Its address stays while what is behind it comes and goes.
 */
export class StallingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isStalled = false;
  #stalled = 0;
  #givenUp = 0;
  /** `https://host:port` of the listener behind. */
  target = "";

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (near) => this.#join(near));
  }

  static async start(): Promise<StallingProxy> {
    const proxy = new StallingProxy(createServer());
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that came while nothing moved, and are still open. */
  get stalled(): number {
    return this.#stalled;
  }

  /** How many of those the other side has ended since. */
  get givenUp(): number {
    return this.#givenUp;
  }

  stall(): void {
    this.#isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Whoever waits is disconnected; from now on everything moves again. */
  release(): void {
    this.#isStalled = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(near: Socket): void {
    this.#keep(near);
    if (this.#isStalled) {
      this.#stalled++;
      near.once("close", () => {
        this.#stalled--;
        this.#givenUp++;
      });
      return;
    }
    const { hostname: host, port } = new URL(this.target);
    const far = createConnection({ host, port: Number(port) });
    this.#keep(far);
    near.pipe(far).pipe(near);
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}); // a broken wire is what it is for
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
