import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { PRIVATE_SWTPM_FILE, privateSwtpmDirectory, SWTPM_PROGRAMS } from "@vedette/tpm";

/** A clone without swtpm, and a PATH that holds nothing but the given scripts. */
function setupMachine(t: TestContext, scripts: Readonly<Record<string, string>> = {}) {
  const machine = mkdtempSync(join(tmpdir(), "machine-"));
  t.after(() => rmSync(machine, { recursive: true }));
  const [top, path] = [join(machine, "clone"), join(machine, "bin")];
  mkdirSync(top);
  plant(path, scripts);
  return { top, path };
}

function plant(directory: string, scripts: Readonly<Record<string, string>>): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(directory, name), 0o755);
  }
}

/** In a process of its own, because PATH is what it is about. */
function provide({ top, path }: { top: string; path: string }) {
  const script = `
    const { provideSwtpm } = await import(${JSON.stringify(join(import.meta.dirname, "swtpm.ts"))});
    try {
      console.log((await provideSwtpm(${JSON.stringify(top)})).swtpm);
    } catch (error) {
      console.log(JSON.stringify([error.code, error.message, error.facts?.reasons]));
    }`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
    env: { PATH: path },
  });
  return { said: stdout.trim(), progress: stderr };
}

const PROGRAMS: Readonly<Record<string, string>> = Object.fromEntries(SWTPM_PROGRAMS.map((name) => [name, ""]));

test("programs on PATH are taken, and nothing is fetched", (t) => {
  const machine = setupMachine(t, PROGRAMS);
  assert.deepEqual(provide(machine), { said: join(machine.path, "swtpm"), progress: "" });
  assert.equal(existsSync(join(machine.top, ".vedette")), false);
});

test("what was unpacked before is taken, and nothing is fetched again", (t) => {
  const machine = setupMachine(t);
  const directory = privateSwtpmDirectory(machine.top);
  plant(join(directory, "root/usr/bin"), PROGRAMS);
  const tools = { format: 1, programs: "root/usr/bin", libraries: [], packages: [] };
  writeFileSync(join(directory, PRIVATE_SWTPM_FILE), JSON.stringify(tools));
  const before = statSync(directory).mtimeMs;
  assert.deepEqual(provide(machine), { said: join(directory, "root/usr/bin/swtpm"), progress: "" });
  assert.equal(statSync(directory).mtimeMs, before);
});

test("a machine without apt is told what to install, and is left as it was", (t) => {
  const machine = setupMachine(t);
  const { said } = provide(machine);
  const [code, message] = JSON.parse(said);
  assert.equal(code, "SWTPM_UNAVAILABLE");
  assert.match(message, /apt-get install swtpm swtpm-tools/);
  assert.deepEqual(readdirSync(join(machine.top, ".vedette")), []);
});

test("when apt knows no such package, fresh lists are fetched once, privately, and apt's own words are kept", (t) => {
  const machine = setupMachine(t);
  const calls = join(machine.top, "calls");
  plant(machine.path, { "apt-get": `echo "$4" >> ${calls}; echo "E: no such thing" >&2; exit 100` });
  const { said, progress } = provide(machine);
  const [code, , reasons] = JSON.parse(said);
  assert.equal(code, "SWTPM_UNAVAILABLE");
  assert.ok(reasons.includes("E: no such thing"));
  assert.deepEqual(readFileSync(calls, "utf8").trim().split("\n"), ["download", "update", "download"]);
  assert.equal(progress.trim().split("\n").length, 2);
});

test("half of the programs on PATH are not enough", (t) => {
  const [first, ...others] = SWTPM_PROGRAMS;
  assert.ok(first);
  const machine = setupMachine(t, Object.fromEntries(others.map((name) => [name, ""])));
  assert.match(provide(machine).said, /SWTPM_UNAVAILABLE/);
});
