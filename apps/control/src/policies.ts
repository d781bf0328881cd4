import { type Crypto, err, type Instant, ok, parseUtf8, type Result } from "@vedette/base";
import type { TrustDocument } from "@vedette/identity";
import {
  openPolicyBundle,
  type PolicyBundleError,
  type PolicyError,
  type PolicyManifest,
  parsePolicy,
  RULES_FILE,
} from "@vedette/policy";
import { gunzip, gzip } from "@vedette/runtime";
import type { ControlStore, StoreConflict } from "@vedette/store";

/**
 * Publishes a signed policy bundle to a site. It is verified as the site's node will verify it, so that nobody learns
 * from a thousand refusals what one check would have said. The sequence must rise.
 */
export async function publishPolicy(
  bytes: Uint8Array,
  site: string,
  store: ControlStore,
  trust: TrustDocument,
  now: Instant,
  crypto: Crypto,
): Promise<Result<PolicyManifest, PolicyBundleError | StoreConflict | PolicyError>> {
  const keys = trust.policyKeys.filter(({ sites }) => sites === undefined || sites.includes(site));
  const bundle = openPolicyBundle(bytes, { keys, site, now, sequenceAtLeast: 0, crypto, gzip: { gzip, gunzip } });
  if (!bundle.ok) return bundle;
  const rules = parseUtf8(bundle.value.files.get(RULES_FILE) ?? new Uint8Array(0));
  const parsed = parsePolicy(rules.ok ? rules.value : "", RULES_FILE);
  if (!parsed.ok) return parsed;
  const { sequence, revision } = bundle.value.manifest;
  const published = await store.policies.publish({ site, sequence, revision, bytes, publishedAt: now });
  return published.ok ? ok(bundle.value.manifest) : err(published.error);
}
