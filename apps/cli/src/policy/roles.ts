import { readFileSync, statSync } from "node:fs";
import { parsePolicy } from "@vedette/policy";
import { inventory, parseConfig } from "@vedette/protocol";
import { type Command, exitCode, type Invocation, UsageError } from "../command.ts";
import { describeConfigError, readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { describeFinding, textOf } from "./json-rules.ts";
import { reportToJson } from "./json-text.ts";
import { ALLOWED_MARK, findRoles, type RoleUse } from "./role-scan.ts";
import { findingsToSarif } from "./sarif.ts";
import { findFiles } from "./source-files.ts";
import { ignoredNames } from "./sources.ts";

const FORMATS: readonly string[] = ["pretty", "json", "sarif"];
const SOURCES =
  /\.(?:[cm]?[jt]sx?|py|rb|php|java|kt|scala|groovy|go|rs|cs|vb|fs|swift|dart|lua|ex|exs|erl|vue|svelte|cshtml|jsp|erb|twig|sql)$/;
/** What tools made, and other people's code. */
const NOT_OURS: readonly string[] = [
  ".*",
  "node_modules",
  "vendor",
  "dist",
  "build",
  "target",
  "out",
  "bin",
  "obj",
  "*.min.js",
];
/** Source that somebody wrote is shorter. */
const FILE_LENGTH_MAX = 2_097_152;

interface Found extends RoleUse {
  readonly file: string;
}

export const roles: Command = {
  name: "policy roles",
  summary: "find role names by which applications decide themselves, instead of asking",
  operands: "PATH...",
  options: {
    rules: { summary: "JSON rules whose roles are looked for", value: "FILE" },
    inventory: { summary: "a site's inventory whose roles are looked for", value: "FILE" },
    role: { summary: "a role to look for", value: "NAME", repeated: true },
    ignore: {
      summary: "names to leave out, such as test or *_spec.rb; several with commas",
      value: "NAMES",
      repeated: true,
    },
    format: { summary: FORMATS.join(", "), short: "f", value: "FORMAT", choices: FORMATS, default: "pretty" },
  },
  details: `
Reads source files of all usual languages, line by line, and reports texts on lines that decide by a role: comparisons,
hasRole(…), @RolesAllowed, "x" in roles. Roles of --rules, --inventory and --role are found wherever rights are spoken of.
A line that is meant so says ${ALLOWED_MARK}. Exit code 1 when something is found. Left out are names with a dot in front,
${NOT_OURS.slice(1).join(", ")}.`,
  examples: ["vedette policy roles src/", "vedette policy roles src/ --rules rules.json -f sarif > roles.sarif"],
  async run(invocation, terminal) {
    if (invocation.operands.length === 0) throw new UsageError("name the folder of an application");
    const known = knownRoles(invocation);
    const ignored = [...NOT_OURS, ...ignoredNames(invocation)];
    const files = findFiles(invocation.operands, ignored).filter(({ path, isNamed }) => isNamed || SOURCES.test(path));
    const found = files.flatMap(({ path }): readonly Found[] => {
      if (statSync(path).size > FILE_LENGTH_MAX) return [];
      return findRoles(readFileSync(path, "utf8"), known).map((use) => ({ ...use, file: path }));
    });
    const format = terminal.isJson ? "json" : invocation.value("format");
    if (format === "sarif") terminal.out(reportToJson(findingsToSarif(found.map(findingOf))));
    else if (format === "json") terminal.out(JSON.stringify({ files: files.length, found }));
    else terminal.out(describe(found, files.length));
    return found.length > 0 ? exitCode.no : exitCode.done;
  },
};

function knownRoles(invocation: Invocation): ReadonlySet<string> {
  const known = new Set(invocation.all("role"));
  const rules = invocation.optional("rules");
  if (rules !== undefined) {
    const parsed = parsePolicy(textOf(rules), rules);
    if (!parsed.ok) throw new Refusal("POLICY_REFUSED", parsed.error.findings.map(describeFinding).join("\n"));
    for (const { subject } of parsed.value.rules) for (const role of subject.roles ?? []) known.add(role);
  }
  const listed = invocation.optional("inventory");
  if (listed !== undefined) {
    const parsed = parseConfig(inventory, readInput(listed), listed);
    if (!parsed.ok) throw new Refusal(parsed.error.code, describeConfigError(parsed.error));
    for (const each of Object.values(parsed.value.classes)) for (const role of each.roles) known.add(role);
  }
  return known;
}

function describe(found: readonly Found[], files: number): string {
  const lines = found.flatMap(({ file, row, col, role, line }) => [`${file}:${row}:${col}: role ${role}`, `  ${line}`]);
  const count = found.length === 0 ? "no role names" : `${found.length} role name${found.length === 1 ? "" : "s"}`;
  return [...lines, `${count} in ${files} file${files === 1 ? "" : "s"}`].join("\n");
}

function findingOf({ file, row, col, role }: Found) {
  const message = `the application decides by the role "${role}"; ask the decision point instead`;
  return { rule: "hard-coded-role", level: "warning" as const, message, file, row, col };
}
