import {
  type AttestationError,
  type AttestationResult,
  challengeToMessage,
  type EnrolmentDesk,
  type EnrolmentPolicy,
  type EnrolmentRequest,
  kindOfAttestationError,
  type NodeKeys,
  parseEnrolmentRequest,
  parseEvidence,
  refusalStatusOf,
  resultToEar,
  signEar,
} from "@vedette/attestation";
import { assert, type Clock, type Crypto, hex, type Instant, type Signer, utf8 } from "@vedette/base";
import { formatVerifierKey, verifierKeyOf } from "@vedette/envelope";
import { journalOriginOf, nodeIdOf } from "@vedette/identity";
import type { Mirror } from "@vedette/journal";
import {
  type ConnectionLedger,
  type HttpRequest,
  type HttpResponse,
  type Route,
  refusalResponse,
  route,
} from "@vedette/net";
import {
  type ControlConfig,
  ENROLMENT_MESSAGE_LENGTH_MAX,
  encodeMessage,
  type NodeClass,
  type NodeGrant,
} from "@vedette/protocol";
import type { Log } from "@vedette/runtime";
import type { ControlStore, NodeRecord } from "@vedette/store";
import { createTreeHasher } from "@vedette/tlog";
import { parseCertificate, parsePublicKey } from "@vedette/x509";
import { refuseExpiredTrust, spiffeIdOf } from "./fleet-api.ts";
import type { Issuer } from "./issuer.ts";
import { judgeJournal } from "./journal-judge.ts";
import { isSiteTrusted } from "./trust.ts";
import type { Trust } from "./trust-desk.ts";

export interface EnrolmentOptions {
  readonly config: ControlConfig;
  readonly desk: EnrolmentDesk;
  readonly store: ControlStore;
  readonly issuer: Issuer;
  /** Connections of nodes to the Fleet API. */
  readonly ledger: ConnectionLedger;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly log: Log;
  /** Signs attestation results. */
  readonly verifierKey: Signer;
  readonly mirror: Mirror;
  trust(): Trust;
  fleetUrl(): string;
  /** Called when a node's record has changed, for whoever keeps its keys at hand. */
  onNode(node: NodeRecord): void;
}

/** What the two routes share. */
interface Desk extends EnrolmentOptions {
  /** Which TPM the configuration expects under which name (`placeOf`). */
  readonly registered: ReadonlySet<string>;
}

/** `/v1/enrol` and `/v1/reattest`: server-authenticated, everything else is proved by the evidence (PROTOCOLS §2). */
export function enrolmentRoutes(options: EnrolmentOptions): readonly Route[] {
  const registered = new Set(options.config.nodes.map((node) => placeOf(node.ek, node.site, node.name, node.class)));
  const desk: Desk = { ...options, registered };
  const first = (purpose: string) => (request: HttpRequest) => challenge(request, purpose, desk);
  const second = (request: HttpRequest) => appraise(request, desk);
  return ["enrol", "reattest"].flatMap((purpose) => [
    route("POST", `/v1/${purpose}`, first(purpose)),
    route("POST", `/v1/${purpose}/evidence`, second),
  ]);
}

async function challenge(http: HttpRequest, purpose: string, options: Desk): Promise<HttpResponse> {
  const { desk, store, clock, crypto, log } = options;
  const now = clock.now();
  const received = parseEnrolmentRequest(await http.body(ENROLMENT_MESSAGE_LENGTH_MAX), crypto);
  if (!received.ok)
    return refusalResponse(400, received.error.code, "the enrolment message is not well formed", { ...received.error });
  const request = received.value;
  if (request.purpose !== purpose || !areNodeKeys(request.nodeKeys))
    return refusalResponse(400, "NOT_A_NODE_REQUEST", "a node names its purpose, its site CA key and its journal key");
  const nodeClass = classOf(options.config, request.deviceClass);
  const trust = options.trust().document;
  if (now > trust.notAfter) return refuseExpiredTrust();
  const anchors = trust.anchorsByClass.get(request.deviceClass);
  if (!nodeClass || !anchors) return refusalResponse(403, "CLASS_UNKNOWN", "no such class is configured");
  if (!isSiteTrusted(trust, request.site))
    return refusalResponse(403, "SITE_NOT_TRUSTED", "the trust document does not list this site, or has revoked it");
  const policy = await policyFor(request, nodeClass, anchors, options, now);
  const outcome = desk.challenge(request, policy, { now, channel: http.channel });
  if (!outcome.ok) return refuseEvidence(outcome.error, log, { site: request.site, node: request.name });
  const answer = encodeMessage(challengeToMessage(outcome.value));
  if (outcome.value.outcome === "pending") {
    const { ekHash } = outcome.value;
    await store.pending.note(
      { ekHash, site: request.site, deviceClass: request.deviceClass, reason: "EK_UNREGISTERED" },
      now,
    );
    log("warn", "a genuine but unregistered TPM is pending", { ekHash, site: request.site, node: request.name });
    return json(202, answer);
  }
  return json(200, answer);
}

