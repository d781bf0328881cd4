import type { AccessRequest } from "@vedette/policy";
import type { AccessDecision, Decider } from "./access-decision.ts";

/** How a server's requests become access requests, and who decides them. */
export interface GuardOptions<Request, Claims> {
  readonly pdp: Decider;
  /**
   * Reads what is true of the caller **now**: from a session store, a token's introspection, the connection. It is called
   * for each request, so that a right that was taken away is gone with the next one. Undefined: nobody, denied.
   */
  readonly readClaims: (request: Request) => Claims | undefined | Promise<Claims | undefined>;
  /** What is asked about this request; undefined: nothing that the policy knows, denied. */
  readonly toAccessRequest: (
    request: Request,
    claims: Claims,
  ) => AccessRequest | undefined | Promise<AccessRequest | undefined>;
  /** Types of obligations that this server carries out; an allowance with any other denies (XACML 3.0 §7.18). */
  readonly obligations?: readonly string[];
  /** Told what came of each request before it is carried out; a throw denies service. */
  readonly onVerdict?: (verdict: Verdict, request: Request) => void | Promise<void>;
}

/** What the server does: goes on, or answers this. */
export type Verdict =
  | { readonly type: "allowed"; readonly decision: AccessDecision }
  | { readonly type: "denied"; readonly reason: string; readonly decision: AccessDecision | undefined }
  /** Nobody could say: no denial, and never an allowance. */
  | { readonly type: "unavailable"; readonly error: unknown };

/** Decides one request. Never rejects; whatever fails on the way is `unavailable`. */
export async function judge<Request, Claims>(
  request: Request,
  options: GuardOptions<Request, Claims>,
): Promise<Verdict> {
  try {
    const verdict = await judgeOrThrow(request, options);
    await options.onVerdict?.(verdict, request);
    return verdict;
  } catch (error) {
    // Fail closed: claims that cannot be read, a PDP out of reach, a hook that throws.
    return { type: "unavailable", error };
  }
}

async function judgeOrThrow<Request, Claims>(
  request: Request,
  options: GuardOptions<Request, Claims>,
): Promise<Verdict> {
  const claims = await options.readClaims(request);
  if (claims === undefined) return { type: "denied", reason: "no-claims", decision: undefined };
  const asked = await options.toAccessRequest(request, claims);
  if (!asked) return { type: "denied", reason: "nothing-to-ask", decision: undefined };
  const decision = await options.pdp.decideAccess(asked);
  const { reason } = decision.context;
  // Only `true` is true: a decider from elsewhere may answer anything.
  if (decision.decision !== true)
    return { type: "denied", reason: typeof reason === "string" ? reason : "denied", decision };
  if (hasUnknownObligation(decision, options.obligations ?? []))
    return { type: "denied", reason: "obligation-unknown", decision };
  return { type: "allowed", decision };
}

function hasUnknownObligation({ context: { obligations } }: AccessDecision, known: readonly string[]): boolean {
  if (obligations === undefined) return false;
  if (!Array.isArray(obligations)) return true;
  return obligations.some(({ type }: { readonly type?: unknown }) => typeof type !== "string" || !known.includes(type));
}

/** An answer of a Node server, as far as it is written here. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** A handler of `node:http` that is reached by allowed requests alone. What it throws is its own affair. */
export function forNodeHttp<Request, Response extends NodeResponse, Claims>(
  options: GuardOptions<Request, Claims>,
  handler: (request: Request, response: Response, decision: AccessDecision) => unknown,
): (request: Request, response: Response) => Promise<void> {
  return async (request, response) => {
    const verdict = await judge(request, options);
    if (verdict.type === "allowed") await handler(request, response, verdict.decision);
    else refuse(response, verdict);
  };
}

/** Middleware for Express: `app.use(forExpress(options))`. */
export function forExpress<Request, Claims>(
  options: GuardOptions<Request, Claims>,
): (request: Request, response: NodeResponse, next: () => void) => Promise<void> {
  return async (request, response, next) => {
    const verdict = await judge(request, options);
    if (verdict.type === "allowed") next();
    else refuse(response, verdict);
  };
}

/** A reply of Fastify, as far as it is written here. */
export interface FastifyReplyLike {
  code(status: number): this;
  header(name: string, value: string): this;
  send(body: string): this;
}

/** A hook for Fastify: `app.addHook("preHandler", forFastify(options))`. */
export function forFastify<Request, Claims>(
  options: GuardOptions<Request, Claims>,
): <Reply extends FastifyReplyLike>(request: Request, reply: Reply) => Promise<Reply | undefined> {
  return async (request, reply) => {
    const verdict = await judge(request, options);
    if (verdict.type === "allowed") return undefined;
    const { status, headers, body } = refusal(verdict);
    for (const [name, value] of Object.entries(headers)) reply.header(name, value);
    // Returned, so that Fastify knows that the answer is given.
    return reply.code(status).send(body);
  };
}

function refuse(response: NodeResponse, verdict: Refusal): void {
  const { status, headers, body } = refusal(verdict);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

type Refusal = Exclude<Verdict, { readonly type: "allowed" }>;

/** 403 for who may not, 503 while nobody can say. What failed is for the server's log, not for the caller. */
function refusal(verdict: Refusal): { status: number; headers: Readonly<Record<string, string>>; body: string } {
  const common = { "content-type": "application/json", "cache-control": "no-store" };
  if (verdict.type === "unavailable") {
    const error = { code: "DECISION_UNAVAILABLE", message: "whether this is allowed cannot be told at the moment" };
    return { status: 503, headers: { ...common, "retry-after": "1" }, body: JSON.stringify({ error }) };
  }
  const { decision_id: id } = verdict.decision?.context ?? {};
  const error = {
    code: "DENIED",
    message: "policy does not allow this",
    reason: verdict.reason,
    ...(id !== undefined && { decision: id }),
  };
  return { status: 403, headers: common, body: JSON.stringify({ error }) };
}
