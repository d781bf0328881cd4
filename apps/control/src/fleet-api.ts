import { ByteReader, type Clock, type Crypto, hex, utf8 } from "@vedette/base";
import { type Principal, principalOf } from "@vedette/identity";
import type { Mirror } from "@vedette/journal";
import {
  bytesResponse,
  type ConnectionLedger,
  type EventHub,
  emptyResponse,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
  type Route,
  refusalResponse,
  route,
} from "@vedette/net";
import { parseMessage, policyAcknowledgement } from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import type { ControlStore, Generations, NodeRecord } from "@vedette/store";
import {
  ADD_CHECKPOINT_LENGTH_MAX,
  ADD_ENTRIES_LENGTH_MAX,
  type MirrorAnswer,
  parseAddCheckpoint,
  readAddEntriesHeader,
} from "@vedette/tlog";
import { isSiteTrusted } from "./trust.ts";
import type { Trust } from "./trust-desk.ts";

export interface FleetApiOptions {
  readonly store: ControlStore;
  readonly mirror: Mirror;
  readonly events: EventHub;
  readonly ledger: ConnectionLedger;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly log: Log;
  trust(): Trust;
}

/** A request of a node that is who it says and in good standing. */
interface NodeCall {
  readonly http: HttpRequest;
  readonly principal: Principal;
  readonly node: NodeRecord;
}

/** The Fleet API for enrolled nodes: mTLS with node SVIDs of the fleet's own domain, judged on every request (PROTOCOLS 1.1, 3.2). */
export function fleetRoutes(options: FleetApiOptions): readonly Route[] {
  const { store, mirror, events, clock } = options;
  const forNode = (method: string, path: string, handle: (call: NodeCall) => Promise<HttpResponse>): Route =>
    route(method, path, async (http) => {
      const call = await identify(http, options);
      return "status" in call ? call : handle(call);
    });
  return [
    forNode("GET", "/v1/watch", async ({ http, node }) => {
      const current = await store.generations(node.site);
      return events.subscribe(http, node.site, generationsEvent(current));
    }),
    forNode("GET", "/v1/generations", async ({ node }) =>
      jsonResponse(200, { ...(await store.generations(node.site)) }),
    ),
    forNode("GET", "/v1/policy", async ({ node }) => {
      const policy = await store.policies.current(node.site);
      if (!policy) return emptyResponse(204);
      return bytesResponse(200, "application/gzip", policy.bytes, { etag: `"${policy.sequence}"` });
    }),
    forNode("POST", "/v1/policy/acknowledgements", (call) => acknowledge(call, options)),
    forNode("GET", "/v1/trust", async () => bytesResponse(200, "application/jose", utf8(options.trust().text))),
    forNode("POST", "/v1/journal/add-checkpoint", async ({ http, node }) => {
      const body = await http.body(ADD_CHECKPOINT_LENGTH_MAX);
      const request = parseAddCheckpoint(body);
      if (request.ok && request.value.origin !== originOf(node)) return refuseForeignLog();
      return toResponse(mirror.addCheckpoint(body), node, options);
    }),
    forNode("POST", "/v1/journal/add-entries", async ({ http, node }) => {
      const body = await http.body(ADD_ENTRIES_LENGTH_MAX);
      const header = readAddEntriesHeader(new ByteReader(body));
      if (header.ok && header.value.origin !== originOf(node)) return refuseForeignLog();
      return toResponse(mirror.addEntries(body, clock.now()), node, options);
    }),
  ];
}

async function acknowledge({ http, node }: NodeCall, options: FleetApiOptions): Promise<HttpResponse> {
  const { store, clock, crypto, log } = options;
  const message = parseMessage(policyAcknowledgement, await http.body(ACKNOWLEDGEMENT_LENGTH_MAX));
  if (!message.ok)
    return refusalResponse(400, message.error.code, "the acknowledgement is not well formed", { ...message.error });
  const { sequence, digest, refused } = message.value;
  log(refused ? "warn" : "info", "a node answered a policy", { node: node.id, sequence, refused });
  if (refused) return emptyResponse(204);
  const policy = await store.policies.find(node.site, sequence);
  if (!policy || hex(crypto.hash("sha256", policy.bytes)) !== digest)
    return refusalResponse(409, "POLICY_UNKNOWN", "no such policy bundle was published to this site", { sequence });
  await store.policies.acknowledge({ node: node.id, sequence, at: clock.now() });
  return emptyResponse(204);
}

const ACKNOWLEDGEMENT_LENGTH_MAX = 4_096;

export function generationsEvent(generations: Generations) {
  const { policy, trust, status } = generations;
  return { id: `${policy}.${trust}.${status}`, type: "generations", data: { policy, trust, status } };
}

/** The origin of a node's journal: the name of the key that signs it (C2SP tlog-checkpoint). */
export function originOf({ journalKey }: Pick<NodeRecord, "journalKey">): string {
  return journalKey.slice(0, journalKey.indexOf("+"));
}

export function spiffeIdOf(fleet: string, nodeId: string): string {
  return `spiffe://${fleet}/node/${nodeId}`;
}

async function identify(http: HttpRequest, options: FleetApiOptions): Promise<NodeCall | HttpResponse> {
  const { store, ledger, clock, crypto, log } = options;
  const { document } = options.trust();
  if (clock.now() > document.notAfter) return refuseExpiredTrust();
  const [leaf, ...intermediates] = http.peer?.certificateChain ?? [];
  if (!leaf) return refusalResponse(401, "CERTIFICATE_MISSING", "the Fleet API wants a node SVID");
  const principal = principalOf({ leaf, intermediates }, document, clock.now(), crypto);
  if (!principal.ok) {
    log("warn", "a client of the Fleet API is nobody we know", { code: principal.error.code });
    return refusalResponse(401, principal.error.code, "the certificate is not a principal of this fleet");
  }
  if (principal.value.kind !== "node")
    return refusalResponse(403, "NOT_A_NODE", "only nodes speak here; a site's certificate never speaks for a node");
  if (ledger.bind(http.connection, principal.value) === "full")
    return refusalResponse(503, "LEDGER_FULL", "too many connections", {}, { "retry-after": "1" });
  const node = await store.nodes.find(principal.value.name);
  if (!node) return refusalResponse(403, "NODE_UNKNOWN", "this node is not enrolled");
  if (node.state !== "active") return refusalResponse(403, "NODE_CONTRAINDICATED", "this node must re-attest first");
  if (!isSiteTrusted(document, node.site))
    return refusalResponse(
      403,
      "SITE_NOT_TRUSTED",
      "the trust document does not list this node's site, or has revoked it",
    );
  return { http, principal: principal.value, node };
}

/** Nobody is admitted by a trust document whose end has passed, until `vedette control trust` has signed the next one. */
export function refuseExpiredTrust(): HttpResponse {
  return refusalResponse(503, "TRUST_EXPIRED", "the trust document has ended; the next one must be signed");
}

function refuseForeignLog(): HttpResponse {
  return refusalResponse(403, "LOG_FOREIGN", "a node uploads its own journal only");
}

function toResponse(answer: MirrorAnswer, node: NodeRecord, { log }: FleetApiOptions): HttpResponse {
  if (answer.refusal) log("info", "the mirror answered with a refusal", { node: node.id, code: answer.refusal.code });
  return { status: answer.status, headers: { "content-type": answer.contentType }, body: utf8(answer.body) };
}
