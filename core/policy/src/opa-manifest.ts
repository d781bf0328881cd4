import { err, isJsonObject, type Json, type JsonObject, ok, type Result } from "@vedette/base";
import { type DataPath, findOverlap, isWithinAny, parseDataPath } from "./data-tree.ts";
import { isJsonArray } from "./document-reader.ts";
import type { OpaBundleError } from "./errors.ts";

/** `.manifest` of a bundle that any builder made. Members that mean nothing to us are in `metadata` or ignored. */
export interface OpaManifest {
  /** Empty when the builder gave none. */
  readonly revision: string;
  readonly roots: readonly DataPath[];
  readonly metadata: JsonObject;
  /** Modules in the syntax before OPA 1.0, as `rego_version` and `file_rego_versions` say. */
  isVersionZero(file: string): boolean;
}

/** Each node compares each path with each root. */
const ROOTS_MAX = 1_000;
const REVISION_LENGTH_MAX = 1_024;
const FILE_VERSIONS_MAX = 10_000;
/** What gobwas/glob reads as more than a name. */
const PATTERN = /[*?[\]{}\\]/;

/** What OPA takes a missing `.manifest` for. */
export const NO_MANIFEST: OpaManifest = { revision: "", roots: [[]], metadata: {}, isVersionZero: () => false };

export function parseOpaManifest(value: Json): Result<OpaManifest, OpaBundleError> {
  if (!isJsonObject(value)) return malformed("an object");
  const { revision = "", roots = [""], metadata = {}, wasm = [] } = value;
  if (typeof revision !== "string" || revision.length > REVISION_LENGTH_MAX) return malformed("revision, a text");
  if (!isJsonArray(roots) || roots.length > ROOTS_MAX) return malformed(`roots, at most ${ROOTS_MAX} data paths`);
  const paths: DataPath[] = [];
  for (const root of roots) {
    if (typeof root !== "string") return malformed("roots, each a data path");
    paths.push(parseDataPath(root));
  }
  const overlap = findOverlap(paths, paths);
  if (overlap) return err({ code: "ROOTS_OVERLAP", root: overlap[0].join("/"), other: overlap[1].join("/") });
  if (!isJsonObject(metadata)) return malformed("metadata, an object");
  if (!isJsonArray(wasm)) return malformed("wasm, a list");
  // The rules behind these entry points are in the module alone: without it they would be undefined.
  if (wasm.length > 0) return err({ code: "WASM_UNSUPPORTED", name: ".manifest" });
  const isVersionZero = readVersions(value);
  return isVersionZero ? ok({ revision, roots: paths, metadata, isVersionZero }) : malformed("rego versions, 0 or 1");
}

/** Whether two manifests own the same data. */
export function hasSameRoots(a: OpaManifest, b: OpaManifest): boolean {
  const within = (some: OpaManifest, all: OpaManifest) => some.roots.every((root) => isWithinAny(all.roots, root));
  return a.roots.length === b.roots.length && within(a, b) && within(b, a);
}

function readVersions(manifest: JsonObject): OpaManifest["isVersionZero"] | undefined {
  const { rego_version: whole = 1, file_rego_versions: byFile = {} } = manifest;
  if (!isVersion(whole) || !isJsonObject(byFile)) return undefined;
  const versions = Object.entries(byFile);
  if (versions.length > FILE_VERSIONS_MAX || !versions.every(([, version]) => isVersion(version))) return undefined;
  const exact = new Map(versions.map(([file, version]) => [file.replace(/^\//, ""), version]));
  // Of patterns that fit one file OPA takes any. A pattern that says 0 counts for every file, one that says 1 for none.
  const isZeroSomewhere = versions.some(([pattern, version]) => PATTERN.test(pattern) && version === 0);
  return (file) => isZeroSomewhere || (exact.get(file) ?? whole) === 0;
}

function isVersion(value: Json): value is 0 | 1 {
  return value === 0 || value === 1;
}

function malformed(expected: string): Result<never, OpaBundleError> {
  return err({ code: "BUNDLE_MALFORMED", expected: `.manifest: ${expected}` });
}
