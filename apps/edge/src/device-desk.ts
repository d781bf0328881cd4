import {
  type AttestationError,
  type AttestationResult,
  challengeToMessage,
  type EnrolmentDesk,
  type EnrolmentRequest,
  kindOfAttestationError,
  parseEnrolmentRequest,
  parseEvidence,
  refusalStatusOf,
  resultToEar,
  signEar,
} from "@vedette/attestation";
import { type Crypto, type Duration, durationBetween, type Signer, seconds, utf8 } from "@vedette/base";
import type { TrustDocument } from "@vedette/identity";
import {
  type ConnectionLedger,
  type HttpRequest,
  type HttpResponse,
  type Route,
  refusalResponse,
  route,
} from "@vedette/net";
import { type DeviceGrant, ENROLMENT_MESSAGE_LENGTH_MAX, encodeMessage, type Inventory } from "@vedette/protocol";
import type { AppraisalMark } from "./appraisal-mark.ts";
import { APPRAISAL_EVENT, appraisalFacts, type DeviceRegistry } from "./device-registry.ts";
import type { EffectiveClock } from "./effective-clock.ts";
import type { EvidenceLog } from "./evidence-log.ts";
import type { SiteAuthority } from "./site-authority.ts";
import type { StateKeeper } from "./state-keeper.ts";

export interface DeviceDeskOptions {
  readonly site: string;
  readonly siteDomain: string;
  readonly desk: EnrolmentDesk;
  readonly authority: Pick<SiteAuthority, "deviceSvid">;
  readonly registry: DeviceRegistry;
  readonly mark: AppraisalMark;
  readonly evidence: EvidenceLog;
  readonly ledger: ConnectionLedger;
  readonly state: Pick<StateKeeper, "change">;
  readonly clock: EffectiveClock;
  readonly crypto: Crypto;
  /** Signs attestation results. */
  readonly verifierKey: Signer;
  readonly counts: DeskCounts;
  trust(): TrustDocument | undefined;
  inventory(): Inventory | undefined;
  gatewayUrl(): string;
}

export interface DeskCounts {
  issued: number;
  refused: number;
  contraindicated: number;
  pending: number;
}

/** The desk at the gateway: the same verifier as the control plane's, for the devices of this site, online or cut off. */
export function deviceDeskRoutes(options: DeviceDeskOptions): readonly Route[] {
  return ["enrol", "reattest"].flatMap((purpose) => [
    route("POST", `/v1/${purpose}`, (request) => challenge(request, purpose, options)),
    route("POST", `/v1/${purpose}/evidence`, (request) => appraise(request, options)),
  ]);
}

async function challenge(http: HttpRequest, purpose: string, options: DeviceDeskOptions): Promise<HttpResponse> {
  const { desk, clock, crypto, counts } = options;
  const received = parseEnrolmentRequest(await http.body(ENROLMENT_MESSAGE_LENGTH_MAX), crypto);
  if (!received.ok)
    return refusalResponse(400, received.error.code, "the enrolment message is not well formed", { ...received.error });
  const request = received.value;
  const inventory = options.inventory();
  const trust = options.trust();
  if (!inventory || !trust)
    return refusalResponse(503, "POLICY_MISSING", "this site has no inventory yet", {}, { "retry-after": "1" });
  const profile = Object.hasOwn(inventory.classes, request.deviceClass)
    ? inventory.classes[request.deviceClass]
    : undefined;
  if (request.site !== options.site || request.purpose !== purpose || !profile)
    return refusalResponse(403, "NOT_OF_THIS_SITE", "the site or the class is not one of this gateway's");
  if (trust.revokedSites.some((domain) => domain === options.siteDomain))
    return refusalResponse(403, "SITE_REVOKED", "this site has been revoked and issues nothing");
  const outcome = desk.challenge(
    request,
    {
      anchors: trust.anchorsByClass.get(request.deviceClass) ?? [],
      pcrSelection: { bank: "sha256", pcrs: profile.pcrs.toSorted((a, b) => a - b) },
      isEkRegistered: (ekHash) => isRegistered(inventory, request, ekHash),
      isClaimValid: () => false,
      knownAkName: options.registry.find(request.name)?.akName,
      // The wire admits TPMs only, so whoever is known has been seen with one.
      isSoftwareAttesterAllowed: false,
      isTpmSeen: options.registry.find(request.name) !== undefined,
    },
    { now: clock.now(), channel: http.channel },
  );
  if (!outcome.ok) return refuseEvidence(outcome.error, options);
  const isPending = outcome.value.outcome === "pending";
  if (isPending) counts.pending++;
  return json(isPending ? 202 : 200, encodeMessage(challengeToMessage(outcome.value)));
}

