import { openDesk } from "@vedette/attestation";
import { AdapterError, type Clock, type Crypto, hex, isSameBytes, type Random, Secret } from "@vedette/base";
import { noteSignerOf } from "@vedette/envelope";
import { type Journal, openJournal } from "@vedette/journal";
import { createConnectionLedger, createForwarder, createRouter, listenTls, listenUnix } from "@vedette/net";
import type { EdgeConfig } from "@vedette/protocol";
import { type Log, rememberedPort, rememberPort } from "@vedette/runtime";
import { DENIAL_LIMITS, encodeLeaf, parseLeaf } from "@vedette/telemetry";
import { certificatesToPem } from "@vedette/x509";
import { type DeskCounts, deviceDeskRoutes } from "./device-desk.ts";
import { APPRAISAL_EVENT, DeviceRegistry } from "./device-registry.ts";
import { edgeFiles, sealed } from "./edge-files.ts";
import { EffectiveClock } from "./effective-clock.ts";
import { EvidenceLog } from "./evidence-log.ts";
import { FleetLink } from "./fleet-link.ts";
import { createGateway, type GatewayCounts } from "./gateway.ts";
import { journalOrigin, type NodeFacts, nodeIdOf, parseNodeFacts } from "./node-facts.ts";
import { keyOf, NodeIdentity } from "./node-identity.ts";
import { PolicyHost } from "./policy-host.ts";
import { SiteAuthority } from "./site-authority.ts";
import { StateKeeper } from "./state-keeper.ts";
import { describeStatus } from "./status.ts";
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
/** The gateway's own SVID is looked after this often; it is renewed when a third of its life has passed. */
const CERTIFICATE_INTERVAL_MS = 5_000;
const READ_CHUNK = 1_024;

/**
 * Starts the node on its data folder: unseal, refuse rollback, replay, listen, then look for the control plane.
 * Throws `AdapterError` with the reason when anything on disk or in the TPM is not what it must be; then nothing listens.
 */
