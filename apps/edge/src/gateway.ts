import { AdapterError, type Crypto, err, type Instant, type JsonObject, ok, type Result } from "@vedette/base";
import { isPrincipalCurrent, type Principal, principalOf, type TrustBundles } from "@vedette/identity";
import {
  type ConnectionLedger,
  type Forwarder,
  type HttpRequest,
  type HttpResponse,
  refusalResponse,
} from "@vedette/net";
import { type AccessRequest, type CompiledPolicy, type Decision, decide } from "@vedette/policy";
import type { Inventory, Route } from "@vedette/protocol";
import type { DeviceRegistry } from "./device-registry.ts";
import type { EffectiveClock } from "./effective-clock.ts";
import type { EvidenceLog } from "./evidence-log.ts";
import { ATTRIBUTE_BODY_LENGTH_MAX, findRoute, readAttributes, resourceIdOf } from "./routes.ts";
import type { StateKeeper } from "./state-keeper.ts";

export interface GatewayOptions {
  readonly site: string;
  readonly node: string;
  readonly routes: readonly Route[];
  readonly ledger: ConnectionLedger;
  readonly forwarder: Forwarder;
  readonly registry: DeviceRegistry;
  readonly state: StateKeeper;
  readonly evidence: EvidenceLog;
  readonly clock: EffectiveClock;
  readonly crypto: Crypto;
  readonly counts: GatewayCounts;
  trust(): TrustBundles;
  policy(): ActivePolicy | undefined;
}

