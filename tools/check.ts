// `npm run check [-- --json]`: everything that can be known without running the product. `npm run format` writes.
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { checkForbidden } from "./forbidden.ts";
import { checkRooms } from "./rooms.ts";
import { findingToString, openSourceTree } from "./source-tree.ts";
import { runProgram, runSteps, type Step, type StepResult } from "./steps.ts";
import { checkTidy } from "./tidy.ts";

const TOP = dirname(import.meta.dirname);

/** The compilers are parallel themselves; more than two at a time only wait for each other. */
const PARALLEL_MAX = 2;

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: "boolean" }, write: { type: "boolean" } } });
  const tell = values.json ? tellJson : tellPerson;
  const steps = values.write ? [formatStep(TOP)] : checkSteps(TOP);
  const ok = await check(steps, tell);
  process.exitCode = ok ? 0 : 1;
}

/** True when every step holds. */
export async function check(
  steps: readonly Step[] = checkSteps(TOP),
  tell: (result: StepResult) => void = tellPerson,
): Promise<boolean> {
  const results = await runSteps(steps, Math.min(PARALLEL_MAX, availableParallelism()), tell);
  return results.every(({ ok }) => ok);
}

/** What must hold in the house at `top`; the tests run the same steps on houses with a planted violation. */
export function checkSteps(top: string): readonly Step[] {
  return [
    {
      name: "types of all rooms",
      run: () => runTool(top, "tsc", "-p", "tsconfig.json"),
      advice: "mend the types; a cast is a claim without proof",
    },
    {
      name: "types of core, without a host",
      run: () => runTool(top, "tsc", "-p", "tsconfig.core.json"),
      advice: "core knows no host and writes out the types at its doors",
    },
    {
      name: "dead code",
      run: () => runTool(top, "knip", "--no-progress", "--no-config-hints"),
      advice: "delete it, or use it",
    },
    {
      name: "typed lint",
      run: () => runTool(top, "oxlint", "--type-aware", "--deny-warnings"),
      advice: "every promise is awaited or handed to a named owner, every union is thought through",
    },
    {
      name: "format and lint",
      run: () => runTool(top, "biome", "check", "--error-on-warnings", "--no-errors-on-unmatched"),
      advice: "`npm run format` mends the format and most of the rest",
    },
    {
      name: "walls",
      run: () => findWallBreaches(top),
      advice: "ARCHITECTURE.md says which room may use which, STYLE what a file looks like",
    },
  ];
}

function formatStep(top: string): Step {
  return {
    name: "format",
    run: () => runTool(top, "biome", "check", "--write", "--error-on-warnings"),
    advice: "mend by hand what is left",
  };
}

function runTool(top: string, tool: string, ...args: readonly string[]): Promise<string> {
  return runProgram(process.execPath, [join(top, "node_modules", ".bin", tool), ...args], top);
}

function findWallBreaches(top: string): string {
  const tree = openSourceTree(top);
  return [...checkRooms(tree), ...checkTidy(tree), ...checkForbidden(tree)].map(findingToString).join("\n");
}

function tellPerson({ step, ok, seconds, output, advice }: StepResult): void {
  console.log(`${ok ? "✔" : "✖"} ${step.padEnd(32)} ${seconds.toFixed(1).padStart(5)} s`);
  if (!ok) console.log(`${output.replace(/^/gm, "    ")}\n  → ${advice}`);
}

function tellJson({ step, ok, seconds, output }: StepResult): void {
  console.log(JSON.stringify({ step, ok, seconds: Number(seconds.toFixed(3)), ...(ok ? {} : { output }) }));
}