async function policyFor(
  { site, name, deviceClass, claim: secret, ekCertificate }: EnrolmentRequest,
  nodeClass: NodeClass,
  anchors: readonly Uint8Array[],
  { registered, store, crypto }: Desk,
  now: Instant,
): Promise<EnrolmentPolicy> {
  const known = await store.nodes.find(nodeIdOf({ site, name }));
  // Only to look it up: whether this certificate proves anything is for the desk to find.
  const offered = parseCertificate(ekCertificate);
  const ekHash = offered.ok ? hex(crypto.hash("sha256", offered.value.spki)) : "";
  const claimed = await store.endorsementKeys.find(ekHash);
  const places = new Set(claimed && [placeOf(claimed.ekHash, claimed.site, claimed.label, claimed.deviceClass)]);
  const hash = secret === undefined ? undefined : hex(crypto.hash("sha256", utf8(secret)));
  const isClaimOpen = hash !== undefined && (await store.claims.isOpen({ hash, site, deviceClass, label: name }, now));
  return {
    anchors,
    pcrSelection: { bank: "sha256", pcrs: nodeClass.pcrs.toSorted((a, b) => a - b) },
    isEkRegistered: (ek) => [registered, places].some((each) => each.has(placeOf(ek, site, name, deviceClass))),
    isClaimValid: () => isClaimOpen,
    knownAkName: known?.akName,
    // The wire admits TPMs only, so whoever is known has been seen with one.
    isSoftwareAttesterAllowed: false,
    isTpmSeen: known !== undefined,
  };
}

/** A TPM is expected under one name, at one site, as one class. Labels hold no slash. */
function placeOf(ekHash: string, site: string, name: string, deviceClass: string): string {
  return `${ekHash}/${site}/${name}/${deviceClass}`;
}

function classOf({ classes }: ControlConfig, name: string): NodeClass | undefined {
  return Object.hasOwn(classes, name) ? classes[name] : undefined;
}

async function appraise(http: HttpRequest, options: Desk): Promise<HttpResponse> {
  const { config, desk, clock, log } = options;
  const now = clock.now();
  const evidence = parseEvidence(await http.body(ENROLMENT_MESSAGE_LENGTH_MAX));
  if (!evidence.ok)
    return refusalResponse(400, evidence.error.code, "the evidence is not well formed", { ...evidence.error });
  const referenceFor = (deviceClass: string) => referenceOf(classOf(config, deviceClass));
  const result = desk.appraise(evidence.value, referenceFor, { now, channel: http.channel });
  if (!result.ok) return refuseEvidence(result.error, log, {});
  const { nodeKeys } = result.value;
  assert(nodeKeys !== undefined, "a challenge goes only to whoever named a node's keys");
  return admit(result.value, nodeKeys, options);
}

function referenceOf(nodeClass: NodeClass | undefined) {
  return { bank: "sha256" as const, pcrs: nodeClass?.referenceValues ?? {} };
}

