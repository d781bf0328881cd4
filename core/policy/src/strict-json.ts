import { err, type Json, ok, parseLocatedJson, parseUtf8, type Result } from "@vedette/base";
import type { BundleMalformed } from "./errors.ts";

export const MANIFEST_FILE = ".manifest";
export const SIGNATURES_FILE = ".signatures.json";
/** No data that people write nests deeper. */
const DEPTH_MAX = 64;

/** One file of a bundle that must be JSON (RFC 8259, each member once), with its text. */
export function parseStrictJson(
  name: string,
  contents: Uint8Array,
  length: number,
): Result<{ readonly value: Json; readonly text: string }, BundleMalformed> {
  const text = parseUtf8(contents);
  if (!text.ok) return err({ code: "BUNDLE_MALFORMED", expected: `${name}: UTF-8` });
  const json = parseLocatedJson(text.value, { length, depth: DEPTH_MAX });
  if (json.ok) return ok({ value: json.value.value, text: text.value });
  const { line, column, expected } = json.error;
  return err({ code: "BUNDLE_MALFORMED", expected: `${name}:${line}:${column}: ${expected}` });
}
