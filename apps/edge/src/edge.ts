import { join } from "node:path";
import { openDesk } from "@vedette/attestation";
import { AdapterError, type Clock, type Crypto, type JsonObject, type Random, Secret } from "@vedette/base";
import { type NoteSigner, noteSignerOf } from "@vedette/envelope";
import { journalOriginOf, nodeIdOf } from "@vedette/identity";
import { type Journal, openJournal } from "@vedette/journal";
import { createConnectionLedger, createForwarder, createRouter, listenUnix } from "@vedette/net";
import type { EdgeConfig } from "@vedette/protocol";
import { type Log, returnMemory } from "@vedette/runtime";
import { DENIAL_LIMITS, encodeLeaf } from "@vedette/telemetry";
import { createTreeHasher } from "@vedette/tlog";
import { AppraisalMark } from "./appraisal-mark.ts";
import { BundleService } from "./bundle-service/bundle-service.ts";
import { DecisionPoint } from "./decision-point/decision-point.ts";
import { type DeskCounts, deviceDeskRoutes } from "./device-desk.ts";
import { APPRAISAL_EVENT, DeviceRegistry } from "./device-registry.ts";
import { edgeFiles, sealed } from "./edge-files.ts";
import { EffectiveClock } from "./effective-clock.ts";
import { EvidenceLog } from "./evidence-log.ts";
import { FleetLink } from "./fleet-link.ts";
import { lockFolder } from "./folder-lock.ts";
import { createGateway, type GatewayCounts } from "./gateway.ts";
import { type NodeFacts, parseNodeFacts } from "./node-facts.ts";
import { keyOf, NodeIdentity } from "./node-identity.ts";
import { OpaPeers } from "./opa-peers/opa-peers.ts";
import { PolicyHost } from "./policy-host.ts";
import { replayJournal, START_EVENT } from "./replay.ts";
import { SiteAuthority } from "./site-authority.ts";
import { SiteService } from "./site-service.ts";
import { StateKeeper } from "./state-keeper.ts";
import { describeStatus } from "./status.ts";
import { TierDesk } from "./tier-desk.ts";
import { createTpmAccess } from "./tpm-access.ts";
import { Vault } from "./vault.ts";

export interface EdgeOptions {
  readonly config: EdgeConfig;
  readonly data: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  /** Bytes the journal may grow to. */
  readonly journalSizeMax?: number;
}

export interface RunningEdge extends AsyncDisposable {
  readonly enrolUrl: string;
  readonly gatewayUrl: string;
  readonly statusSocket: string;
  /** Clean stop: listeners end, the journal drains, unused decision numbers are returned. */
  close(): Promise<void>;
}

/** Connections of principals that have expired are cut at least this often, idle ones too. */
const SWEEP_INTERVAL_MS = 1_000;
/** After an activation, when requests that waited for it are answered. */
const MEMORY_PAUSE_MS = 2_000;

/**
 * Starts the node on its data folder: unseal, refuse rollback, replay, serve the site, then look for the control plane.
 * Throws `AdapterError` with the reason when anything on disk or in the TPM is not what it must be; then nothing listens.
 */
