import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { startIdleEdge } from "./idle-edge.ts";
import type { Measurement } from "./measurement.ts";
import { median } from "./statistics.ts";

/** By then the garbage of the start is collected and its pages are given back. */
const SETTLE_MS = 20_000;
const SAMPLES = 10;
const SAMPLE_INTERVAL_MS = 500;
const TOP = process.env["VEDETTE_TOP"] ?? join(import.meta.dirname, "../../..");

/**
 * What an idle edge node keeps in memory, as it ships: bundled, enrolled with a real TPM, linked to its control plane, a policy of
 * a thousand rules active. The peer is the same Node doing nothing.
 */
export async function footprint(): Promise<readonly Measurement[]> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "vedette-footprint-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const program = await bundleProgram(join(folder, "dist"));
  const edge = stack.use(await startIdleEdge(program, folder));
  const bare = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "inherit"] });
  stack.defer(() => void bare.kill());
  await sleep(SETTLE_MS);
  const [ours, peer] = [await residentMegabytes(edge.pid), await residentMegabytes(bare.pid ?? 0)];
  const against = { peer: `node ${process.versions.node} doing nothing`, ratio: peer / ours };
  return [
    { bench: "footprint", metric: "edge.rss", value: ours, unit: "MB", atMost: 110, ...against },
    { bench: "footprint", metric: "edge.bundle", value: statSync(program).size / 1_000, unit: "kB" },
  ];
}

/** The program and, as bundles of their own beside it, the workers that it starts by file name. */
export async function bundleProgram(outdir: string): Promise<string> {
  await build({
    entryPoints: {
      vedette: join(TOP, "apps/cli/src/main.ts"),
      "journal-worker": join(TOP, "adapters/journal/src/worker.ts"),
      "policy-worker": join(TOP, "apps/edge/src/policy-worker.ts"),
    },
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // The YAML reader is CommonJS for Node and asks for `process` by `require`.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "error",
  });
  return join(outdir, "vedette.mjs");
}

/** proc(5): VmRSS counts kB of 1,024 bytes. */
async function residentMegabytes(pid: number): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    samples.push((Number(kilobytes) * 1_024) / 1e6);
    await sleep(SAMPLE_INTERVAL_MS);
  }
  return median(samples);
}
