import { statSync } from "node:fs";
import { BUNDLE_LENGTH_MAX, openOpaBundle, parseOpaKey, writeTar } from "@vedette/policy";
import { gunzip, gzip } from "@vedette/runtime";
import { type Command, exitCode, UsageError } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { algorithmFor, readKeyText, SIGNING_ALGORITHMS } from "./bundle-keys.ts";
import { factsOf } from "./option-values.ts";
import { policyDeps } from "./prepared-policy.ts";
import { readBundleFiles } from "./sources.ts";

export const verify: Command = {
  name: "policy verify",
  summary: "check a policy bundle's signature, ours or OPA's, over exactly its files",
  operands: "BUNDLE",
  options: {
    "verification-key": { summary: "the public key (PEM file, JWK), or the shared secret", value: "KEY" },
    key: { summary: "the same as --verification-key", value: "KEY" },
    "verification-key-id": { summary: "use this name for the key, whatever the signature says", value: "NAME" },
    "signing-alg": {
      summary: "such as RS256 (default: what the key is made for)",
      value: "ALG",
      choices: SIGNING_ALGORITHMS,
    },
    scope: { summary: "what the signature must be for", value: "TEXT" },
  },
  details:
    "\nEvery file must be signed and unchanged, and none may be missing. Exit code 1 when anything does not fit.",
  examples: ["vedette policy verify bundle.tar.gz --verification-key bundle.pub"],
  async run(invocation, terminal) {
    const [path] = invocation.operands;
    const given = invocation.optional("verification-key") ?? invocation.optional("key");
    if (!path) throw new UsageError("name the policy bundle");
    if (given === undefined) throw new UsageError("--verification-key KEY is missing");
    const text = readKeyText(given);
    const algorithm = invocation.optional("signing-alg") ?? algorithmFor(text, false);
    const named = invocation.optional("verification-key-id");
    const scope = invocation.optional("scope");
    const keyId = named ?? ANY_KEY;
    const key = parseOpaKey({ keyId, algorithm, key: text, scope, allowShared: true });
    if (!key.ok) throw new Refusal(key.error.code, "the key cannot be used", factsOf(key.error), exitCode.usage);
    const opened = openOpaBundle(packed(path), {
      verification: { keys: [key.value], keyId, scope },
      lengthMax: BUNDLE_LENGTH_MAX,
      crypto: policyDeps.crypto,
      gzip: { gzip, gunzip },
    });
    if (!opened.ok) {
      const { code } = opened.error;
      const facts = factsOf(opened.error);
      if (terminal.isJson) terminal.out(JSON.stringify({ ok: false, error: { code, ...facts } }));
      else
        terminal.out(
          `NOT VERIFIED: ${path} (${[code, ...Object.entries(facts).map(([name, value]) => `${name} ${value}`)].join(", ")})`,
        );
      return exitCode.no;
    }
    const { revision } = opened.value.manifest;
    terminal.out(
      terminal.isJson
        ? JSON.stringify({ ok: true, revision, algorithm })
        : `VERIFIED: ${path}${revision === "" ? "" : ` (revision ${revision})`}, ${algorithm}`,
    );
    return exitCode.done;
  },
};

/** There is one key: it is meant, whatever the signature calls it. */
const ANY_KEY = "default";

/** A folder as the bundle that it would be. */
function packed(path: string): Uint8Array {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder ? gzip(writeTar(readBundleFiles(path, []))) : readInput(path);
}
