import { statSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, parseUtf8 } from "@vedette/base";
import { type Annotations, builtinCalls, builtinToValue, type Location, refToText } from "@vedette/rego";
import { type Command, exitCode, type Invocation, type Terminal, UsageError } from "../command.ts";
import { PolicyValue, type Report, reportToJson } from "./json-text.ts";
import { compileSources, readCapabilities } from "./prepared-policy.ts";
import { loadSources, type PolicySources, readBundleFiles, sourceOptions } from "./sources.ts";
import { MANIFEST_FILE, parseObject, SIGNATURES_FILE } from "./stock-bundle.ts";
import { tableToText } from "./table.ts";

const FORMATS: readonly string[] = ["pretty", "json"];

export const inspect: Command = {
  name: "policy inspect",
  summary:
    "show what a policy bundle, or files and folders, hold: manifest, packages and data, signatures, annotations",
  operands: "PATH...",
  options: {
    annotations: { summary: "list annotations (METADATA comments)", short: "a" },
    format: { summary: "pretty or json", short: "f", value: "FORMAT", choices: FORMATS, default: "pretty" },
    ...sourceOptions,
  },
  examples: ["vedette policy inspect bundle.tar.gz", "vedette policy inspect -a policy/"],
  async run(invocation, terminal) {
    if (invocation.operands.length === 0) throw new UsageError("name a policy bundle, a file or a folder");
    const inspection = inspectPaths(invocation);
    const isJson = terminal.isJson || invocation.value("format") === "json";
    if (isJson) terminal.out(reportToJson(toReport(inspection, invocation.isSet("annotations"))));
    else writePretty(inspection, invocation.isSet("annotations"), terminal);
    return exitCode.done;
  },
};

interface Inspection {
  readonly manifest: JsonObject | undefined;
  readonly signatures: JsonObject | undefined;
  /** `data.a.b` → the files that have something there. */
  readonly namespaces: ReadonlyMap<string, readonly string[]>;
  readonly annotations: readonly Annotated[];
  readonly sources: PolicySources;
}

interface Annotated {
  readonly annotations: Annotations;
  /** Below `data`. */
  readonly path: readonly string[];
  readonly package: readonly string[];
  /** Of the package or the rule that is annotated. */
  readonly location: Location;
}

function inspectPaths(invocation: Invocation): Inspection {
  const paths = invocation.operands;
  const [first = ""] = paths;
  const isBundle = paths.length === 1 && looksLikeBundle(first);
  const files = isBundle ? readBundleFiles(first, []) : new Map<string, Uint8Array>();
  const sources = loadSources(invocation, isBundle ? [] : paths, isBundle ? paths : []);
  return {
    manifest:
      objectIn(files.get(MANIFEST_FILE)) ?? (isFolderOrBundle(paths) ? { revision: "", roots: [""] } : undefined),
    signatures: objectIn(files.get(SIGNATURES_FILE)),
    namespaces: namespacesOf(sources),
    annotations: annotationsOf(sources),
    sources,
  };
}

