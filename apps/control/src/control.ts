import { openDesk } from "@vedette/attestation";
import { AdapterError, type Clock, type Crypto, hours, type Random, Secret } from "@vedette/base";
import { noteSignerOf, parseVerifierKey, type VerifierKey } from "@vedette/envelope";
import { openMirror } from "@vedette/journal";
import { createConnectionLedger, createEventHub, createRouter, listenTls, listenUnix } from "@vedette/net";
import type { ControlConfig } from "@vedette/protocol";
import { type Log, makePrivateDirectory, rememberedPort, rememberPort } from "@vedette/runtime";
import { type NodeRecord, openStore } from "@vedette/store";
import { certificatesToPem } from "@vedette/x509";
import { BundleApi } from "./bundle-api.ts";
import { enrolmentRoutes } from "./enrolment.ts";
import { controlFiles, readKeyOfKind } from "./files.ts";
import { fleetRoutes, originOf } from "./fleet-api.ts";
import { openIssuer } from "./issuer.ts";
import { limitLog } from "./log-budget.ts";
import { operatorRoutes } from "./operator-api.ts";
import { mirrorName, readMirrorKey, readTrustDocument } from "./trust.ts";
import { TrustDesk } from "./trust-desk.ts";

export interface ControlOptions {
  readonly config: ControlConfig;
  readonly data: string;
  readonly operatorSocket: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
}

export interface RunningControl extends AsyncDisposable {
  readonly enrolUrl: string;
  readonly fleetUrl: string;
  /** Where stock OPAs pull policy bundles; undefined when none are registered. */
  readonly bundlesUrl: string | undefined;
  readonly operatorSocket: string;
  close(): Promise<void>;
}

/** Server certificates live a week; renewed long before, without dropping a connection. */
const SERVER_CERTIFICATE_RENEWAL = hours(24);
/** Connections of nodes whose SVID has ended are cut at least this often, event streams too (PROTOCOLS 3.2). */
const SWEEP_INTERVAL_MS = 1_000;
/** Failed connections are told this often, as counts. */
const FAILURES_INTERVAL_MS = 60_000;

