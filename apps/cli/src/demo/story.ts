import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { addDuration, days, instantToString, isJsonObject, type Json, type JsonObject, utf8 } from "@vedette/base";
import { openStoredLog } from "@vedette/journal";
import { controlStatus, type EdgeStatus, edgeStatus } from "@vedette/protocol";
import { createNodeCrypto, systemClock } from "@vedette/runtime";
import { parseLeaf } from "@vedette/telemetry";
import { openTpm } from "@vedette/tpm";
import { callLocal } from "../local-api.ts";
import { runVedette, tryVedette } from "./command-run.ts";
import type { Report } from "./report.ts";
import { DEVICES, type DeviceName, machineOf, NODE, SITE, type Stage, start } from "./stage.ts";
import { type Answer, Application, percentile, reasonOf, ruleOf, text } from "./traffic.ts";

const POLL_MS = 100;
/** Decisions wanted while the control plane is dead, and how long to try for them and for the renewals. */
const CUT_OFF_DECISIONS = 400;
const CUT_OFF_MS = 25_000;
const WAIT_MS = 30_000;

/** What the steps share. */
interface Scene {
  readonly stage: Stage;
  readonly report: Report;
  readonly rules: string;
  readonly applications: ReadonlyMap<DeviceName, Application>;
}

/** The main job, end to end, with real processes, TPMs and traffic. Every claim is checked against what really came back. */
export async function tellStory(stage: Stage, report: Report, rules: string): Promise<void> {
  await enrolNode({ stage, report });
  await publishPolicy({ stage, report, rules });
  const applications = await attachDevices(stage, report);
  const scene: Scene = { stage, report, rules, applications };
  try {
    await decideRequests(scene);
    await loseControlPlane(scene);
    await returnControlPlane(scene);
    await audit(scene);
    await driftDevice(scene);
  } finally {
    for (const application of applications.values()) application[Symbol.dispose]();
  }
}

async function enrolNode({ stage, report }: Pick<Scene, "stage" | "report">): Promise<void> {
  const { paths } = stage;
  report.begin(1, "Enrol the node: its TPM proves what it is");
  const joinFor = (name: string, out: string) =>
    runVedette([
      "control",
      "join",
      "--operator",
      paths.operatorSocket,
      "--site",
      SITE,
      "--class",
      "gateway",
      "--name",
      name,
      "--out",
      out,
    ]);
  await joinFor(NODE, paths.join(NODE));
  const enrolled = await runVedette([
    "edge",
    "init",
    "--join",
    paths.join(NODE),
    "--config",
    paths.edgeConfig,
    "--data",
    paths.edgeData,
  ]);
  const ear = decodeEar(text(enrolled["attestationResult"]));
  report.show(
    "EK chain, registered EK, credential activation and a quote bound to the TLS key",
    ear.status === "affirming",
    `attestation result ${ear.status}, trust vector ${JSON.stringify(ear.vector)}`, `appraised ${ear.status}`);
  const strangerConfig = join(stage.directory, "stranger.json");
  const config: JsonObject = JSON.parse(readFileSync(paths.edgeConfig, "utf8"));
  writeFileSync(strangerConfig, JSON.stringify({ ...config, tpm: machineOf(stage, "stranger").tpm.socketPath }));
  await joinFor("edge-9", paths.join("stranger"));
  const refused = await tryVedette([
    "edge",
    "init",
    "--join",
    paths.join("stranger"),
    "--config",
    strangerConfig,
    "--data",
    join(stage.directory, "stranger"),
  ]);
  const status = await callLocal(paths.operatorSocket, "GET", "/v1/status", controlStatus);
  const pending = status.pending.map(({ ek }) => ek);
  report.show(
    "a second genuine TPM that nobody registered gets nothing",
    refused.exit === 3 &&
      pending.includes(machineOf(stage, "stranger").ek) &&
      !existsSync(join(stage.directory, "stranger", "svid.pem")),
    `exit code ${refused.exit}, listed as pending (EK ${String(pending[0]).slice(0, 16)}…)`, "a stranger left pending");
  await start(stage, "edge");
}

