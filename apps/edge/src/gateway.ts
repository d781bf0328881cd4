import { AdapterError, type Instant, type JsonObject, ok } from "@vedette/base";
import { type Forwarder, type HttpRequest, type HttpResponse, refusalResponse } from "@vedette/net";
import { type AccessRequest, type CompiledPolicy, type Decision, type DecisionContext, decide } from "@vedette/policy";
import type { Route } from "@vedette/protocol";
import { type Caller, Callers, type CallersOptions } from "./callers.ts";
import type { DeviceList, DeviceRegistry } from "./device-registry.ts";
import type { EvidenceLog } from "./evidence-log.ts";
import { codeToReason, overruled } from "./overruled.ts";
import { ATTRIBUTE_BODY_LENGTH_MAX, findRoute, readAttributes, resourceIdOf } from "./routes.ts";
import type { StateKeeper } from "./state-keeper.ts";
import type { TierDesk } from "./tier-desk.ts";

export interface GatewayOptions extends CallersOptions {
  readonly site: string;
  readonly node: string;
  readonly routes: readonly Route[];
  readonly forwarder: Forwarder;
  readonly registry: DeviceRegistry;
  readonly state: StateKeeper;
  readonly evidence: EvidenceLog;
  readonly counts: GatewayCounts;
  readonly tiers: TierDesk;
  policy(): ActivePolicy | undefined;
}

export interface ActivePolicy extends DeviceList {
  readonly compiled: CompiledPolicy;
}

/** What has happened since the start; for the status page. */
export interface GatewayCounts {
  allowed: number;
  denied: number;
  unavailable: number;
  readonly deniedByReason: Record<string, number>;
  /** How long decide() took, nanoseconds; the last of them. */
  readonly decideNs: number[];
}

/** Enough for a p99. */
const TIMINGS_MAX = 4_096;
/** A resource type that no route has: asked for what is not listed, the policy's default answers. */
const UNLISTED = "unlisted";
/**
 * Obligations this enforcement point carries out: `log` (every decision is journaled) and `receipt` (every answer carries
 * its decision's number). One it does not know denies (XACML 3.0 §7.18).
 */
const KNOWN_OBLIGATIONS: ReadonlySet<string> = new Set(["log", "receipt"]);
/** Ours to set, or able to make an upstream serve another method or path than the judged one. */
const DROPPED_HEADERS: readonly string[] = [
  "x-vedette-*",
  "forwarded",
  "x-forwarded-*",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-*",
  "x-rewrite-url",
];

/** Walk 1: principal → context snapshot → decide → journal → enforce. Returns the handler of the gateway's mTLS listener. */
export function createGateway(options: GatewayOptions): (request: HttpRequest) => Promise<HttpResponse> {
  const callers = new Callers(options);
  return async (http) => {
    const caller = callers.recognise(http);
    if (caller.ok) return serve(http, caller.value, options);
    options.evidence.unauthenticated(caller.error);
    const message = "the certificate is not, or no longer, a principal of this site";
    return refusalResponse(401, caller.error, message, {}, { connection: "close" });
  };
}

/** A request and all that enforcing its decision needs. */
interface Asked {
  readonly http: HttpRequest;
  readonly caller: Caller;
  readonly now: Instant;
  readonly route: ReturnType<typeof findRoute>;
  readonly body: Uint8Array | undefined;
  readonly attributes: ReturnType<typeof readAttributes>;
}

async function serve(http: HttpRequest, caller: Caller, options: GatewayOptions): Promise<HttpResponse> {
  const active = options.policy();
  if (!active) return unavailable(options, "POLICY_MISSING", "no policy is active on this node");
  const route = findRoute(options.routes, http.method, http.path, http.target !== http.path);
  const wantsBody = route.ok && Object.keys(route.value.attributes).length > 0;
  const body = wantsBody ? await http.body(ATTRIBUTE_BODY_LENGTH_MAX) : undefined;
  const attributes = route.ok && body ? readAttributes(route.value, body) : ok({});
  const asked: Asked = { http, caller, now: options.clock.now(), route, body, attributes };
  const decision = await judge(asked, active, options);
  return decision.effect === "allow"
    ? allow(decision, asked, options)
    : deny(decision, decision.reason, asked, options);
}

async function judge(asked: Asked, active: ActivePolicy, options: GatewayOptions): Promise<Decision> {
  const { counts, tiers } = options;
  const request = describe(asked, active);
  const context = situationOf(asked, active, options);
  const begun = process.hrtime.bigint();
  const decision = decide(active.compiled, request, context);
  counts.decideNs.push(Number(process.hrtime.bigint() - begun));
  if (counts.decideNs.length > TIMINGS_MAX) counts.decideNs.shift();
  return tiers.settle(decision, request, () => {
    const present = options.policy();
    const now = options.clock.now();
    return (
      present && {
        compiled: present.compiled,
        request: describe(asked, present),
        context: situationOf({ ...asked, now }, present, options),
      }
    );
  });
}

/** What the node itself knows at this moment. */
function situationOf(
  { now, caller }: Asked,
  active: ActivePolicy,
  { site, node, registry, state }: GatewayOptions,
): DecisionContext {
  const { name, deviceClass = "", trustDomain } = caller.principal;
  const standing = registry.find(name);
  const freshness = registry.freshnessOf({ name, deviceClass, keyHash: caller.keyHash }, active, now);
  return {
    now,
    attestation: { state: freshness, ...(standing ? { at: standing.attestedAt } : {}) },
    counters: { spent: (counter, key, window) => state.spent(counter, key, window, now) },
    labels: { site, node },
    requestedBy: `spiffe://${trustDomain}/gateway`,
  };
}

