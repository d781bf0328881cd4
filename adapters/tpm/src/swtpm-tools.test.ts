import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AdapterError } from "@vedette/base";
import { findSwtpm, PRIVATE_SWTPM_FILE, privateSwtpmDirectory, SWTPM_PROGRAMS } from "./swtpm-tools.ts";

function setupTop(t: TestContext): string {
  const top = mkdtempSync(join(tmpdir(), "tools-"));
  t.after(() => rmSync(top, { recursive: true }));
  return top;
}

function plantPrograms(directory: string, names: readonly string[] = SWTPM_PROGRAMS): string {
  mkdirSync(directory, { recursive: true });
  for (const name of names) {
    writeFileSync(join(directory, name), "#!/bin/sh\n");
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

function plantPrivate(top: string, file: unknown): string {
  const directory = privateSwtpmDirectory(top);
  plantPrograms(join(directory, "root/usr/bin"));
  writeFileSync(join(directory, PRIVATE_SWTPM_FILE), typeof file === "string" ? file : JSON.stringify(file));
  return directory;
}

const WHOLE = { format: 1, programs: "root/usr/bin", libraries: ["root/usr/lib/x"], packages: ["swtpm_1.deb"] };

test("without programs there is nothing to find", (t) => {
  assert.equal(findSwtpm(setupTop(t), "/nonexistent"), undefined);
});

test("programs on PATH come before unpacked ones", (t) => {
  const top = setupTop(t);
  plantPrivate(top, WHOLE);
  const path = plantPrograms(join(top, "bin"));
  assert.deepEqual(findSwtpm(top, path), {
    swtpm: join(path, "swtpm"),
    swtpmSetup: join(path, "swtpm_setup"),
    swtpmLocalca: join(path, "swtpm_localca"),
    environment: { PATH: path },
  });
});

test("a PATH that lacks one of the programs is passed over", (t) => {
  const top = setupTop(t);
  const path = plantPrograms(join(top, "bin"), SWTPM_PROGRAMS.slice(1));
  assert.equal(findSwtpm(top, path), undefined);
});

test("unpacked programs bring their folder and their libraries", (t) => {
  const top = setupTop(t);
  const directory = plantPrivate(top, WHOLE);
  const tools = findSwtpm(top, "/nonexistent");
  assert.equal(tools?.swtpm, join(directory, "root/usr/bin/swtpm"));
  assert.deepEqual(tools?.environment, {
    PATH: `${join(directory, "root/usr/bin")}:/nonexistent`,
    LD_LIBRARY_PATH: join(directory, "root/usr/lib/x"),
  });
});

const DAMAGED: Readonly<Record<string, unknown>> = {
  "is cut off": '{"format":1,',
  "has another format": { ...WHOLE, format: 2 },
  "leads out of its folder": { ...WHOLE, programs: "../../../usr/bin" },
  "names an absolute folder": { ...WHOLE, libraries: ["/tmp/evil"] },
  "lacks its libraries": { format: 1, programs: "root/usr/bin" },
};

for (const [how, file] of Object.entries(DAMAGED)) {
  test(`a tools file that ${how} is refused`, (t) => {
    const top = setupTop(t);
    plantPrivate(top, file);
    assert.throws(
      () => findSwtpm(top, "/nonexistent"),
      (error) => error instanceof AdapterError && error.code === "SWTPM_TOOLS_INVALID",
    );
  });
}
