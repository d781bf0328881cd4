import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AdapterError, utf8 } from "@vedette/base";
import { makePrivateDirectory, readFileIfExists, writeFileDurably } from "./files.ts";

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof AdapterError && error.code === code;
}

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "vedette-files-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("a written file is whole, for its owner alone, and alone in its folder", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state");
  writeFileDurably(path, "first");
  writeFileDurably(path, utf8("second"));
  assert.equal(readFileSync(path, "utf8"), "second");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path), ["state"]);
});

test("a write that fails leaves the old file as it was", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state");
  writeFileDurably(path, "old");
  mkdirSync(`${path}.new`); // where the new contents would go
  assert.throws(() => writeFileDurably(path, "new"), hasCode("FILE_WRITE_FAILED"));
  assert.equal(readFileSync(path, "utf8"), "old");
  assert.throws(() => writeFileDurably(join(folder.path, "missing", "state"), "new"), hasCode("FILE_WRITE_FAILED"));
});

test("a half-written file that a crash left behind is no obstacle", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state");
  writeFileSync(`${path}.new`, "half, and longer than what comes next");
  writeFileDurably(path, "whole");
  assert.equal(readFileSync(path, "utf8"), "whole");
});

test("a process killed while it writes leaves one whole version", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state");
  const files = join(import.meta.dirname, "files.ts");
  const program = `
    import { writeFileDurably } from ${JSON.stringify(files)};
    for (let i = 0; ; i++) {
      writeFileDurably(${JSON.stringify(path)}, String(i % 10).repeat(1_000_000));
      if (i === 0) console.log("started");
    }`;
  for (let kill = 0; kill < 5; kill++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, 7 * kill));
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.match(readFileSync(path, "utf8"), /^(\d)\1{999999}$/);
  }
});

test("a file that is not there is undefined; one that cannot be read is an error", () => {
  using folder = temporaryFolder();
  assert.equal(readFileIfExists(join(folder.path, "nothing"), 100), undefined);
  assert.throws(() => readFileIfExists(folder.path, 1_000_000), hasCode("FILE_READ_FAILED"));
});

test("a file is read up to its limit and refused one byte beyond", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state");
  writeFileDurably(path, "12345");
  assert.deepEqual(readFileIfExists(path, 5), utf8("12345"));
  assert.throws(() => readFileIfExists(path, 4), hasCode("FILE_TOO_LARGE"));
});

test("a private folder is private even when it was open before", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a", "b");
  makePrivateDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  chmodSync(path, 0o755);
  makePrivateDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});
