import { statSync } from "node:fs";
import { join } from "node:path";
import { POLICY_KEY_ID } from "@vedette/control";
import { signPolicyBundle } from "@vedette/policy";
import { gunzip, gzip, readKeyFile, writeFileDurably } from "@vedette/runtime";
import { type Command, exitCode, type Invocation, UsageError } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { signerOf, signingOptions } from "./build.ts";
import { factsOf } from "./option-values.ts";
import { policyDeps } from "./prepared-policy.ts";
import { readBundleFiles } from "./sources.ts";
import { packBundle, SIGNATURES_FILE, withSignature } from "./stock-bundle.ts";

export const sign: Command = {
  name: "policy sign",
  summary: "sign a policy bundle in OPA's .signatures.json: with a site's policy key, or as `opa sign` does",
  operands: "BUNDLE",
  options: {
    key: { summary: "the policy key (PKCS #8 PEM), for a site's policy bundle", value: "FILE" },
    "key-id": { summary: "that key's name in the trust document", value: "NAME", default: POLICY_KEY_ID },
    ...signingOptions,
    bundle: { summary: "the bundle is a folder; nothing else is expected", short: "b" },
    "output-file-path": {
      summary: "folder for the .signatures.json of a folder (default: that folder)",
      short: "o",
      value: "DIR",
    },
  },
  details: `
Do it where the key is kept, which is not the control plane. A packed bundle is changed in place; beside a folder's files
comes a .signatures.json.`,
  examples: [
    "vedette policy sign policy-1.tar.gz --key authority/policy.key",
    "vedette policy sign -b policy/ --signing-key bundle.key --signing-alg ES256",
  ],
  async run(invocation, terminal) {
    const [path] = invocation.operands;
    if (!path) throw new UsageError("name the policy bundle");
    const signed =
      invocation.optional("signing-key") === undefined ? signForSite(path, invocation) : signStock(path, invocation);
    terminal.out(terminal.isJson ? JSON.stringify(signed) : `Signed ${signed.out}.`);
    return exitCode.done;
  },
};

interface Signed {
  readonly out: string;
  readonly keyId: string;
}

function signForSite(path: string, invocation: Invocation): Signed {
  const key = invocation.optional("key");
  if (key === undefined) throw new UsageError("--key FILE is missing, or --signing-key KEY");
  const keyId = invocation.value("key-id");
  const bundle = readInput(path);
  const deps = { signer: readKeyFile(key), crypto: policyDeps.crypto, gzip: { gzip, gunzip } };
  const signed = signPolicyBundle(bundle, keyId, deps);
  if (!signed.ok)
    throw new Refusal(signed.error.code, "the policy bundle cannot be signed", factsOf(signed.error), exitCode.usage);
  writeFileDurably(path, signed.value);
  return { out: path, keyId };
}

function signStock(path: string, invocation: Invocation): Signed {
  const signer = signerOf(invocation);
  if (signer === undefined) throw new UsageError("--signing-key KEY is missing");
  const keyId = signer.keyId ?? "";
  const files = readBundleFiles(path, []);
  if (!statSync(path).isDirectory()) {
    writeFileDurably(path, packBundle(files, signer));
    return { out: path, keyId };
  }
  const out = join(invocation.optional("output-file-path") ?? path, SIGNATURES_FILE);
  const contents = withSignature(files, signer).get(SIGNATURES_FILE);
  writeFileDurably(out, contents ?? new Uint8Array(0));
  return { out, keyId };
}
