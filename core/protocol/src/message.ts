import { base64url, err, ok, parseUtf8, type Result, readJson } from "@vedette/base";
import * as v from "valibot";
import type { ProtocolError } from "./errors.ts";

/** A definition of ours: what is checked, and what type comes of it. */
export type Schema<T> = v.GenericSchema<unknown, T>;

/** Ordinary messages between tiers; enrolment and policy bundles name limits of their own. */
export const MESSAGE_LENGTH_MAX = 65_536;

/** Parses a message from the wire against its closed schema: an unknown member is a refusal. */
export function parseMessage<T>(
  schema: v.GenericSchema<unknown, T>,
  bytes: Uint8Array,
  lengthMax: number = MESSAGE_LENGTH_MAX,
): Result<T, ProtocolError> {
  if (bytes.length > lengthMax) return err({ code: "MESSAGE_TOO_LARGE", length: bytes.length, lengthMax });
  const value = parseJson(bytes);
  return value.ok ? parseValue(schema, value.value) : value;
}

/** Checks an already parsed JSON value against its closed schema. */
export function parseValue<T>(schema: v.GenericSchema<unknown, T>, value: unknown): Result<T, ProtocolError> {
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  return parsed.success ? ok(parsed.output) : err({ code: "MESSAGE_INVALID", ...firstIssue(parsed.issues) });
}

/** The wire form of a message: JSON, with bytes as base64url without padding. */
export function encodeMessage(message: object): string {
  return JSON.stringify(message, (_, value: unknown) => (value instanceof Uint8Array ? base64url(value) : value));
}

/** Where the first thing wrong is, as a JSON pointer, and what was expected there. */
export function firstIssue(issues: readonly v.BaseIssue<unknown>[]): { path: string; expected: string } {
  const [issue] = issues;
  if (!issue) return { path: "", expected: "a valid document" };
  const path = (issue.path ?? []).map((item) => `/${pointerToken(item.key)}`).join("");
  return { path, expected: describe(issue) };
}

function pointerToken(key: unknown): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

function describe(issue: v.BaseIssue<unknown>): string {
  if (issue.type === "strict_object" && issue.expected === "never") return "no such member";
  if (issue.received === "undefined") return "this member, which is missing";
  if (issue.kind === "schema" && issue.expected && issue.message.startsWith("Invalid")) return issue.expected;
  return issue.message;
}

function parseJson(bytes: Uint8Array): Result<unknown, ProtocolError> {
  const text = parseUtf8(bytes);
  if (!text.ok) return err({ code: "MESSAGE_NOT_JSON" });
  try {
    return ok(readJson(text.value));
  } catch {
    // A machine wrote it: the position inside helps nobody, the refusal is the answer.
    return err({ code: "MESSAGE_NOT_JSON" });
  }
}
