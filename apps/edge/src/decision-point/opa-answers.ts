import { utf8 } from "@vedette/base";
import type { HeaderFields, HttpRequest, HttpResponse } from "@vedette/net";
import { type QueryFailure, type Value, valueToJson } from "@vedette/rego";
import { gzip } from "@vedette/runtime";
import type { Refused, Unavailable } from "./answers.ts";

/** OPA's own default (`server.encoding.gzip.min_length`): below it gzip costs more than it saves. */
const GZIP_LENGTH_MIN = 1_024;

/** An answer as OPA writes it: keys sorted, exact numbers, a final newline, and what the query parameters ask. */
export function opaResponse(http: HttpRequest, status: number, value: Value, headers: HeaderFields = {}): HttpResponse {
  const text = valueToJson(value, isAsked(http, "pretty") || status >= 400 ? { indent: "  " } : {});
  const bytes = utf8(`${text}\n`);
  const common = { "content-type": "application/json", vary: "accept-encoding", ...headers };
  if (bytes.length < GZIP_LENGTH_MIN || !/\bgzip\b/.test(http.headers["accept-encoding"] ?? ""))
    return { status, headers: common, body: bytes };
  return { status, headers: { ...common, "content-encoding": "gzip" }, body: gzip(bytes) };
}

/** OPA's shape of an error: `{code, message, errors}`. */
export function opaProblem(
  http: HttpRequest,
  status: number,
  code: string,
  message: string,
  more: { readonly headers?: HeaderFields; readonly errors?: readonly Value[]; readonly decisionId?: string } = {},
): HttpResponse {
  const { headers, errors, decisionId } = more;
  const body = {
    code,
    message,
    ...(errors && { errors }),
    ...(decisionId !== undefined && { decision_id: decisionId }),
  };
  return opaResponse(http, status, body, headers);
}

/** For whatever came of a question that is no answer. */
export function opaRefusal(
  http: HttpRequest,
  answered:
    | Refused
    | Unavailable
    | { readonly type: "failed"; readonly failure: QueryFailure; readonly number: number },
): HttpResponse {
  switch (answered.type) {
    case "failed":
      return opaProblem(http, 500, "internal_error", "error(s) occurred while evaluating query", {
        errors: [failureValue(answered.failure)],
        decisionId: String(answered.number),
      });
    case "unavailable":
      return answered.code === "CODE_MISSING"
        ? opaProblem(http, 404, "resource_not_found", answered.message)
        : opaProblem(http, 503, answered.code.toLowerCase(), answered.message, { headers: { "retry-after": "1" } });
    case "refused":
      return answered.code === "CLAIM_REFUSED"
        ? opaProblem(http, 403, "unauthorized", answered.message)
        : opaProblem(http, 400, "invalid_parameter", answered.message, {
            ...(answered.errors && {
              errors: answered.errors.map(({ code, message, location }) => ({
                code,
                message,
                location: { ...location },
              })),
            }),
          });
  }
}

/** OPA takes `?pretty` and `?pretty=true` for yes, anything else for no. */
export function isAsked(http: HttpRequest, parameter: string): boolean {
  const value = http.query.get(parameter);
  return value === "" || value === "true";
}

function failureValue(failure: QueryFailure): Value {
  if (failure.code === "limit") return { code: `limit_${failure.limit}`, message: failure.message };
  const { code, message, location } = failure;
  return { code, message, ...(location && { location: { ...location } }) };
}
