import { statSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type Json, parseUtf8, readJson } from "@vedette/base";
import { BUNDLE_LENGTH_MAX, parseStockTar } from "@vedette/policy";
import {
  type DataDocument,
  type Module,
  mergeDocuments,
  type PlainObject,
  parseDocument,
  parseModule,
  refToText,
  type Value,
} from "@vedette/rego";
import { gunzip } from "@vedette/runtime";
import { exitCode, type Invocation, type Options } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { type Problem, problemOf } from "./problems.ts";
import { findFiles, matchesName, type SourceFile } from "./source-files.ts";

/** What a policy is made of, wherever it came from. */
export interface PolicySources {
  readonly modules: readonly Module[];
  readonly data: PlainObject;
  readonly documents: readonly DataDocument[];
  /** What could not be read, parsed or merged. */
  readonly problems: readonly Problem[];
  /** The text of a file, for messages. */
  textOf(file: string): string | undefined;
}

interface SourceOptions {
  /** Files and folders: every .rego, .json and .yaml. */
  readonly data: readonly string[];
  /** OPA bundles, packed or as a folder: modules, and data from files named `data` only. */
  readonly bundles: readonly string[];
  readonly regoVersion: 0 | 1;
  readonly ignored: readonly string[];
  /** Files that are something else. */
  readonly except?: ReadonlySet<string>;
}

/** Options of every command that loads a policy. */
export const sourceOptions: Options = {
  ignore: { summary: "names to leave out, such as .* or *.yaml; several with commas", value: "NAMES", repeated: true },
  "v0-compatible": { summary: "read modules as Rego v0, the language before OPA 1.0" },
};

export function loadSources(
  invocation: Invocation,
  data: readonly string[],
  bundles: readonly string[],
  except: ReadonlySet<string> = new Set(),
): PolicySources {
  return readSources({
    data,
    bundles,
    regoVersion: invocation.isSet("v0-compatible") ? 0 : 1,
    ignored: ignoredNames(invocation),
    except,
  });
}

export function ignoredNames(invocation: Invocation): readonly string[] {
  return invocation.all("ignore").flatMap((names) => names.split(","));
}

function readSources({ data, bundles, regoVersion, ignored, except }: SourceOptions): PolicySources {
  const reader = new SourceReader(regoVersion);
  for (const file of findFiles(data, ignored)) if (!except?.has(file.path)) reader.addFile(file);
  for (const bundle of bundles) reader.addBundle(bundle, ignored);
  return reader.finish();
}

/** A bundle's files by path, without leading slash. */
export function readBundleFiles(path: string, ignored: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isFolder)
    return new Map(
      findFiles([path], ignored).map((file) => [
        [...file.at, file.path.slice(file.path.lastIndexOf("/") + 1)].join("/"),
        readInput(file.path),
      ]),
    );
  const tar = gunzip(readInput(path), BUNDLE_LENGTH_MAX);
  const files = tar && parseStockTar(tar);
  if (!files?.ok)
    throw new Refusal(
      "BUNDLE_MALFORMED",
      `${path} is no policy bundle`,
      { expected: files?.error.expected ?? "gzip" },
      exitCode.usage,
    );
  const isIgnored = (name: string) =>
    name.split("/").some((part) => ignored.some((pattern) => matchesName(pattern, part)));
  return new Map(Array.from(files.value).filter(([name]) => !isIgnored(name)));
}

const DATA_FILES: ReadonlySet<string> = new Set(["data.json", "data.yaml", "data.yml"]);

class SourceReader {
  readonly #regoVersion: 0 | 1;
  readonly #modules: Module[] = [];
  readonly #documents: DataDocument[] = [];
  readonly #problems: Problem[] = [];
  readonly #texts = new Map<string, string>();

  constructor(regoVersion: 0 | 1) {
    this.#regoVersion = regoVersion;
  }

  addFile({ path, at, isNamed }: SourceFile): void {
    if (path.endsWith(".rego")) this.#addModule(path, readInput(path), this.#regoVersion);
    else if (/\.(?:json|ya?ml)$/.test(path)) this.#addDocument(path, at, readInput(path));
    else if (path.endsWith(".tar.gz")) this.#addBundleFiles(path, readBundleFiles(path, []), (name) => `/${name}`);
    else if (isNamed) this.#problems.push({ message: `${path}: unrecognized file` });
  }

