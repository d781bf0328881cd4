import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { lockFolder } from "./folder-lock.ts";

function setupFolder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "vedette-lock-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test("a folder has one holder at a time", (t) => {
  const directory = setupFolder(t);
  const first = lockFolder(directory);
  assert.throws(() => lockFolder(directory), { code: "FOLDER_IN_USE" });
  first[Symbol.dispose]();
  lockFolder(directory)[Symbol.dispose]();
});

test("a holder that is killed leaves no lock behind", (t) => {
  const directory = setupFolder(t);
  const script = `
    const { lockFolder } = await import(${JSON.stringify(join(import.meta.dirname, "folder-lock.ts"))});
    globalThis.held = lockFolder(${JSON.stringify(directory)});
    process.kill(process.pid, "SIGKILL");`;
  const { signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", script]);
  assert.equal(signal, "SIGKILL");
  lockFolder(directory)[Symbol.dispose]();
});

test("a folder that is not there cannot be held", (t) => {
  assert.throws(() => lockFolder(join(setupFolder(t), "missing")), { code: "FILE_WRITE_FAILED" });
});
