import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The files of a house that a checker may look at: everything below `top` that .gitignore does not name. */
export interface SourceTree {
  readonly top: string;
  /** Relative to `top`, sorted. */
  readonly files: readonly string[];
  read(file: string): string;
  has(file: string): boolean;
}

/** What a checker found, in words that also say what to do. */
export interface Finding {
  readonly rule: string;
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

export function openSourceTree(top: string): SourceTree {
  const ignored = ignoredNames(top);
  const files: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(top, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (ignored.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  walk("");
  files.sort();
  return {
    top,
    files,
    read: (file) => readFileSync(join(top, file), "utf8"),
    has: (file) => existsSync(join(top, file)),
  };
}

export function findingToString({ rule, file, line, message }: Finding): string {
  return `${file}${line === undefined ? "" : `:${line}`}  ${message}  [${rule}]`;
}

/** Our .gitignore names whole folders (`dist/`) and endings (`*.log`); only folders hold anything worth skipping. */
function ignoredNames(top: string): ReadonlySet<string> {
  const file = join(top, ".gitignore");
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return new Set([
    ".git",
    "node_modules",
    ...lines.filter((line) => line.endsWith("/")).map((line) => line.slice(0, -1)),
  ]);
}