export interface ActivePolicy {
  readonly compiled: CompiledPolicy;
  readonly inventory: Inventory;
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

/** Walk 1: principal → context snapshot → decide → journal → enforce. Returns the handler of the gateway's mTLS listener. */
export function createGateway(options: GatewayOptions): (request: HttpRequest) => Promise<HttpResponse> {
  const principalByChannel = new Map<string, Principal>();
  return async (http) => {
    const principal = recognise(http, options, principalByChannel);
    if (!principal.ok) {
      options.evidence.unauthenticated(principal.error);
      http.connection.cut();
      return refusalResponse(401, principal.error, "the certificate is not, or no longer, a principal of this site");
    }
    return serve(http, principal.value, options);
  };
}

/** Resolved once for each connection; that it still holds is asked on every request (PROTOCOLS 3.2). */
function recognise(
  http: HttpRequest,
  { trust, clock, crypto, ledger }: GatewayOptions,
  principalByChannel: Map<string, Principal>,
): Result<Principal, string> {
  const now = clock.now();
  const known = principalByChannel.get(http.channel);
  if (known) {
    const { revokedSites } = trust();
    if (revokedSites.includes(known.trustDomain)) return err("SITE_REVOKED");
    return isPrincipalCurrent(known, now) ? ok(known) : err("PRINCIPAL_EXPIRED");
  }
  const [leaf, ...intermediates] = http.peer?.certificateChain ?? [];
  if (!leaf) return err("CERTIFICATE_MISSING");
  const principal = principalOf({ leaf, intermediates }, trust(), now, crypto);
  if (!principal.ok) return err(principal.error.code);
  if (principal.value.kind === "node") return err("NODE_AT_GATEWAY");
  if (ledger.bind(http.connection, principal.value) === "full") return err("LEDGER_FULL");
  principalByChannel.set(http.channel, principal.value);
  http.connection.onClose(() => principalByChannel.delete(http.channel));
  return ok(principal.value);
}

async function serve(http: HttpRequest, principal: Principal, options: GatewayOptions): Promise<HttpResponse> {
  const active = options.policy();
  if (!active) return unavailable(options, "POLICY_MISSING", "no policy is active on this node");
  const route = findRoute(options.routes, http.method, http.path);
  if (!route.ok && route.error.code === "PATH_INVALID")
    return refusalResponse(400, "PATH_INVALID", "the path is ambiguous");
  const wantsBody = route.ok && Object.keys(route.value.attributes).length > 0;
  const body = wantsBody ? await http.body(ATTRIBUTE_BODY_LENGTH_MAX) : undefined;
  const attributes = route.ok && body ? readAttributes(route.value, body) : ok({});
  const now = options.clock.now();
  const request = describe(
    http,
    principal,
    route.ok ? route.value : undefined,
    attributes.ok ? attributes.value : {},
    active,
  );
  const decision = judge(active, request, principal, now, options);
  try {
    return decision.effect === "allow"
      ? await allow(http, decision, { route, body, attributes }, principal, now, options)
      : await deny(decision, decision.reason, principal, options);
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return unavailable(options, error.code, "the decision could not be recorded, so it has no effect");
  }
}

function describe(
  http: HttpRequest,
  principal: Principal,
  route: Route | undefined,
  attributes: JsonObject,
  active: ActivePolicy,
): AccessRequest {
  const profile = principal.deviceClass === undefined ? undefined : active.inventory.classes[principal.deviceClass];
  return {
    subject: {
      type: principal.kind,
      id: principal.id,
      properties: {
        name: principal.name,
        ...(principal.deviceClass === undefined ? {} : { class: principal.deviceClass }),
        roles: profile?.roles ?? [],
      },
    },
    action: { name: route?.action ?? http.method },
    resource: { type: route?.resourceType ?? UNLISTED, id: resourceIdOf(http.path) },
    context: attributes,
  };
}

function judge(
  active: ActivePolicy,
  request: AccessRequest,
  principal: Principal,
  now: Instant,
  { site, node, registry, state, counts }: GatewayOptions,
): Decision {
  const standing = registry.find(principal.name);
  const freshness = registry.freshnessOf(principal.name, principal.deviceClass ?? "", active.inventory, now);
  const begun = process.hrtime.bigint();
  const decision = decide(active.compiled, request, {
    now,
    attestation: { state: freshness, ...(standing ? { at: standing.attestedAt } : {}) },
    counters: { spent: (counter, key, window) => state.spent(counter, key, window, now) },
    labels: { site, node },
    requestedBy: `spiffe://${principal.trustDomain}/gateway`,
  });
  counts.decideNs.push(Number(process.hrtime.bigint() - begun));
  if (counts.decideNs.length > TIMINGS_MAX) counts.decideNs.shift();
  return decision;
}

interface Asked {
  readonly route: ReturnType<typeof findRoute>;
  readonly body: Uint8Array | undefined;
  readonly attributes: ReturnType<typeof readAttributes>;
}

async function allow(
  http: HttpRequest,
  decision: Decision,
  { route, body, attributes }: Asked,
  principal: Principal,
  now: Instant,
  options: GatewayOptions,
): Promise<HttpResponse> {
  const { state, evidence, forwarder, counts } = options;
  const unknown = decision.obligations.find((obligation) => !KNOWN_OBLIGATIONS.has(obligation.type));
  if (unknown) return deny(decision, "obligation-unknown", principal, options);
  if (!route.ok) return deny(decision, "route-unknown", principal, options);
  if (!attributes.ok)
    return refusalResponse(400, attributes.error.code, "the body lacks what the policy asks about", {
      ...attributes.error,
    });
  const [spend] = decision.spend;
  // PROTOCOLS 4.3: reserved durably before the effect.
  const reserved = spend && (await state.reserve(spend, now));
  if (reserved && !reserved.ok) return deny(decision, "limit-exceeded", principal, options);
  try {
    const number = await evidence.allowed(decision.record, decision.commit);
    counts.allowed++;
    const answer = await forwarder.forward(http, route.value.upstream, {
      ...(body ? { body } : {}),
      headersToDrop: ["x-vedette-*", "forwarded", "x-forwarded-*"],
      headersToAdd: { "x-vedette-subject": principal.id, "x-vedette-decision": String(number) },
    });
    if (reserved) settle(reserved.value, answer, state);
    if (!answer.ok) return refusalResponse(502, answer.error.code, "the upstream did not answer", { ...answer.error });
    return { ...answer.value, headers: { ...answer.value.headers, "x-vedette-decision": String(number) } };
  } catch (error) {
    // Nothing was sent on: the leaf comes first.
    if (reserved && error instanceof AdapterError) state.release(reserved.value);
    throw error;
  }
}

/** Only what surely did not happen goes back: the upstream was never reached, or refused. */
function settle(
  reservation: Parameters<StateKeeper["confirm"]>[0],
  answer: Awaited<ReturnType<Forwarder["forward"]>>,
  state: StateKeeper,
): void {
  const surelyNot = answer.ok
    ? answer.value.status >= 400 && answer.value.status < 500
    : answer.error.code === "UPSTREAM_UNREACHABLE";
  if (surelyNot) state.release(reservation);
  else state.confirm(reservation);
}

async function deny(
  decision: Decision,
  reason: string,
  principal: Principal,
  options: GatewayOptions,
): Promise<HttpResponse> {
  const { counts, evidence } = options;
  const denial = decision.effect === "deny" ? decision.record : overruled(decision, reason);
  const number = await evidence.denied(denial, principal.id);
  counts.denied++;
  counts.deniedByReason[reason] = (counts.deniedByReason[reason] ?? 0) + 1;
  const { ruleId, description, limitExceeded } = decision;
  return refusalResponse(403, "DENIED", description ?? "policy does not allow this", {
    reason,
    ...(ruleId === undefined ? {} : { rule: ruleId }),
    ...(limitExceeded ? { limit: { ...limitExceeded } } : {}),
    decision: number,
  });
}

/** The policy said yes and enforcement could not: the record says what happened, not what was meant. */
function overruled({ record }: Decision, reason: string): Decision["record"] {
  return { ...record, result: { ...record.result, allow: false, reason } };
}

function unavailable({ counts }: GatewayOptions, code: string, message: string): HttpResponse {
  counts.unavailable++;
  return refusalResponse(503, code, message, {}, { "retry-after": "1" });
}