async function admit(result: AttestationResult, keys: NodeKeys, options: Desk): Promise<HttpResponse> {
  const { config, store, issuer, log, clock, crypto } = options;
  const nodeId = nodeIdOf(result);
  const origin = journalOriginOf(result, keys.journal, crypto);
  const journalKey = formatVerifierKey(verifierKeyOf("ed25519", origin, keys.journal, crypto));
  const known = await store.nodes.find(nodeId);
  const holder = await store.nodes.findByEndorsementKey(result.ekHash);
  if (holder && holder.id !== nodeId)
    return refusalResponse(403, "ENDORSEMENT_KEY_TAKEN", "this TPM is another node", { nodeId: holder.id });
  const fault = judgeJournal(result, journalKey, known, options.mirror.log(origin), createTreeHasher(crypto));
  if (result.verdict === "contraindicated" || fault) {
    if (holder) await contraindicate(nodeId, options);
    const reasons = [...result.reasons.map((reason) => ({ ...reason })), ...(fault ? [{ code: fault }] : [])];
    log("warn", "a node is contraindicated and gets nothing", { nodeId, reasons });
    return refusalResponse(403, "CONTRAINDICATED", "the evidence shows a state that is not to be trusted", { reasons });
  }
  if (result.claimHash !== undefined) {
    const { claimHash: hash, site, deviceClass, name: label, ekHash } = result;
    const taken = await store.claims.take({ hash, site, deviceClass, label, ekHash }, clock.now());
    if (taken !== "taken") return refusalResponse(403, `CLAIM_${taken.toUpperCase()}`, "the claim cannot be used");
  }
  const nodeClass = classOf(config, result.deviceClass);
  if (!nodeClass) return refusalResponse(403, "CLASS_UNKNOWN", "no such class is configured");
  const svid = issuer.nodeSvid(result, nodeClass.svidLifetime);
  const siteCa = issuer.siteCa(result.site, keys.siteCa, config.siteCaLifetime);
  const attestationResult = signEar(resultToEar(result, `spiffe://${config.fleet}`), "control", options.verifierKey);
  const record: NodeRecord = {
    id: nodeId,
    site: result.site,
    deviceClass: result.deviceClass,
    ekHash: result.ekHash,
    akName: result.akName,
    journalKey,
    state: "active",
    attestedAt: result.attestedAt,
    svid: { serial: svid.leaf.serial, notAfter: svid.leaf.notAfter },
    journal: { size: result.journal.size, root: hex(result.journal.root) },
    ear: attestationResult,
  };
  const stored = await store.nodes.put(record);
  if (!stored.ok) return refusalResponse(403, stored.error.code, "this node cannot be recorded", { ...stored.error });
  options.onNode(record);
  for (const [kind, { leaf }] of [
    ["node-svid", svid],
    ["site-ca", siteCa],
  ] as const)
    await store.issuances.record({ serial: leaf.serial, kind, name: nodeId, notAfter: leaf.notAfter }, clock.now());
  await store.pending.remove(result.ekHash);
  log("info", "a node was appraised and received its identity", {
    nodeId,
    verdict: result.verdict,
    purpose: result.purpose,
  });
  const grant: NodeGrant = {
    version: 1,
    state: "active",
    svid: svid.certificates,
    siteCa: siteCa.certificates,
    trustDocument: options.trust().text,
    fleetUrl: options.fleetUrl(),
    attestationResult,
  };
  return json(200, encodeMessage(grant));
}

/** PROTOCOLS 2.6: at once, and for what is open already. Only for the node whose own TPM showed it. */
async function contraindicate(nodeId: string, { store, ledger, config }: Desk): Promise<void> {
  await store.nodes.setState(nodeId, "contraindicated");
  ledger.cut(spiffeIdOf(config.fleet, nodeId), "CONTRAINDICATED");
}

function areNodeKeys(keys: NodeKeys | undefined): boolean {
  return keys !== undefined && isAlgorithm(keys.siteCa, "ES256") && isAlgorithm(keys.journal, "Ed25519");
}

function isAlgorithm(spki: Uint8Array, algorithm: Signer["algorithm"]): boolean {
  const key = parsePublicKey(spki);
  return key.ok && key.value === algorithm;
}

function refuseEvidence(error: AttestationError, log: Log, facts: Readonly<Record<string, string>>): HttpResponse {
  const kind = kindOfAttestationError(error);
  log("warn", "evidence was refused", { ...facts, code: error.code, kind });
  return refusalResponse(refusalStatusOf(error), error.code, `the evidence is ${kind}`);
}

function json(status: number, text: string): HttpResponse {
  return { status, headers: { "content-type": "application/json" }, body: utf8(text) };
}
