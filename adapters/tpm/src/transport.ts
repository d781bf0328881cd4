import { open, stat } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { AdapterError, type Duration } from "@vedette/base";

/** Carries one command frame to the TPM and brings the response frame back, unparsed. One exchange at a time. */
export interface Transport {
  /** Whether the kernel's resource manager gives us slots of our own, cleaned up after us. */
  readonly isManaged: boolean;
  exchange(frame: Uint8Array, timeout: Duration): Promise<Uint8Array>;
  close(): Promise<void>;
}

// TPM2_MAX_RESPONSE_SIZE of the PC Client profile, and what Linux's tpmrm0 reads at most.
const RESPONSE_SIZE_MAX = 4_096;
/** Tag, size, response code (part 1 §18.3). */
export const HEADER_SIZE = 10;

/** Throws `AdapterError` TPM_UNAVAILABLE when nothing of the kind is there or nobody listens. */
export async function openTransport(path: string): Promise<Transport> {
  try {
    const kind = await stat(path);
    if (kind.isSocket()) return new SocketTransport(await connect(path));
    if (kind.isCharacterDevice()) return new DeviceTransport(await openDevice(path));
  } catch (cause) {
    throw new AdapterError("TPM_UNAVAILABLE", "could not open the TPM", { path }, cause);
  }
  throw new AdapterError("TPM_UNAVAILABLE", "path is neither a socket nor a character device", { path });
}

function connect(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = createConnection(path);
  socket.once("connect", () => resolve(socket));
  socket.once("error", reject);
  return promise;
}

interface Waiting {
  readonly resolve: (frame: Uint8Array) => void;
  readonly reject: (error: AdapterError) => void;
}

/** swtpm's data socket: raw TPM frames, one client at a time. */
class SocketTransport implements Transport {
  readonly isManaged = false;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;
  #fault: AdapterError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", (cause) => this.#fail(disconnected(cause)));
    socket.on("close", () => this.#fail(disconnected()));
  }

  async exchange(frame: Uint8Array, timeout: Duration): Promise<Uint8Array> {
    if (this.#fault) throw this.#fault;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#waiting = { resolve, reject };
    const timer = setTimeout(() => this.#fail(timedOut(timeout)), timeout);
    this.#socket.write(frame);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.closed) resolve();
    else this.#socket.once("close", () => resolve());
    this.#fail(disconnected());
    return promise;
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    const problem = this.#waiting ? problemIn(this.#received) : "bytes that no command asked for";
    if (problem) this.#fail(malformed(problem, { received: this.#received.length }));
    else if (this.#received.length === announcedSize(this.#received)) this.#deliver();
  }

  #deliver(): void {
    const frame = new Uint8Array(this.#received);
    this.#received = Buffer.alloc(0);
    this.#waiting?.resolve(frame);
  }

  // INVARIANT: the first fault ends the connection, so that a late answer is never taken for the answer to the next command.
  #fail(error: AdapterError): void {
    this.#fault ??= error;
    this.#socket.destroy();
    this.#waiting?.reject(this.#fault);
  }
}

function problemIn(received: Buffer): string | undefined {
  const size = announcedSize(received);
  if (size === undefined) return undefined;
  if (size < HEADER_SIZE || size > RESPONSE_SIZE_MAX) return "announced size out of range";
  return received.length > size ? "more bytes than announced" : undefined;
}

// Undefined while the header has not arrived.
function announcedSize(received: Buffer): number | undefined {
  return received.length < HEADER_SIZE ? undefined : received.readUInt32BE(2);
}

/** An open character device: what is written in one piece is one command. */
export interface TpmDevice {
  write(frame: Uint8Array): Promise<unknown>;
  /** Returns how many bytes were read. */
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

async function openDevice(path: string): Promise<TpmDevice> {
  const file = await open(path, "r+");
  return {
    write: (frame) => file.write(frame),
    read: async (into) => (await file.read(into, 0, into.length, null)).bytesRead,
    close: () => file.close(),
  };
}

/** Linux's in-kernel resource manager: one write is one command, one read its whole response (Documentation/security/tpm). */
export class DeviceTransport implements Transport {
  readonly isManaged = true;
  readonly #device: TpmDevice;
  #fault: AdapterError | undefined;

  constructor(device: TpmDevice) {
    this.#device = device;
  }

  async exchange(frame: Uint8Array, timeout: Duration): Promise<Uint8Array> {
    if (this.#fault) throw this.#fault;
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(timedOut(timeout)), timeout);
    try {
      return await Promise.race([this.#writeAndRead(frame), expired]);
    } catch (cause) {
      // As on a socket: after a fault nothing read from this descriptor can be trusted to be the answer to what was asked.
      this.#fault = cause instanceof AdapterError ? cause : disconnected(cause);
      throw this.#fault;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#fault ??= disconnected();
    await this.#device.close();
  }

  async #writeAndRead(frame: Uint8Array): Promise<Uint8Array> {
    await this.#device.write(frame);
    const response = new Uint8Array(RESPONSE_SIZE_MAX);
    return response.slice(0, await this.#device.read(response));
  }
}

export function malformed(what: string, facts: Readonly<Record<string, unknown>> = {}): AdapterError {
  return new AdapterError("TPM_RESPONSE_MALFORMED", "the TPM's response is malformed", { what, ...facts });
}

function timedOut(timeout: Duration): AdapterError {
  return new AdapterError("TPM_TIMEOUT", "the TPM did not answer in time", { timeout });
}

function disconnected(cause?: unknown): AdapterError {
  return new AdapterError("TPM_DISCONNECTED", "the connection to the TPM is closed", {}, cause);
}