async function publishPolicy({ stage, report, rules }: Pick<Scene, "stage" | "report" | "rules">): Promise<void> {
  const { paths } = stage;
  report.begin(2, "Publish policy 1: signed, verified from the node's disk, active, acknowledged");
  const notAfter = instantToString(addDuration(systemClock.now(), days(30)));
  const sources = ["--rules", rules, "--inventory", paths.inventory, "--site", SITE, "--sequence", "1"];
  await runVedette(["policy", "build", ...sources, "--not-after", notAfter, "--out", paths.bundle]);
  await runVedette(["policy", "sign", paths.bundle, "--key", join(paths.authority, "policy.key")]);
  const begun = performance.now();
  await runVedette(["policy", "publish", paths.bundle, "--operator", paths.operatorSocket, "--site", SITE]);
  const acknowledged = await until(async () => {
    const status = await callLocal(paths.operatorSocket, "GET", "/v1/status", controlStatus);
    return status.nodes[0]?.policySequence === 1;
  });
  report.show(
    "the node runs policy 1 and says so",
    acknowledged,
    `${Math.round(performance.now() - begun)} ms from publication to acknowledgement`, `acknowledged after ${Math.round(performance.now() - begun)} ms`);
  await runVedette(["audit", "trust", "--operator", paths.operatorSocket, "--out", paths.trustFile]);
  report.say("the auditor's trust file is written now, before there is anything to audit");
}

async function attachDevices(stage: Stage, report: Report): Promise<ReadonlyMap<DeviceName, Application>> {
  const status = await statusOf(stage);
  const control = await callLocal(stage.paths.operatorSocket, "GET", "/v1/status", controlStatus);
  for (const device of DEVICES) {
    const file = {
      kind: "vedette/join/v1",
      url: status.enrolUrl,
      root: control.root,
      fleet: control.fleet,
      site: SITE,
      class: device.class,
      name: device.name,
    };
    writeFileSync(stage.paths.join(device.name), JSON.stringify(file), { mode: 0o600 });
  }
  const begun = performance.now();
  await Promise.all(DEVICES.map((device) => start(stage, device.name)));
  const after = await statusOf(stage);
  const fresh = after.devices.filter(({ state, verdict }) => state === "fresh" && verdict === "affirming");
  report.show(
    "three devices enrol at the gateway, each with its own TPM, by the same verifier code",
    fresh.length === DEVICES.length,
    `${fresh.map(({ name }) => name).join(", ")} in ${Math.round(performance.now() - begun)} ms`, `${fresh.length} devices enrolled`);
  return new Map(DEVICES.map((device) => [device.name, new Application(stage.paths.deviceSocket(device.name))]));
}

async function decideRequests({ stage, report, ...scene }: Scene): Promise<void> {
  report.begin(3, "Decide on the spot");
  const price = await applicationOf(scene, "pos-1").getPrice();
  report.show(
    "the till may ask for prices",
    price.status === 200,
    `200, ${text(price.body["price"])} ${text(price.body["currency"])}, ${price.milliseconds.toFixed(1)} ms`, `first answer ${price.milliseconds.toFixed(0)} ms`);
  const kiosk = await applicationOf(scene, "kiosk-2").getPrice();
  report.show(
    "the kiosk may not, and is told by which rule",
    kiosk.status === 403 && ruleOf(kiosk) === "kiosk-reads-no-prices",
    describe(kiosk),
  );
  const atm = applicationOf(scene, "atm-3");
  const small = [await atm.withdraw(150), await atm.withdraw(150)];
  report.show(
    "withdrawals up to the floor limit are paid",
    small.every((each) => each.status === 201),
    "150 and 150: 201, 201",
  );
  const large = await atm.withdraw(250);
  report.show(
    "above it they are not",
    large.status === 403 && ruleOf(large) === "no-cash-above-floor-limit",
    `250: ${describe(large)}`,
  );
  const { epoch } = (await statusOf(stage)).state;
  report.say(`300 of 500 is spent today; the amount is sealed under state epoch ${epoch} of the node's TPM counter`);
}

