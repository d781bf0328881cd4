import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { addDuration, days, hex, instantToString } from "@vedette/base";
import { createNodeCrypto, systemClock } from "@vedette/runtime";
import { findSwtpm, manufactureTpm, openTpm, startSwtpm } from "@vedette/tpm";
import { certificatesToPem, parseCertificate } from "@vedette/x509";
import { createRuleMix } from "./rule-mix.ts";

const SITE = "store-17";
const RULES = 1_000;
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7];
const POLL_MS = 200;
/** A start takes seconds; past this it hangs. */
const START_TIMEOUT_MS = 60_000;
const TOP = process.env["VEDETTE_TOP"] ?? join(import.meta.dirname, "../../..");

/** An edge node that has all it needs and nothing to do yet; its control plane and its TPM run beside it. */
export interface IdleEdge extends AsyncDisposable {
  readonly pid: number;
}

export interface IdleEdgeOptions {
  /** A file of JSON rules; a mix of a thousand without it. */
  readonly rules?: string;
  /** Rego of the package `vedette.access` or any other. */
  readonly module?: string;
  readonly decisionPoints?: readonly object[];
}

/** Founds a fleet in `folder`, enrols one node by its TPM, publishes a policy and waits until it runs. */
export async function startIdleEdge(program: string, folder: string, options: IdleEdgeOptions = {}): Promise<IdleEdge> {
  await using stack = new AsyncDisposableStack();
  const path = (name: string): string => join(folder, name);
  const vedette = (...args: readonly string[]): string =>
    execFileSync(process.execPath, [program, ...args, "--json"], { encoding: "utf8", timeout: START_TIMEOUT_MS });
  writeConfiguration(path, await makeTpm(path, stack), options);
  vedette("control", "init", "--config", path("control.json"), "--authority", path("authority"));
  await startProcess([program, "control", "run", "--config", path("control.json")], stack);
  const operator = ["--operator", path("operator.sock"), "--site", SITE];
  vedette("control", "join", ...operator, "--class", "gateway", "--name", "edge-1", "--out", path("join.json"));
  vedette("edge", "init", "--join", path("join.json"), "--config", path("edge.json"), "--data", path("edge"));
  const notAfter = instantToString(addDuration(systemClock.now(), days(1)));
  if (options.module !== undefined) writeFileSync(path("bench.rego"), options.module);
  const modules = options.module === undefined ? [] : [path("bench.rego")];
  const sources = [...modules, "--rules", path("rules.json"), "--inventory", path("inventory.json"), "--site", SITE];
  vedette("policy", "build", ...sources, "--sequence", "1", "--not-after", notAfter, "--out", path("policy.tar.gz"));
  vedette("policy", "sign", path("policy.tar.gz"), "--key", path("authority/policy.key"));
  vedette("policy", "publish", path("policy.tar.gz"), ...operator);
  const edge = await startProcess([program, "edge", "run", "--data", path("edge")], stack);
  await untilPolicyRuns(() => vedette("edge", "status", "--socket", path("edge.sock")));
  const running = stack.move();
  return { pid: edge.pid ?? 0, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

type PathOf = (name: string) => string;

interface PoweredTpm {
  readonly socketPath: string;
  readonly ek: string;
  readonly referenceValues: Readonly<Record<string, readonly string[]>>;
}

async function makeTpm(path: PathOf, stack: AsyncDisposableStack): Promise<PoweredTpm> {
  const tools = findSwtpm(TOP);
  if (!tools) throw new Error("the footprint of an enrolled node needs swtpm: `node tools/swtpm.ts` fetches it");
  const made = await manufactureTpm(tools, path("tpm"), path("tpm-ca"));
  writeFileSync(path("ek-ca.pem"), certificatesToPem(made.ekCaCertificates));
  const running = await startSwtpm(tools, made.stateDir);
  stack.defer(() => running.stop());
  await using tpm = await openTpm(running.socketPath);
  const certificate = parseCertificate((await tpm.ekCertificate()) ?? new Uint8Array(0));
  if (!certificate.ok) throw new Error(`the EK certificate does not parse: ${certificate.error.code}`);
  const values = await tpm.readPcrs({ bank: "sha256", pcrs: PCRS });
  return {
    socketPath: running.socketPath,
    ek: hex(createNodeCrypto().hash("sha256", certificate.value.spki)),
    referenceValues: Object.fromEntries(Object.entries(values).map(([pcr, value]) => [pcr, [hex(value)]])),
  };
}

function writeConfiguration(
  path: PathOf,
  { socketPath, ek, referenceValues }: PoweredTpm,
  { rules = createRuleMix(RULES).text, decisionPoints = [] }: IdleEdgeOptions,
): void {
  const write = (name: string, value: object): void => writeFileSync(path(name), JSON.stringify(value));
  write("control.json", {
    kind: "vedette/control/v1",
    fleet: "example.org",
    data: path("control"),
    operatorSocket: path("operator.sock"),
    listen: { enrol: "127.0.0.1:0", fleet: "127.0.0.1:0" },
    classes: { gateway: { anchors: ["ek-ca.pem"], pcrs: PCRS, referenceValues } },
    nodes: [{ site: SITE, name: "edge-1", class: "gateway", ek }],
  });
  const upstream = { socketPath: path("pricing.sock") };
  write("edge.json", {
    kind: "vedette/edge/v1",
    tpm: socketPath,
    listen: { enrol: "127.0.0.1:0", gateway: "127.0.0.1:0" },
    statusSocket: path("edge.sock"),
    routes: [{ name: "pricing", path: "/pricing/", methods: ["GET"], resourceType: "pricing", upstream }],
    decisionPoints,
  });
  write("inventory.json", { kind: "vedette/inventory/v1", classes: {}, devices: [] });
  writeFileSync(path("rules.json"), rules);
}

/** Starts `vedette ARGS` and waits for the line in which it says that it is ready. It ends when its standard input does, so with us. */
async function startProcess(args: readonly string[], stack: AsyncDisposableStack): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...args, "--json"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, VEDETTE_STOP_WITH_STDIN: "1" },
  });
  const ended = once(child, "close");
  stack.defer(async () => {
    child.stdin.end();
    await ended;
  });
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const [line] = await Promise.race([once(lines, "line", { signal }), ended]);
  if (typeof line !== "string" || line.includes('"error"'))
    throw new Error(`vedette ${args[1]} did not start: ${line}`);
  return child;
}

async function untilPolicyRuns(readStatus: () => string): Promise<void> {
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += POLL_MS) {
    const { policy }: { policy?: { sequence?: number } } = JSON.parse(readStatus());
    if (policy?.sequence === 1) return;
    await sleep(POLL_MS);
  }
  throw new Error("the policy did not reach the node");
}
