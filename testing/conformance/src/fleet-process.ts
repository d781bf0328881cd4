import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

const MAIN = join(import.meta.dirname, "../../../apps/cli/src/main.ts");

/** `vedette edge run` as its operator starts it. */
export interface NodeProcess {
  /** Rejects with what it said when it ends before it is ready. */
  ready(): Promise<void>;
  /** SIGKILL, in the middle of whatever it does. */
  kill(): Promise<void>;
  /** SIGTERM: a clean stop. Returns its exit code. */
  stop(): Promise<number | null>;
}

/** Starts the node's process on its folder, under `wrapper` if there is one: a program and its arguments. Killed after the test. */
export function startNodeProcess(t: TestContext, data: string, wrapper: readonly string[] = []): NodeProcess {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", MAIN];
  const [program = "", ...args] = [...wrapper, ...node, "edge", "run", "--data", data, "--json"];
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    // It ends when our end of its standard input closes, so also when this process is killed.
    env: { ...process.env, VEDETTE_STOP_WITH_STDIN: "1" },
  });
  const said: string[] = [];
  child.stderr.on("data", (part) => said.push(String(part)));
  const firstLine = new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve).once("error", () => resolve(-1)));
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  t.after(() => end("SIGKILL"));
  return {
    async ready() {
      const line = await Promise.race([firstLine, ended]);
      if (typeof line === "string" && line.includes("gatewayUrl")) return;
      throw new Error(`the node did not become ready: ${line} ${said.join("")}`);
    },
    async kill() {
      await end("SIGKILL");
    },
    stop: () => end("SIGTERM"),
  };
}