export async function startEdge(options: EdgeOptions): Promise<RunningEdge> {
  const { config, data, random, crypto, log } = options;
  // What is pushed first ends last: listeners, then the last leaves, then the seal over them, then the journal.
  await using stack = new AsyncDisposableStack();
  stack.use(lockFolder(data));
  const memory = await openMemory(options, stack);
  const { facts, state, clock, journal, registry, mark, host, evidence, identity } = memory;
  const ledger = createConnectionLedger();
  const counts: GatewayCounts = { allowed: 0, denied: 0, unavailable: 0, deniedByReason: {}, decideNs: [] };
  const tiers = new TierDesk({ clock });
  const deskCounts: DeskCounts = { issued: 0, refused: 0, contraindicated: 0, pending: 0 };
  const authority = new SiteAuthority(identity.siteCaKey, identity.siteCaChain, facts.root, { clock, random, crypto });
  const reportLeaf = (error: unknown): void => log("error", "a leaf could not be written", { error });
  const listener = {
    random,
    onConnectionError: ({ code }: { readonly code: string }) => evidence.unauthenticated(code.toLowerCase()),
    onHandlerError: (error: unknown) => log("error", "a request failed", { error }),
  };
  const { site: siteOfNode, siteDomain } = facts;
  const trust = () => host.trust;
  const shared = { ledger, registry, evidence, state, clock, crypto, site: siteOfNode, siteDomain, trust };
  const node = nodeIdOf(facts);
  const decisionPoint = stack.use(
    await DecisionPoint.open({
      ...{ ...shared, node, host, tiers, random, log, peps: config.decisionPoints },
      bundles: (http) => memory.bundles.serve(http),
    }),
  );
  const site: SiteService = await SiteService.start({
    ...{ config, data, authority, clock, listener },
    decisions: decisionPoint.serveRemote,
    gateway: createGateway({
      ...shared,
      node,
      routes: config.routes,
      forwarder: stack.use(createForwarder()),
      counts,
      tiers,
      policy: () => host.active,
    }),
    desk: createRouter(
      deviceDeskRoutes({
        ...shared,
        desk: openDesk({ crypto, random, sessionKey: new Secret(random.bytes(32)) }),
        authority,
        mark,
        verifierKey: identity.siteCaKey,
        counts: deskCounts,
        inventory: () => host.active?.inventory,
        gatewayUrl: () => site.gatewayUrl,
      }),
    ),
    onCertificate: (notAfter) => void evidence.event("gateway-certificate", { notAfter }).catch(reportLeaf),
    onUnavailable: (error) => log("error", "the site cannot be served until the node re-attests", { error }),
  });
  stack.use(site);
  const link = stack.use(new FleetLink({ ...linkOptions(memory, options), renew: () => identity.renew() }));
  identity.onRenewed(({ siteCa, trustDocument }) => {
    authority.replaceChain(siteCa);
    void host.acceptTrust(trustDocument).then((trust) => {
      if (!trust.ok) log("warn", "a trust document was refused; the old one stays", { ...trust.error });
    }, reportLeaf);
  });
  const opa = config.opa && stack.use(await OpaPeers.start({ ...peerOptions(memory, options), config: config.opa }));
  const sources = {
    facts,
    opa,
    host,
    state,
    journal,
    registry,
    ledger,
    link,
    counts,
    deskCounts,
    decisionCounts: decisionPoint.counts,
    tiers,
    clock,
    nodeIdentity: identity,
    site,
  };
  const status = describeStatus(sources);
  stack.use(await listenUnix({ ...listener, path: config.statusSocket, handler: createRouter([status]) }));
  const sweep = setInterval(() => void ledger.sweep(clock.now()), SWEEP_INTERVAL_MS);
  stack.defer(() => clearInterval(sweep));
  link.start();
  const running = stack.move();
  const { enrolUrl, gatewayUrl } = site;
  log("info", "the node is ready", { enrolUrl, gatewayUrl, policySequence: host.active?.sequence ?? 0 });
  const close = () => running.disposeAsync();
  return { enrolUrl, gatewayUrl, statusSocket: config.statusSocket, close, [Symbol.asyncDispose]: close };
}

/** What a node remembers: everything on disk, opened and held against the TPM. */
interface Memory {
  readonly vault: Vault;
  readonly facts: NodeFacts;
  readonly state: StateKeeper;
  readonly clock: EffectiveClock;
  readonly journal: Journal;
  readonly journalSigner: NoteSigner;
  readonly registry: DeviceRegistry;
  readonly mark: AppraisalMark;
  readonly evidence: EvidenceLog;
  readonly host: PolicyHost;
  readonly bundles: BundleService;
  readonly identity: NodeIdentity;
}

