import { type Crypto, err, hex, ok, parseUtf8, type Result, utf8 } from "@vedette/base";
import { isPlainObject, type PlainObject, parseJson, parseModule, parseYaml, type Value } from "@vedette/rego";
import { dataText } from "./data-text.ts";
import { type DataPath, findOutside, isWithinAny, mergeData, NO_DATA, parseDataPath, treeOf } from "./data-tree.ts";
import type { OpaBundleError } from "./errors.ts";
import { opaJson } from "./opa-json.ts";
import { NO_MANIFEST, type OpaManifest, parseOpaManifest } from "./opa-manifest.ts";
import { type FileHash, type OpaVerification, type SignedFiles, verifySignatures } from "./opa-signature.ts";
import type { Gzip } from "./policy-bundle.ts";
import { parseStockTar } from "./stock-tar.ts";
import { MANIFEST_FILE, parseStrictJson, SIGNATURES_FILE } from "./strict-json.ts";
import type { TarFiles } from "./tar.ts";

/** A bundle as any builder of the OPA ecosystem makes it: whole, or the changes to one. */
export type OpaBundle = OpaSnapshot | OpaDelta;

export interface OpaSnapshot {
  readonly type: "snapshot";
  readonly manifest: OpaManifest;
  /** The key that signed it; undefined where none was asked for. */
  readonly keyId: string | undefined;
  readonly modules: TarFiles;
  /** Of the modules, as far as they can be read. */
  readonly packages: readonly DataPath[];
  readonly data: PlainObject;
}

export interface OpaDelta {
  readonly type: "delta";
  readonly manifest: OpaManifest;
  readonly keyId: string | undefined;
  readonly operations: readonly PatchOperation[];
}

/** OPA, "Bundles", "Delta Bundle File Format". */
export type PatchOperation =
  | { readonly op: "upsert" | "replace"; readonly path: string; readonly value: Value }
  | { readonly op: "remove"; readonly path: string };

export interface OpenOpaBundle {
  /** With it a bundle must be signed; without it, it must not be: then nobody has looked at what the signature says. */
  readonly verification: OpaVerification | undefined;
  /** Of the bundle as sent, and of what it unpacks to. */
  readonly lengthMax: number;
  readonly crypto: Crypto;
  readonly gzip: Gzip;
}

const PATCH_FILE = "patch.json";
const WASM_FILE = "policy.wasm";
const DATA_FILES: ReadonlySet<string> = new Set(["data.json", "data.yaml", "data.yml"]);
/** What OPA hashes as a value, not as bytes. `data.yml` is not among them. */
const STRUCTURED: ReadonlySet<string> = new Set(["data.json", "data.yaml", MANIFEST_FILE]);
const OPERATIONS_MAX = 10_000;

/**
 * Opens a bundle that `opa build` or a bundle server made. Whatever it says is believed only after the signature, when
 * one is asked for, holds for exactly these files. Files that mean nothing to OPA are ignored once they are verified.
 */
export function openOpaBundle(bytes: Uint8Array, options: OpenOpaBundle): Result<OpaBundle, OpaBundleError> {
  const files = unpack(bytes, options);
  if (!files.ok) return files;
  const misleading = findMisleading(files.value);
  if (misleading !== undefined) return malformed(`${misleading}: another name, for OPA would read it as its own`);
  const signed = verify(files.value, options);
  if (!signed.ok) return signed;
  const manifest = readManifest(files.value, options.lengthMax);
  if (!manifest.ok) return manifest;
  const keyId = signed.value?.keyId;
  const isDelta = files.value.has(PATCH_FILE);
  return isDelta ? readDelta(files.value, manifest.value, keyId) : readSnapshot(files.value, manifest.value, keyId);
}

function unpack(bytes: Uint8Array, { lengthMax, gzip }: OpenOpaBundle): Result<TarFiles, OpaBundleError> {
  if (bytes.length > lengthMax) return err({ code: "BUNDLE_TOO_LARGE", lengthMax });
  const tar = gzip.gunzip(bytes, lengthMax);
  if (!tar) return malformed(`gzip of at most ${lengthMax} bytes`);
  const files = parseStockTar(tar);
  return files.ok ? files : malformed(files.error.expected);
}

