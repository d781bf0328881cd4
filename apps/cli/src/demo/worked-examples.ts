import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { isJsonObject, type Json } from "@vedette/base";
import { tryVedette } from "./command-run.ts";
import type { Scene } from "./scene.ts";

/** Every example beside the shop's own, as its author would try it. */
export async function tryExamples({ report, rules }: Pick<Scene, "report" | "rules">): Promise<void> {
  report.begin(9, "Six more policies decide their cases");
  const folder = dirname(dirname(rules));
  const names = readdirSync(folder).filter(
    (name) => name !== "store-17" && existsSync(join(folder, name, "cases.json")),
  );
  let total = 0;
  for (const name of names) {
    const { exit, results } = await tryVedette(["policy", "test", join(folder, name)]);
    const cases = results.filter(isCase);
    total += cases.length;
    report.show(
      name,
      exit === 0 && cases.length > 0,
      `${cases.length} requests decided as written down, ${results.length - cases.length} Rego tests held`,
    );
  }
  report.say(`${total} requests; why one is decided as it is: npx vedette policy eval --explain`);
}

function isCase(result: Json): boolean {
  const { package: file } = isJsonObject(result) ? result : {};
  return typeof file === "string" && file.endsWith("cases.json");
}
