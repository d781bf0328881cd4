import {
  type Crypto,
  err,
  hex,
  type Instant,
  instantToString,
  isJsonObject,
  type Json,
  ok,
  parseLocatedJson,
  parseUtf8,
  type Result,
  type Signer,
  utf8,
} from "@vedette/base";
import { JWS_LENGTH_MAX, type JwsError, signJws, type VerificationKey, verifyJws } from "@vedette/envelope";
import { isJsonArray } from "./document-reader.ts";
import type { PolicyBundleError } from "./errors.ts";
import { ANY_SITE, manifestToJson, type PolicyManifest, parseManifest } from "./manifest.ts";
import { opaJson } from "./opa-json.ts";
import { isTarPath, parseTar, type TarFiles, writeTar } from "./tar.ts";

/** A policy bundle whose signature, files, site, time and sequence were all found good at the moment of opening. */
export interface PolicyBundle {
  readonly manifest: PolicyManifest;
  /** The key that signed it. */
  readonly keyId: string;
  /** Data files by path, as signed; without `.manifest` and `.signatures.json`. */
  readonly files: TarFiles;
}

export interface OpenPolicyBundle {
  /** The policy keys of the trust document. */
  readonly keys: readonly VerificationKey[];
  readonly site: string;
  readonly now: Instant;
  /** The sequence in the sealed state; the same one may be opened again, as at every start. */
  readonly sequenceAtLeast: number;
  readonly crypto: Crypto;
  readonly gzip: Gzip;
}

/** RFC 1952; an adapter has it. */
export interface Gzip {
  gzip(bytes: Uint8Array): Uint8Array;
  /** Undefined when the bytes are no gzip, or hold more than `lengthMax`. */
  gunzip(bytes: Uint8Array, lengthMax: number): Uint8Array | undefined;
}

/** Where the rules stand; stock OPA loads them as `data.vedette.rules`. */
export const RULES_FILE = "vedette/rules/data.json";
/** The largest rules we accept, and room for the site's inventory. */
export const BUNDLE_LENGTH_MAX = 134_217_728;
const JSON_DEPTH_MAX = 64;
const MANIFEST_FILE = ".manifest";
const SIGNATURES_FILE = ".signatures.json";
const DATA_FILE = "data.json";
/** OPA puts exactly this into the header. */
const SIGNATURE_TYPE = "JWT";
const HASH_ALGORITHM = "SHA-256";

/**
 * Puts data files and manifest into OPA's bundle layout (gzip over tar), still unsigned. Files are named `…/data.json`
 * and must be strict JSON; they are rewritten in the form over which OPA hashes them. One input, one tar.
 */
export function buildPolicyBundle(
  files: TarFiles,
  manifest: PolicyManifest,
  gzip: Gzip,
): Result<Uint8Array, PolicyBundleError> {
  const checked = parseManifest(manifestToJson(manifest));
  if (!checked.ok) return checked;
  const written = new Map([[MANIFEST_FILE, utf8(opaJson(JSON.stringify(manifestToJson(manifest))))]]);
  for (const [path, contents] of files) {
    const misplaced = checkPath(path, manifest.roots);
    if (misplaced) return err(misplaced);
    const text = canonical(path, contents);
    if (!text.ok) return text;
    written.set(path, text.value);
  }
  return ok(gzip.gzip(writeTar(written)));
}

/** Adds OPA's `.signatures.json` to a built bundle, in place of any that is there. */
export function signPolicyBundle(
  bundle: Uint8Array,
  keyId: string,
  deps: { readonly signer: Signer; readonly crypto: Crypto; readonly gzip: Gzip },
): Result<Uint8Array, PolicyBundleError> {
  const files = unpack(bundle, deps.gzip);
  if (!files.ok) return files;
  const listed: Json[] = [];
  for (const [name, contents] of files.value) {
    if (name === SIGNATURES_FILE) continue;
    const text = canonical(name, contents);
    if (!text.ok) return text;
    listed.push({ name, hash: digest(deps.crypto, text.value), algorithm: HASH_ALGORITHM });
  }
  const token = signJws(utf8(JSON.stringify({ files: listed })), SIGNATURE_TYPE, keyId, deps.signer);
  const signatures = utf8(JSON.stringify({ signatures: [token] }));
  return ok(deps.gzip.gzip(writeTar(new Map([...files.value, [SIGNATURES_FILE, signatures]]))));
}

/**
 * Opens a policy bundle, from the network or from the node's own disk, which is no more trusted: signature by a policy
 * key, exactly the files that were signed, for this site, in force now, and not older than the sealed state knows.
 */
