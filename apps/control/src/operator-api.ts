import {
  addDuration,
  base64url,
  type Clock,
  type Crypto,
  hex,
  instantToString,
  type Json,
  type JsonObject,
  parseUtf8,
  type Random,
  readJson,
  utf8,
} from "@vedette/base";
import { formatVerifierKey, JWS_LENGTH_MAX, verifierKeyOf } from "@vedette/envelope";
import type { Mirror } from "@vedette/journal";
import {
  type ConnectionLedger,
  type EventHub,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  type Route,
  refusalResponse,
  route,
} from "@vedette/net";
import {
  type AuditTrustFile,
  type ControlConfig,
  type ControlStatus,
  joinRequest,
  parseMessage,
} from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import { type ControlStore, POLICY_LENGTH_MAX } from "@vedette/store";
import type { Certificate } from "@vedette/x509";
import { generationsEvent, originOf, spiffeIdOf } from "./fleet-api.ts";
import { publishPolicy } from "./policies.ts";
import { isSiteTrusted, mirrorName } from "./trust.ts";
import type { TrustDesk } from "./trust-desk.ts";

export interface OperatorApiOptions {
  readonly config: ControlConfig;
  readonly store: ControlStore;
  readonly mirror: Mirror;
  readonly events: EventHub;
  /** Connections of nodes to the Fleet API. */
  readonly ledger: ConnectionLedger;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly root: Certificate;
  readonly mirrorSpki: Uint8Array;
  readonly trustDesk: TrustDesk;
  enrolUrl(): string;
  fleetUrl(): string;
  /** A policy bundle was published to this site. */
  onPublished(site: string): void;
}

const CLAIM_BYTES = 24;

/** The operator API: a Unix socket for its owner alone (PROTOCOLS 5.5). */
export function operatorRoutes(options: OperatorApiOptions): readonly Route[] {
  return [
    route("GET", "/v1/status", async () => jsonResponse(200, { ...(await describe(options)) })),
    route("POST", "/v1/policies", (request) => publish(request, options)),
    route("GET", "/v1/trust", async () => jsonResponse(200, { document: options.trustDesk.current.text })),
    route("POST", "/v1/trust", (request) => publishTrust(request, options)),
    route("POST", "/v1/joins", (request) => createJoin(request, options)),
    route("GET", "/v1/audit/trust", async () => jsonResponse(200, { ...(await auditTrust(options)) })),
  ];
}

async function publish(request: HttpRequest, options: OperatorApiOptions): Promise<HttpResponse> {
  const { store, events, clock, crypto, log } = options;
  const bytes = await request.body(POLICY_LENGTH_MAX);
  const site = request.query.get("site") ?? "";
  const bundle = await publishPolicy(bytes, site, store, options.trustDesk.current.document, clock.now(), crypto);
  if (!bundle.ok) {
    const { code, ...facts } = bundle.error;
    const message = "the policy bundle was not published; what ran before still runs";
    return refusalResponse(422, code, message, readJson(JSON.stringify(facts)) as JsonObject);
  }
  const { sequence, revision } = bundle.value;
  events.publish(generationsEvent(await store.generations(site)), site);
  options.onPublished(site);
  log("info", "a policy bundle was published", { site, sequence, revision });
  return jsonResponse(201, { site, sequence, revision });
}

async function publishTrust(request: HttpRequest, options: OperatorApiOptions): Promise<HttpResponse> {
  const { config, store, events, ledger, trustDesk, log } = options;
  const text = parseUtf8(await request.body(JWS_LENGTH_MAX));
  const published = await trustDesk.publish(text.ok ? text.value : "");
  if (!published.ok) {
    const message = "the trust document was not published; the one before is still in force";
    return refusalResponse(422, published.error.code, message, { ...published.error });
  }
  const { version, domains, revokedSites } = published.value.document;
  for (const { domain, kind } of domains) {
    const site = domain.slice(0, domain.indexOf("."));
    if (kind === "site") events.publish(generationsEvent(await store.generations(site)), site);
  }
  // PROTOCOLS 7.3: exactly those concerned, and at once.
  const revoked = revokedSites.map((domain) => `${spiffeIdOf(config.fleet, domain.slice(0, domain.indexOf(".")))}.`);
  ledger.cutWhere(({ id }) => revoked.some((prefix) => id.startsWith(prefix)), "SITE_REVOKED");
  log("info", "a trust document was published", { version, sites: domains.length - 1, revokedSites });
  return jsonResponse(201, { version });
}