/** OPA goes by the end of a name: `x.manifest` would be the manifest, `a/patch.json` the patch. We want one of each. */
function findMisleading(files: TarFiles): string | undefined {
  for (const path of files.keys()) {
    const isManifest = path.endsWith(MANIFEST_FILE) && path !== MANIFEST_FILE;
    const isSignature = path.endsWith("signatures.json") && path !== SIGNATURES_FILE;
    const isPatch = nameOf(path) === PATCH_FILE && path !== PATCH_FILE;
    // OPA drops the dot, so that `.a/data.json` would be the data of `a`.
    const isHidden = path.startsWith(".") && path.includes("/") && DATA_FILES.has(nameOf(path));
    if (isManifest || isSignature || isPatch || isHidden) return path;
  }
  return undefined;
}

function verify(files: TarFiles, options: OpenOpaBundle): Result<SignedFiles | undefined, OpaBundleError> {
  const { verification, crypto, lengthMax } = options;
  const contents = files.get(SIGNATURES_FILE);
  if (!verification) return contents ? err({ code: "KEY_MISSING" }) : ok(undefined);
  // OPA never looks for the signature of a delta, so that an unsigned one could change what a signed one said.
  if (!contents) return err({ code: "BUNDLE_UNSIGNED" });
  const signed = verifySignatures(contents, verification, crypto);
  if (!signed.ok) return signed;
  for (const [name, file] of files) {
    if (name === SIGNATURES_FILE) continue;
    const hash = signed.value.hashes.get(name);
    if (!hash) return err({ code: "FILE_UNLISTED", name });
    if (!hasHash(name, file, hash, crypto, lengthMax)) return err({ code: "FILE_ALTERED", name });
  }
  for (const name of signed.value.hashes.keys()) if (!files.has(name)) return err({ code: "FILE_MISSING", name });
  return signed;
}

function hasHash(
  name: string,
  contents: Uint8Array,
  { algorithm, hash }: FileHash,
  crypto: Crypto,
  lengthMax: number,
): boolean {
  const isOf = (bytes: Uint8Array) => hex(crypto.hash(algorithm, bytes)) === hash;
  if (!STRUCTURED.has(nameOf(name))) return isOf(contents);
  const text = structuredText(name, contents, lengthMax);
  return text !== undefined && isOf(utf8(opaJson(text)));
}

/** As JSON; YAML is brought into that form first, as OPA does. */
function structuredText(name: string, contents: Uint8Array, lengthMax: number): string | undefined {
  const value = readData(name, contents);
  if (!value.ok) return undefined;
  const text = isYaml(name) ? ok(dataText(value.value, lengthMax)) : parseUtf8(contents);
  return text.ok ? text.value : undefined;
}

function readManifest(files: TarFiles, lengthMax: number): Result<OpaManifest, OpaBundleError> {
  const contents = files.get(MANIFEST_FILE);
  if (!contents) return ok(NO_MANIFEST);
  const parsed = parseStrictJson(MANIFEST_FILE, contents, lengthMax);
  return parsed.ok ? parseOpaManifest(parsed.value.value) : parsed;
}

function readSnapshot(
  files: TarFiles,
  manifest: OpaManifest,
  keyId: string | undefined,
): Result<OpaSnapshot, OpaBundleError> {
  const modules = new Map<string, Uint8Array>();
  let data: PlainObject = NO_DATA;
  for (const [path, contents] of files) {
    const name = nameOf(path);
    // Its rules are in it alone: a bundle that is read without it would mean something else.
    if (name === WASM_FILE) return err({ code: "WASM_UNSUPPORTED", name: path });
    if (path.endsWith(".rego")) modules.set(path, contents);
    if (!DATA_FILES.has(name)) continue;
    const value = readData(path, contents);
    if (!value.ok) return value;
    const tree = treeOf(parseDataPath(path.slice(0, -name.length)), value.value);
    if (!isPlainObject(tree)) return malformed(`${path}: an object`);
    const merged = mergeData(data, tree);
    if (!merged.ok) return err({ code: "DATA_CONFLICT", path: merged.error.join("/") });
    data = merged.value;
  }
  const outside = findOutside(data, manifest.roots);
  if (outside) return err({ code: "OUTSIDE_ROOTS", path: outside.join("/") });
  const packages = readPackages(modules, manifest);
  return packages.ok ? ok({ type: "snapshot", manifest, keyId, modules, packages: packages.value, data }) : packages;
}