function isFolderOrBundle([first = "", ...others]: readonly string[]): boolean {
  const isFolder = statSync(first, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return others.length === 0 && (isFolder || looksLikeBundle(first));
}

function looksLikeBundle(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return statSync(join(path, MANIFEST_FILE), { throwIfNoEntry: false }) !== undefined;
  return path.endsWith(".gz");
}

function objectIn(contents: Uint8Array | undefined): JsonObject | undefined {
  const text = contents && parseUtf8(contents);
  return text?.ok ? parseObject(text.value) : undefined;
}

function namespacesOf({ modules, documents }: PolicySources): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const add = (path: readonly string[], file: string): void => {
    const name = refToText(path);
    found.set(name, [...(found.get(name) ?? []), file]);
  };
  for (const { at, file } of documents) add(at, file);
  for (const module of modules) add(module.package.path, module.file);
  return new Map(Array.from(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function annotationsOf({ modules }: PolicySources): readonly Annotated[] {
  return modules.flatMap((module) => {
    const { path, location } = module.package;
    const ofPackage = module.annotations
      .filter(({ scope }) => scope === "package" || scope === "subpackages")
      .map((annotations) => ({ annotations, path, package: path, location }));
    const ofRules = module.rules.flatMap(({ head, annotations, location: place }) =>
      annotations.map((each) => ({
        annotations: each,
        path: [...path, head.name, ...head.path.flatMap((term) => (term.type === "string" ? [term.value] : []))],
        package: path,
        location: place,
      })),
    );
    return [...ofPackage, ...ofRules];
  });
}

function toReport(
  { manifest, signatures, namespaces, annotations, sources }: Inspection,
  withAnnotations: boolean,
): Report {
  return {
    manifest: manifest && jsonReport(manifest),
    signatures_config: jsonReport(signatures ?? {}),
    namespaces: Object.fromEntries(namespaces),
    annotations: withAnnotations ? annotations.map(annotatedToReport) : undefined,
    capabilities: capabilitiesOf(sources),
    errors: sources.problems.length > 0 ? sources.problems.map(({ message }) => message) : undefined,
  };
}

/** JSON that was parsed is a report already. */
function jsonReport(value: JsonObject): Report {
  return value as Report;
}

/** The builtins that the modules call. */
function capabilitiesOf(sources: PolicySources): Report | undefined {
  const compiled = compileSources(sources, readCapabilities(undefined));
  if (!compiled.ok) return undefined;
  const used = new Map(builtinCalls(compiled.value.program).map(({ builtin }) => [builtin.name, builtin]));
  const sorted = Array.from(used.values()).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { builtins: sorted.map((builtin) => new PolicyValue(builtinToValue(builtin))) };
}

function annotatedToReport({ annotations, path, location: { file, row, col } }: Annotated): Report {
  const { location: _, ...members } = annotations;
  return {
    annotations: members as Report,
    location: { file, row, col },
    path: [{ type: "var", value: "data" }, ...path.map((value) => ({ type: "string", value }))],
  };
}

function writePretty(
  { manifest, signatures, namespaces, annotations, sources }: Inspection,
  withAnnotations: boolean,
  terminal: Terminal,
): void {
  const fields = manifestFields(manifest);
  if (fields.length > 0) terminal.out(`MANIFEST:\n${tableToText(["FIELD", "VALUE"], fields)}`);
  if (signatures) terminal.out(`SIGNATURES: ${countOf(signatures["signatures"])} (check with: vedette policy verify)`);
  const rows = Array.from(namespaces).flatMap(([name, files]) => files.map((file) => [name, file]));
  terminal.out(`NAMESPACES:\n${tableToText(["NAMESPACE", "FILE"], rows)}`);
  for (const { message } of sources.problems) terminal.progress(message);
  if (withAnnotations && annotations.length > 0)
    terminal.out(`ANNOTATIONS:\n${annotations.map(annotatedToText).join("\n")}`.trimEnd());
}

function countOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function manifestFields(manifest: JsonObject | undefined): readonly (readonly [string, string])[] {
  if (manifest === undefined) return [];
  const names: Readonly<Record<string, string>> = {
    rego_version: "Rego Version",
    revision: "Revision",
    roots: "Roots",
    metadata: "Metadata",
  };
  return Object.entries(names).flatMap(([member, name]): (readonly [string, string])[] => {
    const value = manifest[member];
    if (value === undefined || value === "" || (Array.isArray(value) && value.join() === "")) return [];
    const isText = typeof value === "string" || typeof value === "number";
    return [[name, isText ? String(value) : Array.isArray(value) ? value.join(", ") : JSON.stringify(value)]];
  });
}

function annotatedToText({ annotations, path, package: packagePath, location }: Annotated): string {
  const { title, description, scope, entrypoint, organizations, authors, relatedResources, custom, labels } =
    annotations;
  const name = title ?? refToText(path);
  const rule = path.slice(packagePath.length).join(".");
  const lines = [name, "=".repeat(name.length), "", ...(description ? [description, ""] : [])];
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["Package", refToText(packagePath).slice("data.".length)],
    ["Rule", rule === "" ? undefined : rule],
    ["Location", `${location.file}:${location.row}`],
    ["Scope", scope],
    ["Entrypoint", entrypoint ? "true" : undefined],
    ["Organizations", organizations?.join(", ")],
    [
      "Authors",
      authors?.map(({ name: who, email }) => [who, email && `<${email}>`].filter(Boolean).join(" ")).join(", "),
    ],
    ["Related", relatedResources?.map(({ ref }) => ref).join(", ")],
    ["Labels", labels && JSON.stringify(labels)],
    ["Custom", custom && JSON.stringify(custom)],
  ];
  for (const [fact, value] of facts) if (value !== undefined) lines.push(`${`${fact}:`.padEnd(14)} ${value}`);
  return `${lines.join("\n")}\n`;
}
