import { spawn } from "node:child_process";
import { isJsonObject, type Json, type JsonObject, readJson } from "@vedette/base";

export interface CommandResult {
  readonly exit: number;
  /** What it answered, where that is an object; the members of a list are `results`. */
  readonly result: JsonObject;
  readonly results: readonly Json[];
  readonly errors: string;
}

/** Runs `vedette ARGS --json` to its end, as a user would. Throws when it exits with another code than 0. */
export async function runVedette(args: readonly string[]): Promise<JsonObject> {
  const { exit, result, errors } = await tryVedette(args);
  if (exit !== 0) throw new Error(`vedette ${args.join(" ")} ended with ${exit}: ${errors || JSON.stringify(result)}`);
  return result;
}

/** As `runVedette`, for commands that may answer no. */
export function tryVedette(args: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (part: Buffer) => stdout.push(part));
  child.stderr.on("data", (part: Buffer) => stderr.push(part));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({
        exit: code ?? -1,
        ...parse(Buffer.concat(stdout).toString()),
        errors: Buffer.concat(stderr).toString().trim(),
      }),
    );
  });
}

function parse(text: string): Pick<CommandResult, "result" | "results"> {
  try {
    const value = readJson(text);
    return { result: isJsonObject(value) ? value : {}, results: Array.isArray(value) ? value : [] };
  } catch {
    // A command that failed before it had an answer; its exit code and errors say so.
    return { result: {}, results: [] };
  }
}
