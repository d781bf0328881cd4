import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const RUNNER = join(import.meta.dirname, "test-run.ts");

/** Runs the given test files (by name: body) in a process of their own, since node:test refuses to run inside itself. */
function runFiles(files: Readonly<Record<string, string>>, timeoutMs = { test: 20_000, file: 20_000 }) {
  const top = mkdtempSync(join(tmpdir(), "vedette-tests-"));
  try {
    for (const [name, body] of Object.entries(files))
      writeFileSync(join(top, name), `import assert from "node:assert";\nimport { test } from "node:test";\n${body}\n`);
    const run = { top, files: Object.keys(files), parallel: 2, timeoutMs };
    const program = `
      import { runTests } from ${JSON.stringify(RUNNER)};
      const run = ${JSON.stringify(run)};
      process.exitCode = (await runTests({ ...run, isAlone: (file) => file.startsWith("alone") })) ? 0 : 1;`;
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    writeFileSync(join(top, "main.mjs"), program);
    const { status, stdout } = spawnSync(process.execPath, [join(top, "main.mjs")], { env, encoding: "utf8" });
    return { status, stdout };
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}

const PASSES = 'test("the sun rises", () => {});';

test("several files end in one summary, as node --test prints it", () => {
  const { status, stdout } = runFiles({ "a.test.ts": PASSES, "b.test.ts": PASSES, "alone.test.ts": PASSES });
  assert.equal(status, 0);
  assert.match(
    stdout,
    /tests 3\n.*suites 0\n.*pass 3\n.*fail 0\n.*cancelled 0\n.*skipped 0\n.*todo 0\n.*duration_ms \d+\s*$/,
  );
  assert.equal(stdout.match(/duration_ms/g)?.length, 1);
});

test("one failure fails the run, and is told again at the end", () => {
  const { status, stdout } = runFiles({
    "a.test.ts": PASSES,
    "b.test.ts": 'test("it sets", () => assert.fail("dark"));',
  });
  assert.equal(status, 1);
  assert.match(stdout, /pass 1\n.*fail 1\n[\s\S]*failing tests:[\s\S]*it sets[\s\S]*dark/);
});

test("a skipped test passes, and says why it was skipped", () => {
  const { status, stdout } = runFiles({ "a.test.ts": 'test("far", (t) => t.skip("no vectors here"));' });
  assert.equal(status, 0);
  assert.match(stdout, /far.*no vectors here[\s\S]*skipped 1/);
});

test("a run without a single test is no success", () => {
  assert.equal(runFiles({}).status, 1);
});

test("a file that cannot be loaded fails the run", () => {
  const { status, stdout } = runFiles({ "a.test.ts": PASSES, "b.test.ts": 'import "./missing.ts";' });
  assert.equal(status, 1);
  assert.match(stdout, /fail 1/);
});

test("a test that waits for ever, a file that spins and a file held open by a leak all end, as failures", () => {
  const { status, stdout } = runFiles(
    {
      "waits.test.ts": 'test("waits", () => new Promise((resolve) => setTimeout(resolve, 60_000)));',
      "spins.test.ts": 'test("spins", () => { for (;;); });',
      "leaks.test.ts": 'test("leaks", () => { setInterval(() => {}, 60_000); });',
    },
    { test: 500, file: 2_500 },
  );
  assert.equal(status, 1);
  assert.match(stdout, /test timed out after 500ms/);
  for (const name of ["spins", "leaks"])
    assert.match(stdout, new RegExp(`${name}\\.test\\.ts was killed after 2\\.5 s`));
});
