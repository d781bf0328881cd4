import { canonicalJson, isJsonObject, type Json, type JsonObject, utf8 } from "@vedette/base";
import { bytesResponse, type HttpRequest, type HttpResponse, jsonResponse } from "@vedette/net";
import { QUESTIONS_MAX } from "@vedette/protocol";
import { answerText, statusOf, withDefaults } from "./access-answer.ts";
import type { AccessDesk } from "./access-desk.ts";
import type { AccessSearch, SearchKind } from "./authzen-search.ts";
import { readRequestBody } from "./json-body.ts";
import type { Pep } from "./pep.ts";

export interface AuthzenApiOptions {
  readonly access: AccessDesk;
  readonly search: AccessSearch;
}

/** AuthZEN Authorization API 1.0 (OpenID, final of 2026-01-11). Undefined for a path that is not its own. */
export function createAuthzenApi(
  options: AuthzenApiOptions,
): (pep: Pep, http: HttpRequest) => Promise<HttpResponse> | undefined {
  return (pep, http) => {
    const { path } = http;
    if (path === METADATA_PATH) return serveMetadata(http);
    if (path === "/access/v1/evaluation") return serve(http, (body) => evaluate(body, pep, options));
    if (path === "/access/v1/evaluations") return serve(http, (body) => evaluateAll(body, pep, options));
    const kind = SEARCH_KINDS.find((each) => path === `/access/v1/search/${each}`);
    return kind && serve(http, (body) => search(kind, body, pep, options));
  };
}

const METADATA_PATH = "/.well-known/authzen-configuration";
const SEARCH_KINDS: readonly SearchKind[] = ["subject", "resource", "action"];

/** An answer as JSON, or why the whole request has none (AuthZEN 1.0 §10.1.9: a message as the body). */
type Outcome = { readonly text: string } | { readonly status: number; readonly message: string };

async function serve(http: HttpRequest, handle: (body: JsonObject) => Promise<Outcome>): Promise<HttpResponse> {
  if (http.method !== "POST") return message(http, 405, "use POST", { allow: "POST" });
  const body = await readRequestBody(http);
  if (!body.ok) {
    const headers: Record<string, string> = body.error.status === 400 ? {} : { connection: "close" };
    return message(http, body.error.status, `the body cannot be read: ${body.error.message}`, headers);
  }
  if (!isJsonObject(body.value)) return message(http, 400, "the body: expected an object");
  const outcome = await handle(body.value);
  if ("text" in outcome) return bytesResponse(200, "application/json", utf8(outcome.text), requestId(http));
  return message(http, outcome.status, outcome.message, outcome.status === 503 ? { "retry-after": "1" } : {});
}

async function evaluate(body: JsonObject, pep: Pep, { access }: AuthzenApiOptions): Promise<Outcome> {
  const answer = await access.decide(pep, body);
  if (answer.type === "decided") return { text: answerText(answer) };
  return { status: statusOf(answer), message: answer.message };
}

async function evaluateAll(body: JsonObject, pep: Pep, options: AuthzenApiOptions): Promise<Outcome> {
  const items = body["evaluations"] ?? [];
  if (!isJsonArray(items)) return { status: 400, message: "evaluations: expected a list" };
  // AuthZEN 1.0 §7.1: without items it is a single evaluation.
  if (items.length === 0) return evaluate(body, pep, options);
  if (items.length > QUESTIONS_MAX) return { status: 400, message: `evaluations: at most ${QUESTIONS_MAX} of them` };
  const semantic = semanticOf(body);
  if (!semantic) return { status: 400, message: `options.evaluations_semantic: one of ${SEMANTICS.join(", ")}` };
  const { evaluations: _, ...defaults } = body;
  if (JSON.stringify(defaults).length * items.length > DEFAULTS_LENGTH_MAX)
    return {
      status: 413,
      message: `evaluations: what they share is more than ${DEFAULTS_LENGTH_MAX} characters in all`,
    };
  const requests = items.map((item) => withDefaults(body, item));
  const answers = await decideBy(semantic, requests, pep, options.access);
  return { text: `{"evaluations":[${answers.join(",")}]}` };
}

/** Each item is recorded with all that it shares: four times the longest body, and not a thousand times. */
const DEFAULTS_LENGTH_MAX = 16_777_216;

const SEMANTICS = ["execute_all", "deny_on_first_deny", "permit_on_first_permit"] as const;
type Semantic = (typeof SEMANTICS)[number];

function semanticOf({ options }: JsonObject): Semantic | undefined {
  const wanted =
    options !== undefined && isJsonObject(options) ? (options["evaluations_semantic"] ?? SEMANTICS[0]) : SEMANTICS[0];
  return SEMANTICS.find((each) => each === wanted);
}

/** What is short-circuited is not decided at all, so the next request waits for the answer before it. */
async function decideBy(
  semantic: Semantic,
  requests: readonly Json[],
  pep: Pep,
  access: AccessDesk,
): Promise<readonly string[]> {
  if (semantic === "execute_all") return access.decideAll(pep, requests, answerText);
  const answers: string[] = [];
  for (const request of requests) {
    const answer = await access.decide(pep, request);
    answers.push(answerText(answer));
    const isPermit = answer.type === "decided" && answer.isAllowed;
    if (isPermit === (semantic === "permit_on_first_permit")) break;
  }
  return answers;
}

async function search(kind: SearchKind, body: JsonObject, pep: Pep, options: AuthzenApiOptions): Promise<Outcome> {
  const found = await options.search.find(kind, body, pep);
  if (found.type === "found") return { text: canonicalJson(found.page) };
  return { status: statusOf(found), message: found.message };
}

/** AuthZEN 1.0 §9. Behind a Unix socket there is no https; the name that the PEP used is all there is. */
async function serveMetadata(http: HttpRequest): Promise<HttpResponse> {
  if (http.method !== "GET") return message(http, 405, "use GET", { allow: "GET" });
  const host = /^[A-Za-z0-9.:[\]-]{1,253}$/.exec(http.headers["host"] ?? "")?.[0] ?? "localhost";
  const base = `${http.peer ? "https" : "http"}://${host}`;
  return jsonResponse(
    200,
    {
      policy_decision_point: base,
      access_evaluation_endpoint: `${base}/access/v1/evaluation`,
      access_evaluations_endpoint: `${base}/access/v1/evaluations`,
      search_subject_endpoint: `${base}/access/v1/search/subject`,
      search_resource_endpoint: `${base}/access/v1/search/resource`,
      search_action_endpoint: `${base}/access/v1/search/action`,
    },
    requestId(http),
  );
}

function message(
  http: HttpRequest,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...requestId(http), ...headers },
    body: utf8(text),
  };
}

/** AuthZEN 1.0 §10.1.10: sent back as it came. */
function requestId({ headers }: HttpRequest): Readonly<Record<string, string>> {
  const id = headers["x-request-id"];
  return id === undefined ? {} : { "x-request-id": id };
}

function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
