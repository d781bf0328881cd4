import { type Instant, type Result, utf8 } from "@vedette/base";
import { buildPolicyBundle, type OpenPolicyBundle, signPolicyBundle } from "@vedette/policy";
import { createNodeCrypto, generateKey, gunzip, gzip } from "@vedette/runtime";

export interface SignedBundle {
  readonly bytes: Uint8Array;
  /** On which it opens. */
  readonly terms: Omit<OpenPolicyBundle, "crypto" | "gzip">;
}

/** Files of a policy, by their place in the bundle, as they lie on a node's disk. */
export function createSignedBundle(files: Readonly<Record<string, string>>, now: Instant): SignedBundle {
  const crypto = createNodeCrypto();
  const signer = generateKey("ES256");
  const deps = { signer, crypto, gzip: { gzip, gunzip } };
  const manifest = { revision: "1", roots: ["vedette", "site"], sequence: 1, site: "bench", notAfter: now };
  const contents = new Map(Object.entries(files).map(([name, text]) => [name, utf8(text)]));
  const built = need(buildPolicyBundle(contents, manifest, deps.gzip));
  const keys = [{ keyId: "policy", algorithm: signer.algorithm, spki: signer.spki }];
  return {
    bytes: need(signPolicyBundle(built, "policy", deps)),
    terms: { keys, site: "bench", now, sequenceAtLeast: 1 },
  };
}

function need<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error("the bench's own bundle is refused", { cause: result.error });
  return result.value;
}
