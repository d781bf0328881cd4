import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccessRequest } from "@vedette/policy";
import { type DecisionSocket, openDecisionSocket } from "@vedette/sdk";
import { bundleProgram } from "./footprint.ts";
import { startIdleEdge } from "./idle-edge.ts";
import type { Measurement } from "./measurement.ts";
import { measureHttp } from "./pdp-load.ts";
import { createRuleMix } from "./rule-mix.ts";
import { interleaved, median, percentile } from "./statistics.ts";

const ROUND_TRIP_ROUNDS = 40;
/** So many asks pass before both sides of the socket are compiled; a node that has been asked for a second is past them. */
const WARM_UP_ROUNDS = 80;
const ROUND_TRIPS = 250;
const BATCH = 256;
const BATCHES_UNDER_WAY = 8;
const RATE_ROUNDS = 5;
const RATE_MS = 2_000;
const HTTP_CONNECTIONS = 128;
const HTTP_ROUNDS = 3;

/**
 * A node as it ships, in a process of its own, with its journal on disk, asked by a registered PEP in this process. Every
 * decision is allowed and so has a record of its own: a denial beyond its budget would be cheaper.
 */
export async function pdp(): Promise<readonly Measurement[]> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "vedette-pdp-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const program = await bundleProgram(join(folder, "dist"));
  const frames = join(folder, "frames.sock");
  const http = join(folder, "http.sock");
  const pep = { name: "bench", socket: http, frames, mayClaimSubject: ["user"] };
  const node = { rules: rulesText(), module: MODULE, decisionPoints: [pep] };
  const { pid } = stack.use(await startIdleEdge(program, folder, node));
  const client = stack.use(openDecisionSocket({ connect: () => connect({ path: frames, noDelay: true }) }));
  const echo = await startEcho(folder, stack);
  return [
    ...(await measureRoundTrips(client, echo.stream)),
    ...(await measureBatches(client, pid)),
    ...(await measureHttpRates(http, echo.http, await startOpa(folder, stack))),
  ];
}

const request = (action: string, number: number): AccessRequest => ({
  subject: { type: "user", id: `user-${number % 977}`, properties: { lane: number % 12 } },
  action: { name: action },
  resource: { type: "menu", id: `menu/${number % 40}` },
  context: { channel: "lan" },
});

/** A thousand rules, and two for the bench's subjects: one whose record is durable first, one that may lag. */
function rulesText(): string {
  const document = JSON.parse(createRuleMix(1_000).text);
  const rule = (id: string, more: object) => ({
    id,
    effect: "allow",
    subject: { type: "user" },
    action: [id],
    resource: { type: "menu", id: { prefix: "menu/" } },
    when: { eq: ["context.channel", "lan"] },
    safe: true,
    ...more,
  });
  document.rules.push(rule("read", {}), rule("peek", { commit: { fast: "PT5S" } }));
  return JSON.stringify(document);
}

/** What OPA is asked too, word for word. */
const MODULE = `package bench

default allow := false

allow if {
	input.subject.type == "user"
	input.action.name == "read"
	startswith(input.resource.id, "menu/")
	input.context.channel == "lan"
}
`;

/** One question at a time. The peer moves the same bytes through the same kind of socket and decides nothing. */
async function measureRoundTrips(client: DecisionSocket, echoPath: string): Promise<readonly Measurement[]> {
  const fast: number[] = [];
  const durable: number[] = [];
  const bare: number[] = [];
  const echo = await openEcho(echoPath, JSON.stringify(request("peek", 1)).length + 20);
  const contestants = {
    echo: () => timeEach(bare, ROUND_TRIPS, () => echo.ask()),
    fast: () => timeEach(fast, ROUND_TRIPS, (i) => mustAllow(client, request("peek", i))),
  };
  await interleaved(WARM_UP_ROUNDS, contestants);
  for (const times of [bare, fast]) times.length = 0;
  await interleaved(ROUND_TRIP_ROUNDS, {
    ...contestants,
    durable: () => timeEach(durable, ROUND_TRIPS / 10, (i) => mustAllow(client, request("read", i))),
  });
  echo.close();
  const peer = "bytes echoed by node:net, same socket kind and run";
  const ratio = median(bare) / median(fast);
  return [
    { bench: "pdp", metric: "uds.roundtrip.p50", value: median(fast), unit: "µs", atMost: 20, peer, ratio },
    { bench: "pdp", metric: "uds.roundtrip.p99", value: percentile(fast, 99), unit: "µs" },
    { bench: "pdp", metric: "uds.echo.p50", value: median(bare), unit: "µs" },
    { bench: "pdp", metric: "uds.durable.p50", value: median(durable), unit: "µs" },
  ];
}

async function timeEach(times: number[], count: number, act: (i: number) => Promise<unknown>): Promise<number> {
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await act(i);
    times.push((performance.now() - begun) * 1_000);
  }
  return 0;
}

async function mustAllow(client: DecisionSocket, asked: AccessRequest): Promise<void> {
  const { decision, context } = await client.decideAccess(asked);
  if (!decision) throw new Error(`the bench's request is denied: ${JSON.stringify(context)}`);
}