async function createJoin(request: HttpRequest, options: OperatorApiOptions): Promise<HttpResponse> {
  const { config, store, clock, random, crypto, trustDesk } = options;
  const message = parseMessage(joinRequest, await request.body(JOIN_LENGTH_MAX));
  if (!message.ok)
    return refusalResponse(400, message.error.code, "the request is not well formed", { ...message.error });
  const { site, name, isClaimed } = message.value;
  const deviceClass = message.value.class;
  if (!Object.hasOwn(config.classes, deviceClass))
    return refusalResponse(422, "CLASS_UNKNOWN", "no such class is configured", { class: deviceClass });
  if (!isSiteTrusted(trustDesk.current.document, site))
    return refusalResponse(422, "SITE_NOT_TRUSTED", "the trust document does not list this site, or has revoked it", {
      site,
    });
  const join: Record<string, Json> = {
    kind: "vedette/join/v1",
    url: options.enrolUrl(),
    root: hex(crypto.hash("sha256", options.root.der)),
    fleet: config.fleet,
    site,
    class: deviceClass,
    name,
    trustKey: { keyId: trustDesk.key.keyId, algorithm: trustDesk.key.algorithm, spki: base64url(trustDesk.key.spki) },
  };
  if (isClaimed) {
    const claim = base64url(random.bytes(CLAIM_BYTES));
    const notAfter = addDuration(clock.now(), config.claimLifetime);
    const hash = hex(crypto.hash("sha256", utf8(claim)));
    await store.claims.add({ hash, site, deviceClass, label: name, notAfter }, clock.now());
    join["claim"] = claim;
    join["claimExpires"] = instantToString(notAfter);
  }
  return jsonResponse(201, join);
}
const JOIN_LENGTH_MAX = 4_096;

/** What an auditor needs to trust beforehand: the keys of the logs, as attested, and the key of the mirror. */
async function auditTrust({ config, store, mirrorSpki, crypto, clock }: OperatorApiOptions): Promise<AuditTrustFile> {
  const keys = await store.nodes.journalKeys();
  const name = mirrorName(config.fleet);
  return {
    kind: "vedette/audit-trust/v1",
    fleet: config.fleet,
    madeAt: instantToString(clock.now()),
    logs: keys.map(({ node, verifierKey }) => ({ node, origin: originOf({ journalKey: verifierKey }), verifierKey })),
    mirrors: [{ name, verifierKey: formatVerifierKey(verifierKeyOf("cosignature", name, mirrorSpki, crypto)) }],
  };
}

async function describe({
  config,
  store,
  mirror,
  root,
  crypto,
  ...options
}: OperatorApiOptions): Promise<ControlStatus> {
  const nodes = await store.nodes.list();
  const pending = await store.pending.list();
  const sequenceByNode = new Map(
    (await store.policies.acknowledgements()).map(({ node, sequence }) => [node, sequence] as const),
  );
  return {
    fleet: config.fleet,
    enrolUrl: options.enrolUrl(),
    fleetUrl: options.fleetUrl(),
    root: hex(crypto.hash("sha256", root.der)),
    trustVersion: options.trustDesk.current.document.version,
    nodes: nodes.map((node) => ({
      id: node.id,
      site: node.site,
      class: node.deviceClass,
      state: node.state,
      attestedAt: instantToString(node.attestedAt),
      svidNotAfter: node.svid ? instantToString(node.svid.notAfter) : null,
      policySequence: sequenceByNode.get(node.id) ?? null,
      mirrored: mirror.log(originOf(node))?.cosigned?.size ?? 0,
    })),
    pending: pending.map(({ ekHash, site, deviceClass, attempts, lastSeenAt }) => ({
      ek: ekHash,
      site,
      class: deviceClass,
      attempts,
      lastSeenAt: instantToString(lastSeenAt),
    })),
  };
}
