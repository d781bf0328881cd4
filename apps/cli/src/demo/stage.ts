import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SwtpmTools } from "@vedette/tpm";
import { certificatesToPem } from "@vedette/x509";
import { startVedette, type VedetteProcess } from "./child-process.ts";
import { runVedette } from "./command-run.ts";
import { BOOT_PCRS, bootMachine, type Machine } from "./machine.ts";

export const SITE = "store-17";
const FLEET = "example.org";
export const NODE = "edge-1";
/** The PEP that asks about the shop's people. */
export const BACK_OFFICE = "back-office";
export const DEVICES = [
  { name: "pos-1", class: "pos" },
  { name: "kiosk-2", class: "kiosk" },
  { name: "atm-3", class: "atm" },
] as const;
export type DeviceName = (typeof DEVICES)[number]["name"];

/** Lives of the demo profile: short, so that renewals really happen while one watches. */
const DEVICE_SVID_LIFE = "PT30S";
const NODE_SVID_LIFE = "PT60S";
const GATEWAY_SVID_LIFE = "PT60S";

/** Everything the story plays on: folders, machines with their TPMs, and the processes that run on them. */
export interface Stage {
  readonly directory: string;
  readonly paths: StagePaths;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly processes: Map<string, VedetteProcess>;
  readonly signal: AbortSignal;
}

interface StagePaths {
  readonly controlConfig: string;
  readonly controlData: string;
  readonly authority: string;
  readonly operatorSocket: string;
  readonly edgeConfig: string;
  readonly edgeData: string;
  readonly statusSocket: string;
  readonly upstreamSocket: string;
  readonly inventory: string;
  readonly backOfficeSocket: string;
  readonly bundle: (sequence: number) => string;
  readonly trustFile: string;
  readonly log: (name: string) => string;
  readonly join: (name: string) => string;
  readonly deviceSocket: (name: string) => string;
}

export async function setStage(
  directory: string,
  tools: SwtpmTools,
  signal: AbortSignal,
  onProgress: (text: string) => void,
): Promise<Stage> {
  const paths = pathsIn(directory);
  for (const folder of ["run", "log", "join", "tpm"])
    mkdirSync(join(directory, folder), { recursive: true, mode: 0o700 });
  onProgress("making five software TPMs with EK certificates, and booting their machines …");
  const machines = await bootAll(tools, directory);
  const [first] = machines.values();
  writeFileSync(join(directory, "ek-ca.pem"), certificatesToPem(first?.ekCaCertificates ?? []));
  writeJson(paths.controlConfig, describeControl(paths, machines));
  writeJson(paths.edgeConfig, describeEdge(paths, machines));
  writeJson(paths.inventory, describeInventory(machines));
  const stage: Stage = { directory, paths, machines, processes: new Map(), signal };
  onProgress("founding the fleet, starting the control plane and the pricing service …");
  try {
    await runVedette(["control", "init", "--config", paths.controlConfig, "--authority", paths.authority]);
    await start(stage, "control");
    await start(stage, "pricing");
    return stage;
  } catch (error) {
    // What has been started would keep this process waiting for it.
    await strike(stage);
    throw error;
  }
}

/** Starts one of the demo's processes, or starts it again on its old folder. */
export async function start(stage: Stage, name: string): Promise<VedetteProcess> {
  const { paths, machines, signal } = stage;
  const started = await startVedette({
    name,
    args: argumentsOf(name, paths, machines),
    logFile: paths.log(name),
    signal,
  });
  stage.processes.set(name, started);
  return started;
}

/** Stops every process and every TPM, each by its own id. */
export async function strike({ processes, machines }: Stage): Promise<void> {
  await Promise.all([...processes.values()].map((process) => process.stop()));
  await Promise.all([...machines.values()].map((machine) => machine.tpm.stop()));
}

export function machineOf(stage: Stage, name: string): Machine {
  const machine = stage.machines.get(name);
  if (!machine) throw new Error(`the demo has no machine ${name}`);
  return machine;
}

