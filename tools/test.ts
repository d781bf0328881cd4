// `npm test [-- PATH ...]`: sets up, checks and tests everything, or runs the test files at or below the paths alone.
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { check } from "./check.ts";
import { provideSwtpm } from "./swtpm.ts";
import { runTests } from "./test-run.ts";

const TOP = dirname(import.meta.dirname);
const TEST_FILES = "{core,adapters,apps,testing,tools}/**/*.test.ts";

/** Most tests end within a second; the story with its swtpms takes up to 90 s on a quiet machine. */
const TIMEOUT_MS = { test: 240_000, file: 480_000 };

/** Files that start TPMs, servers and whole nodes wait more than they work, but two nodes at a time starve each other. */
const PARALLEL_MAX = 2;
const isAlone = (file: string): boolean => file.startsWith("testing/conformance/");

await main();

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const files = findTestFiles(positionals);
  const isWhole = positionals.length === 0;
  if (files.length === 0) return fail(`no test files at ${positionals.join(", ")}`);
  if (files.some((file) => !file.startsWith("core/"))) await provideSwtpm(TOP);
  const isChecked = !isWhole || (await check());
  const parallel = Math.min(PARALLEL_MAX, availableParallelism());
  const isPassed = await runTests({ top: TOP, files, isAlone, parallel, timeoutMs: TIMEOUT_MS });
  if (!isChecked) fail("the checks before the tests failed; `npm run check` shows them again");
  if (!isPassed) process.exitCode = 1;
}

function findTestFiles(paths: readonly string[]): string[] {
  const all = globSync(TEST_FILES, { cwd: TOP, exclude: ["**/node_modules"] }).sort();
  if (paths.length === 0) return all;
  const wanted = paths.map((path) => relative(TOP, resolve(path)));
  return all.filter((file) => wanted.some((path) => path === "" || file === path || file.startsWith(`${path}/`)));
}

function fail(message: string): void {
  console.error(`vedette: ${message}`);
  process.exitCode = 1;
}
