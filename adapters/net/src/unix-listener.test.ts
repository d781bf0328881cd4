import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempDisposableSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemRandom } from "@vedette/runtime";
import { connectUnix } from "./connect.ts";
import { jsonResponse } from "./http.ts";
import { listenUnix } from "./unix-listener.ts";

function testFolder() {
  return mkdtempDisposableSync(join(tmpdir(), "vedette-net-"));
}

function testListenAt(path: string) {
  const handler = async () => jsonResponse(200, {});
  return listenUnix({ path, handler, random: systemRandom, onConnectionError: () => {}, onHandlerError: () => {} });
}

async function testAsk(path: string): Promise<number> {
  using client = connectUnix({ path });
  return (await client.request("GET", "/")).status;
}

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("the folder is made for its owner alone, and so is the socket", async () => {
  using folder = testFolder();
  const path = join(folder.path, "run", "operator.sock");
  await using _listener = await testListenAt(path);
  assert.deepEqual([mode(join(folder.path, "run")), mode(path)], ["700", "600"]);
  assert.equal(await testAsk(path), 200);
});

test("a folder that is open to others is refused and left as it is", async () => {
  using folder = testFolder();
  const open = join(folder.path, "open");
  mkdirSync(open);
  chmodSync(open, 0o755);
  await assert.rejects(testListenAt(join(open, "operator.sock")), { code: "NET_SOCKET_UNSAFE" });
  assert.equal(mode(open), "755");
});

test("a folder that cannot be made is a listener that could not start", async () => {
  using folder = testFolder();
  writeFileSync(join(folder.path, "file"), "");
  await assert.rejects(testListenAt(join(folder.path, "file", "operator.sock")), { code: "NET_LISTEN_FAILED" });
});

test("a path that does not fit a socket address is refused", async () => {
  using folder = testFolder();
  await assert.rejects(testListenAt(join(folder.path, "x".repeat(108))), { code: "NET_SOCKET_UNSAFE" });
});

test("the socket of a dead process is replaced", async () => {
  using folder = testFolder();
  const path = join(folder.path, "operator.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  await assert.rejects(testListenAt(path), { code: "NET_SOCKET_IN_USE" });
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(existsSync(path));
  await using _listener = await testListenAt(path);
  assert.equal(await testAsk(path), 200);
});

test("the socket of a living process is left to it", async () => {
  using folder = testFolder();
  const path = join(folder.path, "operator.sock");
  await using _listener = await testListenAt(path);
  await assert.rejects(testListenAt(path), { code: "NET_SOCKET_IN_USE" });
  assert.equal(await testAsk(path), 200);
});

test("a file that is no socket is not taken for a stale one", async () => {
  using folder = testFolder();
  const path = join(folder.path, "operator.sock");
  writeFileSync(path, "precious");
  await assert.rejects(testListenAt(path), { code: "NET_SOCKET_IN_USE" });
  assert.equal(statSync(path).size, 8);
});

test("a client of a socket that is not there finds nobody", async () => {
  using folder = testFolder();
  await assert.rejects(testAsk(join(folder.path, "operator.sock")), { code: "NET_UNREACHABLE" });
});
