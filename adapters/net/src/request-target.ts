import { err, ok, type Result } from "@vedette/base";

export interface RequestTarget {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

export interface RequestTargetError {
  readonly code: "HTTP_TARGET_REFUSED";
  readonly reason: "form" | "encoding" | "characters" | "segments";
}

/** Longer ones do not occur in machine APIs; it also bounds what a decision record carries. */
export const TARGET_LENGTH_MAX = 4_096;

/**
 * Gives a request target one reading, so that the path that was decided on is the path that the upstream serves.
 * RFC 3986 §6.2.2: unreserved characters are decoded, percent-encodings upper-case. A path that could still be read in two ways
 * (encoded separators, dot segments, empty segments, control characters) is refused.
 */
export function parseTarget(target: string): Result<RequestTarget, RequestTargetError> {
  // RFC 9112 §3.2.1 origin-form only: we are no forward proxy.
  if (!target.startsWith("/") || target.length > TARGET_LENGTH_MAX) return refuse("form");
  if (!ALLOWED.test(target)) return refuse("characters");
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const path = normaliseEncoding(rawPath);
  if (path === undefined) return refuse("encoding");
  if (path.split("/").slice(1).some(isAmbiguousSegment)) return refuse("segments");
  return ok({ path, query: mark < 0 ? "" : target.slice(mark + 1) });
}

/** Visible ASCII without the fragment mark and the backslash, which some servers read as a slash. */
const ALLOWED = /^[!"$-[\]-~]*$/;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
const ENCODED = /%([0-9A-Fa-f]{2})?/g;

function normaliseEncoding(path: string): string | undefined {
  let isWhole = true;
  const normal = path.replace(ENCODED, (_, digits: string | undefined) => {
    const code = digits === undefined ? 0 : Number.parseInt(digits, 16);
    const character = String.fromCharCode(code);
    if (code < 0x20 || code === 0x7f || character === "/" || character === "\\") isWhole = false;
    return UNRESERVED.test(character) ? character : `%${digits?.toUpperCase()}`;
  });
  return isWhole ? normal : undefined;
}

/** RFC 3986 §5.2.4 dot segments, and `//`, which some servers merge. A trailing slash alone leaves one empty last segment. */
function isAmbiguousSegment(segment: string, index: number, segments: readonly string[]): boolean {
  if (segment === "") return index !== segments.length - 1;
  return segment === "." || segment === "..";
}

function refuse(reason: RequestTargetError["reason"]): Result<RequestTarget, RequestTargetError> {
  return err({ code: "HTTP_TARGET_REFUSED", reason });
}
