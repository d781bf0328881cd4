import { type ConfigError, parseConfig, type Schema } from "@vedette/protocol";
import { readFileIfExists } from "@vedette/runtime";
import { exitCode } from "./command.ts";
import { Refusal } from "./refusal.ts";

const FILE_LENGTH_MAX = 134_217_728;

/** The file's bytes. Ends the command with `usage` when it is not there. */
export function readInput(path: string): Uint8Array {
  const bytes = readFileIfExists(path, FILE_LENGTH_MAX);
  if (bytes) return bytes;
  throw new Refusal("FILE_MISSING", `there is no file ${path}`, {}, exitCode.usage);
}

/** A configuration file, checked. Ends the command with the place and what was expected there. */
export function readConfigFile<T>(schema: Schema<T>, path: string): T {
  const parsed = parseConfig(schema, readInput(path), path);
  if (parsed.ok) return parsed.value;
  throw new Refusal(parsed.error.code, describeConfigError(parsed.error), {}, exitCode.usage);
}

/** `file:line:column: expected …`, as editors and terminals link it. */
export function describeConfigError({ file, line, column, path, expected }: ConfigError): string {
  return `${file}:${line}:${column}: ${path ? `${path}: ` : ""}expected ${expected}`;
}
