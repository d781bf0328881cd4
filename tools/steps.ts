import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";

/** One thing that must hold. `run` yields what is wrong, and nothing when it holds. */
export interface Step {
  readonly name: string;
  readonly run: () => string | Promise<string>;
  /** What to do when it does not hold. */
  readonly advice: string;
}

export interface StepResult {
  readonly step: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
  readonly advice: string;
}

/** Runs the steps, at most `parallel` at a time, and tells each result as it comes. The answer is in the steps' order. */
export async function runSteps(
  steps: readonly Step[],
  parallel: number,
  onResult: (result: StepResult) => void,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  const waiting = [...steps.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, step] = next;
      const result = await runStep(step);
      results[index] = result;
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}

async function runStep({ name, run, advice }: Step): Promise<StepResult> {
  const start = performance.now();
  let output: string;
  try {
    output = await run();
  } catch (error) {
    // INVARIANT: a step that could not run does not hold.
    output = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return { step: name, ok: output === "", seconds: (performance.now() - start) / 1_000, output, advice };
}

/** Runs a program and yields nothing when it ends well, else all it said. */
export function runProgram(program: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const said: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const text = Buffer.concat(said).toString().trim();
      resolve(code === 0 ? "" : text || `${program} ended with ${signal ?? `code ${code}`} and said nothing`);
    });
  });
}
