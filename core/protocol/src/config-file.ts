import { err, type LocatedJsonLimits, ok, parseLocatedJson, parseUtf8, type Result } from "@vedette/base";
import * as v from "valibot";
import type { ConfigError } from "./errors.ts";
import { firstIssue } from "./message.ts";

/** A file with a hundred thousand registered nodes is about 16 MB; nothing a person keeps nests deeper. */
const CONFIG_LIMITS: LocatedJsonLimits = { length: 16_777_216, depth: 32 };

/** Parses a file that a person wrote. The error names file, line, column, and what was expected there. */
export function parseConfig<T>(
  schema: v.GenericSchema<unknown, T>,
  bytes: Uint8Array,
  file: string,
): Result<T, ConfigError> {
  const text = parseUtf8(bytes);
  if (!text.ok) return err({ code: "CONFIG_NOT_JSON", file, line: 1, column: 1, path: "", expected: "UTF-8 text" });
  const located = parseLocatedJson(text.value, CONFIG_LIMITS);
  if (!located.ok) {
    const { line, column, expected } = located.error;
    return err({ code: "CONFIG_NOT_JSON", file, line, column, path: "", expected });
  }
  const parsed = v.safeParse(schema, located.value.value, { abortEarly: true });
  if (parsed.success) return ok(parsed.output);
  const { path, expected } = firstIssue(parsed.issues);
  const position = located.value.positionOf(path, expected === "no such member" ? "key" : "value");
  return err({ code: "CONFIG_INVALID", file, ...position, path, expected });
}
