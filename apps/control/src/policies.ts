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
import { type ConfigError, INVENTORY_FILE, inventory, parseConfig } from "@vedette/protocol";
import { gunzip, gzip } from "@vedette/runtime";
import type { ControlStore, StoreConflict } from "@vedette/store";
import { isSiteTrusted } from "./trust.ts";

export type PublicationError =
  | PolicyBundleError
  | StoreConflict
  | PolicyError
  | ConfigError
  | { readonly code: "SITE_NOT_TRUSTED"; readonly site: string };

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
): Promise<Result<PolicyManifest, PublicationError>> {
  if (!isSiteTrusted(trust, site)) return err({ code: "SITE_NOT_TRUSTED", site });
  const keys = trust.policyKeys.filter(({ sites }) => sites === undefined || sites.includes(site));
  const bundle = openPolicyBundle(bytes, { keys, site, now, sequenceAtLeast: 0, crypto, gzip: { gzip, gunzip } });
  if (!bundle.ok) return bundle;
  const rules = parseUtf8(bundle.value.files.get(RULES_FILE) ?? new Uint8Array(0));
  const parsed = parsePolicy(rules.ok ? rules.value : "", RULES_FILE);
  if (!parsed.ok) return parsed;
  const listed = parseConfig(inventory, bundle.value.files.get(INVENTORY_FILE) ?? new Uint8Array(0), INVENTORY_FILE);
  if (!listed.ok) return listed;
  const { sequence, revision } = bundle.value.manifest;
  const published = await store.policies.publish({ site, sequence, revision, bytes, publishedAt: now });
  return published.ok ? ok(bundle.value.manifest) : err(published.error);
}
