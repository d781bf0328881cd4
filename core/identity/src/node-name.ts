import { type Crypto, hex } from "@vedette/base";

/** A node as its site knows it. */
export interface NodeName {
  readonly site: string;
  readonly name: string;
}

const KEY_HASH_DIGITS = 16;

/** The node's name in the fleet's trust domain, unique over all sites: the last segment of its SPIFFE ID. */
export function nodeIdOf({ site, name }: NodeName): string {
  return `${site}.${name}`;
}

/**
 * The origin of a node's journal (C2SP tlog-checkpoint). It names the journal's key, so that a node enrolled anew, with a new
 * disk or a new TPM, begins a new log instead of contradicting its old one.
 */
export function journalOriginOf(node: NodeName, journalSpki: Uint8Array, crypto: Pick<Crypto, "hash">): string {
  return `${node.site}/${nodeIdOf(node)}/journal/${hex(crypto.hash("sha256", journalSpki)).slice(0, KEY_HASH_DIGITS)}`;
}
