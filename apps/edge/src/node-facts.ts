import { AdapterError, base64, isJsonObject, parseBase64, parseUtf8, utf8 } from "@vedette/base";
import type { VerificationKey } from "@vedette/envelope";
import { parseTrustDomain, siteDomain, type TrustDomain } from "@vedette/identity";

/** What a node must never take from anybody again after its first contact; kept sealed. */
export interface NodeFacts {
  readonly fleet: TrustDomain;
  readonly site: string;
  readonly siteDomain: TrustDomain;
  readonly class: string;
  readonly name: string;
  /** SHA-256 of the fleet root certificate, hexadecimal. */
  readonly rootHash: string;
  /** DER. */
  readonly root: Uint8Array;
  readonly trustKey: VerificationKey;
  readonly enrolUrl: string;
  readonly fleetUrl: string;
}

export function encodeNodeFacts(facts: NodeFacts): Uint8Array {
  const { keyId, algorithm, spki } = facts.trustKey;
  return utf8(
    JSON.stringify({ ...facts, root: base64(facts.root), trustKey: { keyId, algorithm, spki: base64(spki) } }),
  );
}

/** Throws `AdapterError` NODE_FACTS_INVALID: the seal held, so an earlier version of ours wrote something else. */
export function parseNodeFacts(bytes: Uint8Array): NodeFacts {
  const text = parseUtf8(bytes);
  const value: unknown = text.ok ? JSON.parse(text.value) : undefined;
  const facts = isJsonObject(value) ? value : {};
  const trustKey = isJsonObject(facts["trustKey"]) ? facts["trustKey"] : {};
  const root = parseBase64(String(facts["root"]));
  const spki = parseBase64(String(trustKey["spki"]));
  const fleet = parseTrustDomain(String(facts["fleet"]));
  const domain = fleet.ok ? siteDomain(String(facts["site"]), fleet.value) : fleet;
  const algorithm = trustKey["algorithm"];
  if (!root.ok || !spki.ok || !fleet.ok || !domain.ok || (algorithm !== "ES256" && algorithm !== "Ed25519"))
    throw new AdapterError("NODE_FACTS_INVALID", "the sealed facts of this node are not in a form this version knows");
  return {
    fleet: fleet.value,
    site: String(facts["site"]),
    siteDomain: domain.value,
    class: String(facts["class"]),
    name: String(facts["name"]),
    rootHash: String(facts["rootHash"]),
    root: root.value,
    trustKey: { keyId: String(trustKey["keyId"]), algorithm, spki: spki.value },
    enrolUrl: String(facts["enrolUrl"]),
    fleetUrl: String(facts["fleetUrl"]),
  };
}

/** The name of a node in the fleet's domain, unique over all sites. */
export function nodeIdOf(facts: Pick<NodeFacts, "site" | "name">): string {
  return `${facts.site}.${facts.name}`;
}

/** The origin line of this node's journal (C2SP tlog-checkpoint). */
export function journalOrigin(facts: Pick<NodeFacts, "site" | "name">): string {
  return `${facts.site}/${nodeIdOf(facts)}/journal`;
}
