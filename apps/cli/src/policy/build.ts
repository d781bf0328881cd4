import { isJsonObject, parseUtf8 } from "@vedette/base";
import { writeFileDurably } from "@vedette/runtime";
import { type Command, exitCode, type Invocation, type Options, type Terminal, UsageError } from "../command.ts";
import { Refusal } from "../refusal.ts";
import { type BundleSigner, createBundleSigner, SIGNING_ALGORITHMS } from "./bundle-keys.ts";
import { textOf } from "./json-rules.ts";
import { compileSources, policyDeps, readCapabilities } from "./prepared-policy.ts";
import { problemsToText } from "./problems.ts";
import { buildSiteBundle, siteOptions } from "./site-bundle.ts";
import { loadSources, readBundleFiles, sourceOptions } from "./sources.ts";
import { MANIFEST_FILE, packBundle, parseObject, type StockManifest, stockFiles } from "./stock-bundle.ts";

const DEFAULT_OUT = "bundle.tar.gz";

/** How `opa` names what signs a bundle. */
export const signingOptions: Options = {
  "signing-key": { summary: "sign with this key (PEM file), or with this secret", value: "KEY" },
  "signing-alg": {
    summary: "such as RS256 (default: what the key is made for)",
    value: "ALG",
    choices: SIGNING_ALGORITHMS,
  },
  "signing-key-id": { summary: "the key's name in the signature", value: "NAME", default: "default" },
  scope: { summary: "what the signature is for", value: "TEXT" },
  "claims-file": { summary: "further claims for the signature, a JSON object", value: "FILE" },
};

export const build: Command = {
  name: "policy build",
  summary: "build a policy bundle (OPA layout): for a site from rules, Rego and inventory, or as `opa build` does",
  operands: "[PATH...]",
  options: {
    ...siteOptions,
    bundle: { summary: "the paths are policy bundles, packed or as folders", short: "b" },
    revision: { summary: "a name for people (for a site, default: site and sequence)", short: "r", value: "TEXT" },
    entrypoint: {
      summary: "a rule that must be there, such as example/allow",
      short: "e",
      value: "PATH",
      repeated: true,
    },
    capabilities: { summary: "edge, gate, or an OPA capabilities file: what else is called is refused", value: "FILE" },
    out: { summary: `file to write (for a site, required; else ${DEFAULT_OUT})`, value: "FILE" },
    output: { summary: "the same as --out", short: "o", value: "FILE" },
    ...signingOptions,
    ...sourceOptions,
  },
  details: `
With --site: JSON rules, Rego (package vedette.access), or both, with the site's inventory, still unsigned. The node refuses
a policy bundle that is for another site, past its end, or not newer than the one it runs. Without: a bundle that any OPA
loads, and with --signing-key verifies.`,
  examples: [
    "vedette policy build --rules rules.json --inventory inventory.json --site store-17 \\",
    "    --sequence 1 --not-after 2027-01-31T00:00:00Z --out policy-1.tar.gz",
    "vedette policy build -b policy/ -r 2027-01-15 --signing-key bundle.key -o bundle.tar.gz",
  ],
  async run(invocation, terminal) {
    const out = invocation.optional("out") ?? invocation.optional("output");
    if (invocation.optional("site") === undefined) return buildStock(invocation, terminal, out ?? DEFAULT_OUT);
    if (out === undefined) throw new UsageError("--out FILE is missing");
    const { bytes, manifest } = buildSiteBundle(invocation);
    writeFileDurably(out, bytes);
    const result = { out, bytes: bytes.length, sequence: manifest.sequence, revision: manifest.revision };
    terminal.out(
      terminal.isJson
        ? JSON.stringify(result)
        : `Built ${out} (${bytes.length} bytes). Next: vedette policy sign ${out} --key FILE`,
    );
    return exitCode.done;
  },
};

function buildStock(invocation: Invocation, terminal: Terminal, out: string): number {
  const paths = invocation.operands;
  if (paths.length === 0)
    throw new UsageError("name at least one path, or --site NAME for the policy bundle of a site");
  const isBundle = invocation.isSet("bundle");
  const sources = loadSources(invocation, isBundle ? [] : paths, isBundle ? paths : []);
  const compiled = compileSources(sources, readCapabilities(invocation.optional("capabilities")));
  if (!compiled.ok)
    throw new Refusal(
      "POLICY_REFUSED",
      problemsToText(compiled.error, (file) => sources.textOf(file)),
    );
  for (const entrypoint of invocation.all("entrypoint"))
    if (!compiled.value.program.procedures.some(({ path }) => path.join("/") === entrypoint))
      throw new Refusal("ENTRYPOINT_MISSING", `there is no rule ${entrypoint}`);
  const manifest: StockManifest = {
    ...(isBundle && paths.length === 1 && paths[0] !== undefined
      ? manifestOf(paths[0])
      : { revision: "", roots: [""] }),
    ...(invocation.optional("revision") !== undefined && { revision: invocation.value("revision") }),
    rego_version: invocation.isSet("v0-compatible") ? 0 : 1,
  };
  const signer = signerOf(invocation);
  const bytes = packBundle(stockFiles(sources, manifest), signer);
  writeFileDurably(out, bytes);
  const result = { out, bytes: bytes.length, revision: manifest.revision, modules: sources.modules.length };
  terminal.out(
    terminal.isJson
      ? JSON.stringify(result)
      : `Built ${out} (${bytes.length} bytes, ${result.modules} modules${signer ? `, signed with ${signer.algorithm}` : ""}).`,
  );
  return exitCode.done;
}

/** Revision, roots and metadata go on from the bundle that is built anew. */
function manifestOf(path: string): Omit<StockManifest, "rego_version"> {
  const contents = readBundleFiles(path, []).get(MANIFEST_FILE);
  const text = contents && parseUtf8(contents);
  const { revision, roots, metadata } = (text?.ok ? parseObject(text.value) : undefined) ?? {};
  return {
    revision: typeof revision === "string" ? revision : "",
    roots: Array.isArray(roots) ? roots.map(String) : [""],
    ...(metadata !== undefined && isJsonObject(metadata) && { metadata }),
  };
}

export function signerOf(invocation: Invocation): BundleSigner | undefined {
  const key = invocation.optional("signing-key");
  if (key === undefined) return undefined;
  const file = invocation.optional("claims-file");
  const claims = file === undefined ? {} : parseObject(textOf(file));
  if (claims === undefined) throw new UsageError(`--claims-file ${file} holds no JSON object`);
  return createBundleSigner(
    {
      key,
      algorithm: invocation.optional("signing-alg"),
      keyId: invocation.optional("signing-key-id"),
      scope: invocation.optional("scope"),
      claims,
    },
    policyDeps.crypto,
  );
}