async function loseControlPlane({ stage, report, ...scene }: Scene): Promise<void> {
  const { processes } = stage;
  report.begin(4, "Kill the control plane, and in between the node as well");
  await processes.get("control")?.kill();
  const renewalsBefore = await renewalsOf(scene);
  const made = [...scene.applications.values()].map(({ decisions }) => decisions.length).reduce((a, b) => a + b, 0);
  const first = await decideFor(scene, CUT_OFF_DECISIONS / 2, CUT_OFF_MS / 2);
  const before = await statusOf(stage);
  await processes.get("edge")?.kill();
  report.say(`the node was killed (SIGKILL) after ${first.decided} decisions; starting it again on its sealed state`);
  const begun = performance.now();
  await start(stage, "edge");
  report.say(`it was ready again after ${Math.round(performance.now() - begun)} ms`);
  await until(async () => (await applicationOf(scene, "pos-1").getPrice()).status === 200);
  const second = await decideFor(scene, CUT_OFF_DECISIONS / 2, CUT_OFF_MS, async () =>
    (await renewalsOf(scene)).every((count, i) => count > (renewalsBefore[i] ?? 0)),
  );
  const times = [...first.milliseconds, ...second.milliseconds];
  const total =
    [...scene.applications.values()].map(({ decisions }) => decisions.length).reduce((a, b) => a + b, 0) - made;
  report.show(
    "decisions go on without it",
    total >= CUT_OFF_DECISIONS && first.wrong + second.wrong === 0,
    `${total} decisions, p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms as the application sees it, ${first.wrong + second.wrong} wrong`, `${total} decisions, p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`);
  const renewals = (await renewalsOf(scene)).map((count, i) => count - (renewalsBefore[i] ?? 0));
  report.show(
    "device SVIDs keep being renewed by the site CA, each by fresh evidence",
    renewals.every((count) => count > 0),
    DEVICES.map((device, i) => `${device.name} ${renewals[i]}`).join(", "), `${renewals.reduce((a, b) => a + b, 0)} renewals`);
  const after = await statusOf(stage);
  report.show(
    "the restarted node carries on from sealed state",
    after.policy?.sequence === 1 && after.journal.size > before.journal.size && !after.fleet.reachable,
    `policy ${after.policy?.sequence}, journal ${before.journal.size} → ${after.journal.size} leaves, control plane out of reach`,
  );
  const atm = applicationOf(scene, "atm-3");
  const within = await atm.withdraw(150);
  const beyond = await atm.withdraw(100);
  report.show(
    "the spend limit was not refilled by the restart",
    within.status === 201 && beyond.status === 403 && reasonOf(beyond) === "limit-exceeded",
    `150: ${within.status}; 100 more: ${describe(beyond)}`,
  );
}

async function returnControlPlane({ stage, report, ...scene }: Scene): Promise<void> {
  const { paths } = stage;
  report.begin(5, "The control plane comes back");
  const begun = performance.now();
  await start(stage, "control");
  const synced = await until(async () => {
    const { journal } = await statusOf(stage);
    return journal.mirrored > 0 && journal.waiting === 0;
  });
  const { journal } = await statusOf(stage);
  report.show(
    "the journal syncs and the mirror cosigns it",
    synced,
    `${journal.mirrored} leaves cosigned, ${Math.round(performance.now() - begun)} ms after its start`, `${journal.mirrored} leaves cosigned`);
  const told = [...scene.applications.values()].flatMap(({ decisions }) => decisions);
  const { decisions, accounted, gaps } = readMirror(join(paths.controlData, "mirror.db"));
  const missing = told.filter((number) => !accounted(number));
  const doubled = decisions.length - new Set(decisions).size;
  report.show(
    "nothing is lost or doubled",
    missing.length === 0 && doubled === 0,
    `${told.length} decisions told to applications, ${missing.length} missing at the mirror, ${doubled} doubled; ${gaps} gap leaf for the SIGKILL`, `${missing.length} lost, ${doubled} doubled`);
}

