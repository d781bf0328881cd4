import { hex, isJsonObject, type Json, type JsonObject, parseUtf8, readJson, utf8 } from "@vedette/base";
import { BUNDLE_LENGTH_MAX, isTarPath, opaJson, type TarFiles, writeTar } from "@vedette/policy";
import { type PlainObject, valueToJson } from "@vedette/rego";
import { gzip } from "@vedette/runtime";
import { exitCode } from "../command.ts";
import { Refusal } from "../refusal.ts";
import { type BundleSigner, signaturesFile } from "./bundle-keys.ts";
import { policyDeps } from "./prepared-policy.ts";
import type { PolicySources } from "./sources.ts";

export const MANIFEST_FILE = ".manifest";
export const SIGNATURES_FILE = ".signatures.json";
const DATA_FILE = "data.json";
/** What OPA hashes as a value, not as bytes. */
const STRUCTURED: ReadonlySet<string> = new Set([DATA_FILE, MANIFEST_FILE]);

export interface StockManifest {
  readonly revision: string;
  readonly roots: readonly string[];
  readonly rego_version: 0 | 1;
  readonly metadata?: JsonObject;
}

/** The files of a bundle as `opa build` lays them out: one `data.json`, each module under its name, a manifest. */
export function stockFiles(sources: PolicySources, manifest: StockManifest): TarFiles {
  const files = new Map<string, Uint8Array>([[DATA_FILE, dataFile(sources.data)]]);
  for (const { file, text } of sources.modules) files.set(bundlePath(file), utf8(text));
  return new Map([...files, [MANIFEST_FILE, utf8(JSON.stringify(manifest))]]);
}

function dataFile(data: PlainObject): Uint8Array {
  return utf8(valueToJson(data, { lengthMax: BUNDLE_LENGTH_MAX }));
}

function bundlePath(file: string): string {
  const path = file
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .join("/");
  if (isTarPath(path)) return path;
  const message = `${file}: a path in a bundle has at most 100 letters, digits and . _ - /`;
  throw new Refusal("BUNDLE_PATH_INVALID", message, {}, exitCode.usage);
}

/** Packed, with the signature of `signer` in place of any that is there. */
export function packBundle(files: TarFiles, signer: BundleSigner | undefined): Uint8Array {
  return gzip(writeTar(signer ? withSignature(files, signer) : files));
}

export function withSignature(files: TarFiles, signer: BundleSigner): TarFiles {
  const unsigned = Array.from(files).filter(([name]) => name !== SIGNATURES_FILE);
  const hashes = unsigned.map(([name, contents]) => ({ name, hash: hashOf(name, contents) }));
  return new Map([...unsigned, [SIGNATURES_FILE, signaturesFile(hashes, signer)]]);
}

function hashOf(name: string, contents: Uint8Array): string {
  const isStructured = STRUCTURED.has(name.slice(name.lastIndexOf("/") + 1));
  return hex(policyDeps.crypto.hash("sha256", isStructured ? utf8(opaJson(jsonText(name, contents))) : contents));
}

function jsonText(name: string, contents: Uint8Array): string {
  const text = parseUtf8(contents);
  const isJson = text.ok && parseObject(text.value) !== undefined;
  if (isJson) return text.value;
  throw new Refusal("BUNDLE_MALFORMED", `${name} is no JSON object`, {}, exitCode.usage);
}

/** A JSON object; undefined for anything else. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: Json = readJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    // For the caller no object, whatever the reason.
    return undefined;
  }
}