function argumentsOf(name: string, paths: StagePaths, machines: ReadonlyMap<string, Machine>): readonly string[] {
  if (name === "control") return ["control", "run", "--config", paths.controlConfig];
  if (name === "pricing") return ["demo", "upstream", "--socket", paths.upstreamSocket];
  if (name === "edge") return ["edge", "run", "--data", paths.edgeData];
  const tpm = machines.get(name)?.tpm.socketPath ?? "";
  return ["device", "run", "--join", paths.join(name), "--tpm", tpm, "--socket", paths.deviceSocket(name)];
}

function pathsIn(directory: string): StagePaths {
  const run = join(directory, "run");
  return {
    controlConfig: join(directory, "control.json"),
    controlData: join(directory, "control"),
    authority: join(directory, "authority"),
    operatorSocket: join(run, "operator.sock"),
    edgeConfig: join(directory, "edge.json"),
    edgeData: join(directory, "edge"),
    statusSocket: join(run, "edge.sock"),
    upstreamSocket: join(run, "pricing.sock"),
    inventory: join(directory, "inventory.json"),
    backOfficeSocket: join(run, BACK_OFFICE, "http.sock"),
    bundle: (sequence) => join(directory, `policy-${sequence}.tar.gz`),
    trustFile: join(directory, "audit-trust.json"),
    log: (name) => join(directory, "log", `${name}.log`),
    join: (name) => join(directory, "join", `${name}.json`),
    deviceSocket: (name) => join(run, `${name}.sock`),
  };
}

/** All share one maker's CA. The first TPM makes that CA; then two at a time, because making one takes a core for a second. */
async function bootAll(tools: SwtpmTools, directory: string): Promise<ReadonlyMap<string, Machine>> {
  const wanted = [[NODE, "gateway"], ...DEVICES.map((device) => [device.name, device.class]), ["stranger", "gateway"]];
  const boot = async ([name = "", kind = ""]: readonly string[]): Promise<Machine> =>
    bootMachine(tools, directory, name, kind, join(directory, "tpm", "ca"));
  const machines: Machine[] = [];
  for (let i = 0; i < wanted.length; i += 2)
    machines.push(
      ...(i === 0
        ? [await boot(wanted[0] ?? []), await boot(wanted[1] ?? [])]
        : await Promise.all(wanted.slice(i, i + 2).map(boot))),
    );
  return new Map(machines.map((machine) => [machine.name, machine]));
}

function describeControl(paths: StagePaths, machines: ReadonlyMap<string, Machine>): object {
  const gateway = machines.get(NODE);
  const anchors = ["ek-ca.pem"];
  return {
    kind: "vedette/control/v1",
    fleet: FLEET,
    data: paths.controlData,
    operatorSocket: paths.operatorSocket,
    listen: { enrol: "127.0.0.1:0", fleet: "127.0.0.1:0" },
    classes: {
      gateway: { anchors, pcrs: BOOT_PCRS, referenceValues: gateway?.referenceValues, svidLifetime: NODE_SVID_LIFE },
      ...Object.fromEntries(DEVICES.map((device) => [device.class, { anchors }])),
    },
    nodes: [{ site: SITE, name: NODE, class: "gateway", ek: gateway?.ek }],
  };
}

function describeEdge(paths: StagePaths, machines: ReadonlyMap<string, Machine>): object {
  const upstream = { socketPath: paths.upstreamSocket };
  return {
    kind: "vedette/edge/v1",
    tpm: machines.get(NODE)?.tpm.socketPath,
    listen: { enrol: "127.0.0.1:0", gateway: "127.0.0.1:0" },
    statusSocket: paths.statusSocket,
    gatewaySvidLifetime: GATEWAY_SVID_LIFE,
    fleetTimeout: "PT2S",
    decisionPoints: [{ name: BACK_OFFICE, socket: paths.backOfficeSocket, mayClaimSubject: ["user"] }],
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
  };
}

function describeInventory(machines: ReadonlyMap<string, Machine>): object {
  return {
    kind: "vedette/inventory/v1",
    classes: Object.fromEntries(
      DEVICES.map((device) => [
        device.class,
        {
          roles: [device.class],
          pcrs: BOOT_PCRS,
          referenceValues: machines.get(device.name)?.referenceValues,
          svidLifetime: DEVICE_SVID_LIFE,
          staleAfter: "PT60S",
          expiredAfter: "PT5M",
        },
      ]),
    ),
    devices: DEVICES.map((device) => ({ ...device, ek: machines.get(device.name)?.ek })),
  };
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}
