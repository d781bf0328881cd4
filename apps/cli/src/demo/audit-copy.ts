import { copyFileSync, cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "@vedette/base";
import { runVedette, tryVedette } from "./command-run.ts";
import { list, type Scene } from "./scene.ts";
import { start } from "./stage.ts";
import { text } from "./traffic.ts";

export async function auditCopy({ stage, report }: Scene): Promise<void> {
  const { paths, processes, directory } = stage;
  report.begin(7, "An auditor verifies a copy, with the node and the control plane gone");
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
      .join(", ")}`,
    intact.exit === 0 ? "intact" : "not intact",
  );
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
      verdict.exit === 1 ? text(error["code"]) : "unnoticed",
    );
  }
  rmSync(copy, { recursive: true });
  for (const [i, path] of moved.entries()) renameSync(`${away}-${i}`, path);
  await start(stage, "control");
  await start(stage, "edge");
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
