import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { AdapterError, readJson } from "@vedette/base";

/** A set-up step on two busy cores takes seconds; past this it hangs. */
const READY_TIMEOUT_MS = 60_000;
/** A clean stop drains the journal; past this the process is killed. */
const STOP_TIMEOUT_MS = 10_000;
const LOG_TAIL_LINES = 12;

/** One of the demo's processes: `vedette …` as a user would start it, its log in a file. */
export interface VedetteProcess {
  readonly name: string;
  readonly pid: number;
  /** What it printed when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly isRunning: boolean;
  /** SIGTERM, and SIGKILL when it does not end. */
  stop(): Promise<void>;
  /** SIGKILL: no chance to tidy up. */
  kill(): Promise<void>;
}

export interface StartOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly signal: AbortSignal;
}

/** Starts `vedette ARGS --json` and waits for the line in which it says that it is ready. */
export async function startVedette(options: StartOptions): Promise<VedetteProcess> {
  const log = openSync(options.logFile, "a", 0o600);
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...options.args, "--json"], {
    stdio: ["pipe", "pipe", log],
    // The child ends when our end of its standard input closes: also when we are killed.
    env: { ...process.env, VEDETTE_STOP_WITH_STDIN: "1" },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = await readReadyLine(child, options);
  return {
    name: options.name,
    pid: child.pid ?? 0,
    ready,
    get isRunning() {
      return child.exitCode === null && child.signalCode === null;
    },
    stop: () => end(child, ended, "SIGTERM"),
    kill: () => end(child, ended, "SIGKILL"),
  };
}

async function readReadyLine(child: ChildProcess, options: StartOptions): Promise<Record<string, unknown>> {
  const timeout = AbortSignal.any([options.signal, AbortSignal.timeout(READY_TIMEOUT_MS)]);
  const line = await new Promise<string | undefined>((resolve) => {
    const stdout = child.stdout;
    if (stdout) createInterface({ input: stdout }).once("line", resolve);
    child.once("error", () => resolve(undefined));
    child.once("close", () => resolve(undefined));
    timeout.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const ready = line === undefined ? undefined : parseLine(line);
  if (ready && !("error" in ready)) return ready;
  child.kill("SIGKILL");
  throw new AdapterError("PROCESS_NOT_READY", `${options.name} did not start`, {
    command: `vedette ${options.args.join(" ")}`,
    answer: line ?? "none",
    log: tail(options.logFile),
  });
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = readJson(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // Not the line we wait for: the caller reports it as the answer.
    return undefined;
  }
}

async function end(child: ChildProcess, ended: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}

function tail(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
