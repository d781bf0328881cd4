import { isJsonObject, type Json, type LocatedJson, parseLocatedJson, parseUtf8 } from "@vedette/base";
import { checkPolicy, type PolicyFinding } from "@vedette/policy";
import { exitCode } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";

const JSON_LENGTH_MAX = 16_777_216;
const JSON_DEPTH_MAX = 64;

export interface RulesReport {
  readonly errors: readonly PolicyFinding[];
  readonly warnings: readonly PolicyFinding[];
}

export function checkRulesFile(file: string): RulesReport {
  const checked = checkPolicy(textOf(file), file);
  return checked.ok
    ? { errors: [], warnings: checked.value.warnings }
    : { errors: checked.error.findings, warnings: [] };
}

/** What a JSON document says that it is, such as `rules/v1`. */
export function kindOf(text: string): string | undefined {
  const parsed = parseLocatedJson(text, { length: JSON_LENGTH_MAX, depth: JSON_DEPTH_MAX });
  if (!parsed.ok || !isJsonObject(parsed.value.value)) return undefined;
  const { kind } = parsed.value.value;
  return typeof kind === "string" ? kind : undefined;
}

export function isRulesDocument(text: string): boolean {
  return kindOf(text)?.startsWith("rules/") ?? false;
}

export function describeFinding({ file, line, column, code, message, expected }: PolicyFinding): string {
  return `${file}:${line}:${column}: ${message}; expected ${expected} [${code}]`;
}

export function textOf(file: string): string {
  const text = parseUtf8(readInput(file));
  if (!text.ok) throw new Refusal("FILE_NOT_TEXT", `${file} is not UTF-8 text`, {}, exitCode.usage);
  return text.value;
}

/** A JSON object. Ends the command when the file holds anything else. */
export function readJson(file: string): Json {
  return readLocatedJson(file).value;
}

export function readLocatedJson(file: string): LocatedJson {
  const located = parseLocatedJson(textOf(file), { length: JSON_LENGTH_MAX, depth: JSON_DEPTH_MAX });
  if (located.ok && isJsonObject(located.value.value)) return located.value;
  const place = located.ok
    ? "1:1: expected an object"
    : `${located.error.line}:${located.error.column}: expected ${located.error.expected}`;
  throw new Refusal("FILE_NOT_JSON", `${file}:${place}`, {}, exitCode.usage);
}
