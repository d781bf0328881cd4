import { AdapterError, err, type Json, ok, parseUtf8, type Result, readJson } from "@vedette/base";
import type { HttpRequest } from "@vedette/net";
import { parseJson, type Value, valueToJson } from "@vedette/rego";
import { gunzip } from "@vedette/runtime";

/** Inputs are requests, not databases. Holds for the bytes on the wire and for what gzip makes of them. */
const BODY_LENGTH_MAX = 4_194_304;

/** Deeper than any request that means something; bounds every recursion over what a PEP sent. */
const REQUEST_DEPTH_MAX = 64;

export interface BodyError {
  readonly status: 400 | 408 | 413 | 415;
  readonly message: string;
}

/** The body of a question to a document: undefined when it is empty; its numbers are exact. */
export async function readExactBody(http: HttpRequest): Promise<Result<Value | undefined, BodyError>> {
  const text = await readText(http);
  if (!text.ok) return text;
  if (text.value === "") return ok(undefined);
  const parsed = parseJson(text.value);
  return parsed.ok ? parsed : notJson(`${parsed.error.message} at offset ${parsed.error.offset}`);
}

/** The body of an access request. */
export async function readRequestBody(http: HttpRequest): Promise<Result<Json, BodyError>> {
  const text = await readText(http);
  return text.ok ? parseRequestJson(text.value) : text;
}

/**
 * JSON as access requests carry it, fast: numbers are doubles, as everywhere in rules (RFC 8259 §6). Of members with one
 * name the last counts, and as there is one reading only, it is the one that is checked, decided on and recorded.
 */
export function parseRequestJson(text: string): Result<Json, BodyError> {
  try {
    const value: Json = HALF_PAIR.test(text) ? withoutHalves(text) : readJson(text);
    return isShallow(value, REQUEST_DEPTH_MAX)
      ? ok(value)
      : notJson(`more than ${REQUEST_DEPTH_MAX} levels of nesting`);
  } catch (cause) {
    return notJson(cause instanceof Error ? cause.message : "not JSON");
  }
}

/** An escape that may be half of a surrogate pair, which no record can carry. */
const HALF_PAIR = /\\u[dD][89a-fA-F]/;

function withoutHalves(text: string): Json {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new SyntaxError(parsed.error.message);
  return readJson(valueToJson(parsed.value));
}

function isShallow(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  if (isJsonArray(value)) {
    for (const item of value) if (!isShallow(item, levels - 1)) return false;
    return true;
  }
  // Parsed JSON inherits nothing that is enumerable.
  for (const name in value) if (!isShallow(value[name] ?? null, levels - 1)) return false;
  return true;
}

function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function notJson(message: string): Result<never, BodyError> {
  return err({ status: 400, message });
}

async function readText(http: HttpRequest): Promise<Result<string, BodyError>> {
  const bytes = await readBytes(http);
  if (!bytes.ok) return bytes;
  const text = parseUtf8(bytes.value);
  return text.ok ? text : notJson("not UTF-8");
}

async function readBytes(http: HttpRequest): Promise<Result<Uint8Array, BodyError>> {
  const type = http.headers["content-type"] ?? "";
  if (/yaml/i.test(type)) return err({ status: 415, message: "input is read as JSON, not as YAML" });
  const encoding = http.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip")
    return err({ status: 415, message: "content-encoding is gzip or none" });
  const bytes = await http.body(BODY_LENGTH_MAX).catch(bodyError);
  if (!(bytes instanceof Uint8Array)) return err(bytes);
  if (encoding === "identity") return ok(bytes);
  const unpacked = gunzip(bytes, BODY_LENGTH_MAX);
  return unpacked ? ok(unpacked) : err({ status: 400, message: `no gzip of at most ${BODY_LENGTH_MAX} bytes` });
}

/** The listener would answer these too, in another shape than our callers read. */
function bodyError(error: unknown): BodyError {
  const code = error instanceof AdapterError ? error.code : "";
  if (code === "HTTP_BODY_TOO_LARGE")
    return { status: 413, message: `the body has more than ${BODY_LENGTH_MAX} bytes` };
  if (code === "HTTP_BODY_TIMEOUT") return { status: 408, message: "the body took too long" };
  if (code === "HTTP_BODY_ABORTED") return { status: 400, message: "the body ended early" };
  throw error;
}