  addBundle(path: string, ignored: readonly string[]): void {
    const isPacked = !(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
    const nameOf = (name: string) => (isPacked ? `/${name}` : join(path, name));
    this.#addBundleFiles(path, readBundleFiles(path, ignored), nameOf);
  }

  finish(): PolicySources {
    const merged = mergeDocuments(this.#documents);
    const problems = [...this.#problems];
    if (!merged.ok) {
      const { error } = merged;
      const message =
        error.code === "DOCUMENT_NOT_OBJECT"
          ? `${error.file}: document must be of type object`
          : `${error.file}: merge error: conflicting values at ${refToText(error.path)}, also defined in ${error.other}`;
      problems.push({ message });
    }
    return {
      modules: this.#modules,
      data: merged.ok ? merged.value : {},
      documents: this.#documents,
      problems,
      textOf: (file) => this.#texts.get(file),
    };
  }

  #addBundleFiles(bundle: string, files: ReadonlyMap<string, Uint8Array>, nameOf: (name: string) => string): void {
    const versionOf = regoVersions(files.get(".manifest"), this.#regoVersion);
    for (const [name, contents] of files) {
      const [file = "", ...folders] = name.split("/").toReversed();
      if (name.endsWith(".rego")) this.#addModule(nameOf(name), contents, versionOf(name));
      else if (DATA_FILES.has(file)) this.#addDocument(nameOf(name), folders.toReversed(), contents);
    }
    if (files.size === 0) this.#problems.push({ message: `${bundle}: an empty bundle` });
  }

  #addModule(file: string, contents: Uint8Array, regoVersion: 0 | 1): void {
    const text = this.#text(file, contents);
    if (text === undefined) return;
    const parsed = parseModule(text, { file, regoVersion });
    if (parsed.ok) this.#modules.push(parsed.value);
    else this.#problems.push(...parsed.error.map(problemOf));
  }

  #addDocument(file: string, at: readonly string[], contents: Uint8Array): void {
    const text = this.#text(file, contents);
    if (text === undefined) return;
    const parsed = parseDocument(text, file);
    if (parsed.ok) this.#documents.push({ file, at, value: parsed.value });
    else {
      const { line, column, message } = parsed.error;
      this.#problems.push({ message: `${file}:${line}:${column}: ${message}` });
    }
  }

  #text(file: string, contents: Uint8Array): string | undefined {
    const text = parseUtf8(contents);
    if (text.ok) this.#texts.set(file, text.value);
    else this.#problems.push({ message: `${file}: no UTF-8 text` });
    return text.ok ? text.value : undefined;
  }
}

/** What the manifest says about the language of each module (OPA, "Bundle File Format"). */
function regoVersions(manifest: Uint8Array | undefined, otherwise: 0 | 1): (name: string) => 0 | 1 {
  const text = manifest && parseUtf8(manifest);
  const value: Json | undefined = text?.ok ? tryParse(text.value) : undefined;
  if (value === undefined || !isJsonObject(value)) return () => otherwise;
  const { rego_version: whole = otherwise, file_rego_versions: byFile } = value;
  const exact = new Map(
    byFile !== undefined && isJsonObject(byFile)
      ? Object.entries(byFile).map(([name, version]) => [name.replace(/^\//, ""), version])
      : [],
  );
  return (name) => ((exact.get(name) ?? whole) === 0 ? 0 : 1);
}

function tryParse(text: string): Json | undefined {
  try {
    return readJson(text);
  } catch {
    // A broken manifest is for `verify` and `inspect` to report; modules are read as the command line says.
    return undefined;
  }
}

/** The file's value: JSON, or YAML by its name. Ends the command when it is neither. */
export function readDocument(path: string, text: string): Value {
  const parsed = parseDocument(text, path);
  if (parsed.ok) return parsed.value;
  const { line, column, message } = parsed.error;
  throw new Refusal("FILE_NOT_JSON", `${path}:${line}:${column}: ${message}`, {}, exitCode.usage);
}
