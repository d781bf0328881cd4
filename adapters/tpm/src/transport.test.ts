import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdapterError, ByteWriter, concatBytes, milliseconds, seconds } from "@vedette/base";
import { openTpm } from "./tpm.ts";
import { DeviceTransport, openTransport } from "./transport.ts";

const SUCCESS = 0;
const NO_SESSIONS = 0x8001;

function frame(
  body: Uint8Array,
  { responseCode = SUCCESS, tag = NO_SESSIONS, size = 10 + body.length } = {},
): Uint8Array {
  return new ByteWriter().u16(tag).u32(size).u32(responseCode).raw(body).finish();
}

const NO_HANDLES = frame(Uint8Array.from([0, 0, 0, 0, 1, 0, 0, 0, 0]));
const TWO_RANDOM_BYTES = frame(Uint8Array.from([0, 2, 0xaa, 0xbb]));

type Reply = Uint8Array | ((socket: Socket) => void);
const hang: Reply = () => {};

/** A server on a Unix socket that answers the n-th command with the n-th reply, and is silent when it has none left. */
async function setupServer(
  t: TestContext,
  replies: readonly Reply[],
): Promise<{ path: string; commands: () => number }> {
  const directory = mkdtempSync(join(tmpdir(), "tpm-"));
  const path = join(directory, "s");
  const sockets: Socket[] = [];
  let commands = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}); // the client leaves when it has seen enough
    socket.on("data", () => {
      const reply = replies[commands++] ?? hang;
      if (typeof reply === "function") reply(socket);
      else socket.write(reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return { path, commands: () => commands };
}

// Opening asks for loaded objects and for sessions; what is tested is the answer after these two.
async function openAgainst(t: TestContext, replies: readonly Reply[]) {
  const server = await setupServer(t, [NO_HANDLES, NO_HANDLES, ...replies]);
  const tpm = await openTpm(server.path);
  t.after(() => tpm.close());
  return { tpm, commands: () => server.commands() - 2 };
}

function refusedWith(code: string) {
  return (error: unknown) => error instanceof AdapterError && error.code === code;
}

test("a whole answer is read, in however many pieces it comes", async (t) => {
  const inPieces: Reply = (socket) => {
    socket.write(TWO_RANDOM_BYTES.subarray(0, 3));
    setImmediate(() => socket.write(TWO_RANDOM_BYTES.subarray(3, 11)));
    setTimeout(() => socket.write(TWO_RANDOM_BYTES.subarray(11)), 5);
  };
  const { tpm } = await openAgainst(t, [inPieces]);
  assert.deepEqual(await tpm.random(2), Uint8Array.from([0xaa, 0xbb]));
});

const MALFORMED: Readonly<Record<string, Uint8Array>> = {
  "that announces more than a TPM may send": frame(new Uint8Array(4), { size: 4_097 }),
  "that announces four gigabytes": frame(new Uint8Array(4), { size: 0xffff_ffff }),
  "that announces less than a header": frame(new Uint8Array(0), { size: 9 }),
  "with more bytes than it announces": concatBytes(TWO_RANDOM_BYTES, Uint8Array.of(0)),
  "that is two answers": concatBytes(TWO_RANDOM_BYTES, TWO_RANDOM_BYTES),
  "with an unknown tag": frame(Uint8Array.from([0, 1, 0xaa]), { tag: 0x1234 }),
  "with sessions that the command had not": frame(Uint8Array.from([0, 0, 0, 2, 0, 0]), { tag: 0x8002 }),
  "whose field is longer than the frame": frame(Uint8Array.from([0, 3, 0xaa, 0xbb])),
  "with bytes behind its last field": frame(Uint8Array.from([0, 1, 0xaa, 0xbb])),
  "without parameters": frame(new Uint8Array(0)),
};

for (const [what, reply] of Object.entries(MALFORMED)) {
  test(`an answer ${what} is refused`, async (t) => {
    const { tpm } = await openAgainst(t, [reply]);
    await assert.rejects(tpm.random(2), refusedWith("TPM_RESPONSE_MALFORMED"));
  });
}

test("bytes that no command asked for end the connection", async (t) => {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const unasked: Reply = (socket) => {
    socket.on("close", resolve);
    socket.write(TWO_RANDOM_BYTES, () => setImmediate(() => socket.write(TWO_RANDOM_BYTES)));
  };
  const { tpm } = await openAgainst(t, [unasked]);
  await tpm.random(2).catch(() => undefined); // both may come at once, and then it is refused already
  await ended;
  await assert.rejects(tpm.random(2), refusedWith("TPM_RESPONSE_MALFORMED"));
});

// Only for exchanges that are meant to run into it.
const SHORT = milliseconds(30);

test("silence is a time-out, and a late answer is never taken for the next one", async (t) => {
  const late: Reply = (socket) => setTimeout(() => socket.write(TWO_RANDOM_BYTES), 2 * SHORT);
  const server = await setupServer(t, [late, TWO_RANDOM_BYTES]);
  const transport = await openTransport(server.path);
  await assert.rejects(transport.exchange(new Uint8Array(10), SHORT), refusedWith("TPM_TIMEOUT"));
  await assert.rejects(transport.exchange(new Uint8Array(10), seconds(20)), refusedWith("TPM_TIMEOUT"));
  assert.equal(server.commands(), 1);
});

test("a header that stops short is a time-out", async (t) => {
  const server = await setupServer(t, [TWO_RANDOM_BYTES.subarray(0, 4)]);
  const transport = await openTransport(server.path);
  await assert.rejects(transport.exchange(new Uint8Array(10), SHORT), refusedWith("TPM_TIMEOUT"));
});

test("a connection that breaks in the middle of a frame is a disconnection", async (t) => {
  const { tpm } = await openAgainst(t, [(socket) => socket.end(TWO_RANDOM_BYTES.subarray(0, 11))]);
  await assert.rejects(tpm.random(2), refusedWith("TPM_DISCONNECTED"));
});

test("a TPM that says not now is asked again", async (t) => {
  const [retry, yielded] = [0x922, 0x908].map((responseCode) => frame(new Uint8Array(0), { responseCode }));
  const { tpm, commands } = await openAgainst(t, [retry!, yielded!, TWO_RANDOM_BYTES]);
  assert.equal((await tpm.random(2)).length, 2);
  assert.equal(commands(), 3);
});

test("a TPM that says not now for ever is given up", async (t) => {
  const testing = frame(new Uint8Array(0), { responseCode: 0x90a });
  const { tpm, commands } = await openAgainst(t, Array(50).fill(testing));
  await assert.rejects(tpm.random(2), refusedWith("TPM_RC_TESTING"));
  assert.equal(commands(), 7);
});

test("a TPM that denies having PCRs does not keep us asking", async (t) => {
  const nothing = frame(new ByteWriter().u32(1).u32(1).u16(0x000b).u8(3).u8(0).u16(0).u32(0).finish());
  const { tpm, commands } = await openAgainst(t, Array(50).fill(nothing));
  await assert.rejects(tpm.readPcrs({ bank: "sha256", pcrs: [0, 1] }), refusedWith("TPM_PCR_MISSING"));
  assert.equal(commands(), 2);
});

test("what is no TPM is not opened", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "tpm-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "file");
  writeFileSync(file, "");
  await assert.rejects(openTpm(file), refusedWith("TPM_UNAVAILABLE"));
  await assert.rejects(openTpm(join(directory, "absent")), refusedWith("TPM_UNAVAILABLE"));
});

// A stand-in for the kernel's character device.
function device(read: (into: Uint8Array) => Promise<number>): DeviceTransport {
  return new DeviceTransport({ write: async () => undefined, read, close: async () => undefined });
}

test("a device answers a command with one read", async () => {
  const transport = device(async (into) => {
    into.set(TWO_RANDOM_BYTES);
    return TWO_RANDOM_BYTES.length;
  });
  assert.deepEqual(await transport.exchange(new Uint8Array(10), seconds(20)), TWO_RANDOM_BYTES);
});

test("a device that stays silent times out, and is not asked again", async () => {
  let reads = 0;
  const transport = device(() => {
    reads++;
    return new Promise(() => {});
  });
  await assert.rejects(transport.exchange(new Uint8Array(10), SHORT), refusedWith("TPM_TIMEOUT"));
  await assert.rejects(transport.exchange(new Uint8Array(10), SHORT), refusedWith("TPM_TIMEOUT"));
  assert.equal(reads, 1);
});
