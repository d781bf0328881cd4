import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rememberedPort, rememberPort } from "./ports-file.ts";

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "vedette-ports-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test("a port chosen once is asked for again, each listener its own", () => {
  using folder = temporaryFolder();
  assert.equal(rememberedPort(folder.path, "gateway", 0), 0);
  rememberPort(folder.path, "gateway", 40_001);
  rememberPort(folder.path, "enrolment", 40_002);
  assert.equal(rememberedPort(folder.path, "gateway", 0), 40_001);
  assert.equal(rememberedPort(folder.path, "enrolment", 0), 40_002);
});

test("a configured port wins over a remembered one", () => {
  using folder = temporaryFolder();
  rememberPort(folder.path, "gateway", 40_001);
  assert.equal(rememberedPort(folder.path, "gateway", 8_443), 8_443);
});

test("a damaged file is a forgotten port, and the next port is remembered", () => {
  using folder = temporaryFolder();
  for (const text of [
    "",
    "{",
    "[]",
    '{"gateway":"40001"}',
    '{"gateway":65536}',
    '{"gateway":-1}',
    '{"gateway":1.5}',
    "\u0000",
  ]) {
    writeFileSync(join(folder.path, "ports.json"), text);
    assert.equal(rememberedPort(folder.path, "gateway", 0), 0, text);
  }
  rememberPort(folder.path, "gateway", 40_003);
  assert.equal(rememberedPort(folder.path, "gateway", 0), 40_003);
});
