import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openStoredLog } from "@vedette/journal";
import { decisionsIn, parseLeaf } from "@vedette/telemetry";
import { applicationOf, describe, renewalsOf, type Scene, statusOf, until } from "./scene.ts";
import { DEVICES, start } from "./stage.ts";
import { type Answer, percentile, reasonOf } from "./traffic.ts";

/** Decisions wanted while the control plane is dead, and how long to try for them and for the renewals. */
const CUT_OFF_DECISIONS = 400;
const CUT_OFF_MS = 25_000;
const PAUSE_MS = 25;

export async function loseControlPlane({ stage, report, ...scene }: Scene): Promise<void> {
  const { processes } = stage;
  report.begin(5, "Kill the control plane, and in between the node as well");
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
    `${total} decisions, p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms as the application sees it, ${first.wrong + second.wrong} wrong`,
    `${total} decisions, p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`,
  );
  const renewals = (await renewalsOf(scene)).map((count, i) => count - (renewalsBefore[i] ?? 0));
  report.show(
    "device SVIDs keep being renewed by the site CA, each by fresh evidence",
    renewals.every((count) => count > 0),
    DEVICES.map((device, i) => `${device.name} ${renewals[i]}`).join(", "),
    `${renewals.reduce((a, b) => a + b, 0)} renewals`,
  );
  const after = await statusOf(stage);
  report.show(
    "the restarted node carries on from sealed state",
    after.policy?.sequence === 2 && after.journal.size > before.journal.size && after.fleet.contact === "unreachable",
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

export async function returnControlPlane({ stage, report, ...scene }: Scene): Promise<void> {
  const { paths } = stage;
  report.begin(6, "The control plane comes back");
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
    `${journal.mirrored} leaves cosigned, ${Math.round(performance.now() - begun)} ms after its start`,
    `${journal.mirrored} leaves cosigned`,
  );
  const told = [...scene.applications.values()].flatMap(({ decisions }) => decisions);
  const { decisions, accounted, gaps } = readMirror(join(paths.controlData, "mirror.db"));
  const missing = told.filter((number) => !accounted(number));
  const doubled = decisions.length - new Set(decisions).size;
  report.show(
    "nothing is lost or doubled",
    missing.length === 0 && doubled === 0,
    `${told.length} decisions told to applications, ${missing.length} missing at the mirror, ${doubled} doubled; ${gaps} gap leaf for the SIGKILL`,
    `${missing.length} lost, ${doubled} doubled`,
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
    await sleep(PAUSE_MS);
  }
  return { decided: milliseconds.length, wrong, milliseconds };
}

interface MirrorContents {
  /** Numbers of decisions with a record, in order. */
  readonly decisions: readonly number[];
  /** Has a record, or lies in a summary. */
  accounted(number: number): boolean;
  readonly gaps: number;
}

function readMirror(path: string): MirrorContents {
  using log = openStoredLog(path);
  const leaves = log.readEntries(0, log.size).flatMap((entry) => {
    const leaf = parseLeaf(entry);
    return leaf.ok ? [leaf.value] : [];
  });
  const decisions = leaves.flatMap((leaf) => decisionsIn(leaf).map(({ number }) => number));
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
