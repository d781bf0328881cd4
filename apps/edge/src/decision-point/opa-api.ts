import { ok } from "@vedette/base";
import type { HttpRequest, HttpResponse } from "@vedette/net";
import { isPlainObject, parseJson, type Value } from "@vedette/rego";
import type { Activated } from "../policy-host.ts";
import type { QueryAnswer } from "./answers.ts";
import type { DocumentDesk } from "./document-desk.ts";
import { type BodyError, readExactBody } from "./json-body.ts";
import { isAsked, opaProblem, opaRefusal, opaResponse } from "./opa-answers.ts";
import type { Pep } from "./pep.ts";

export interface OpaApiOptions {
  readonly documents: DocumentDesk;
  policy(): Activated | undefined;
  /** The text of the active policy's modules by file name, verified again. */
  modules(): ReadonlyMap<string, string>;
}

/**
 * The part of OPA's REST API that asks; what it leaves out stands in docs/howto/ask-for-decisions.md. Undefined for a
 * path that is not OPA's.
 */
export function createOpaApi(
  options: OpaApiOptions,
): (pep: Pep, http: HttpRequest) => Promise<HttpResponse> | undefined {
  return (pep, http) => {
    const [, first = "", second = "", ...rest] = http.path.split("/");
    const name = first === "health" ? first : `${first}/${second}`;
    if (!Object.hasOwn(ENDPOINTS, name)) return undefined;
    return serve(ENDPOINTS[name] ?? {}, { pep, http, rest: rest.map(decodeURIComponentStrictly), options });
  };
}

interface Asked {
  readonly pep: Pep;
  readonly http: HttpRequest;
  /** Segments after the endpoint's own, decoded; undefined where one is no UTF-8. */
  readonly rest: readonly (string | undefined)[];
  readonly options: OpaApiOptions;
}

type Endpoint = Readonly<
  Record<string, (asked: Asked, path: readonly string[]) => Promise<HttpResponse> | HttpResponse>
>;

/** By path, then by method. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "v1/data": { GET: getData, POST: postData },
  "v0/data": { POST: postBareData },
  "v1/query": { GET: getQuery, POST: postQuery },
  "v1/policies": { GET: getPolicies },
  "v1/status": { GET: getStatus },
  health: { GET: getHealth },
};

async function serve(endpoint: Endpoint, asked: Asked): Promise<HttpResponse> {
  const { http, rest } = asked;
  const handle = Object.hasOwn(endpoint, http.method) ? endpoint[http.method] : undefined;
  if (!handle) {
    const message = `${http.method} is refused: policy and data come as signed policy bundles only`;
    return opaProblem(http, 405, "invalid_operation", message, {
      headers: { allow: Object.keys(endpoint).join(", ") },
    });
  }
  const unserved = unservedParameter(http);
  if (unserved !== undefined) return opaProblem(http, 400, "invalid_parameter", unserved);
  // A trailing slash names the same document.
  const path = rest.at(-1) === "" ? rest.slice(0, -1) : rest;
  if (!path.every((segment) => segment !== undefined))
    return opaProblem(http, 400, "invalid_parameter", "the path is not UTF-8");
  return handle(asked, path);
}

/** What OPA could give and we cannot is refused, so that nobody reads a silence as an answer. */
function unservedParameter(http: HttpRequest): string | undefined {
  if ((http.query.get("explain") ?? "off") !== "off")
    return "explain: traces are given by `vedette policy eval`, not here";
  for (const name of ["instrument", "strict-builtin-errors"])
    if (isAsked(http, name)) return `${name}: not served by this decision point`;
  return undefined;
}

async function getData({ pep, http, options }: Asked, path: readonly string[]): Promise<HttpResponse> {
  const text = http.query.get("input");
  const input = text === null ? ok(undefined) : parseJson(text);
  if (!input.ok) return malformed(http, "parameter", input.error.message);
  return dataResponse(http, await options.documents.document(pep, path, input.value), options, 0);
}

async function postData({ pep, http, options }: Asked, path: readonly string[]): Promise<HttpResponse> {
  const begun = process.hrtime.bigint();
  const body = await readExactBody(http);
  if (!body.ok) return bodyProblem(http, body.error);
  const asked = body.value ?? {};
  if (!isPlainObject(asked)) return malformed(http, "body", 'expected an object such as {"input": …}');
  const input = Object.hasOwn(asked, "input") ? asked["input"] : undefined;
  const parseNs = Number(process.hrtime.bigint() - begun);
  const answered = await options.documents.document(pep, path, input);
  return dataResponse(http, answered, options, parseNs, input === undefined ? INPUT_MISSING : {});
}

const INPUT_MISSING = {
  warning: { code: "api_usage_warning", message: "'input' key missing from the request" },
};

