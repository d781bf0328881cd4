import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findFiles, matchesName } from "./source-files.ts";

function setupFolder(t: TestContext, ...files: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "vedette-sources-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const file of files) {
    mkdirSync(join(folder, file, ".."), { recursive: true });
    writeFileSync(join(folder, file), "");
  }
  return folder;
}

function found(folder: string, ...ignored: readonly string[]): readonly string[] {
  return findFiles([folder], ignored).map(({ path, at }) => `${path.slice(folder.length + 1)} at ${at.join("/")}`);
}

test("folders below the operand say where data goes, the operand itself does not", (t) => {
  const folder = setupFolder(t, "x.json", "a/b/y.json", "a/z.rego");
  assert.deepEqual(found(folder), ["a/b/y.json at a/b", "a/z.rego at a", "x.json at "]);
});

test("a prefix puts everything below a path", (t) => {
  const folder = setupFolder(t, "a/x.json");
  assert.deepEqual(
    findFiles([`k.l:${folder}`], []).map(({ at }) => at),
    [["k", "l", "a"]],
  );
  assert.equal(findFiles([`file://${folder}/a/x.json`], [])[0]?.isNamed, true);
});

test("ignored names are left out at every depth", (t) => {
  const folder = setupFolder(t, "x.json", ".git/y.json", "a/x.json", "a/b.yaml");
  assert.deepEqual(found(folder, ".*", "x.json"), ["a/b.yaml at a"]);
});

test("what is not there is refused, and a folder that contains itself does not go on for ever", (t) => {
  const folder = setupFolder(t, "x.json");
  assert.throws(() => findFiles([join(folder, "missing")], []), { code: "FILE_MISSING" });
  symlinkSync(folder, join(folder, "self"));
  assert.throws(() => findFiles([folder], []));
});

test("patterns of names know the star and the question mark", () => {
  for (const [pattern, name, isMatch] of [
    ["*.yaml", "a.yaml", true],
    ["*.yaml", "a.yml", false],
    [".*", ".git", true],
    [".*", "git", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["*", "", true],
    ["a*b*c", "axxbyyc", true],
    ["a*b*c", "axxc", false],
    ["[a]", "[a]", true],
  ] as const)
    assert.equal(matchesName(pattern, name), isMatch, `${pattern} ${name}`);
});
