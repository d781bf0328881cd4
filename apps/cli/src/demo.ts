import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findSwtpm } from "@vedette/tpm";
import { type Command, exitCode, type Terminal } from "./command.ts";
import { Report } from "./demo/report.ts";
import { type Stage, setStage, strike } from "./demo/stage.ts";
import { tellStory } from "./demo/story.ts";
import { Refusal } from "./refusal.ts";
import { untilStopped } from "./until-stopped.ts";

export const demoCommand: Command = {
  name: "demo",
  summary: "the main job, end to end: TPMs, enrolment, policy, decisions, cut-off, audit, drift",
  options: {
    once: { summary: "exit after the story: 0 only if every check held" },
    keep: { summary: "leave the demo's folder in place" },
  },
  details: `
Starts a control plane, an edge node, an upstream and three devices as separate processes, each machine with a software TPM
of its own, tells the story in nine steps, and stays up for exploring. Everything lies in one temporary folder and listens
on loopback and Unix sockets only. It protects nothing: see SECURITY.md.`,
  async run(invocation, terminal) {
    const tools = findSwtpm(process.env["VEDETTE_TOP"] ?? process.cwd());
    if (!tools)
      throw new Refusal(
        "SWTPM_MISSING",
        "the demo needs swtpm; `npm start` provides it, or install the packages swtpm and swtpm-tools",
        {},
        exitCode.unavailable,
      );
    const directory = mkdtempSync(join(tmpdir(), "vedette-demo-"));
    const say = (line: string): void => (terminal.isJson ? terminal.progress(line) : terminal.out(line));
    const report = new Report(say);
    const begun = performance.now();
    say("Vedette demo: one control plane, one shop, a till, a kiosk and a cash machine.");
    let stage: Stage | undefined;
    let isClean = false;
    try {
      stage = await setStage(directory, tools, terminal.signal, (line) => say(`   ${line}`));
      await tellStory(stage, report, rulesFile());
      const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
      if (terminal.isJson)
        terminal.out(JSON.stringify({ held: report.isHeld, seconds: Number(seconds), shown: report.shown }));
      else terminal.out(`${report.table()}  (${seconds} s)`);
      if (!invocation.isSet("once")) await explore(stage, terminal);
      isClean = report.isHeld;
    } finally {
      if (stage) await strike(stage);
      if (isClean && !invocation.isSet("keep")) rmSync(directory, { recursive: true, force: true });
      else terminal.progress(`The demo's folder, with a log for each process: ${directory}`);
    }
    return report.isHeld ? exitCode.done : exitCode.no;
  },
};

function rulesFile(): string {
  const path = join(process.env["VEDETTE_TOP"] ?? process.cwd(), "examples", "store-17", "rules.json");
  if (!existsSync(path))
    throw new Refusal("FILE_MISSING", `there is no file ${path}; run the demo in the clone`, {}, exitCode.usage);
  return path;
}

async function explore({ paths, directory }: Stage, terminal: Terminal): Promise<void> {
  const say = terminal.isJson ? terminal.progress : terminal.out;
  say(`
Everything is still running. In another terminal, in this folder, try:

  npx vedette edge status --socket ${paths.statusSocket}
  npx vedette control status --operator ${paths.operatorSocket}
  curl --unix-socket ${paths.deviceSocket("pos-1")} http://gateway/pricing/items/4006381333931
  curl --unix-socket ${paths.deviceSocket("kiosk-2")} http://gateway/pricing/items/4006381333931
  curl --unix-socket ${paths.deviceSocket("pos-1")} http://device/.vedette/status
  npx vedette audit export ${join(directory, "my-export")} --log ${join(paths.edgeData, "journal.db")}
  npx vedette audit verify ${join(directory, "my-export")} --trust ${paths.trustFile}
  npx vedette policy eval --rules examples/store-17/rules.json --input examples/store-17/withdrawal.json --explain
  curl --unix-socket ${paths.backOfficeSocket} http://pdp/v1/data/store/staff

Ctrl-C ends it and removes the folder.`);
  await untilStopped(terminal.signal);
}
