import { createHash } from "node:crypto";
import { noteSignerOf } from "@vedette/envelope";
import { createNodeCrypto, type SoftwareKey } from "@vedette/runtime";
import { encodeAddCheckpoint, encodeAddEntries, signCheckpoint } from "@vedette/tlog";
import { sha256, type WireName } from "./wire-attester.ts";
import type { WireAnswer, WireConnection } from "./wire-client.ts";

/** Whose log it is, and the key that signs it. */
export interface LogOwner {
  readonly name: WireName;
  readonly keys: { readonly journal: SoftwareKey };
}

/** C2SP tlog-checkpoint leaves origins to the log; ours name site, node and key. */
function originOf({ name: { site, name }, keys }: LogOwner): string {
  return `${site}/${site}.${name}/journal/${Buffer.from(sha256(keys.journal.spki)).toString("hex").slice(0, 16)}`;
}

/** A log of one or two leaves, from nothing to cosigned; returns the mirror's last answer. */
export async function mirrorLeaves(
  fleetApi: WireConnection,
  owner: LogOwner,
  leaves: readonly [string] | readonly [string, string],
): Promise<WireAnswer> {
  const checkpoint = await fleetApi.post("/v1/journal/add-checkpoint", addCheckpointBody(owner, leaves));
  if (checkpoint.status !== 200) return checkpoint;
  return fleetApi.post("/v1/journal/add-entries", addEntriesBody(owner, leaves));
}

export function addCheckpointBody(owner: LogOwner, leaves: readonly string[]): Uint8Array {
  const origin = originOf(owner);
  const signer = noteSignerOf("ed25519", origin, owner.keys.journal, createNodeCrypto());
  const checkpoint = signCheckpoint({ origin, size: leaves.length, root: rootOf(leaves) }, signer);
  return encodeAddCheckpoint({ oldSize: 0, proof: [], checkpoint });
}

export function addEntriesBody(owner: LogOwner, leaves: readonly string[]): Uint8Array {
  const head = { origin: originOf(owner), start: 0, end: leaves.length, ticket: new Uint8Array(0) };
  return encodeAddEntries(head, [{ entries: leaves.map((leaf) => Buffer.from(leaf)), proof: [] }]);
}

/** RFC 6962 §2.1, for as many leaves as these tests need. */
export function rootOf([first = "", second]: readonly string[]): Uint8Array {
  const leaf = (text: string): Uint8Array => sha256(Buffer.concat([Buffer.of(0), Buffer.from(text)]));
  if (second === undefined) return leaf(first);
  return createHash("sha256").update(Buffer.of(1)).update(leaf(first)).update(leaf(second)).digest();
}
