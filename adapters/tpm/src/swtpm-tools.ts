import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { AdapterError, readJson } from "@vedette/base";

/** The programs of a software TPM, ready to be started. */
export interface SwtpmTools {
  readonly swtpm: string;
  readonly swtpmSetup: string;
  readonly swtpmLocalca: string;
  /** What the programs need to find each other and their libraries. */
  readonly environment: Readonly<Record<string, string>>;
}

/** `<top>/.vedette/swtpm`: where `tools/swtpm.ts` unpacks programs that are not on PATH. Complete when it exists. */
export function privateSwtpmDirectory(top: string): string {
  return join(top, ".vedette", "swtpm");
}

/** What stands in `tools.json` of that folder. Paths are relative to it, so that a clone may be moved. */
export interface PrivateSwtpm {
  readonly format: 1;
  readonly programs: string;
  readonly libraries: readonly string[];
  /** Package file names, for people who want to know what was fetched. */
  readonly packages: readonly string[];
}
export const PRIVATE_SWTPM_FILE = "tools.json";

/** swtpm_setup calls swtpm and swtpm_localca, which calls swtpm_cert and certtool: all five or none. */
export const SWTPM_PROGRAMS = ["swtpm", "swtpm_setup", "swtpm_localca", "swtpm_cert", "certtool"] as const;

/**
 * The programs from PATH, else from the private folder of the clone at `top`; undefined when neither has all of them.
 * Throws `AdapterError` SWTPM_TOOLS_INVALID when the private folder is not as `tools/swtpm.ts` leaves it.
 */
export function findSwtpm(top: string, path: string = process.env["PATH"] ?? ""): SwtpmTools | undefined {
  return toolsIn(path.split(delimiter), { PATH: path }) ?? findPrivateSwtpm(privateSwtpmDirectory(top), path);
}

/** Only what the private folder `directory` holds. */
export function findPrivateSwtpm(directory: string, path: string = process.env["PATH"] ?? ""): SwtpmTools | undefined {
  const found = readPrivateSwtpm(join(directory, PRIVATE_SWTPM_FILE));
  if (!found) return undefined;
  const programs = join(directory, found.programs);
  const libraries = found.libraries.map((library) => join(directory, library));
  return toolsIn([programs], {
    PATH: [programs, path].join(delimiter),
    LD_LIBRARY_PATH: libraries.join(delimiter),
  });
}

function toolsIn(
  directories: readonly string[],
  environment: Readonly<Record<string, string>>,
): SwtpmTools | undefined {
  const found = SWTPM_PROGRAMS.map((name) => findProgram(directories, name));
  const [swtpm, swtpmSetup, swtpmLocalca] = found;
  if (!swtpm || !swtpmSetup || !swtpmLocalca || found.includes(undefined)) return undefined;
  return { swtpm, swtpmSetup, swtpmLocalca, environment };
}

function findProgram(directories: readonly string[], name: string): string | undefined {
  return directories
    .filter(isAbsolute)
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent and not executable are the same here: look in the next folder.
    return false;
  }
}

function readPrivateSwtpm(path: string): PrivateSwtpm | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // Not there: nothing was unpacked yet.
    return undefined;
  }
  try {
    const parsed: unknown = readJson(text);
    if (isPrivateSwtpm(parsed)) return parsed;
  } catch (cause) {
    throw new AdapterError("SWTPM_TOOLS_INVALID", "the private swtpm folder is damaged; remove it", { path }, cause);
  }
  throw new AdapterError("SWTPM_TOOLS_INVALID", "the private swtpm folder is damaged; remove it", { path });
}

function isPrivateSwtpm(value: unknown): value is PrivateSwtpm {
  if (typeof value !== "object" || value === null) return false;
  if (!("format" in value && "programs" in value && "libraries" in value)) return false;
  const isPath = (path: unknown) => typeof path === "string" && !isAbsolute(path) && !path.split("/").includes("..");
  return (
    value.format === 1 && isPath(value.programs) && Array.isArray(value.libraries) && value.libraries.every(isPath)
  );
}