async function audit({ stage, report }: Scene): Promise<void> {
  const { paths, processes, directory } = stage;
  report.begin(6, "An auditor verifies a copy, with the node and the control plane gone");
  const exported = join(directory, "export");
  await runVedette(["audit", "export", exported, "--log", join(paths.controlData, "mirror.db")]);
  await Promise.all(["edge", "control"].map(async (name) => processes.get(name)?.stop()));
  const away = join(directory, "away");
  const moved = [paths.edgeData, paths.controlData];
  for (const [i, path] of moved.entries()) renameSync(path, `${away}-${i}`);
  const copy = join(directory, "auditor");
  cpSync(exported, copy, { recursive: true });
  copyFileSync(paths.trustFile, join(directory, "auditor-trust.json"));
  const verify = () => tryVedette(["audit", "verify", copy, "--trust", join(directory, "auditor-trust.json")]);
  const intact = await verify();
  report.show(
    "the copy is intact",
    intact.exit === 0,
    `${text(intact.result["size"])} leaves, cosigned by ${list(intact.result["cosigners"])
      .map((each) => text(each["name"]))
      .join(", ")}`, "3 changed bytes found and named");
  for (const [what, path] of tamperTargets(copy)) {
    const original = readFileSync(path);
    const changed = Buffer.from(original);
    const at = what === "checkpoint" ? changed.indexOf("\n") + 1 : Math.floor(changed.length / 2);
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    writeFileSync(path, changed);
    const verdict = await verify();
    writeFileSync(path, original);
    const error = isJsonObject(verdict.result["error"] ?? null) ? (verdict.result["error"] as JsonObject) : {};
    report.show(
      `one changed byte in the ${what} is found and named`,
      verdict.exit === 1,
      Object.values(error).map(text).join(" "),
    );
  }
  rmSync(copy, { recursive: true });
  for (const [i, path] of moved.entries()) renameSync(`${away}-${i}`, path);
  await start(stage, "control");
  await start(stage, "edge");
}

async function driftDevice({ stage, report, ...scene }: Scene): Promise<void> {
  report.begin(7, "atm-3 boots something else");
  const atm = applicationOf(scene, "atm-3");
  await until(async () => (await applicationOf(scene, "pos-1").getPrice()).status === 200);
  await until(async () => (await atm.withdraw(10)).decision !== undefined);
  const others = await renewalsOf(scene);
  {
    await using tpm = await openTpm(machineOf(stage, "atm-3").tpm.socketPath);
    await tpm.extendPcr(4, createNodeCrypto().hash("sha256", utf8("atm: boot loader of somebody else")));
  }
  const begun = performance.now();
  const refused = await until(async () => (await atm.status()).lastRefusal === "CONTRAINDICATED");
  report.show(
    "its next renewal is refused as contraindicated",
    refused,
    `${((performance.now() - begun) / 1_000).toFixed(1)} s after its PCR 4 changed`, "contraindicated");
  const status = await statusOf(stage);
  const cut = status.connections.cut["CONTRAINDICATED"] ?? 0;
  report.show("its open connection is cut", cut > 0, `${cut} connection${cut === 1 ? "" : "s"}`, `${cut} connection cut`);
  const after = await atm.withdraw(10);
  report.show("its verbs are gone", after.status === 403 && reasonOf(after) === "contraindicated", describe(after));
  const price = await applicationOf(scene, "pos-1").getPrice();
  const renewed = await until(async () => {
    const now = await renewalsOf(scene);
    return [0, 1].every((i) => (now[i] ?? 0) > (others[i] ?? 0));
  });
  report.show(
    "the others are untouched",
    price.status === 200 && renewed,
    `pos-1: ${price.status}; pos-1 and kiosk-2 renewed again`,
  );
}

interface Traffic {
  readonly decided: number;
  readonly wrong: number;
  readonly milliseconds: readonly number[];
}

