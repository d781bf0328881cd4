import { instantToString } from "@vedette/base";
import { nodeIdOf } from "@vedette/identity";
import type { Journal } from "@vedette/journal";
import { type ConnectionLedger, jsonResponse, type Route, route } from "@vedette/net";
import type { EdgeStatus } from "@vedette/protocol";
import type { DecisionCounts } from "./decision-point/decision-counts.ts";
import type { DeskCounts } from "./device-desk.ts";
import type { DeviceRegistry } from "./device-registry.ts";
import type { EffectiveClock } from "./effective-clock.ts";
import type { FleetLink } from "./fleet-link.ts";
import type { GatewayCounts } from "./gateway.ts";
import type { NodeFacts } from "./node-facts.ts";
import type { NodeIdentity } from "./node-identity.ts";
import type { OpaPeers } from "./opa-peers/opa-peers.ts";
import type { PolicyHost } from "./policy-host.ts";
import type { SiteService } from "./site-service.ts";
import type { StateKeeper } from "./state-keeper.ts";
import type { TierDesk } from "./tier-desk.ts";

export interface StatusSources {
  readonly facts: NodeFacts;
  readonly host: PolicyHost;
  readonly state: StateKeeper;
  readonly journal: Journal;
  readonly registry: DeviceRegistry;
  readonly ledger: ConnectionLedger;
  readonly link: FleetLink;
  readonly counts: GatewayCounts;
  readonly deskCounts: DeskCounts;
  readonly decisionCounts: DecisionCounts;
  readonly tiers: TierDesk;
  readonly clock: EffectiveClock;
  readonly nodeIdentity: NodeIdentity;
  readonly site: SiteService;
  readonly opa: OpaPeers | undefined;
}

/** `GET /v1/status` on the node's own socket: what works, until when, and what waits to be sent. Readable without an uplink. */
export function describeStatus(sources: StatusSources): Route {
  return route("GET", "/v1/status", async () => jsonResponse(200, { ...describe(sources) }));
}

function describe({
  facts,
  host,
  state,
  journal,
  registry,
  ledger,
  link,
  counts,
  deskCounts,
  decisionCounts,
  tiers,
  clock,
  nodeIdentity,
  site,
  opa,
}: StatusSources): EdgeStatus {
  const now = clock.now();
  const fleet = link.status();
  const size = journal.head().size;
  const { active, trust } = host;
  return {
    node: nodeIdOf(facts),
    site: facts.site,
    fleetDomain: facts.fleet,
    root: facts.rootHash,
    enrolUrl: site.enrolUrl,
    gatewayUrl: site.gatewayUrl,
    now: instantToString(now),
    fleet: {
      contact: fleet.contact,
      lastContact: fleet.lastContact === undefined ? null : instantToString(fleet.lastContact),
      svidNotAfter: instantToString(nodeIdentity.notAfter),
      siteCaNotAfter: instantToString(nodeIdentity.siteCaNotAfter),
      renewals: fleet.renewals,
    },
    policy: active
      ? { sequence: active.sequence, revision: active.revision, notAfter: instantToString(active.notAfter) }
      : null,
    trust: trust ? { version: trust.version, notAfter: instantToString(trust.notAfter) } : null,
    state: { epoch: Number(state.record.epoch), sealedJournalSize: state.record.journal.size },
    journal: { size, mirrored: fleet.mirroredSize, waiting: size - fleet.mirroredSize },
    decisions: {
      allowed: counts.allowed,
      denied: counts.denied,
      unavailable: counts.unavailable,
      deniedByReason: { ...counts.deniedByReason },
      decideP50Ns: percentile(counts.decideNs, 0.5),
      decideP99Ns: percentile(counts.decideNs, 0.99),
      ...tiers.counts,
    },
    decisionPoints: { ...decisionCounts.byPep() },
    opa: opa?.describe() ?? null,
    enrolment: { ...deskCounts },
    connections: { open: ledger.counts().open, cut: { ...ledger.counts().cutByReason } },
    devices: registry.list().map((standing) => ({
      name: standing.name,
      class: standing.deviceClass,
      verdict: standing.verdict,
      attestedAt: instantToString(standing.attestedAt),
      state: active ? registry.freshnessOf(standing, active, now) : "expired",
    })),
  };
}

function percentile(values: readonly number[], fraction: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? null;
}
