import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { addDuration, days, hex, type Instant, type JsonObject, utf8 } from "@vedette/base";
import {
  authorityFiles,
  controlFiles,
  initControl,
  POLICY_KEY_ID,
  type RunningControl,
  startControl,
} from "@vedette/control";
import { createFakeTpm, createFakeTpmMaker, type FakeTpm } from "@vedette/fakes";
import { connectUnix } from "@vedette/net";
import { buildPolicyBundle, RULES_FILE, signPolicyBundle } from "@vedette/policy";
import { type ControlConfig, controlConfig, parseConfig } from "@vedette/protocol";
import {
  createNodeCrypto,
  gunzip,
  gzip,
  type Log,
  readKeyFile,
  type SoftwareKey,
  systemRandom,
} from "@vedette/runtime";
import { certificatesToPem } from "@vedette/x509";
import { SteppedClock } from "./fleet-clock.ts";
import { attestOverWire, nodeKeys, sha256, type WireKeys, type WireName } from "./wire-attester.ts";
import {
  readAnswer,
  textIn,
  type WireAddress,
  type WireAnswer,
  WireConnection,
  type WireIdentity,
} from "./wire-client.ts";

export const FLEET = "example.org";
export const SITE = "store-17";
export const OTHER_SITE = "store-18";
export const PCRS: readonly number[] = [0, 4, 7];
const ZERO_DIGEST = "00".repeat(32);
/** Of a machine that measured nothing since it was switched on. */
export const REFERENCE_VALUES: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  PCRS.map((pcr) => [pcr, [ZERO_DIGEST]]),
);
const ports = { random: systemRandom, crypto: createNodeCrypto() };

/** A node that the control plane has admitted, as a foreign implementation would hold it. */
export interface EnrolledNode {
  readonly tpm: FakeTpm;
  readonly name: WireName;
  readonly keys: Required<WireKeys>;
  readonly identity: WireIdentity;
  readonly grant: JsonObject;
}

export interface ControlFixtureOptions {
  /** Members of the class `gateway`. */
  readonly nodeClass?: object;
  /** Besides `edge-1`. */
  readonly nodes?: readonly {
    readonly site: string;
    readonly name: string;
    readonly class: string;
    readonly ek: string;
  }[];
  /** Members of the configuration file. */
  readonly config?: object;
  /** EK anchors besides those of the fixture's maker, DER. */
  readonly anchors?: readonly Uint8Array[];
}

/** A founded and running control plane in this process, with nodes whose TPMs are fakes; gone after the test. */
export async function setupControl(t: TestContext, options: ControlFixtureOptions = {}): Promise<ControlFixture> {
  const directory = mkdtempSync(join(tmpdir(), "vedette-control-"));
  const fixture = new ControlFixture(directory, options);
  t.after(async () => {
    await fixture.close();
    rmSync(directory, { recursive: true, force: true });
  });
  fixture.found();
  await fixture.start();
  return fixture;
}

export class ControlFixture {
  readonly directory: string;
  readonly clock: SteppedClock = new SteppedClock();
  readonly maker = createFakeTpmMaker("maker 1");
  /** Registered as `edge-1` of the site. */
  readonly tpm: FakeTpm = createFakeTpm(this.maker);
  readonly logged: string[] = [];
  readonly #options: ControlFixtureOptions;
  readonly #connections: WireConnection[] = [];
  #running: RunningControl | undefined;

  constructor(directory: string, options: ControlFixtureOptions) {
    this.directory = directory;
    this.#options = options;
  }