export async function startEdge(options: EdgeOptions): Promise<RunningEdge> {
  const { config, data, clock: wallClock, random, crypto, log } = options;
  const files = edgeFiles(data);
  await using stack = new AsyncDisposableStack();
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
  const journal = await openNodeJournal(files.journal, facts, options);
  stack.defer(() => journal.close());
  assertNotRolledBack(journal, state);
  state.followJournal(() => journal.head());
  const registry = new DeviceRegistry();
  replay(journal, registry, clock);
  const denialLimits = { ...DENIAL_LIMITS, wholeMax: config.denialBudget.whole, window: config.denialBudget.window };
  const evidence = stack.use(new EvidenceLog({ journal, clock, crypto, log, denialLimits }));
  const host = new PolicyHost({ files, facts, state, evidence, clock, crypto });
  for (const refused of host.loadFromDisk()) log("warn", "a file on disk is refused and does not run", refused);
  await evidence.event("start", {
    node: nodeIdOf(facts),
    epoch: state.record.epoch.toString(),
    policySequence: state.record.policySequence,
  });

  const nodeIdentity = new NodeIdentity({ vault, tpm, facts, files, journal, state, clock: wallClock, random, crypto });
  const ledger = createConnectionLedger();
  const counts: GatewayCounts = { allowed: 0, denied: 0, unavailable: 0, deniedByReason: {}, decideNs: [] };
  const deskCounts: DeskCounts = { issued: 0, refused: 0, contraindicated: 0, pending: 0 };
  const authority = new SiteAuthority(nodeIdentity.siteCaKey, nodeIdentity.siteCaChain, facts.root, {
    clock: wallClock,
    random,
    crypto,
  });
  nodeIdentity.onSiteCa((chain) => authority.replaceChain(chain));
  const listening = { enrolUrl: "", gatewayUrl: "" };
  const shared = { ledger, registry, evidence, state, clock, crypto };
  let certificate = authority.gatewayCertificate(config.gatewaySvidLifetime);
  const failures = {
    random,
    onConnectionError: ({ code }: { readonly code: string }) => evidence.unauthenticated(code.toLowerCase()),
    onHandlerError: (error: unknown) => log("error", "a request failed", { error }),
  };
  const deskHandler = createRouter(
    deviceDeskRoutes({
      ...shared,
      site: facts.site,
      siteDomain: facts.siteDomain,
      desk: openDesk({ crypto, random, sessionKey: new Secret(random.bytes(32)) }),
      authority,
      verifierKey: nodeIdentity.siteCaKey,
      counts: deskCounts,
      trust: () => host.trust,
      inventory: () => host.active?.inventory,
      gatewayUrl: () => listening.gatewayUrl,
    }),
  );
  const gatewayHandler = createGateway({
    ...shared,
    site: facts.site,
    node: nodeIdOf(facts),
    routes: config.routes,
    forwarder: stack.use(createForwarder()),
    counts,
    trust: () => host.trust ?? { domains: [], revokedSites: [] },
    policy: () => host.active,
  });
  const listen = async (
    name: "enrol" | "gateway",
    handler: typeof deskHandler,
    clientCa: Parameters<typeof listenTls>[0]["clientCa"],
  ) => {
    const { host: address, port } = parseAddress(config.listen[name]);
    const listener = stack.use(
      await listenTls({
        ...failures,
        certificate: certificate.tls,
        clientCa,
        host: address,
        port: rememberedPort(data, name, port),
        handler,
      }),
    );
    rememberPort(data, name, listener.port);
    return listener;
  };
  const enrol = await listen("enrol", deskHandler, "none");
  // Node's server drops CAs that only the client sent, so the site's own are named here. Whoever passes the handshake
  // under the fleet's root is judged by `principalOf` on its first request.
  const clientCa = () => ({
    pems: [certificatesToPem([...nodeIdentity.siteCaChain, facts.root])],
    required: true as const,
  });
  const gateway = await listen("gateway", gatewayHandler, clientCa());
  listening.enrolUrl = enrol.url;
  listening.gatewayUrl = gateway.url;

  const link = stack.use(
    new FleetLink({
      facts,
      host,
      journal,
      journalSigner: noteSignerOf("ed25519", journalOrigin(facts), journalKey, crypto),
      wallClock,
      clock,
      random,
      crypto,
      log,
      timeout: config.fleetTimeout,
      identity: () => nodeIdentity.certificate,
      renew: () => nodeIdentity.renew(),
      firstRenewal: nodeIdentity.renewalDue,
    }),
  );
  stack.use(
    await listenUnix({
      ...failures,
      path: config.statusSocket,
      handler: createRouter([
        describeStatus({
          facts,
          host,
          state,
          journal,
          registry,
          ledger,
          link,
          counts,
          deskCounts,
          clock,
          nodeIdentity,
          listening,
        }),
      ]),
    }),
  );
  link.start();
  const timers = [
    setInterval(() => void ledger.sweep(clock.now()), SWEEP_INTERVAL_MS),
    setInterval(() => {
      const life = certificate.notAfter - wallClock.now();
      if (life > (config.gatewaySvidLifetime * 2) / 3) return;
      certificate = authority.gatewayCertificate(config.gatewaySvidLifetime);
      enrol.swapCertificate(certificate.tls);
      gateway.swapCertificate(certificate.tls, clientCa());
      evidence
        .event("gateway-certificate-swapped", { notAfter: certificate.notAfter })
        .catch((error) => log("error", "a leaf could not be written", { error }));
    }, CERTIFICATE_INTERVAL_MS),
  ];
  stack.defer(() => {
    for (const timer of timers) clearInterval(timer);
  });
  const running = stack.move();
  log("info", "the node is ready", { ...listening, policySequence: host.active?.sequence ?? 0 });
  const close = async (): Promise<void> => {
    await evidence.event("stop", {}).catch((error) => log("error", "a leaf could not be written", { error }));
    await state.change({});
    await running.disposeAsync();
  };
  return { ...listening, statusSocket: config.statusSocket, close, [Symbol.asyncDispose]: close };
}

function openNodeJournal(path: string, facts: NodeFacts, { crypto, journalSizeMax }: EdgeOptions): Promise<Journal> {
  return openJournal({
    path,
    origin: journalOrigin(facts),
    gapLeaf: (gap) => {
      const leaf = encodeLeaf({ kind: "gap", ...gap }, crypto);
      if (!leaf.ok) throw new AdapterError(leaf.error.code, "a gap leaf does not fit", {});
      return leaf.value;
    },
    ...(journalSizeMax === undefined ? {} : { sizeMax: journalSizeMax }),
  });
}

/** PROTOCOLS 4.2: the journal may be longer than the sealed record says, never shorter, and never another one. */
function assertNotRolledBack(journal: Journal, state: StateKeeper): void {
  const { size, root } = state.record.journal;
  if (size === 0) return;
  const found = journal.head().size;
  if (found < size || !isSameBytes(journal.rootAt(size), root))
    throw new AdapterError(
      "JOURNAL_ROLLBACK",
      "the journal is older than the sealed state, or another one; nothing will be issued",
      { sealedSize: size, found, root: hex(root) },
    );
}

/** What the journal says about the devices, and the latest time in it. */
function replay(journal: Journal, registry: DeviceRegistry, clock: EffectiveClock): void {
  const { size } = journal.head();
  for (let from = 0; from < size; from += READ_CHUNK)
    for (const entry of journal.readEntries(from, Math.min(from + READ_CHUNK, size))) {
      const leaf = parseLeaf(entry);
      if (!leaf.ok || leaf.value.kind !== "event") continue;
      clock.witnessLeaf(leaf.value.at);
      if (leaf.value.name === APPRAISAL_EVENT) registry.apply(leaf.value.facts);
    }
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
