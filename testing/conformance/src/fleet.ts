import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addDuration, days, hex, type Instant, type JsonObject, utf8 } from "@vedette/base";
import {
  authorityFiles,
  type Initialised,
  initControl,
  POLICY_KEY_ID,
  type RunningControl,
  startControl,
} from "@vedette/control";
import { edgeFiles, initEdge, type RunningEdge, startEdge } from "@vedette/edge";
import { type SwtpmFixture, setupSwtpm } from "@vedette/fakes";
import { openStoredLog } from "@vedette/journal";
import { connectTls, connectUnix, type HttpClient, type TlsCertificate } from "@vedette/net";
import { buildPolicyBundle, RULES_FILE, signPolicyBundle } from "@vedette/policy";
import {
  type ControlConfig,
  controlConfig,
  type EdgeConfig,
  type EdgeStatus,
  edgeConfig,
  edgeStatus,
  type JoinFile,
  joinFile,
  parseConfig,
  type Schema,
} from "@vedette/protocol";
import {
  createNodeCrypto,
  gunzip,
  gzip,
  type Log,
  readKeyFile,
  type SoftwareKey,
  systemRandom,
} from "@vedette/runtime";
import { type Leaf, parseLeaf } from "@vedette/telemetry";
import { certificatesToPem, parseCertificate } from "@vedette/x509";
import { SteppedClock } from "./fleet-clock.ts";
import {
  type AttesterAnswer,
  type AttesterChanges,
  type AttesterPlace,
  attestDevice,
  type DeviceName,
  type EnrolledDevice,
} from "./fleet-device.ts";
import { FakeUpstream } from "./fleet-upstream.ts";

export const FLEET = "example.org";
export const SITE = "store-17";
/** Another site of the same fleet, in the trust document; no node of it runs here. */
export const OTHER_SITE = "store-18";
export const NODE = "edge-1";

const EXAMPLE_RULES = join(import.meta.dirname, "../../../examples/store-17/rules.json");
const INVENTORY_FILE = "vedette/inventory/data.json";
const BOOT_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];
const PORTS = { random: systemRandom, crypto: createNodeCrypto() };
const WAIT_MS = 15_000;
const POLL_MS = 20;

export interface FleetOptions {
  readonly devices?: readonly DeviceName[];
  /** Members of the node's configuration file, in place of the fixture's. */
  readonly edgeConfig?: object;
  /** Members of the node's class at the control plane. */
  readonly nodeClass?: object;
  /** Members of every device class in the inventory. */
  readonly deviceClass?: object;
  /** How far the fixture goes by itself; the rest is up to the test. */
  readonly upTo?: "control" | "edge" | "policy";
  /** Where the node looks for the control plane, in place of its listeners. */
  readonly advertise?: { readonly enrol: string; readonly fleet: string };
  readonly journalSizeMax?: number;
}

export interface PolicyChanges {
  readonly sequence?: number;
  readonly site?: string;
  readonly notAfter?: Instant;
  readonly rules?: object;
  readonly inventory?: object;
  /** Instead of the fleet's policy key; `none` leaves the bundle unsigned. */
  readonly key?: SoftwareKey | "none";
}

/**
 * A fleet as it runs at a customer, small: a control plane and a node in this process, each machine with a swtpm of its own, and a
 * service behind the gateway. Everything is stopped and removed after the test. Undefined after `t.skip` when there is no swtpm.
 */
