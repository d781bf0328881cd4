import { AdapterError, type Crypto, type Instant, isSameBytes } from "@vedette/base";
import { isSiteCa, nodeIdOf, openTrustDocument, principalOf, type TrustDocument } from "@vedette/identity";
import type { NodeGrant } from "@vedette/protocol";
import { parseCertificate, verifyPath } from "@vedette/x509";
import type { NodeFacts } from "./node-facts.ts";

export interface CheckedGrant {
  readonly svidNotAfter: Instant;
  readonly siteCaNotAfter: Instant;
  readonly trust: TrustDocument;
}

interface GrantChecks {
  readonly facts: Pick<NodeFacts, "site" | "siteDomain" | "name" | "fleet" | "trustKey">;
  readonly nodeSpki: Uint8Array;
  readonly siteCaSpki: Uint8Array;
  readonly trustVersionAtLeast: number;
  readonly now: Instant;
  readonly crypto: Crypto;
}

/**
 * A node does not take what it is given: the SVID must name this node and its key, the site CA must be confined to this
 * site and carry its key, and the trust document must be signed by the key of the join file.
 * Throws `AdapterError` GRANT_REFUSED.
 */
export function checkGrant(
  grant: NodeGrant,
  { facts, nodeSpki, siteCaSpki, trustVersionAtLeast, now, crypto }: GrantChecks,
): CheckedGrant {
  const trust = openTrustDocument(grant.trustDocument, [facts.trustKey], {
    now,
    versionAtLeast: trustVersionAtLeast,
    crypto,
  });
  if (!trust.ok) throw refused("trust document", trust.error.code);
  const [leaf, ...intermediates] = grant.svid;
  const principal = leaf && principalOf({ leaf, intermediates }, trust.value, now, crypto);
  if (!principal?.ok) throw refused("svid", principal?.error.code ?? "missing");
  if (principal.value.kind !== "node" || principal.value.name !== nodeIdOf(facts))
    throw refused("svid", "names another identity");
  const svid = parseCertificate(leaf ?? new Uint8Array(0));
  if (!svid.ok || !isSameBytes(svid.value.spki, nodeSpki)) throw refused("svid", "carries another key");
  const siteCa = checkSiteCa(grant.siteCa, trust.value, facts, now, crypto);
  if (!isSameBytes(siteCa.spki, siteCaSpki)) throw refused("site CA", "carries another key");
  return { svidNotAfter: principal.value.notAfter, siteCaNotAfter: siteCa.notAfter, trust: trust.value };
}

function checkSiteCa(
  chain: readonly Uint8Array[],
  trust: TrustDocument,
  facts: GrantChecks["facts"],
  now: Instant,
  crypto: Crypto,
) {
  const certificates = chain
    .map((der) => parseCertificate(der))
    .flatMap((certificate) => (certificate.ok ? [certificate.value] : []));
  const roots = trust.domains.find(({ domain }) => domain === facts.fleet)?.anchors ?? [];
  const anchors = roots
    .map((der) => parseCertificate(der))
    .flatMap((certificate) => (certificate.ok ? [certificate.value] : []));
  const [leaf, ...intermediates] = certificates;
  if (!leaf || certificates.length !== chain.length) throw refused("site CA", "does not parse");
  const path = verifyPath({ leaf, intermediates, anchors, now, crypto });
  if (!path.ok) throw refused("site CA", path.error.code);
  if (!isSiteCa(leaf, facts.siteDomain)) throw refused("site CA", "is not confined to this site");
  return leaf;
}

function refused(what: string, reason: string): AdapterError {
  return new AdapterError("GRANT_REFUSED", "the control plane's answer was refused; nothing was stored", {
    what,
    reason,
  });
}