  get running(): RunningControl {
    if (!this.#running) throw new Error("the control plane does not run");
    return this.#running;
  }
  get data(): string {
    return join(this.directory, "control");
  }
  get authority(): string {
    return join(this.directory, "authority");
  }
  get operatorSocket(): string {
    return join(this.directory, "run", "operator.sock");
  }
  get files() {
    return controlFiles(this.data);
  }
  get enrolAddress(): WireAddress {
    return { url: this.running.enrolUrl, ca: this.#rootPem, servername: `control.${FLEET}` };
  }
  get fleetAddress(): WireAddress {
    return { url: this.running.fleetUrl, ca: this.#rootPem, servername: `control.${FLEET}` };
  }
  /** The configuration file. */
  get document(): JsonObject {
    const { nodeClass, nodes = [] } = this.#options;
    const anchors = ["ek-ca.pem"];
    const gateway = {
      anchors,
      pcrs: PCRS,
      referenceValues: REFERENCE_VALUES,
      ...nodeClass,
    };
    return {
      kind: "vedette/control/v1",
      fleet: FLEET,
      data: this.data,
      operatorSocket: this.operatorSocket,
      listen: { enrol: "127.0.0.1:0", fleet: "127.0.0.1:0" },
      classes: { gateway, kiosk: { anchors } },
      nodes: [
        { site: SITE, name: "edge-1", class: "gateway", ek: ekHashOf(this.tpm) },
        { site: OTHER_SITE, name: "edge-1", class: "gateway", ek: ZERO_DIGEST },
        ...nodes,
      ],
      ...this.#options.config,
    };
  }
  get config(): ControlConfig {
    const parsed = parseConfig(controlConfig, utf8(JSON.stringify(this.document)), "control.json");
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    return parsed.value;
  }

  found(): void {
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(
      join(this.directory, "ek-ca.pem"),
      certificatesToPem([this.maker.anchor, ...(this.#options.anchors ?? [])]),
    );
    const { config, directory: folder, data, authority, clock } = this;
    initControl({ config, folder, data, authority, clock, ...ports });
  }

  async start(): Promise<RunningControl> {
    const { config, data, operatorSocket, clock } = this;
    this.#running = await startControl({ config, data, operatorSocket, clock, log: this.#log, ...ports });
    return this.#running;
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.close();
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection[Symbol.dispose]();
    await this.stop();
  }

  /** A connection of its own to the desk. */
  desk(): WireConnection {
    return this.#keep(new WireConnection(this.enrolAddress));
  }

  /** A connection of its own to the Fleet API, under an identity or none. */
  fleetApi(identity?: WireIdentity): WireConnection {
    return this.#keep(new WireConnection(this.fleetAddress, identity));
  }

  operator(method: string, path: string, body?: string | Uint8Array): Promise<WireAnswer> {
    return callUnix(this.operatorSocket, method, path, body);
  }

  async status(): Promise<JsonObject> {
    return (await this.operator("GET", "/v1/status")).body;
  }

  /** Of the nodes in the status document, the one with this id. */
  async nodeStatus(id: string): Promise<JsonObject | undefined> {
    const { nodes } = await this.status();
    return (nodes as JsonObject[]).find((node) => node["id"] === id);
  }

  /** Enrols a TPM; fails unless it is admitted. */
  async enrol(name: Partial<WireName> = {}, tpm: FakeTpm = this.tpm, claim?: string): Promise<EnrolledNode> {
    const keys = nodeKeys();
    const full = { site: SITE, class: "gateway", name: "edge-1", ...name };
    const answer = await attestOverWire(this.desk(), { tpm, name: full, keys, request: { claim } });
    if (answer.status !== 200) throw new Error(`not admitted: ${answer.status} ${answer.bytes.toString()}`);
    return { tpm, name: full, keys, identity: identityOf(answer.body, keys.tls), grant: answer.body };
  }

  /** A join file with a single-use claim. */
  async createClaim(name: Partial<WireName> = {}): Promise<string> {
    const body = { site: SITE, class: "gateway", name: "edge-1", ...name, isClaimed: true };
    const answer = await this.operator("POST", "/v1/joins", JSON.stringify(body));
    if (answer.status !== 201) throw new Error(answer.bytes.toString());
    return textIn(answer.body, "claim");
  }

  get policyKey(): SoftwareKey {
    return readKeyFile(authorityFiles(this.authority).policyKey);
  }

  publish(bundle: Uint8Array, site: string = SITE): Promise<WireAnswer> {
    return this.operator("POST", `/v1/policies?site=${site}`, bundle);
  }

  get #rootPem(): string {
    return readFileSync(authorityFiles(this.authority).rootCertificate, "utf8");
  }

  #keep(connection: WireConnection): WireConnection {
    this.#connections.push(connection);
    return connection;
  }

  readonly #log: Log = (level, message, facts = {}) =>
    void this.logged.push(`${level} ${message} ${JSON.stringify(facts)}`);
}

const RULES = {
  kind: "rules/v1",
  id: "nothing",
  default: "deny",
  rules: [{ id: "nobody-reads", effect: "deny", subject: { type: "device" }, action: ["*"], resource: { type: "*" } }],
};

export interface PolicyChanges {
  readonly sequence?: number;
  readonly site?: string;
  readonly notAfter?: Instant;
  readonly rules?: object;
  readonly inventory?: object;
}

/** A policy bundle, unsigned: by default with rules that allow nothing and an empty inventory. */
export function buildPolicy(changes: PolicyChanges = {}): Uint8Array {
  const { sequence = 1, site = SITE, notAfter = addDuration(new SteppedClock().now(), days(30)) } = changes;
  const rules = changes.rules ?? RULES;
  const inventory = changes.inventory ?? { kind: "vedette/inventory/v1", classes: {}, devices: [] };
  const files = new Map([
    [RULES_FILE, utf8(JSON.stringify(rules))],
    ["vedette/inventory/data.json", utf8(JSON.stringify(inventory))],
  ]);
  const manifest = { revision: `r${sequence}`, roots: ["vedette"], sequence, site, notAfter };
  const built = buildPolicyBundle(files, manifest, { gzip, gunzip });
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.value;
}

export function signPolicy(bundle: Uint8Array, signer: SoftwareKey, keyId: string = POLICY_KEY_ID): Uint8Array {
  const signed = signPolicyBundle(bundle, keyId, { signer, crypto: ports.crypto, gzip: { gzip, gunzip } });
  if (!signed.ok) throw new Error(JSON.stringify(signed.error));
  return signed.value;
}

/** SHA-256 of the EK public key, hexadecimal: what an operator registers. */
export function ekHashOf(tpm: FakeTpm): string {
  return hex(sha256(tpm.ekSpki));
}

function identityOf(grant: JsonObject, key: SoftwareKey): WireIdentity {
  const chain = (grant["svid"] as readonly string[]).map((text) => new Uint8Array(Buffer.from(text, "base64url")));
  return { chainPem: certificatesToPem(chain), keyPem: keyToPem(key) };
}

export function keyToPem(key: SoftwareKey): string {
  return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(key.exportPkcs8().reveal()).toString("base64")}\n-----END PRIVATE KEY-----\n`;
}

async function callUnix(path: string, method: string, target: string, body?: string | Uint8Array): Promise<WireAnswer> {
  using client = connectUnix({ path });
  const answer = await client.request(method, target, body === undefined ? {} : { body: Buffer.from(body) });
  return readAnswer(answer.status, answer.headers, Buffer.from(answer.body));
}
