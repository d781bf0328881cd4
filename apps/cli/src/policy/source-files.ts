import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCode } from "../command.ts";
import { Refusal } from "../refusal.ts";

/** A folder that contains itself, by a link, ends here. */
const DEPTH_MAX = 64;
const FILES_MAX = 100_000;

/** A file that is to be loaded, and what its place says about it. */
export interface SourceFile {
  readonly path: string;
  /** Names of the folders between the operand and the file; `a.b:` in front of the operand comes first. */
  readonly at: readonly string[];
  /** It was named itself, and not found in a folder. */
  readonly isNamed: boolean;
}

/** All files at and below the operands, in order. Ends the command when one is not there. */
export function findFiles(operands: readonly string[], ignored: readonly string[]): readonly SourceFile[] {
  const found: SourceFile[] = [];
  for (const operand of operands) {
    const { prefix, path } = splitPrefix(operand);
    collect(path, prefix, 0, ignored, found);
  }
  return found;
}

function collect(
  path: string,
  at: readonly string[],
  depth: number,
  ignored: readonly string[],
  found: SourceFile[],
): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Refusal("FILE_MISSING", `there is no file ${path}`, {}, exitCode.usage);
  if (ignored.some((pattern) => matchesName(pattern, basename(path)))) return;
  if (!stat.isDirectory()) {
    if (found.length >= FILES_MAX)
      throw new Refusal("TOO_MANY_FILES", `more than ${FILES_MAX} files`, {}, exitCode.usage);
    found.push({ path, at, isNamed: depth === 0 });
    return;
  }
  if (depth > DEPTH_MAX) throw new Refusal("TOO_MANY_FOLDERS", `${path}: folders nest too deep`, {}, exitCode.usage);
  const below = depth === 0 ? at : [...at, basename(path)];
  for (const name of readdirSync(path).sort()) collect(join(path, name), below, depth + 1, ignored, found);
}

/** `a.b:path` puts what the path holds below `data.a.b`; `file://` is allowed and means nothing. */
function splitPrefix(operand: string): { readonly prefix: readonly string[]; readonly path: string } {
  const at = operand.indexOf(":");
  const isUrl = operand.startsWith("://", at);
  const prefix = at > 0 && !isUrl ? operand.slice(0, at).split(".") : [];
  const path = prefix.length > 0 ? operand.slice(at + 1) : operand;
  return { prefix, path: path.startsWith("file://") ? fileURLToPath(path) : path };
}

/** Shell patterns of one name: `*` for any characters, `?` for one. */
export function matchesName(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return name === "";
  if (first === "*")
    return Array.from({ length: name.length + 1 }, (_, skip) => skip).some((skip) =>
      matchesName(rest.join(""), name.slice(skip)),
    );
  return name !== "" && (first === "?" || first === name[0]) && matchesName(rest.join(""), name.slice(1));
}
