import { type Crypto, err, instant, type JsonObject, ok, type Result, utf8 } from "@vedette/base";
import {
  activatePolicy,
  BUNDLE_LENGTH_MAX,
  type CompiledPolicy,
  type Gzip,
  type OpaBundleError,
  type OpenPolicyBundle,
  openOpaBundle,
  openPolicyBundle,
  type PolicyBundle,
  type PolicyBundleError,
  type PolicyError,
  parseStockTar,
  RULES_FILE,
} from "@vedette/policy";
import { type BackEnd, closures, isPlainObject, valueToJson } from "@vedette/rego";
import { basicCrypto, withSignatures } from "./web-crypto.ts";
import { inflate, type WebHost } from "./web-host.ts";

/** Where a policy comes from. */
export type PolicySource =
  /** A policy bundle, signed by one of these keys for this site. */
  | {
      readonly bundle: Uint8Array;
      readonly keys: OpenPolicyBundle["keys"];
      readonly site: string;
      /** Refuses what is older; remember the sequence of the last one to be safe from rollback. */
      readonly sequenceAtLeast?: number;
    }
  /** A bundle that nobody vouches for: of your own build, over a channel you trust. A signed one is refused here. */
  | { readonly bundle: Uint8Array; readonly keys?: undefined }
  /** Texts by file name. */
  | { readonly modules: Readonly<Record<string, string>>; readonly data?: JsonObject; readonly rules?: JsonObject };

export type LoadError =
  | PolicyBundleError
  | OpaBundleError
  | PolicyError
  /** A change to a bundle is not one. */
  | { readonly code: "BUNDLE_IS_DELTA" };

export interface LoadOptions {
  readonly host: WebHost;
  /** For policies that use more of it than SHA-256. */
  readonly crypto?: Crypto | undefined;
  readonly backEnd?: BackEnd | undefined;
}

export interface LoadedPolicy {
  readonly compiled: CompiledPolicy;
  /** 0 where nobody counts. */
  readonly sequence: number;
  readonly revision: string;
}

/** Without an end of its own, a policy has none. */
const FOR_EVER = instant(8_640_000_000_000_000);

export async function loadPolicy(source: PolicySource, options: LoadOptions): Promise<Result<LoadedPolicy, LoadError>> {
  const bundle = await openSource(source, options);
  if (!bundle.ok) return bundle;
  const { host, crypto = basicCrypto(), backEnd = closures } = options;
  const random = { bytes: (length: number) => host.crypto.getRandomValues(new Uint8Array(length)) };
  const activated = activatePolicy(undefined, bundle.value, { crypto, random, backEnd });
  if (!activated.ok) return activated;
  const { sequence, revision } = bundle.value.manifest;
  return ok({ compiled: activated.value.policy, sequence, revision });
}

async function openSource(source: PolicySource, { host }: LoadOptions): Promise<Result<PolicyBundle, LoadError>> {
  if (!("bundle" in source)) return ok(bundleOf(filesOf(source), ""));
  const tar = await inflate(source.bundle, BUNDLE_LENGTH_MAX, host);
  if (!tar) return err({ code: "BUNDLE_MALFORMED", expected: `gzip of at most ${BUNDLE_LENGTH_MAX} bytes` });
  const gzip: Gzip = { gunzip: () => tar, gzip: (bytes) => bytes };
  if (!source.keys) return openUnsigned(source.bundle, tar, gzip);
  const { bundle, keys, site, sequenceAtLeast = 0 } = source;
  const now = instant(host.Date.now());
  const open = (crypto: Crypto) => openPolicyBundle(bundle, { keys, site, now, sequenceAtLeast, crypto, gzip });
  return withSignatures(open, host.crypto.subtle);
}

function openUnsigned(bytes: Uint8Array, tar: Uint8Array, gzip: Gzip): Result<PolicyBundle, LoadError> {
  const opened = openOpaBundle(bytes, {
    verification: undefined,
    lengthMax: BUNDLE_LENGTH_MAX,
    crypto: basicCrypto(),
    gzip,
  });
  if (!opened.ok) return opened;
  if (opened.value.type === "delta") return err({ code: "BUNDLE_IS_DELTA" });
  const { modules, data, manifest } = opened.value;
  const files = new Map(modules);
  const contents = parseStockTar(tar);
  const rules = contents.ok ? contents.value.get(RULES_FILE) : undefined;
  if (rules) files.set(RULES_FILE, rules);
  files.set("data.json", utf8(valueToJson(withoutRules(data))));
  return ok(bundleOf(files, manifest.revision));
}

/** JSON rules are no data for Rego, as on a node. */
function withoutRules(data: Parameters<typeof isPlainObject>[0]): Parameters<typeof valueToJson>[0] {
  if (!isPlainObject(data)) return data;
  const { vedette, ...others } = data;
  if (vedette === undefined || !isPlainObject(vedette)) return data;
  const { rules: _, ...rest } = vedette;
  return Object.keys(rest).length === 0 ? others : { ...others, vedette: rest };
}

function filesOf({ modules, data, rules }: Extract<PolicySource, { readonly modules: object }>): PolicyBundle["files"] {
  const files = new Map(Object.entries(modules).map(([name, text]) => [name, utf8(text)]));
  if (data) files.set("data.json", utf8(JSON.stringify(data)));
  if (rules) files.set(RULES_FILE, utf8(JSON.stringify(rules)));
  return files;
}

function bundleOf(files: PolicyBundle["files"], revision: string): PolicyBundle {
  return { manifest: { revision, roots: [""], sequence: 0, site: "*", notAfter: FOR_EVER }, keyId: "", files };
}