/** The body is the input, and the answer the bare document. */
async function postBareData({ pep, http, options }: Asked, path: readonly string[]): Promise<HttpResponse> {
  const body = await readExactBody(http);
  if (!body.ok) return bodyProblem(http, body.error);
  const answered = await options.documents.document(pep, path, body.value);
  if (answered.type !== "answered") return opaRefusal(http, answered);
  const decisionId = String(answered.number);
  if (answered.value !== undefined) return opaResponse(http, 200, answered.value, { "x-vedette-decision": decisionId });
  const missing = `document missing: ${["data", ...path].join(".")}`;
  return opaProblem(http, 404, "undefined_document", missing, { decisionId });
}

async function getQuery(asked: Asked): Promise<HttpResponse> {
  const text = asked.http.query.get("q");
  if (text === null) return opaProblem(asked.http, 400, "invalid_parameter", "missing parameter 'q'");
  return queryResponse(asked, text, undefined);
}

async function postQuery(asked: Asked): Promise<HttpResponse> {
  const body = await readExactBody(asked.http);
  if (!body.ok) return bodyProblem(asked.http, body.error);
  const { query, input } = body.value !== undefined && isPlainObject(body.value) ? body.value : {};
  if (typeof query !== "string") return malformed(asked.http, "body", 'expected an object such as {"query": "x = 1"}');
  return queryResponse(asked, query, input);
}

async function queryResponse(
  { pep, http, options }: Asked,
  text: string,
  input: Value | undefined,
): Promise<HttpResponse> {
  const answered = await options.documents.query(pep, text, input);
  if (answered.type !== "answered") return opaRefusal(http, answered);
  const { value, number, evaluationNs } = answered;
  return opaResponse(http, 200, {
    decision_id: String(number),
    ...metrics(http, { timer_rego_query_eval_ns: evaluationNs }),
    ...(value.length > 0 && { result: value }),
  });
}

function dataResponse(
  http: HttpRequest,
  answered: QueryAnswer<Value | undefined>,
  options: OpaApiOptions,
  parseNs: number,
  warning: { readonly warning?: Value } = {},
): HttpResponse {
  if (answered.type !== "answered") return opaRefusal(http, answered);
  const { value, number, evaluationNs } = answered;
  return opaResponse(http, 200, {
    decision_id: String(number),
    ...(isAsked(http, "provenance") && { provenance: provenance(options) }),
    ...metrics(http, { timer_rego_input_parse_ns: parseNs, timer_rego_query_eval_ns: evaluationNs }),
    ...(value !== undefined && { result: value }),
    ...warning,
  });
}

function metrics(http: HttpRequest, measured: Readonly<Record<string, number>>): { readonly metrics?: Value } {
  return isAsked(http, "metrics") ? { metrics: measured } : {};
}

/** Which policy answered. */
function provenance({ policy }: OpaApiOptions): Value {
  return { version: "vedette", bundles: bundles(policy()) };
}

function bundles(active: Activated | undefined): Readonly<Record<string, Value>> {
  return active ? { [active.compiled.origin.bundle]: { revision: active.revision, sequence: active.sequence } } : {};
}

function getPolicies({ http, options }: Asked, path: readonly string[]): HttpResponse {
  const modules = options.modules();
  if (path.length === 0) return opaResponse(http, 200, { result: Array.from(modules, ([id, raw]) => ({ id, raw })) });
  const id = path.join("/");
  const raw = modules.get(id);
  if (raw === undefined) return opaProblem(http, 404, "resource_not_found", `no module ${JSON.stringify(id)}`);
  return opaResponse(http, 200, { result: { id, raw } });
}

function getStatus({ http, options }: Asked): HttpResponse {
  const active = options.policy();
  return opaResponse(http, 200, {
    result: { bundles: bundles(active), plugins: { bundle: { state: active ? "OK" : "NOT_READY" } } },
  });
}

function getHealth({ http, options }: Asked): HttpResponse {
  const mustHavePolicy = isAsked(http, "bundles") || isAsked(http, "bundle") || isAsked(http, "plugins");
  return mustHavePolicy && !options.policy()
    ? opaResponse(http, 500, { error: "no policy bundle is active" })
    : opaResponse(http, 200, {});
}

function malformed(http: HttpRequest, where: "body" | "parameter", message: string): HttpResponse {
  return opaProblem(http, 400, "invalid_parameter", `${where} contains malformed input document: ${message}`);
}

function bodyProblem(http: HttpRequest, { status, message }: BodyError): HttpResponse {
  if (status === 400) return malformed(http, "body", message);
  // RFC 9110 §15.5.14: after a body that was not read whole the connection is of no use.
  return opaProblem(http, status, "invalid_parameter", message, { headers: { connection: "close" } });
}

function decodeURIComponentStrictly(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Percent-encoded bytes that are no UTF-8 name no document.
    return undefined;
  }
}
