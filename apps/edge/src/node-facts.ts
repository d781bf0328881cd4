import { AdapterError, utf8 } from "@vedette/base";
import { parseTrustDomain, siteDomain, type TrustDomain } from "@vedette/identity";
import { encodeMessage, type NodeFactsFile, nodeFactsFile, parseMessage } from "@vedette/protocol";

/** What a node knows of itself since its first contact; never taken from anybody again. */
export interface NodeFacts extends Omit<NodeFactsFile, "format" | "fleet"> {
  readonly fleet: TrustDomain;
  readonly siteDomain: TrustDomain;
}

export function encodeNodeFacts({ siteDomain: _, ...facts }: NodeFacts): Uint8Array {
  return utf8(encodeMessage({ format: 1, ...facts }));
}

/** Throws `AdapterError` NODE_FACTS_INVALID: the seal held, so another version of ours wrote it. */
export function parseNodeFacts(bytes: Uint8Array): NodeFacts {
  const parsed = parseMessage(nodeFactsFile, bytes);
  if (!parsed.ok) throw invalid({ ...parsed.error });
  const { format: _, ...facts } = parsed.value;
  return { ...facts, ...domainsOf(facts.fleet, facts.site) };
}

/** The trust domains of a fleet and of one of its sites. Throws `AdapterError` NODE_FACTS_INVALID. */
export function domainsOf(fleetName: string, site: string): Pick<NodeFacts, "fleet" | "siteDomain"> {
  const fleet = parseTrustDomain(fleetName);
  const domain = fleet.ok ? siteDomain(site, fleet.value) : fleet;
  if (!fleet.ok) throw invalid({ ...fleet.error });
  if (!domain.ok) throw invalid({ ...domain.error });
  return { fleet: fleet.value, siteDomain: domain.value };
}

function invalid(facts: Readonly<Record<string, unknown>>): AdapterError {
  return new AdapterError(
    "NODE_FACTS_INVALID",
    "what this node should know of itself is not in a form this version knows",
    facts,
  );
}
