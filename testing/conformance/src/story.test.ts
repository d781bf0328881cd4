import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findSwtpmForTest } from "@vedette/fakes";

const TOP = join(import.meta.dirname, "../../..");

/** One line of the demo's report. */
interface Claim {
  readonly step: number;
  readonly check: string;
  readonly seen: string;
  readonly held: boolean;
}

interface DemoResult {
  readonly held: boolean;
  readonly shown: readonly Claim[];
}

test("the main job holds end to end, with real processes, TPMs and traffic", async (t) => {
  if (!findSwtpmForTest(t)) return;
  const { exit, stdout, stderr } = await runDemo(t);
  const result: Partial<DemoResult> = JSON.parse(stdout);
  assert.ok(result.shown, `the story did not come to its end: ${stdout}${stderr}`);
  const table = result.shown.map(
    ({ step, check, seen, held }) => `${held ? "held  " : "FAILED"} ${step} ${check}: ${seen}`,
  );
  const failed = result.shown.filter(({ held }) => !held);
  assert.deepEqual(failed, [], table.join("\n"));
  assert.deepEqual([...new Set(result.shown.map(({ step }) => step))], [1, 2, 3, 4, 5, 6, 7, 8, 9], table.join("\n"));
  assert.deepEqual([result.held, exit], [true, 0]);
});

/** As `npm start -- --once --json` hands over to it, so that nothing but one JSON document is on its standard output. */
function runDemo(
  t: TestContext,
): Promise<{ readonly exit: number | null; readonly stdout: string; readonly stderr: string }> {
  const args = ["--disable-warning=ExperimentalWarning", join(TOP, "apps/cli/src/main.ts"), "demo", "--once", "--json"];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, VEDETTE_TOP: TOP },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill());
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.on("data", (part) => stdout.push(String(part)));
  child.stderr.on("data", (part) => stderr.push(String(part)));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve({ exit, stdout: stdout.join(""), stderr: stderr.join("") }));
  });
}