function isRegistered(inventory: Inventory, request: EnrolmentRequest, ekHash: string): boolean {
  return inventory.devices.some(
    (device) => device.name === request.name && device.class === request.deviceClass && device.ek === ekHash,
  );
}

async function appraise(http: HttpRequest, options: DeviceDeskOptions): Promise<HttpResponse> {
  const { desk, clock } = options;
  const evidence = parseEvidence(await http.body(ENROLMENT_MESSAGE_LENGTH_MAX));
  if (!evidence.ok)
    return refusalResponse(400, evidence.error.code, "the evidence is not well formed", { ...evidence.error });
  const inventory = options.inventory();
  if (!inventory) return refusalResponse(503, "POLICY_MISSING", "this site has no inventory yet");
  const referenceFor = (deviceClass: string) => ({
    bank: "sha256" as const,
    pcrs: inventory.classes[deviceClass]?.referenceValues ?? {},
  });
  const result = desk.appraise(evidence.value, referenceFor, { now: clock.now(), channel: http.channel });
  if (!result.ok) return refuseEvidence(result.error, options);
  return answer(result.value, inventory, options);
}

/** A device renews every few seconds at the most; faster ones would fill the journal (PROTOCOLS 6.3). */
const APPRAISAL_PAUSE: Duration = seconds(1);

async function answer(
  result: AttestationResult,
  inventory: Inventory,
  options: DeviceDeskOptions,
): Promise<HttpResponse> {
  const { registry, evidence, authority, counts, crypto, mark } = options;
  const last = registry.find(result.name);
  if (last && durationBetween(last.attestedAt, result.attestedAt) < APPRAISAL_PAUSE)
    return refusalResponse(429, "TOO_SOON", "this device was appraised a moment ago", {}, { "retry-after": "1" });
  if (!registry.isNewer(result))
    return refusalResponse(409, "QUOTE_OLD", "the quote was made before the last one that was appraised");
  if (result.verdict === "contraindicated") return contraindicate(result, options);
  const facts = mark.put(appraisalFacts(result, crypto));
  // INVARIANT: the leaf is durable before anything is issued; a restart replays it.
  await evidence.event(APPRAISAL_EVENT, facts);
  registry.apply(facts);
  const profile = inventory.classes[result.deviceClass];
  if (!profile) return refusalResponse(403, "NOT_OF_THIS_SITE", "the class has left the inventory");
  const svid = authority.deviceSvid(result, profile.svidLifetime);
  await evidence.event("svid-issued", { device: result.name, serial: svid.leaf.serial, notAfter: svid.leaf.notAfter });
  counts.issued++;
  const grant: DeviceGrant = {
    version: 1,
    state: "active",
    svid: svid.certificates,
    gatewayUrl: options.gatewayUrl(),
    attestationResult: signEar(
      resultToEar(result, `spiffe://${options.siteDomain}/gateway`),
      "gateway",
      options.verifierKey,
    ),
  };
  return json(200, encodeMessage(grant));
}

async function contraindicate(result: AttestationResult, options: DeviceDeskOptions): Promise<HttpResponse> {
  const { registry, evidence, ledger, state, counts, crypto } = options;
  const facts = appraisalFacts(result, crypto);
  // Bad news counts at once (PROTOCOLS 2.6), also when it cannot be written yet.
  registry.apply(facts);
  counts.contraindicated++;
  const id = `spiffe://${options.siteDomain}/device/${result.deviceClass}/${result.name}`;
  const cut = ledger.cut(id, "CONTRAINDICATED");
  await evidence.eventSurely(APPRAISAL_EVENT, facts);
  await evidence.event("connection-cut", { subject: id, reason: "contraindicated", connections: cut });
  // Under the seal at once: a journal from before it would then be a rollback.
  await state.change({});
  const reasons = result.reasons.map((reason) => ({ ...reason }));
  return refusalResponse(403, "CONTRAINDICATED", "the evidence shows a state that is not to be trusted", { reasons });
}

async function refuseEvidence(error: AttestationError, { evidence, counts }: DeviceDeskOptions): Promise<HttpResponse> {
  const kind = kindOfAttestationError(error);
  counts.refused++;
  evidence.unauthenticated(`evidence-${kind}`);
  return refusalResponse(refusalStatusOf(error), error.code, `the evidence is ${kind}`);
}

function json(status: number, text: string): HttpResponse {
  return { status, headers: { "content-type": "application/json" }, body: utf8(text) };
}
