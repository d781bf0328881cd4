import { join } from "node:path";
import { AdapterError, assert, type Clock, type Crypto, type JsonObject, type Random } from "@vedette/base";
import type { Journal } from "@vedette/journal";
import {
  type BundleStatus,
  bundleStatusToJson,
  type OpaKey,
  type OpaVerification,
  openOpaBundle,
  type PolicyCode,
  parseOpaKey,
  statusReport,
} from "@vedette/policy";
import type { OpaPeers as OpaPeersConfig, PulledBundle } from "@vedette/protocol";
import { gunzip, gzip, type Log, makePrivateDirectory } from "@vedette/runtime";
import { BundleClient } from "./bundle-client.ts";
import { DecisionLogUpload } from "./decision-log-upload.ts";
import { connectOpaService, type OpaServiceClient } from "./opa-service.ts";
import { PulledBundles } from "./pulled-bundles.ts";
import { StatusReporter } from "./status-reporter.ts";
import { UploadMark, type UploadMarkOptions } from "./upload-mark.ts";

export interface OpaPeersOptions {
  readonly config: OpaPeersConfig;
  /** Where pulled bundles are kept. */
  readonly directory: string;
  readonly journal: Pick<Journal, "origin" | "head" | "readEntries">;
  readonly markStore: UploadMarkOptions["store"];
  /** Site and node, on everything that goes out. */
  readonly labels: Readonly<Record<string, string>>;
  /** Writes an event into the journal; it is durable when this resolves. */
  readonly recordEvent: (name: string, facts: JsonObject) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  /** Told what is no `AdapterError`: a bug of ours. */
  onBug(error: unknown): void;
}

/** Of the union of all bundles: what `sizeMax` allows for one, a few times over. */
const UNION_LENGTH_MAX = 268_435_456;
const GAP_EVENT = "decision-log-gap";

/** What a node has to do with OPA services of other people: bundles from them, decisions and status to them. */
export class OpaPeers implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #bundles: PulledBundles;
  readonly #clients: readonly BundleClient[];
  readonly #upload: DecisionLogUpload | undefined;

  private constructor(
    stack: AsyncDisposableStack,
    bundles: PulledBundles,
    clients: readonly BundleClient[],
    upload: DecisionLogUpload | undefined,
  ) {
    this.#stack = stack;
    this.#bundles = bundles;
    this.#clients = clients;
    this.#upload = upload;
  }

  /** Activates what lies on disk and starts to follow the rest. Throws `AdapterError` when a key or authority does not load. */
  static async start(options: OpaPeersOptions): Promise<OpaPeers> {
    const { config, onBug } = options;
    await using stack = new AsyncDisposableStack();
    const services = new Map<string, OpaServiceClient>();
    for (const [name, service] of Object.entries(config.services))
      services.set(name, stack.use(connectOpaService(service)));
    const bundles = new PulledBundles(UNION_LENGTH_MAX);
    const report = { send: (): void => undefined };
    const connected: Connected = { ...options, services, bundles, onStatus: () => report.send() };
    makePrivateDirectory(options.directory);
    const clients = Object.entries(config.bundles).map(([name, bundle]) => clientOf(name, bundle, connected));
    loadAll(clients);
    const upload = uploadOf(connected);
    if (config.status) {
      const describe = () => statusReport(options.labels, clients.map(statusOf), upload?.status);
      const service = serviceOf(services, config.status.service);
      const reporter = stack.use(
        new StatusReporter({ ...options, service, path: `/${config.status.resource}`, describe }),
      );
      report.send = () => reporter.changed();
    }
    for (const each of [...clients, ...(upload ? [upload] : [])]) stack.use(each).start(onBug);
    return new OpaPeers(stack.move(), bundles, clients, upload);
  }

  /** The documents of pulled bundles; undefined while none has a module. */
  get code(): PolicyCode | undefined {
    return this.#bundles.code;
  }

  /** For the node's status: bundles in OPA's form, and how far the decision log has come. */
  describe(): JsonObject {
    const bundles = this.#clients.map(({ status }) => [status.name, bundleStatusToJson(status)] as const);
    const decisionLogs = this.#upload && { ...this.#upload.progress, ...this.#upload.status.trouble };
    return { bundles: Object.fromEntries(bundles), ...(decisionLogs && { decisionLogs }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

interface Connected extends OpaPeersOptions {
  readonly services: ReadonlyMap<string, OpaServiceClient>;
  readonly bundles: PulledBundles;
  onStatus(): void;
}

function clientOf(name: string, bundle: PulledBundle, connected: Connected): BundleClient {
  const { config, directory, services, bundles, clock, random, crypto, log, onStatus } = connected;
  const { service, resource = `bundles/${name}`, polling, persist, sizeMax, signing } = bundle;
  const verification = signing === "unsigned" ? undefined : verificationOf(config, signing);
  const options = { verification, lengthMax: sizeMax, crypto, gzip: { gzip, gunzip } };
  return new BundleClient({
    name,
    policy: { delayMin: polling.min, delayMax: polling.max, longPoll: polling.longPoll },
    service: serviceOf(services, service),
    path: `/${resource}`,
    sizeMax,
    file: persist ? join(directory, `${name}.tar`) : undefined,
    ...{ bundles, clock, random, log, onStatus },
    open: (bytes) => openOpaBundle(bytes, options),
  });
}

function verificationOf(
  { keys }: OpaPeersConfig,
  { keyId, scope }: Exclude<PulledBundle["signing"], "unsigned">,
): OpaVerification {
  const parsed: OpaKey[] = [];
  for (const [id, key] of Object.entries(keys)) {
    const each = parseOpaKey({ keyId: id, ...key });
    if (!each.ok) throw new AdapterError(each.error.code, "a key for bundles cannot be used", { ...each.error });
    parsed.push(each.value);
  }
  return { keys: parsed, keyId, scope };
}

/** One bundle may lie where another used to: as long as one more fits than before, the others get another chance. */
function loadAll(clients: readonly BundleClient[]): void {
  let waiting = clients;
  for (let before = waiting.length + 1; waiting.length > 0 && waiting.length < before; ) {
    before = waiting.length;
    waiting = waiting.filter((client) => !client.loadFromDisk());
  }
}

function uploadOf(connected: Connected): DecisionLogUpload | undefined {
  const { config, services, journal, markStore, labels, recordEvent, crypto, random, log, onStatus } = connected;
  const target = config.decisionLogs;
  if (!target) return undefined;
  const { service, resource, reporting, chunkMax } = target;
  return new DecisionLogUpload({
    ...{ journal, chunkMax, reporting, labels, crypto, random, log, onStatus },
    service: serviceOf(services, service),
    path: `/${resource}`,
    mark: new UploadMark({ origin: journal.origin, size: journal.head().size, store: markStore, log }),
    onGap: (facts) => recordEvent(GAP_EVENT, facts),
  });
}

function serviceOf(services: ReadonlyMap<string, OpaServiceClient>, name: string): OpaServiceClient {
  const service = services.get(name);
  assert(service !== undefined, "the configuration's schema knows that each service is there");
  return service;
}

function statusOf({ status }: BundleClient): BundleStatus {
  return status;
}