/** Till and kiosk in turn, until there are so many decisions and `isEnough`, or time is up. */
async function decideFor(
  scene: Pick<Scene, "applications">,
  wanted: number,
  timeoutMs: number,
  isEnough: () => Promise<boolean> = async () => true,
): Promise<Traffic> {
  const end = performance.now() + timeoutMs;
  const milliseconds: number[] = [];
  let wrong = 0;
  const note = (answer: Answer, expected: number): void => {
    if (answer.decision !== undefined) milliseconds.push(answer.milliseconds);
    if (answer.decision !== undefined && answer.status !== expected) wrong++;
  };
  for (let round = 0; performance.now() < end; round++) {
    note(await applicationOf(scene, "pos-1").getPrice(), 200);
    // Few enough to stay within the denial budget: beyond it a denial is summarised, and this story counts single ones.
    if (round % 60 === 0) note(await applicationOf(scene, "kiosk-2").getPrice(), 403);
    if (milliseconds.length < wanted) continue;
    if (round % 20 === 0 && (await isEnough())) break;
    await sleep(POLL_MS / 4);
  }
  return { decided: milliseconds.length, wrong, milliseconds };
}

function applicationOf({ applications }: Pick<Scene, "applications">, name: DeviceName): Application {
  const application = applications.get(name);
  if (!application) throw new Error(`the demo has no device ${name}`);
  return application;
}

async function renewalsOf({ applications }: Pick<Scene, "applications">): Promise<readonly number[]> {
  return Promise.all([...applications.values()].map(async (application) => (await application.status()).renewals));
}

function statusOf({ paths }: Stage): Promise<EdgeStatus> {
  return callLocal(paths.statusSocket, "GET", "/v1/status", edgeStatus);
}

interface MirrorContents {
  /** Decision numbers of whole leaves, in order. */
  readonly decisions: readonly number[];
  /** Has a leaf of its own, or lies in a summary. */
  accounted(number: number): boolean;
  readonly gaps: number;
}

function readMirror(path: string): MirrorContents {
  using log = openStoredLog(path);
  const leaves = log.readEntries(0, log.size).flatMap((entry) => {
    const leaf = parseLeaf(entry);
    return leaf.ok ? [leaf.value] : [];
  });
  const decisions = leaves.flatMap((leaf) => (leaf.kind === "decision" ? [leaf.number] : []));
  const summaries = leaves.flatMap((leaf) => (leaf.kind === "summary" ? [leaf] : []));
  const whole = new Set(decisions);
  return {
    decisions,
    accounted: (number) =>
      whole.has(number) ||
      summaries.some(({ firstNumber, lastNumber }) => number >= firstNumber && number <= lastNumber),
    gaps: leaves.filter((leaf) => leaf.kind === "gap").length,
  };
}

/** One entry bundle, one tile, and the checkpoint. */
function tamperTargets(directory: string): readonly (readonly [string, string])[] {
  const firstFile = (folder: string): string => {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
      if (entry.isFile()) return join(entry.parentPath, entry.name);
    throw new Error(`the export has no file below ${folder}`);
  };
  return [
    ["entries", firstFile(join(directory, "tile", "entries"))],
    ["tiles", firstFile(join(directory, "tile", "0"))],
    ["checkpoint", join(directory, "checkpoint")],
  ];
}

async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + WAIT_MS;
  while (performance.now() < end) {
    if (await isTrue().catch(() => false)) return true; // not there yet counts as not yet
    await sleep(POLL_MS);
  }
  return false;
}

function describe(answer: Answer): string {
  const rule = ruleOf(answer);
  return `${answer.status}, ${reasonOf(answer)}${rule === "-" ? "" : `, rule ${rule}`}`;
}

function list(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** The appraisal inside an attestation result: a JWS whose payload is readable by anybody. */
function decodeEar(token: string): { readonly status: string; readonly vector: Json } {
  const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  const submods = isJsonObject(payload) && isJsonObject(payload["submods"]) ? payload["submods"] : {};
  const [appraisal] = Object.values(submods);
  const claims = appraisal !== undefined && isJsonObject(appraisal) ? appraisal : {};
  return { status: text(claims["ear.status"]), vector: claims["ear.trustworthiness-vector"] ?? {} };
}
