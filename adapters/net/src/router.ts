import { type HttpHandler, type HttpRequest, type HttpResponse, refusalResponse } from "./http.ts";

/** Values of the `:name` segments, percent-decoded. */
export type PathParameters = Readonly<Record<string, string>>;
export type RouteHandler = (request: HttpRequest, parameters: PathParameters) => Promise<HttpResponse>;

export interface Route {
  readonly method: string;
  /** Such as `/v1/nodes/:id`: whole segments, each literal or a parameter. */
  readonly pattern: string;
  readonly handle: RouteHandler;
}

export function route(method: string, pattern: string, handle: RouteHandler): Route {
  return { method, pattern, handle };
}

/** The first route that fits answers; else 404 HTTP_NOT_FOUND, or 405 HTTP_METHOD_NOT_ALLOWED with `allow` (RFC 9110 §15.5.6). */
export function createRouter(routes: readonly Route[]): HttpHandler {
  const compiled = routes.map((each) => ({ ...each, segments: each.pattern.split("/") }));
  return async (request) => {
    const segments = request.path.split("/");
    const allowed: string[] = [];
    for (const candidate of compiled) {
      const parameters = matchSegments(candidate.segments, segments);
      if (!parameters) continue;
      if (candidate.method === request.method) return candidate.handle(request, parameters);
      allowed.push(candidate.method);
    }
    return allowed.length === 0
      ? refusalResponse(404, "HTTP_NOT_FOUND", "nothing is served at this path")
      : refusalResponse(
          405,
          "HTTP_METHOD_NOT_ALLOWED",
          "this path is served with other methods",
          {},
          { allow: allowed.join(", ") },
        );
  };
}

function matchSegments(pattern: readonly string[], path: readonly string[]): PathParameters | undefined {
  if (pattern.length !== path.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = path[index] ?? "";
    if (!part.startsWith(":")) {
      if (part !== segment) return undefined;
      continue;
    }
    const value = decodeSegment(segment);
    if (!value) return undefined;
    parameters[part.slice(1)] = value;
  }
  return parameters;
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Percent-encoded bytes that are no UTF-8 name nothing we serve.
    return undefined;
  }
}
