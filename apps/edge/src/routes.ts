import {
  err,
  isJsonObject,
  type Json,
  type LocatedJsonLimits,
  ok,
  parseLocatedJson,
  parseUtf8,
  type Result,
} from "@vedette/base";
import type { Route } from "@vedette/protocol";

/** A body from which attributes are read is held in memory whole; withdrawals and commands are far smaller. */
export const ATTRIBUTE_BODY_LENGTH_MAX = 65_536;
const ATTRIBUTE_BODY_LIMITS: LocatedJsonLimits = { length: ATTRIBUTE_BODY_LENGTH_MAX, depth: 32 };

export type RouteError =
  | { readonly code: "PATH_INVALID" }
  | { readonly code: "ROUTE_UNKNOWN" }
  | { readonly code: "METHOD_NOT_LISTED"; readonly methods: readonly string[] }
  | { readonly code: "QUERY_NOT_LISTED" }
  | { readonly code: "ATTRIBUTE_INVALID"; readonly attribute: string; readonly pointer: string }
  | { readonly code: "BODY_NOT_JSON" };

/** The route with the longest matching path. A route whose path ends in `/` covers everything below it. */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
  hasQuery = false,
): Result<Route, RouteError> {
  if (!isPlainPath(path)) return err({ code: "PATH_INVALID" });
  const matching = routes.filter((route) =>
    route.path.endsWith("/") ? path.startsWith(route.path) : path === route.path,
  );
  if (matching.length === 0) return err({ code: "ROUTE_UNKNOWN" });
  const listed = matching.filter((route) => route.methods.includes(method));
  const [best] = listed.toSorted((a, b) => b.path.length - a.path.length);
  if (!best) return err({ code: "METHOD_NOT_LISTED", methods: matching.flatMap((route) => route.methods) });
  // The policy does not see the query, so it is passed on only where the route says that it decides nothing.
  if (hasQuery && best.query === "refuse") return err({ code: "QUERY_NOT_LISTED" });
  return ok(best);
}

/**
 * What the policy judges must be what the upstream serves: a path that an upstream could read differently
 * (escapes, dot segments, empty segments, backslashes, `;` parameters) is refused instead of normalised.
 */
function isPlainPath(path: string): boolean {
  if (!/^\/[A-Za-z0-9/_.~!$&'()*+,=:@-]*$/.test(path)) return false;
  return !path.includes("//") && !path.split("/").some((segment) => segment === "." || segment === "..");
}

/** The resource's id for the policy: the path without its leading slash. */
export function resourceIdOf(path: string): string {
  return path.slice(1);
}

/** Reads the route's attributes out of a JSON body. A missing or structured value is a refusal, never a guess. */
export function readAttributes(route: Route, body: Uint8Array): Result<Record<string, Json>, RouteError> {
  const wanted = Object.entries(route.attributes);
  const attributes: Record<string, Json> = {};
  if (wanted.length === 0) return ok(attributes);
  const document = parseBody(body);
  if (document === undefined) return err({ code: "BODY_NOT_JSON" });
  for (const [attribute, pointer] of wanted) {
    const value = resolvePointer(document, pointer);
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      return err({ code: "ATTRIBUTE_INVALID", attribute, pointer });
    attributes[attribute] = value;
  }
  return ok(attributes);
}

function parseBody(body: Uint8Array): Json | undefined {
  const text = parseUtf8(body);
  // Strict: of two members with one name we would judge one and the upstream might act on the other.
  const located = text.ok ? parseLocatedJson(text.value, ATTRIBUTE_BODY_LIMITS) : text;
  return located.ok ? located.value.value : undefined;
}

/** RFC 6901, over own members only. */
function resolvePointer(document: Json, pointer: string): Json | undefined {
  let value: Json | undefined = document;
  for (const token of pointer.slice(1).split("/")) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}