export function openPolicyBundle(
  bytes: Uint8Array,
  options: OpenPolicyBundle,
): Result<PolicyBundle, PolicyBundleError> {
  const files = unpack(bytes, options.gzip);
  if (!files.ok) return files;
  const signed = verifySignature(files.value, options);
  if (!signed.ok) return signed;
  const altered = checkFiles(files.value, signed.value.hashes, options.crypto);
  if (altered) return err(altered);
  const manifest = readManifest(files.value);
  if (!manifest.ok) return manifest;
  const refused = checkManifest(manifest.value, options);
  if (refused) return err(refused);
  const data = new Map([...files.value].filter(([path]) => path !== MANIFEST_FILE && path !== SIGNATURES_FILE));
  for (const path of data.keys()) {
    const misplaced = checkPath(path, manifest.value.roots);
    if (misplaced) return err(misplaced);
  }
  return ok({ manifest: manifest.value, keyId: signed.value.keyId, files: data });
}

function unpack(bytes: Uint8Array, gzip: Gzip): Result<TarFiles, PolicyBundleError> {
  if (bytes.length > BUNDLE_LENGTH_MAX) return err({ code: "BUNDLE_TOO_LARGE", lengthMax: BUNDLE_LENGTH_MAX });
  const tar = gzip.gunzip(bytes, BUNDLE_LENGTH_MAX);
  if (!tar) return malformed(`gzip of at most ${BUNDLE_LENGTH_MAX} bytes`);
  const files = parseTar(tar);
  return files.ok ? files : malformed(files.error.expected);
}

function verifySignature(
  files: TarFiles,
  { keys, crypto }: OpenPolicyBundle,
): Result<{ keyId: string; hashes: ReadonlyMap<string, string> }, PolicyBundleError> {
  const contents = files.get(SIGNATURES_FILE);
  if (!contents) return err({ code: "BUNDLE_UNSIGNED" });
  const parsed = parseStrictJson(SIGNATURES_FILE, contents, JWS_LENGTH_MAX);
  if (!parsed.ok) return parsed;
  const { value } = parsed.value;
  const signatures = isJsonObject(value) ? (value["signatures"] ?? null) : null;
  if (!isJsonArray(signatures)) return malformed(`${SIGNATURES_FILE}: {"signatures": [one JWT]}`);
  const [token, ...others] = signatures;
  if (token === undefined) return err({ code: "BUNDLE_UNSIGNED" });
  // OPA accepts exactly one as well: with two, which of them counts?
  if (typeof token !== "string" || others.length > 0) return malformed(`${SIGNATURES_FILE}: exactly one JWT`);
  const opened = verifyJws(token, SIGNATURE_TYPE, keys, crypto);
  if (!opened.ok) return err(signatureError(opened.error));
  const hashes = parseHashes(opened.value.payload);
  return hashes.ok ? ok({ keyId: opened.value.keyId, hashes: hashes.value }) : hashes;
}

function signatureError(error: JwsError): PolicyBundleError {
  switch (error.code) {
    case "JWS_KEY_UNKNOWN":
      return { code: "KEY_UNKNOWN", keyId: error.keyId };
    case "JWS_ALGORITHM_MISMATCH":
    case "JWS_SIGNATURE_INVALID":
      return { code: "SIGNATURE_INVALID", keyId: error.keyId };
    default:
      return { code: "BUNDLE_MALFORMED", expected: `${SIGNATURES_FILE}: a JWT in compact form` };
  }
}