async function openMemory(options: EdgeOptions, stack: AsyncDisposableStack): Promise<Memory> {
  const { config, data, clock: wallClock, random, crypto, log } = options;
  const files = edgeFiles(data);
  const tpm = createTpmAccess(config.tpm);
  const vault = await Vault.open(data, tpm, { crypto, random });
  const facts = parseNodeFacts(vault.require(sealed.facts));
  const state = await StateKeeper.open({
    vault,
    tpm,
    counterIndex: config.epochCounter,
    clock: wallClock,
    crypto,
    random,
  });
  const clock = new EffectiveClock(wallClock, state.record.timeFloor);
  const journalKey = keyOf(vault, sealed.journalKey);
  const origin = journalOriginOf(facts, journalKey.spki, crypto);
  const journal = await openNodeJournal(files.journal, origin, options);
  stack.defer(() => journal.close());
  const registry = new DeviceRegistry();
  const mark = new AppraisalMark(vault.dataKey, crypto);
  const sealedHead = state.record.journal;
  replayJournal(journal, sealedHead, createTreeHasher(crypto), {
    onEvent: ({ name, facts: said }, isSealed) => {
      if (name !== APPRAISAL_EVENT) return;
      if (isSealed) registry.apply(said);
      else registry.applyUnsealed(said, mark.isOn(said));
    },
    onTime: (at) => clock.witnessLeaf(at),
  });
  const identity = new NodeIdentity({ vault, tpm, facts, journal, state, clock, random, crypto });
  stack.defer(() => state.change({}));
  const denialLimits = { ...DENIAL_LIMITS, wholeMax: config.denialBudget.whole, window: config.denialBudget.window };
  const evidence = stack.use(new EvidenceLog({ journal, clock, crypto, log, denialLimits }));
  const activeDigest = () => host.active?.digest;
  const bundles = stack.use(new BundleService({ site: facts.site, file: files.policy, activeDigest, crypto }));
  const onJudged = () => {
    bundles.changed();
    setTimeout(returnMemory, MEMORY_PAUSE_MS).unref();
  };
  const host: PolicyHost = new PolicyHost({ files, facts, state, evidence, clock, crypto, random, onJudged });
  for (const refused of host.loadFromDisk()) log("warn", "a file on disk is refused and does not run", refused);
  await host.sealLoaded();
  const { epoch, policySequence } = state.record;
  const begun = { node: nodeIdOf(facts), epoch: epoch.toString(), policySequence, sealedSize: sealedHead.size };
  await evidence.event(START_EVENT, begun);
  // INVARIANT: not before that leaf is durable. A seal over what lay beyond the last one would vouch for it unread.
  state.followJournal(() => journal.head());
  stack.defer(() => evidence.lastEvent("stop", {}));
  const journalSigner = noteSignerOf("ed25519", origin, journalKey, crypto);
  return { vault, facts, state, clock, journal, journalSigner, registry, mark, evidence, host, bundles, identity };
}

function linkOptions(memory: Memory, { config, clock: wallClock, random, crypto, log }: EdgeOptions) {
  const { facts, host, journal, journalSigner, clock, identity } = memory;
  return {
    ...{ facts, host, journal, journalSigner, wallClock, clock, random, crypto, log },
    timeout: config.fleetTimeout,
    identity: () => identity.certificate,
    firstRenewal: identity.renewalDue,
  };
}

function peerOptions({ facts, journal, evidence, vault }: Memory, { data, clock, random, crypto, log }: EdgeOptions) {
  const name = sealed.decisionLogMark;
  return {
    ...{ journal, clock, random, crypto, log },
    directory: join(data, "bundles"),
    labels: { site: facts.site, node: nodeIdOf(facts) },
    markStore: { read: () => vault.read(name), write: (mark: Uint8Array) => vault.write(name, mark) },
    recordEvent: (event: string, said: JsonObject) => evidence.event(event, said),
    onBug: (error: unknown) =>
      queueMicrotask(() => {
        throw error;
      }),
  };
}

function openNodeJournal(path: string, origin: string, { crypto, journalSizeMax }: EdgeOptions): Promise<Journal> {
  return openJournal({
    path,
    origin,
    gapLeaf: (gap) => {
      const leaf = encodeLeaf({ kind: "gap", ...gap }, crypto);
      if (!leaf.ok) throw new AdapterError(leaf.error.code, "a gap leaf does not fit", {});
      return leaf.value;
    },
    ...(journalSizeMax === undefined ? {} : { sizeMax: journalSizeMax }),
  });
}