export async function setupFleet(t: TestContext, options: FleetOptions = {}): Promise<Fleet | undefined> {
  const { devices = [{ name: "pos-1", class: "pos" }], upTo = "policy" } = options;
  const names = [NODE, ...devices.map(({ name }) => name)];
  const directory = mkdtempSync(join(tmpdir(), "vedette-fleet-"));
  let fleet: Fleet | undefined;
  // Hooks run in the order in which they were registered: the node stops before its TPM does.
  t.after(async () => {
    await fleet?.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const tpmByName = new Map<string, SwtpmFixture>();
  for (const name of names) {
    const tpm = await setupSwtpm(t, { device: name });
    if (!tpm) return undefined;
    tpmByName.set(name, tpm);
  }
  fleet = new Fleet(directory, devices, tpmByName, options);
  await fleet.found();
  if (upTo !== "control") await fleet.initEdge();
  if (upTo !== "control") await fleet.startEdge();
  if (upTo === "policy") await fleet.publishPolicy();
  return fleet;
}

export class Fleet {
  readonly directory: string;
  /** The node's. */
  readonly clock: SteppedClock = new SteppedClock();
  readonly controlClock: SteppedClock = new SteppedClock();
  readonly upstream: FakeUpstream;
  readonly devices: readonly DeviceName[];
  /** What the node and the control plane logged: the newest last. */
  readonly logged: { readonly level: string; readonly message: string; readonly facts: object }[] = [];
  readonly #options: FleetOptions;
  readonly #tpmByName: ReadonlyMap<string, SwtpmFixture>;
  readonly #ekByName = new Map<string, string>();
  readonly #clients: HttpClient[] = [];
  #referenceValues: Readonly<Record<string, readonly string[]>> = {};
  #founded: Initialised | undefined;
  #control: RunningControl | undefined;
  #edge: RunningEdge | undefined;
  #sequence = 0;

  constructor(
    directory: string,
    devices: readonly DeviceName[],
    tpmByName: ReadonlyMap<string, SwtpmFixture>,
    options: FleetOptions,
  ) {
    this.directory = directory;
    this.devices = devices;
    this.upstream = new FakeUpstream(join(directory, "upstream.sock"));
    this.#tpmByName = tpmByName;
    this.#options = options;
  }

  get control(): RunningControl {
    assert.ok(this.#control, "the control plane runs");
    return this.#control;
  }
  get edge(): RunningEdge {
    assert.ok(this.#edge, "the node runs");
    return this.#edge;
  }
  get controlData(): string {
    return join(this.directory, "control");
  }
  get edgeData(): string {
    return join(this.directory, "edge");
  }
  /** Keys that are taken away from the control plane: root, trust, policy. */
  get authority(): string {
    return join(this.directory, "authority");
  }
  get rootHash(): string {
    assert.ok(this.#founded, "the fleet is founded");
    return this.#founded.root;
  }
  get rootPem(): string {
    return readFileSync(authorityFiles(this.authority).rootCertificate, "utf8");
  }
  get place(): AttesterPlace {
    return { enrolUrl: this.edge.enrolUrl, rootHash: this.rootHash, fleet: FLEET, site: SITE };
  }

  tpmOf(name: string): SwtpmFixture {
    const tpm = this.#tpmByName.get(name);
    assert.ok(tpm, `the fleet has no machine ${name}`);
    return tpm;
  }

  /** Founds the fleet and starts its control plane and the service behind the gateway. */
  async found(): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    await this.#readMachines();
    const config = this.controlConfig();
    const { controlClock: clock, authority, controlData: data, directory: folder } = this;
    this.#founded = initControl({ config, folder, data, authority, clock, ...PORTS });
    await this.upstream.start();
    await this.startControl();
  }

  async startControl(): Promise<RunningControl> {
    this.#control = await startControl({
      config: this.controlConfig(),
      data: this.controlData,
      operatorSocket: join(this.directory, "operator.sock"),
      clock: this.controlClock,
      log: this.#log,
      ...PORTS,
    });
    return this.#control;
  }

  async stopControl(): Promise<void> {
    const running = this.#control;
    this.#control = undefined;
    await running?.close();
  }

  /** Where its listeners really are. */
  controlPorts(): { readonly enrol: number; readonly fleet: number } {
    return JSON.parse(readFileSync(join(this.controlData, "ports.json"), "utf8"));
  }

  async createJoin(name: string = NODE, extras: object = {}): Promise<JoinFile> {
    const answer = await this.operator("POST", "/v1/joins", {
      site: SITE,
      class: "gateway",
      name,
      isClaimed: false,
      ...extras,
    });
    return parsed(joinFile, answer);
  }

  async initEdge(): Promise<void> {
    await initEdge({
      join: await this.createJoin(),
      config: this.edgeConfig(),
      configFile: utf8(JSON.stringify(this.#edgeConfigFile({}))),
      data: this.edgeData,
      clock: this.clock,
      ...PORTS,
    });
  }

  /** `changes`: members of its configuration. */
  async startEdge(changes: object = {}, journalSizeMax = this.#options.journalSizeMax): Promise<RunningEdge> {
    this.#edge = await startEdge({
      config: this.edgeConfig(changes),
      data: this.edgeData,
      clock: this.clock,
      log: this.#log,
      ...(journalSizeMax === undefined ? {} : { journalSizeMax }),
      ...PORTS,
    });
    return this.#edge;
  }

  async stopEdge(): Promise<void> {
    const running = this.#edge;
    this.#edge = undefined;
    await running?.close();
  }

  async restartEdge(): Promise<RunningEdge> {
    await this.stopEdge();
    return this.startEdge();
  }

  /** A copy of the node's folder: what a backup has, or, of a running node, what a power cut leaves. */
  copyEdgeData(name: string): string {
    const copy = join(this.directory, name);
    cpSync(this.edgeData, copy, { recursive: true });
    return copy;
  }

  /** Puts a copy back in place of the node's folder. */
  restoreEdgeData(copy: string): void {
    rmSync(this.edgeData, { recursive: true });
    cpSync(copy, this.edgeData, { recursive: true });
  }

  /** Puts single files back; those that may not go backwards stay as they are. */
  restoreEdgeFiles(copy: string, ...paths: readonly string[]): void {
    for (const path of paths) cpSync(join(copy, basename(path)), path);
  }

  controlConfig(): ControlConfig {
    const anchors = ["ek-ca.pem"];
    const classes = new Set(this.devices.map((device) => device.class));
    return parsed(controlConfig, {
      kind: "vedette/control/v1",
      fleet: FLEET,
      data: this.controlData,
      operatorSocket: join(this.directory, "operator.sock"),
      listen: { enrol: "127.0.0.1:0", fleet: "127.0.0.1:0" },
      ...(this.#options.advertise ? { advertise: this.#options.advertise } : {}),
      classes: {
        gateway: { anchors, pcrs: BOOT_PCRS, referenceValues: this.#referenceValues, ...this.#options.nodeClass },
        ...Object.fromEntries([...classes].map((name) => [name, { anchors }])),
      },
      nodes: [
        { site: SITE, name: NODE, class: "gateway", ek: this.ekOf(NODE) },
        { site: OTHER_SITE, name: "edge-2", class: "gateway", ek: "00".repeat(32) },
      ],
    });
  }

  edgeConfig(changes: object = {}): EdgeConfig {
    return parsed(edgeConfig, this.#edgeConfigFile(changes));
  }

  #edgeConfigFile(changes: object): object {
    const upstream = { socketPath: this.upstream.socketPath };
    return {
      kind: "vedette/edge/v1",
      tpm: this.tpmOf(NODE).socketPath,
      listen: { enrol: "127.0.0.1:0", gateway: "127.0.0.1:0" },
      statusSocket: join(this.directory, "edge.sock"),
      fleetTimeout: "PT2S",
      routes: [
        { name: "pricing", path: "/pricing/", methods: ["GET"], resourceType: "pricing", upstream },
        {
          name: "cash",
          path: "/cash/withdrawals",
          methods: ["POST"],
          action: "withdraw",
          resourceType: "cash",
          upstream,
          attributes: { amount: "/amount" },
        },
      ],
      ...this.#options.edgeConfig,
      ...changes,
    };
  }

  inventory(devices: readonly DeviceName[] = this.devices): JsonObject {
    const profile = (name: string) => ({
      roles: [name],
      pcrs: BOOT_PCRS,
      referenceValues: this.#referenceValues,
      ...this.#options.deviceClass,
    });
    const classes = [...new Set(this.devices.map((device) => device.class))];
    return {
      kind: "vedette/inventory/v1",
      classes: Object.fromEntries(classes.map((name) => [name, profile(name)])),
      devices: devices.map((device) => ({ ...device, ek: this.ekOf(device.name) })),
    };
  }

  /** SHA-256 of the EK public key, hexadecimal. */
  ekOf(name: string): string {
    return this.#ekByName.get(name) ?? "";
  }

  get policyKey(): SoftwareKey {
    return readKeyFile(authorityFiles(this.authority).policyKey);
  }

  exampleRules(): JsonObject {
    return JSON.parse(readFileSync(EXAMPLE_RULES, "utf8"));
  }

  /** Signed; by default the example's rules and every device of the fleet, one sequence above the last one built. */
  buildPolicy(changes: PolicyChanges = {}): Uint8Array {
    const { rules = this.exampleRules(), inventory = this.inventory(), site = SITE, key = this.policyKey } = changes;
    this.#sequence = changes.sequence ?? this.#sequence + 1;
    const notAfter = changes.notAfter ?? addDuration(this.controlClock.now(), days(30));
    const files = new Map([
      [RULES_FILE, utf8(JSON.stringify(rules))],
      [INVENTORY_FILE, utf8(JSON.stringify(inventory))],
    ]);
    const manifest = { revision: `r${this.#sequence}`, roots: ["vedette"], sequence: this.#sequence, site, notAfter };
    const built = buildPolicyBundle(files, manifest, { gzip, gunzip });
    assert.ok(built.ok, JSON.stringify(built));
    if (key === "none") return built.value;
    const deps = { signer: key, crypto: PORTS.crypto, gzip: { gzip, gunzip } };
    const signed = signPolicyBundle(built.value, POLICY_KEY_ID, deps);
    assert.ok(signed.ok, JSON.stringify(signed));
    return signed.value;
  }

  /** Publishes a policy and waits for nobody. */
  async offerPolicy(changes: PolicyChanges = {}): Promise<void> {
    await this.operator("POST", `/v1/policies?site=${SITE}`, this.buildPolicy(changes));
  }

  /** Publishes a policy and waits until the node runs it. */
  async publishPolicy(changes: PolicyChanges = {}): Promise<number> {
    await this.offerPolicy(changes);
    const sequence = this.#sequence;
    await until("the node runs the policy", async () => (await this.status()).policy?.sequence === sequence);
    return sequence;
  }

  /** The operator's API; fails on any answer but success. */
  async operator(method: string, path: string, body?: object): Promise<JsonObject> {
    return callUnix(join(this.directory, "operator.sock"), method, path, body);
  }

  /** The node's own page. */
  async status(): Promise<EdgeStatus> {
    return parsed(edgeStatus, await callUnix(this.edge.statusSocket, "GET", "/v1/status"));
  }

  attest(
    name: string,
    purpose: "enrol" | "reattest" = "enrol",
    changes: AttesterChanges = {},
  ): Promise<AttesterAnswer> {
    const device = this.devices.find((each) => each.name === name);
    assert.ok(device, `the fleet has no device ${name}`);
    return attestDevice(device, this.tpmOf(name), this.place, purpose, changes);
  }

  /** Enrols a device with its TPM at the gateway. */
  async enrolDevice(name: string, purpose: "enrol" | "reattest" = "enrol"): Promise<EnrolledDevice> {
    const answer = await this.attest(name, purpose);
    assert.ok(answer.device, `${name} is admitted: ${answer.status} ${answer.code}`);
    return answer.device;
  }

  /** A client of the gateway under some identity; closed after the test. */
  gatewayClient(identity: TlsCertificate, url: string = this.edge.gatewayUrl): HttpClient {
    const client = connectTls({
      url,
      anchors: { roots: [this.rootPem] },
      expectedServer: { spiffeId: `spiffe://${SITE}.${FLEET}/gateway` },
      identity,
    });
    this.#clients.push(client);
    return client;
  }

  /** The node's journal as it lies on disk, beside the node that writes it. */
  leaves(data: string = this.edgeData): readonly Leaf[] {
    using log = openStoredLog(edgeFiles(data).journal);
    return log.readEntries(0, log.size).map((entry) => {
      const leaf = parseLeaf(entry);
      assert.ok(leaf.ok, JSON.stringify(leaf));
      return leaf.value;
    });
  }

  /** The facts of the journal's events of one name. */
  events(name: string): readonly JsonObject[] {
    return this.leaves().flatMap((leaf) => (leaf.kind === "event" && leaf.name === name ? [leaf.facts] : []));
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.stopEdge();
    await this.stopControl();
    await this.upstream.stop();
  }

  readonly #log: Log = (level, message, facts = {}) => void this.logged.push({ level, message, facts });

  /** EK hashes, the maker's CA, and the PCRs after power-on, which all machines share. */
  async #readMachines(): Promise<void> {
    for (const [name, swtpm] of this.#tpmByName) {
      const tpm = await swtpm.open();
      const certificate = parseCertificate((await tpm.ekCertificate()) ?? new Uint8Array(0));
      assert.ok(certificate.ok);
      this.#ekByName.set(name, hex(PORTS.crypto.hash("sha256", certificate.value.spki)));
      const pcrs = await tpm.readPcrs({ bank: "sha256", pcrs: BOOT_PCRS });
      this.#referenceValues = Object.fromEntries(Object.entries(pcrs).map(([pcr, value]) => [pcr, [hex(value)]]));
      await tpm.close();
      writeFileSync(join(this.directory, "ek-ca.pem"), certificatesToPem(swtpm.ekCaCertificates));
    }
  }
}

/** Polls; fails when it does not come true in time. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + WAIT_MS;
  while (performance.now() < end) {
    if (await isTrue()) return;
    await sleep(POLL_MS);
  }
  assert.fail(`not in time: ${what}`);
}

async function callUnix(path: string, method: string, target: string, body?: object): Promise<JsonObject> {
  using client = connectUnix({ path });
  const bytes = body instanceof Uint8Array ? body : body && utf8(JSON.stringify(body));
  const answer = await client.request(method, target, bytes ? { body: bytes } : {});
  const text = new TextDecoder().decode(answer.body);
  assert.ok(answer.status < 300, `${method} ${target}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

function parsed<T>(schema: Schema<T>, value: object): T {
  const result = parseConfig(schema, utf8(JSON.stringify(value)), "fixture");
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}