function describe({ http, caller, route, attributes }: Asked, { inventory }: ActivePolicy): AccessRequest {
  const { id, kind, name, deviceClass } = caller.principal;
  const roles = deviceClass === undefined ? [] : (inventory.classes[deviceClass]?.roles ?? []);
  const properties: JsonObject = { name, roles, ...(deviceClass === undefined ? {} : { class: deviceClass }) };
  const listed = route.ok ? route.value : undefined;
  return {
    subject: { type: kind, id, properties },
    action: { name: listed?.action ?? http.method },
    resource: { type: listed?.resourceType ?? UNLISTED, id: resourceIdOf(http.path) },
    context: {
      ...(attributes.ok ? attributes.value : {}),
      ...(http.connection.remoteAddress === undefined ? {} : { ip: http.connection.remoteAddress }),
    },
  };
}

async function allow(decision: Decision, asked: Asked, options: GatewayOptions): Promise<HttpResponse> {
  const { route, attributes } = asked;
  if (!route.ok) return deny(decision, codeToReason(route.error.code), asked, options);
  if (!attributes.ok) return deny(decision, codeToReason(attributes.error.code), asked, options);
  const unknown = decision.obligations.find((obligation) => !KNOWN_OBLIGATIONS.has(obligation.type));
  if (unknown) return deny(decision, "obligation-unknown", asked, options);
  const [spend] = decision.spend;
  if (!spend) return carryOut(decision, asked, route.value, undefined, options);
  // PROTOCOLS 4.3: reserved durably before the effect.
  const reserved = await options.state.reserve(spend, options.clock.now()).catch(asUnrecorded);
  if (reserved instanceof AdapterError) return unrecorded(options, reserved);
  return reserved.ok
    ? carryOut(decision, asked, route.value, reserved.value, options)
    : deny(decision, codeToReason(reserved.error.code), asked, options);
}

type Reservation = Parameters<StateKeeper["confirm"]>[0];

async function carryOut(
  decision: Decision,
  { http, caller, body }: Asked,
  route: Route,
  reservation: Reservation | undefined,
  options: GatewayOptions,
): Promise<HttpResponse> {
  const { state, evidence, forwarder, counts } = options;
  const number = await evidence.allowed(decision, decision.fastCommitWindow).catch(asUnrecorded);
  if (number instanceof AdapterError) {
    if (reservation) state.release(reservation);
    return unrecorded(options, number);
  }
  counts.allowed++;
  const receipt = { "x-vedette-decision": String(number) };
  const answer = await forwarder
    .forward(http, route.upstream, {
      ...(body ? { body } : {}),
      headersToDrop: DROPPED_HEADERS,
      headersToAdd: { "x-vedette-subject": caller.principal.id, ...receipt },
    })
    .catch((error: unknown) => {
      // Thrown means that the client's body could not be read and nothing was sent; the listener answers it.
      if (reservation) state.release(reservation);
      throw error;
    });
  // What may have reached the upstream stays spent, however the connections ended.
  const isSurelyUndone = answer.ok ? isRefusal(answer.value.status) : !answer.error.isSent;
  if (reservation && isSurelyUndone) state.release(reservation);
  else if (reservation) state.confirm(reservation);
  if (answer.ok) return { ...answer.value, headers: { ...answer.value.headers, ...receipt } };
  return refusalResponse(502, answer.error.code, "the upstream did not answer", { ...answer.error }, receipt);
}

/** The upstream understood and did not do it (RFC 9110 §15.5). */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}

/** `reason` differs from the decision's own where the policy said yes and enforcement cannot. */
async function deny(decision: Decision, reason: string, asked: Asked, options: GatewayOptions): Promise<HttpResponse> {
  const { counts, evidence } = options;
  const denial = decision.effect === "deny" ? decision : overruled(decision, reason);
  const number = await evidence.denied(denial, asked.caller.principal.id).catch(asUnrecorded);
  if (number instanceof AdapterError) return unrecorded(options, number);
  counts.denied++;
  counts.deniedByReason[reason] = (counts.deniedByReason[reason] ?? 0) + 1;
  const { ruleId, description, limitExceeded } = decision;
  const message = decision.reason === "denied-by-rule" ? description : undefined;
  return refusalResponse(403, "DENIED", message ?? explain(reason), {
    reason,
    ...(ruleId === undefined ? {} : { rule: ruleId }),
    ...(limitExceeded ? { limit: { ...limitExceeded } } : {}),
    decision: number,
  });
}

/** For whoever wrote the application: what stands in the way, not what the rule is for. */
function explain(reason: string): string {
  const sentences: Readonly<Record<string, string>> = {
    "no-rule": "no rule allows this",
    "limit-exceeded": "a rule allows this within a limit that is used up",
    "not-fresh": "a rule allows this to a device that has attested lately; this one has not",
    contraindicated: "this device's last attestation showed a state that is not to be trusted",
    "attribute-unknown": "the policy asks about something that this request does not say",
    "code-failed": "the policy could not be evaluated for this request",
    "denied-by-tier": "the tier that decides this denied it",
    "escalation-unanswered": "another tier decides this, and it did not answer in time",
    "policy-expired": "the policy has ended and nothing is allowed until the next one",
  };
  return sentences[reason] ?? "policy does not allow this";
}

/** The journal's or the state's failure is an answer here; anything else is a bug and not caught. */
function asUnrecorded(error: unknown): AdapterError {
  if (error instanceof AdapterError) return error;
  throw error;
}

function unrecorded(options: GatewayOptions, { code }: AdapterError): HttpResponse {
  return unavailable(options, code, "the decision could not be recorded, so it has no effect");
}

function unavailable({ counts }: GatewayOptions, code: string, message: string): HttpResponse {
  counts.unavailable++;
  return refusalResponse(503, code, message, {}, { "retry-after": "1" });
}
