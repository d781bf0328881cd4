import { AdapterError, type Clock, type Crypto, hex, type Instant, type Random, utf8 } from "@vedette/base";
import { nodeIdOf } from "@vedette/identity";
import { type EdgeConfig, encodeMessage, type JoinFile } from "@vedette/protocol";
import { generateKey, makePrivateDirectory, writeFileDurably } from "@vedette/runtime";
import { NO_JOURNAL } from "./attester.ts";
import { edgeFiles, sealed } from "./edge-files.ts";
import { checkGrant } from "./grant.ts";
import { domainsOf, encodeNodeFacts, type NodeFacts } from "./node-facts.ts";
import { attestNode } from "./renewal.ts";
import { StateKeeper } from "./state-keeper.ts";
import { createTpmAccess } from "./tpm-access.ts";
import { Vault } from "./vault.ts";

export interface InitEdgeOptions {
  readonly join: JoinFile;
  readonly config: EdgeConfig;
  /** The configuration file, byte for byte; the node keeps a copy. */
  readonly configFile: Uint8Array;
  readonly data: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
}

export interface InitialisedEdge {
  readonly nodeId: string;
  readonly svidNotAfter: Instant;
  readonly siteCaNotAfter: Instant;
  /** JWS. */
  readonly attestationResult: string;
}

/** The boot state that unlocks the node's secrets: firmware, boot loader, partition table, secure boot (TCG PC Client PFP §3.3.4). */
const SEALING_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

/**
 * First contact (PROTOCOLS §2): proves the TPM to the control plane and, when it is accepted, seals what it was given.
 * Throws `AdapterError` ALREADY_ENROLLED, JOIN_INCOMPLETE, ATTESTATION_PENDING, ATTESTATION_REFUSED, GRANT_REFUSED.
 */
export async function initEdge(options: InitEdgeOptions): Promise<InitialisedEdge> {
  const { join, config, configFile, data, clock, random, crypto } = options;
  const files = edgeFiles(data);
  if (Vault.holds(data, sealed.identity))
    throw new AdapterError("ALREADY_ENROLLED", "this folder holds an enrolled node; nothing was changed", { data });
  const identity = nameNode(join);
  const tpm = createTpmAccess(config.tpm);
  const [nodeKey, siteCaKey, journalKey] = [generateKey("ES256"), generateKey("ES256"), generateKey("Ed25519")];
  const grant = await attestNode({
    tpm,
    crypto,
    verifier: { url: join.url, rootHash: join.root, fleet: join.fleet },
    site: join.site,
    class: join.class,
    name: join.name,
    claim: join.claim,
    tlsKey: nodeKey,
    siteCaSpki: siteCaKey.spki,
    journalSpki: journalKey.spki,
    purpose: "enrol",
    journal: NO_JOURNAL,
  });
  const now = clock.now();
  const checked = checkGrant(grant, {
    facts: identity,
    nodeSpki: nodeKey.spki,
    siteCaSpki: siteCaKey.spki,
    trustVersionAtLeast: 0,
    now,
    crypto,
  });
  const root = checked.trust.domains
    .find(({ domain }) => domain === identity.fleet)
    ?.anchors.find((der) => hex(crypto.hash("sha256", der)) === join.root);
  if (!root) throw new AdapterError("GRANT_REFUSED", "the trust document does not name the root of the join file", {});

  makePrivateDirectory(data);
  const vault = await Vault.create(data, tpm, SEALING_PCRS, { crypto, random });
  const facts: NodeFacts = { ...identity, root, fleetUrl: grant.fleetUrl };
  vault.write(sealed.facts, encodeNodeFacts(facts));
  vault.write(sealed.siteCaKey, siteCaKey.exportPkcs8().reveal());
  vault.write(sealed.journalKey, journalKey.exportPkcs8().reveal());
  writeFileDurably(files.config, configFile);
  writeFileDurably(files.trustDocument, grant.trustDocument);
  const state = await StateKeeper.create({ vault, tpm, counterIndex: config.epochCounter, clock, crypto, random });
  await state.change({ trustVersion: checked.trust.version, hasAttestedWithTpm: true });
  // INVARIANT: last, so that a node counts as enrolled when all of it is there.
  const { svid, siteCa } = grant;
  vault.write(sealed.identity, utf8(encodeMessage({ format: 1, key: nodeKey.exportPkcs8().reveal(), svid, siteCa })));
  return {
    nodeId: nodeIdOf(join),
    svidNotAfter: checked.svidNotAfter,
    siteCaNotAfter: checked.siteCaNotAfter,
    attestationResult: grant.attestationResult,
  };
}

function nameNode(join: JoinFile): Omit<NodeFacts, "root" | "fleetUrl"> {
  const { site, name, trustKey } = join;
  if (!trustKey)
    throw new AdapterError("JOIN_INCOMPLETE", "the join file is not one for a node: it lacks the trust key", {});
  return {
    ...domainsOf(join.fleet, site),
    site,
    class: join.class,
    name,
    rootHash: join.root,
    trustKey,
    enrolUrl: join.url,
  };
}