/** Every decision durable before its answer; a few batches are under way so that the disk does not idle. */
async function measureBatches(client: DecisionSocket, pid: number): Promise<readonly Measurement[]> {
  let total = 0;
  const batch = Array.from({ length: BATCH }, (_, i) => request("read", i));
  const round = async (): Promise<number> => {
    const begun = performance.now();
    let decided = 0;
    const lane = async (): Promise<void> => {
      while (performance.now() - begun < RATE_MS) {
        const answers = await client.decideAll(batch);
        if (answers.some(({ decision }) => !decision)) throw new Error("the bench's batch is denied");
        decided += answers.length;
        total += answers.length;
      }
    };
    await Promise.all(Array.from({ length: BATCHES_UNDER_WAY }, lane));
    return (decided * 1_000) / (performance.now() - begun);
  };
  await round();
  total = 0;
  const before = cpuMicroseconds(pid);
  const { ours } = await interleaved(RATE_ROUNDS, { ours: round });
  const each = (cpuMicroseconds(pid) - before) / total;
  return [
    { bench: "pdp", metric: "uds.batched.rate", value: median(ours), unit: "decisions/s", atLeast: 300_000 },
    // Unlike the rate it does not depend on who else wants the processor.
    { bench: "pdp", metric: "uds.batched.cpu", value: each, unit: "µs" },
  ];
}

/** proc(5): what all threads of a process have used, in ticks of ten milliseconds. */
function cpuMicroseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function measureHttpRates(http: string, echo: string, opa: string | undefined): Promise<readonly Measurement[]> {
  const load = { connections: HTTP_CONNECTIONS };
  const access = { ...load, socketPath: http, path: "/access/v1/evaluation", body: JSON.stringify(request("read", 7)) };
  const input = JSON.stringify({ input: request("read", 7) });
  const document = { ...load, socketPath: http, path: "/v1/data/bench/allow", body: input };
  const contestants = {
    access: () => measureHttp(access, RATE_MS),
    document: () => measureHttp(document, RATE_MS),
    echo: () => measureHttp({ ...access, socketPath: echo }, RATE_MS),
    opa: () => (opa === undefined ? 0 : measureHttp({ ...document, socketPath: opa }, RATE_MS)),
  };
  await interleaved(1, contestants);
  const rates = await interleaved(HTTP_ROUNDS, contestants);
  const [ours, documents] = [median(rates.access), median(rates.document)];
  const against = { peer: `node:http ${process.versions.node} echoing`, ratio: ours / median(rates.echo) };
  const figures: Measurement[] = [
    { bench: "pdp", metric: "http.rate", value: ours, unit: "/s", atLeast: 20_000, ...against },
    { bench: "pdp", metric: "http.echo.rate", value: median(rates.echo), unit: "/s" },
  ];
  const peer =
    opa === undefined ? {} : { peer: "the OPA server, decision logs off", ratio: documents / median(rates.opa) };
  figures.push({ bench: "pdp", metric: "http.data.rate", value: documents, unit: "/s", ...peer });
  if (opa !== undefined) figures.push({ bench: "pdp", metric: "http.opa.rate", value: median(rates.opa), unit: "/s" });
  return figures;
}

interface Echo {
  readonly stream: string;
  readonly http: string;
}

const ECHO = `
const [stream, http] = process.argv.slice(1);
require("node:net").createServer({ noDelay: true }, (socket) => socket.on("data", (chunk) => socket.write(chunk)).on("error", () => {})).listen(stream);
require("node:http").createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part)).on("end", () => {
    const body = JSON.stringify(JSON.parse(Buffer.concat(parts)));
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(http);
process.stdin.resume().on("end", () => process.exit());
`;

async function startEcho(folder: string, stack: AsyncDisposableStack): Promise<Echo> {
  const [stream, http] = [join(folder, "echo.sock"), join(folder, "echo-http.sock")];
  const child = spawn(process.execPath, ["-e", ECHO, stream, http], { stdio: ["pipe", "ignore", "inherit"] });
  stack.defer(() => void child.kill());
  await untilThere([stream, http], child);
  return { stream, http };
}

/** Undefined without an OPA on PATH or in VEDETTE_OPA. */
async function startOpa(folder: string, stack: AsyncDisposableStack): Promise<string | undefined> {
  const program = findOpa();
  if (program === undefined) return undefined;
  const path = join(folder, "opa.sock");
  writeFileSync(join(folder, "opa-bench.rego"), MODULE);
  const args = ["run", "--server", "--addr", `unix://${path}`, "--log-level", "error", join(folder, "opa-bench.rego")];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  stack.defer(() => void child.kill());
  await untilThere([path], child);
  return path;
}

function findOpa(): string | undefined {
  const { VEDETTE_OPA, PATH = "" } = process.env;
  const candidates = VEDETTE_OPA === undefined ? PATH.split(delimiter).map((each) => join(each, "opa")) : [VEDETTE_OPA];
  return candidates.find((each) => existsSync(each));
}

const START_TIMEOUT_MS = 15_000;
const POLL_MS = 50;

async function untilThere(paths: readonly string[], child: ChildProcess): Promise<void> {
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += POLL_MS) {
    if (paths.every((path) => existsSync(path))) return;
    if (child.exitCode !== null) break;
    await sleep(POLL_MS);
  }
  throw new Error("a peer of the bench did not start");
}

async function openEcho(path: string, length: number) {
  const socket = connect({ path, noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const bytes = Buffer.alloc(length, 0x20);
  let left = 0;
  let answered = (): void => {};
  socket.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left === 0) answered();
  });
  const ask = () =>
    new Promise<void>((resolve) => {
      answered = resolve;
      left = length;
      socket.write(bytes);
    });
  return { ask, close: () => socket.destroy() };
}
