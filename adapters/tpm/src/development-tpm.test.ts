import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AdapterError } from "@vedette/base";
import { findSwtpmForTest, setupSwtpm } from "@vedette/fakes";
import { manufactureTpm, startSwtpm } from "./development-tpm.ts";

function setupDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "tpm-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function refusedWith(code: string) {
  return (error: unknown) => error instanceof AdapterError && error.code === code;
}

test("TPMs that share a CA folder share their maker; another folder is another maker", async (t) => {
  const tools = findSwtpmForTest(t);
  if (!tools) return;
  const directory = setupDirectory(t);
  const shared = join(directory, "maker");
  const [a, b, c] = [
    await manufactureTpm(tools, join(directory, "a"), shared),
    await manufactureTpm(tools, join(directory, "b"), shared),
    await manufactureTpm(tools, join(directory, "c")),
  ];
  assert.deepEqual(a.ekCaCertificates, b.ekCaCertificates);
  assert.notDeepEqual(a.ekCaCertificates, c.ekCaCertificates);
  const [issuer, root] = a.ekCaCertificates.map((der) => new X509Certificate(der));
  assert.ok(issuer!.verify(root!.publicKey) && root!.verify(root!.publicKey));
});

test("a TPM is not manufactured over another one", async (t) => {
  const tools = findSwtpmForTest(t);
  if (!tools) return;
  const directory = setupDirectory(t);
  await manufactureTpm(tools, directory);
  await assert.rejects(manufactureTpm(tools, directory), refusedWith("SWTPM_SETUP_FAILED"));
});

test("a TPM without state does not start, and says why", async (t) => {
  const tools = findSwtpmForTest(t);
  if (!tools) return;
  await assert.rejects(startSwtpm(tools, join(setupDirectory(t), "absent")), (error) => {
    assert.ok(refusedWith("SWTPM_START_FAILED")(error));
    return error instanceof AdapterError && /^swtpm: /.test(String(error.facts["said"]));
  });
});

test("a stopped swtpm leaves neither process nor socket", async (t) => {
  const swtpm = await setupSwtpm(t);
  if (!swtpm) return;
  const { pid, socketPath } = swtpm;
  await swtpm.restart();
  assert.equal(isRunning(pid), false);
  assert.equal(existsSync(dirname(socketPath)), false);
});

test("swtpm ends with its parent, even if that is killed", async (t) => {
  const tools = findSwtpmForTest(t);
  if (!tools) return;
  const { stateDir } = await manufactureTpm(tools, setupDirectory(t));
  const door = JSON.stringify(join(import.meta.dirname, "development-tpm.ts"));
  const script = `
    const { startSwtpm } = await import(${door});
    const { pid, socketPath } = await startSwtpm(${JSON.stringify(tools)}, ${JSON.stringify(stateDir)});
    console.log(JSON.stringify({ pid, socketPath }));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const { pid, socketPath } = JSON.parse(String(line));
  t.after(() => rmSync(dirname(socketPath), { recursive: true, force: true }));
  assert.equal(isRunning(pid), true);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  for (let waits = 0; waits < 1_000 && isRunning(pid); waits++) await sleep(10);
  assert.equal(isRunning(pid), false);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