/** The payload is signed, and read as strictly as if it were not. */
function parseHashes(payload: Uint8Array): Result<ReadonlyMap<string, string>, PolicyBundleError> {
  const parsed = parseStrictJson(SIGNATURES_FILE, payload);
  if (!parsed.ok) return parsed;
  const { value } = parsed.value;
  if (!isJsonObject(value)) return malformed(`${SIGNATURES_FILE}: an object as payload`);
  // OPA's verifier refuses a scope that it was not told to expect; neither were we.
  if (value["scope"] !== undefined && value["scope"] !== "") return malformed(`${SIGNATURES_FILE}: no scope`);
  const files = value["files"] ?? null;
  if (!isJsonArray(files)) return malformed(`${SIGNATURES_FILE}: a list of files`);
  const hashes = new Map<string, string>();
  for (const file of files) {
    const { name, hash, algorithm } = isJsonObject(file) ? file : {};
    if (typeof name !== "string" || typeof hash !== "string" || algorithm !== HASH_ALGORITHM || hashes.has(name))
      return malformed(`${SIGNATURES_FILE}: {name, hash, algorithm: "${HASH_ALGORITHM}"}, each name once`);
    hashes.set(name.replace(/^\//, ""), hash);
  }
  return ok(hashes);
}

function checkFiles(
  files: TarFiles,
  hashes: ReadonlyMap<string, string>,
  crypto: Crypto,
): PolicyBundleError | undefined {
  for (const [name, contents] of files) {
    if (name === SIGNATURES_FILE) continue;
    const hash = hashes.get(name);
    if (hash === undefined) return { code: "FILE_UNLISTED", name };
    if (!hasDigest(name, contents, hash, crypto)) return { code: "FILE_ALTERED", name };
  }
  for (const name of hashes.keys()) if (!files.has(name)) return { code: "FILE_MISSING", name };
  return undefined;
}

/**
 * The signed digest is over the canonical text. Bytes with that very digest are that text, so that the canonical files
 * we build need no second parse; files of other builders are brought into that form first.
 */
function hasDigest(name: string, contents: Uint8Array, hash: string, crypto: Crypto): boolean {
  if (digest(crypto, contents) === hash) return true;
  const text = canonical(name, contents);
  return text.ok && digest(crypto, text.value) === hash;
}

/** What OPA hashes: JSON with its keys in order, anything else as it is. */
function canonical(name: string, contents: Uint8Array): Result<Uint8Array, PolicyBundleError> {
  if (isModule(name)) return ok(contents);
  const parsed = parseStrictJson(name, contents);
  return parsed.ok ? ok(utf8(opaJson(parsed.value.text))) : parsed;
}

function isModule(name: string): boolean {
  return name.endsWith(".rego");
}

function readManifest(files: TarFiles): Result<PolicyManifest, PolicyBundleError> {
  const contents = files.get(MANIFEST_FILE);
  if (!contents) return err({ code: "FILE_MISSING", name: MANIFEST_FILE });
  const parsed = parseStrictJson(MANIFEST_FILE, contents);
  return parsed.ok ? parseManifest(parsed.value.value) : parsed;
}

function checkManifest(
  { site, notBefore, notAfter, sequence }: PolicyManifest,
  options: OpenPolicyBundle,
): PolicyBundleError | undefined {
  if (site !== ANY_SITE && site !== options.site) return { code: "WRONG_SITE", offered: site, site: options.site };
  if (notBefore !== undefined && options.now < notBefore)
    return { code: "BUNDLE_NOT_YET_VALID", notBefore: instantToString(notBefore) };
  if (options.now > notAfter) return { code: "BUNDLE_EXPIRED", notAfter: instantToString(notAfter) };
  if (sequence < options.sequenceAtLeast)
    return { code: "BUNDLE_ROLLBACK", offered: sequence, atLeast: options.sequenceAtLeast };
  return undefined;
}

/**
 * OPA loads data from files called `data.json` only, and only below the roots. A module may lie anywhere: its package,
 * which must lie below a root, is known when it is parsed.
 */
function checkPath(path: string, roots: readonly string[]): PolicyBundleError | undefined {
  if (isModule(path) && isTarPath(path)) return undefined;
  const directory = path.slice(0, -DATA_FILE.length - 1);
  const isData = isTarPath(path) && path === `${directory}/${DATA_FILE}`;
  const isOwned = roots.some((root) => root === "" || directory === root || directory.startsWith(`${root}/`));
  if (isData && isOwned) return undefined;
  return { code: "BUNDLE_MALFORMED", expected: `${path}: a module (.rego), or a data.json below one of the roots` };
}

function parseStrictJson(
  name: string,
  contents: Uint8Array,
  length: number = BUNDLE_LENGTH_MAX,
): Result<{ value: Json; text: string }, PolicyBundleError> {
  const text = parseUtf8(contents);
  if (!text.ok) return malformed(`${name}: UTF-8`);
  const json = parseLocatedJson(text.value, { length, depth: JSON_DEPTH_MAX });
  if (json.ok) return ok({ value: json.value.value, text: text.value });
  const { line, column, expected } = json.error;
  return malformed(`${name}:${line}:${column}: ${expected}`);
}

function digest(crypto: Crypto, bytes: Uint8Array): string {
  return hex(crypto.hash("sha256", bytes));
}

function malformed(expected: string): Result<never, PolicyBundleError> {
  return err({ code: "BUNDLE_MALFORMED", expected });
}