/** What does not parse is for `compileCode` to refuse, with every finding. */
function readPackages(modules: TarFiles, manifest: OpaManifest): Result<readonly DataPath[], OpaBundleError> {
  const packages: DataPath[] = [];
  for (const [name, contents] of modules) {
    const isOld = manifest.isVersionZero(name);
    const text = parseUtf8(contents);
    const module = text.ok ? parseModule(text.value, { file: name, regoVersion: isOld ? 0 : 1 }) : undefined;
    // With `import rego.v1` it means the same in both languages.
    if (isOld && (!module?.ok || module.value.regoVersion === 0)) return err({ code: "REGO_V0_UNSUPPORTED", name });
    if (!module?.ok) continue;
    const { path } = module.value.package;
    if (!isWithinAny(manifest.roots, path)) return err({ code: "OUTSIDE_ROOTS", path: path.join("/") });
    packages.push(path);
  }
  return ok(packages);
}

function readData(name: string, contents: Uint8Array): Result<Value, OpaBundleError> {
  const text = parseUtf8(contents);
  // Not the strict parser of our own bundles: it knows no integers beyond 2^53, and Rego does.
  const value = text.ok ? (isYaml(name) ? parseYaml(text.value) : parseJson(text.value)) : text;
  return value.ok ? ok(value.value) : malformed(`${name}: ${isYaml(name) ? "YAML" : "JSON"}`);
}

function readDelta(
  files: TarFiles,
  manifest: OpaManifest,
  keyId: string | undefined,
): Result<OpaDelta, OpaBundleError> {
  const others = Array.from(files.keys()).filter((path) => path.endsWith(".rego") || isContent(nameOf(path)));
  if (others.length > 0) return malformed(`${PATCH_FILE} alone, without ${others[0]}`);
  const patch = readData(PATCH_FILE, files.get(PATCH_FILE) ?? new Uint8Array(0));
  if (!patch.ok) return patch;
  const listed = isPlainObject(patch.value) ? patch.value["data"] : undefined;
  if (!isList(listed) || listed.length > OPERATIONS_MAX)
    return malformed(`${PATCH_FILE}: {"data": [at most ${OPERATIONS_MAX} operations]}`);
  // OPA takes a patch that changes nothing for a whole bundle without data, and forgets everything.
  if (listed.length === 0) return malformed(`${PATCH_FILE}: at least one operation`);
  const operations: PatchOperation[] = [];
  for (const each of listed) {
    const operation = parseOperation(each);
    if (!operation) return malformed(`${PATCH_FILE}: {"op": "upsert" | "replace" | "remove", "path", "value"}`);
    const path = parseDataPath(operation.path);
    if (!isWithinAny(manifest.roots, path)) return err({ code: "OUTSIDE_ROOTS", path: path.join("/") });
    operations.push(operation);
  }
  return ok({ type: "delta", manifest, keyId, operations });
}

function parseOperation(each: Value): PatchOperation | undefined {
  if (!isPlainObject(each)) return undefined;
  const { op, path, value } = each;
  if (typeof path !== "string") return undefined;
  if (op === "remove") return { op, path };
  return (op === "upsert" || op === "replace") && value !== undefined ? { op, path, value } : undefined;
}

function isContent(name: string): boolean {
  return DATA_FILES.has(name) || name === WASM_FILE;
}

function isYaml(path: string): boolean {
  return path.endsWith(".yaml") || path.endsWith(".yml");
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function malformed(expected: string): Result<never, OpaBundleError> {
  return err({ code: "BUNDLE_MALFORMED", expected });
}
