import { utf8 } from "@vedette/base";
import {
  buildPolicyBundle,
  compileCode,
  type PolicyFinding,
  type PolicyManifest,
  RULES_FILE,
  type TarFiles,
} from "@vedette/policy";
import { INVENTORY_FILE, inventory, parseConfig } from "@vedette/protocol";
import { closures, type Module, valueToJson } from "@vedette/rego";
import { gunzip, gzip } from "@vedette/runtime";
import { exitCode, type Invocation, type Options, UsageError } from "../command.ts";
import { describeConfigError, readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { checkRulesFile, describeFinding } from "./json-rules.ts";
import { factsOf, readCount, readInstant } from "./option-values.ts";
import { findDocuments } from "./policy-documents.ts";
import { ignoredNames, loadSources } from "./sources.ts";

/** What a policy bundle for a site takes. */
export const siteOptions: Options = {
  site: { summary: "the site it is for: makes a policy bundle that the control plane takes", value: "NAME" },
  rules: { summary: "for a site: its rules (JSON rules v1)", value: "FILE" },
  inventory: { summary: "for a site: its classes and devices", value: "FILE" },
  sequence: { summary: "for a site: rises with each publication", value: "NUMBER" },
  "not-after": { summary: "for a site: end of its life, such as 2027-01-31T00:00:00Z", value: "TIME" },
};

export interface BuiltSiteBundle {
  readonly bytes: Uint8Array;
  readonly manifest: PolicyManifest;
}

/** JSON rules, Rego, or both, with the site's inventory: checked as the node will check them. */
export function buildSiteBundle(invocation: Invocation): BuiltSiteBundle {
  const site = needed(invocation, "site");
  const listed = needed(invocation, "inventory");
  const sequence = readCount("sequence", needed(invocation, "sequence"));
  const notAfter = readInstant(needed(invocation, "not-after"));
  const rules = invocation.optional("rules");
  const code = readCode(invocation);
  if (rules === undefined && code.files.size === 0)
    throw new UsageError("--rules FILE is missing, or the path of a module");
  if (rules !== undefined) refuseFindings(checkRulesFile(rules).errors);
  const parsed = parseConfig(inventory, readInput(listed), listed);
  if (!parsed.ok) throw new Refusal(parsed.error.code, describeConfigError(parsed.error));
  const roots = withoutNested(["vedette", ...code.roots]);
  const compiled = compileCode(code.files, roots, closures);
  if (!compiled.ok) refuseFindings(compiled.error.findings);
  const manifest = {
    revision: invocation.optional("revision") ?? `${site}-${sequence}`,
    roots,
    sequence,
    site,
    notAfter,
  };
  const files = new Map(code.files);
  if (rules !== undefined) files.set(RULES_FILE, readInput(rules));
  files.set(INVENTORY_FILE, readInput(listed));
  const bundle = buildPolicyBundle(files, manifest, { gzip, gunzip });
  if (!bundle.ok)
    throw new Refusal(bundle.error.code, "the policy bundle cannot be built", factsOf(bundle.error), exitCode.usage);
  return { bytes: bundle.value, manifest };
}

function needed(invocation: Invocation, name: string): string {
  const value = invocation.optional(name);
  if (value === undefined) throw new UsageError(`--${name} ${siteOptions[name]?.value} is missing`);
  return value;
}

function refuseFindings(findings: readonly PolicyFinding[]): void {
  if (findings.length > 0) throw new Refusal("POLICY_REFUSED", findings.map(describeFinding).join("\n"));
}

/** Modules under their names, data where their folders put them, and the roots that own both. */
function readCode(invocation: Invocation): { readonly files: TarFiles; readonly roots: readonly string[] } {
  const isBundle = invocation.isSet("bundle");
  const paths = invocation.operands;
  // JSON rules are named with --rules, and cases are for those who test.
  const { all } = findDocuments(isBundle ? [] : paths, ignoredNames(invocation));
  const sources = loadSources(invocation, isBundle ? [] : paths, isBundle ? paths : [], all);
  const [problem] = sources.problems;
  if (problem) throw new Refusal("POLICY_REFUSED", sources.problems.map(({ message }) => message).join("\n"));
  const files = new Map<string, Uint8Array>();
  const modules = sources.modules.filter((module) => !isTest(module));
  for (const { file, text } of modules) files.set(`rego/${file.replace(/^(?:\.{0,2}\/)+/, "")}`, utf8(text));
  for (const { at, file, value } of sources.documents) {
    const path = [...at, "data.json"].join("/");
    if (files.has(path)) throw new Refusal("POLICY_REFUSED", `${file}: a second data file for ${path}`);
    files.set(path, utf8(valueToJson(value)));
  }
  const packages = modules.map((module) => module.package.path.join("/"));
  return { files, roots: [...packages, ...sources.documents.map(({ at }) => at.join("/"))] };
}

/** Tests are no part of what a node runs, and may replace what it cannot do. */
export function isTest({ file }: Module): boolean {
  return file.endsWith("_test.rego");
}

/** Of roots below one another, the upper one. */
function withoutNested(roots: readonly string[]): readonly string[] {
  const all = Array.from(new Set(roots)).sort();
  return all.filter((root) => !all.some((other) => other !== root && (other === "" || root.startsWith(`${other}/`))));
}