/** Starts the control plane on its data folder. Throws `AdapterError`, naming the file, port or socket that cannot be had. */
export async function startControl(options: ControlOptions): Promise<RunningControl> {
  const { config, data, clock, random, crypto, log } = options;
  const files = controlFiles(data);
  makePrivateDirectory(data);
  const issuer = openIssuer({ files, clock, random, crypto });
  const trust = readTrustDocument(files, crypto);
  const mirrorKey = readMirrorKey(files, config.fleet, trust.document);
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await openStore(files.store));
  const trustDesk = new TrustDesk(trust, files, store, { clock, crypto });
  await trustDesk.announce();
  const logKeys = new LogKeys(crypto);
  for (const node of await store.nodes.list()) logKeys.put(node);
  const mirror = openMirror({
    path: files.mirror,
    cosigner: noteSignerOf("cosignature", mirrorName(config.fleet), mirrorKey, crypto),
    crypto,
    keysOf: (origin) => logKeys.of(origin),
  });
  stack.defer(() => mirror.close());
  const events = stack.use(createEventHub());
  const ledger = createConnectionLedger();
  const shared = {
    config,
    store,
    mirror,
    events,
    ledger,
    clock,
    random,
    crypto,
    log,
    issuer,
    trust: () => trustDesk.current,
  };
  const listening = { enrolUrl: "", fleetUrl: "" };
  const serverNames = [`control.${config.fleet}`, ...config.serverNames];
  const certificate = issuer.serverCertificate(serverNames);
  const failuresByCode = new Map<string, number>();
  const failures = {
    random,
    // PROTOCOLS 6.3: failures before there is a principal are counted; a line for each would be a flood's gift.
    onConnectionError: ({ code }: { readonly code: string }) =>
      failuresByCode.set(code, (failuresByCode.get(code) ?? 0) + 1),
    onHandlerError: (error: unknown) => log("error", "a request failed", { error }),
  };
  const enrolRoutes = enrolmentRoutes({
    ...shared,
    // Whoever reaches the address may speak here.
    log: limitLog(log, clock),
    desk: openDesk({ crypto, random, sessionKey: new Secret(random.bytes(32)) }),
    verifierKey: readKeyOfKind(files.issuingKey, "ES256"),
    fleetUrl: () => listening.fleetUrl,
    onNode: (node) => logKeys.put(node),
  });
  const listen = async (
    name: string,
    address: string,
    handler: ReturnType<typeof createRouter>,
    clientCa: Parameters<typeof listenTls>[0]["clientCa"],
  ) => {
    const { host, port } = parseAddress(address);
    const listener = stack.use(
      await listenTls({ ...failures, certificate, clientCa, host, port: rememberedPort(data, name, port), handler }),
    );
    rememberPort(data, name, listener.port);
    return listener;
  };
  const enrol = await listen("enrol", config.listen.enrol, createRouter(enrolRoutes), "none");
  const fleet = await listen("fleet", config.listen.fleet, createRouter(fleetRoutes(shared)), {
    // Node's server drops CAs that only the client sent, so the issuing CA is named here.
    pems: [certificatesToPem([issuer.certificate.der, issuer.root.der])],
    required: true,
  });
  const bundleApi = stack.use(new BundleApi({ ...shared, clients: config.bundles?.clients ?? [] }));
  const bundles =
    config.bundles &&
    (await listen("bundles", config.bundles.address, createRouter(bundleApi.routes()), {
      pems: [config.bundles.clientRoots],
      required: true,
    }));
  listening.enrolUrl = config.advertise?.enrol ?? enrol.url;
  listening.fleetUrl = config.advertise?.fleet ?? fleet.url;
  stack.use(
    await listenUnix({
      ...failures,
      path: options.operatorSocket,
      handler: createRouter(
        operatorRoutes({
          ...shared,
          root: issuer.root,
          trustDesk,
          mirrorSpki: mirrorKey.spki,
          enrolUrl: () => listening.enrolUrl,
          fleetUrl: () => listening.fleetUrl,
          onPublished: (site) => bundleApi.changed(site),
        }),
      ),
    }),
  );
  const renewCertificate = (): void => {
    try {
      const next = issuer.serverCertificate(serverNames);
      for (const listener of [enrol, fleet, ...(bundles ? [bundles] : [])]) listener.swapCertificate(next);
    } catch (error) {
      // The certificate in use is good for days; ending now would take the whole control plane down.
      if (!(error instanceof AdapterError)) throw error;
      log("error", "the server certificate could not be renewed; it is tried again in a day", { error });
    }
  };
  const timers = [
    setInterval(renewCertificate, SERVER_CERTIFICATE_RENEWAL),
    setInterval(() => void ledger.sweep(clock.now()), SWEEP_INTERVAL_MS),
    setInterval(() => {
      if (failuresByCode.size > 0)
        log("warn", "connections failed before there was a principal", Object.fromEntries(failuresByCode));
      failuresByCode.clear();
    }, FAILURES_INTERVAL_MS),
  ];
  stack.defer(() => {
    for (const timer of timers) clearInterval(timer);
  });
  const running = stack.move();
  log("info", "the control plane is ready", { ...listening });
  const close = () => running.disposeAsync();
  return {
    ...listening,
    bundlesUrl: bundles?.url,
    operatorSocket: options.operatorSocket,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The keys that may sign a node's log: exactly the one that its last attestation named. */
class LogKeys {
  readonly #keysByOrigin = new Map<string, readonly VerifierKey[]>();
  readonly #originByNode = new Map<string, string>();
  readonly #crypto: Crypto;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  put(node: NodeRecord): void {
    const key = parseVerifierKey(node.journalKey, this.#crypto);
    // A node that was enrolled anew writes a new log, and its old one has ended.
    this.#keysByOrigin.delete(this.#originByNode.get(node.id) ?? "");
    this.#originByNode.set(node.id, originOf(node));
    this.#keysByOrigin.set(originOf(node), key.ok ? [key.value] : []);
  }

  of(origin: string): readonly VerifierKey[] | undefined {
    return this.#keysByOrigin.get(origin);
  }
}

/** `host:port`, already checked by the configuration's schema. */
function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
