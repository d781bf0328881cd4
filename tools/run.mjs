#!/usr/bin/env node
// Bootstrap, in the syntax of Node 20: sets up what is missing, then hands over to Node >= 24.
// Everything goes through here: `npm start`, `npm test`, `npm run check|bench|format`, `npx vedette …`.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const workDir = join(top, ".vedette");
const stampFile = join(workDir, "setup.stamp");
const lockDir = join(workDir, "setup.lock");
const NODE_MAJOR_MIN = 24;
// A set-up on a slow link takes minutes; a lock older than this was left by a killed process.
const LOCK_STALE_MS = 15 * 60_000;

const tasks = {
  test: ["tools/test.ts"],
  check: ["tools/check.ts"],
  format: ["tools/check.ts", "--write"],
  bench: ["testing/bench/src/main.ts"],
  "conformance:rego": ["testing/conformance/src/rego-score.ts"],
};

main(process.argv.slice(2)).catch((error) => {
  console.error(`vedette: ${error.message}`);
  process.exit(70);
});

async function main(args) {
  await setUp();
  const task = Object.hasOwn(tasks, args[0] ?? "") ? tasks[args[0]] : undefined;
  // The demo's machines need a TPM; provided before, because the command itself fetches nothing.
  if (args[0] === "demo" && !args.includes("--help")) provideSwtpm();
  const script = task ? [...task, ...args.slice(1)] : ["apps/cli/src/main.ts", ...args];
  await handOver([join(top, script[0]), ...script.slice(1)]);
}

function provideSwtpm() {
  const provided = spawnSync(findNode(), [join(top, "tools", "swtpm.ts")], { stdio: ["ignore", 2, 2] });
  if (provided.status !== 0) process.exit(provided.status ?? 70);
}

async function setUp() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(top, "package-lock.json")))
    .update(process.arch)
    .digest("hex");
  if (isStamped(wanted)) return;
  mkdirSync(workDir, { recursive: true });
  await takeLock();
  try {
    if (isStamped(wanted)) return; // another start finished it while we waited
    console.error("vedette: first start, installing the locked packages (about a minute) …");
    // Not `npm ci`: it refuses a lock that lacks optional binaries for platforms its registry does not carry.
    // `install --no-save` takes versions and integrity from the lock just the same, and leaves the lock alone.
    const npm = spawnSync(
      "npm",
      ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
      {
        cwd: top,
        stdio: ["ignore", 2, 2],
      },
    );
    if (npm.error) throw new Error("npm was not found on PATH; install npm and start again");
    if (npm.status !== 0) throw new Error("`npm install` failed; its output is above. Mend that and start again");
    findNode();
    // INVARIANT: the stamp is written last, so that a broken set-up is never taken for a whole one.
    writeFileSync(`${stampFile}.new`, wanted);
    renameSync(`${stampFile}.new`, stampFile);
  } finally {
    rmSync(lockDir, { recursive: true, force: true });
  }
}

function isStamped(wanted) {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted && existsSync(join(top, "node_modules"));
}

async function takeLock() {
  for (let told = false; ; ) {
    try {
      mkdirSync(lockDir);
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const age = Date.now() - (statSync(lockDir, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LOCK_STALE_MS) rmSync(lockDir, { recursive: true, force: true });
    if (!told) console.error("vedette: another start is setting up, waiting for it …");
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) return process.execPath;
  const own = join(top, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  if (existsSync(own)) return own;
  throw new Error(
    `needs Node >= ${NODE_MAJOR_MIN}; this is ${process.versions.node}, and no packaged Node exists for ${process.platform}-${process.arch}. Install Node ${NODE_MAJOR_MIN} or later and start again`,
  );
}

async function handOver(script) {
  const node = findNode();
  const env = { ...process.env, VEDETTE_TOP: top };
  const path = `${dirname(node)}:${join(top, "node_modules", ".bin")}:${process.env.PATH ?? ""}`;
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...script], {
    stdio: "inherit",
    env: { ...env, PATH: path },
  });
  // Ctrl-C reaches the whole foreground group by itself; a signal sent to us alone is passed on.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`vedette: could not start ${node}: ${error.message}`);
    process.exit(70);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
