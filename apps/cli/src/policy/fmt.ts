import { chmodSync, statSync } from "node:fs";
import { err, ok, type Result } from "@vedette/base";
import { formatModule, parseModule, unifiedDiff } from "@vedette/rego";
import { writeFileDurably } from "@vedette/runtime";
import { type Command, exitCode, type Invocation, type Terminal, UsageError } from "../command.ts";
import { layOutJson } from "./json-layout.ts";
import { textOf } from "./json-rules.ts";
import { problemOf, problemsToText } from "./problems.ts";
import { findFiles } from "./source-files.ts";
import { ignoredNames, sourceOptions } from "./sources.ts";

export const fmt: Command = {
  name: "policy fmt",
  summary: "write modules, and files of JSON rules, in the one layout that all share",
  operands: "PATH...",
  options: {
    list: { summary: "name the files that would change", short: "l" },
    diff: { summary: "show what would change", short: "d" },
    write: { summary: "change the files", short: "w" },
    fail: { summary: "exit code 2 when a file would change" },
    "check-result": { summary: "refuse a result that cannot be parsed, or is not its own result (always on)" },
    ...sourceOptions,
  },
  details: `
Of a folder, the modules; JSON files (two spaces, members in their order) when they are named. Without -l, -d or -w the
text is printed.`,
  examples: ["vedette policy fmt -l policy/", "vedette policy fmt -w policy/ rules.json"],
  async run(invocation, terminal) {
    if (invocation.operands.length === 0) throw new UsageError("name at least one file or folder");
    const files = findFiles(invocation.operands, ignoredNames(invocation)).filter(
      ({ path, isNamed }) => path.endsWith(".rego") || (isNamed && path.endsWith(".json")),
    );
    const changed: string[] = [];
    let hasFailed = false;
    for (const { path } of files) {
      const before = textOf(path);
      const after = formatText(path, before, invocation.isSet("v0-compatible") ? 0 : 1);
      if (!after.ok) {
        terminal.progress(after.error);
        hasFailed = true;
        continue;
      }
      if (after.value !== before) changed.push(path);
      treat(path, before, after.value, invocation, terminal);
    }
    if (terminal.isJson) terminal.out(JSON.stringify({ changed }));
    const isRefused = hasFailed || (changed.length > 0 && invocation.isSet("fail"));
    return isRefused ? exitCode.usage : exitCode.done;
  },
};

function treat(path: string, before: string, after: string, invocation: Invocation, terminal: Terminal): void {
  const isChanged = after !== before;
  const isQuiet = terminal.isJson;
  const [hasList, hasDiff, hasWrite] = ["list", "diff", "write"].map((name) => invocation.isSet(name));
  if (hasWrite && isChanged) replace(path, after);
  if (isQuiet) return;
  if (hasList && isChanged) terminal.out(path);
  if (hasDiff && isChanged) terminal.out(unifiedDiff(before, after, { before: path, after: path }).trimEnd());
  if (!hasList && !hasDiff && !hasWrite) terminal.out(after.trimEnd());
}

function formatText(path: string, text: string, regoVersion: 0 | 1): Result<string, string> {
  return path.endsWith(".rego") ? formatRego(path, text, regoVersion) : formatJson(path, text);
}

function formatRego(file: string, text: string, regoVersion: 0 | 1): Result<string, string> {
  const parsed = parseModule(text, { file, regoVersion });
  if (!parsed.ok) return err(problemsToText(parsed.error.map(problemOf), () => text));
  const formatted = formatModule(parsed.value);
  const again = parseModule(formatted, { file, regoVersion });
  const isStable = again.ok && formatModule(again.value) === formatted;
  return isStable
    ? ok(formatted)
    : err(`${file}: left as it is: what was written cannot be read again; please report it`);
}

function formatJson(file: string, text: string): Result<string, string> {
  const formatted = layOutJson(text);
  if (formatted.ok) return formatted;
  const { line, column, expected } = formatted.error;
  return err(`${file}:${line}:${column}: expected ${expected}`);
}

/** Keeps who may read it. */
function replace(path: string, text: string): void {
  const { mode } = statSync(path);
  writeFileDurably(path, text);
  chmodSync(path, mode);
}
