import type { Instant, Json } from "@vedette/base";
import { type AccessRequest, type Decision, type DecisionContext, decide, parseAccessRequest } from "@vedette/policy";
import type { Log } from "@vedette/runtime";
import type { EvidenceLog } from "../evidence-log.ts";
import type { ActivePolicy } from "../gateway.ts";
import { codeToReason, overruled } from "../overruled.ts";
import type { StateKeeper } from "../state-keeper.ts";
import type { TierDesk } from "../tier-desk.ts";
import { type AccessAnswer, asUnrecorded, NO_POLICY, type Refused } from "./answers.ts";
import type { DecisionCounts } from "./decision-counts.ts";
import type { InFlight } from "./in-flight.ts";
import { mayClaim, type Pep } from "./pep.ts";
import { knowSubject, type SubjectSources } from "./subject.ts";
import { inSlices } from "./time-slice.ts";

export interface AccessDeskOptions extends SubjectSources {
  readonly site: string;
  readonly node: string;
  readonly state: Pick<StateKeeper, "spent" | "reserve" | "confirm">;
  readonly evidence: Pick<EvidenceLog, "allowed" | "denied">;
  readonly clock: { now(): Instant };
  readonly log: Log;
  readonly counts: DecisionCounts;
  /** Shared with other desks: what one journal can have under way. */
  readonly inFlight: InFlight;
  readonly tiers: Pick<TierDesk, "settle" | "counts">;
  policy(): ActivePolicy | undefined;
}

/**
 * Decides for registered PEPs as the gateway decides for itself: the same policy, function and journal. An answer was
 * durable before it was given, unless a rule said otherwise (PROTOCOLS 6.2).
 */
export class AccessDesk {
  readonly #options: AccessDeskOptions;

  constructor(options: AccessDeskOptions) {
    this.#options = options;
  }

  async decide(pep: Pep, request: Json): Promise<AccessAnswer> {
    const [answer] = await this.decideAll(pep, [request]);
    return answer ?? NO_POLICY;
  }

  /** Decides what came together; its leaves share a commit. Answers in the same order. */
  async decideAll(pep: Pep, requests: readonly Json[]): Promise<readonly AccessAnswer[]> {
    const { inFlight, policy, clock } = this.#options;
    const wait = inFlight.enter(requests.length);
    if (wait) await wait;
    try {
      const active = policy();
      const now = clock.now();
      const answers = active
        ? await inSlices(requests, (request) => this.#decideOne(pep, request, active, now))
        : requests.map(() => NO_POLICY);
      for (const answer of answers) this.#tell(pep, answer);
      return answers;
    } finally {
      inFlight.leave(requests.length);
    }
  }

  /** What would be decided now, for searches: nobody is told that it was. */
  wouldAllow(pep: Pep, asked: AccessRequest, active: ActivePolicy): boolean {
    if (!mayClaim(pep, asked.subject)) return false;
    const { request, context } = this.#situationOf(pep, asked, active, this.#options.clock.now());
    return decide(active.compiled, request, context).effect === "allow";
  }

  #decideOne(pep: Pep, asked: Json, active: ActivePolicy, now: Instant): AccessAnswer | Promise<AccessAnswer> {
    const parsed = parseAccessRequest(asked);
    if (!parsed.ok) return requestInvalid(`${parsed.error.member || "the request"}: expected ${parsed.error.expected}`);
    if (!mayClaim(pep, parsed.value.subject)) return claimRefused(parsed.value.subject.type);
    const { request, context } = this.#situationOf(pep, parsed.value, active, now);
    const decision = decide(active.compiled, request, context);
    const { tiers } = this.#options;
    if (decision.escalation)
      return tiers.settle(decision, request, context, active).then((settled) => this.#enforce(settled, request));
    // What needs no other tier is enforced in this turn, for the sake of the common commit.
    tiers.counts.local++;
    return this.#enforce(decision, request);
  }

  #situationOf(
    pep: Pep,
    asked: AccessRequest,
    active: ActivePolicy,
    now: Instant,
  ): { readonly request: AccessRequest; readonly context: DecisionContext } {
    const { site, node, state } = this.#options;
    const { subject, attestation } = knowSubject(asked.subject, this.#options, active, now);
    const context: DecisionContext = {
      now,
      attestation,
      counters: { spent: (counter, key, window) => state.spent(counter, key, window, now) },
      labels: { site, node },
      requestedBy: pep.requestedBy,
    };
    return { request: subject === asked.subject ? asked : { ...asked, subject }, context };
  }

  /** What the PEP does with it is out of our sight: what is allowed counts as spent, whatever comes of it. */
  async #enforce(decision: Decision, { subject }: AccessRequest): Promise<AccessAnswer> {
    const { state, evidence, clock } = this.#options;
    const { effect, reason, record } = decision;
    try {
      if (effect === "deny") {
        const number = await evidence.denied(record, subject.id);
        return { type: "decided", isAllowed: false, reason, decision, number };
      }
      const [spend] = decision.spend;
      // PROTOCOLS 4.3: reserved durably before the effect.
      const reserved = spend && (await state.reserve(spend, clock.now()));
      if (reserved && !reserved.ok) {
        const why = codeToReason(reserved.error.code);
        const number = await evidence.denied(overruled(decision, why), subject.id);
        return { type: "decided", isAllowed: false, reason: why, decision, number };
      }
      const number = await evidence.allowed(record, decision.fastCommitWindow);
      if (reserved?.ok) state.confirm(reserved.value);
      return { type: "decided", isAllowed: true, reason, decision, number };
    } catch (error) {
      return asUnrecorded(error);
    }
  }

  #tell(pep: Pep, answer: AccessAnswer): void {
    const counts = this.#options.counts.of(pep);
    if (answer.type === "refused") counts.refused++;
    else if (answer.type === "unavailable") counts.unavailable++;
    else if (answer.isAllowed) counts.allowed++;
    else counts.denied++;
    if (!pep.isLogged || answer.type !== "decided") return;
    const { number, isAllowed, reason } = answer;
    this.#options.log("info", "a decision was given", { pep: pep.name, decision: number, isAllowed, reason });
  }
}

function requestInvalid(message: string): Refused {
  return { type: "refused", code: "REQUEST_INVALID", message };
}

function claimRefused(type: string): Refused {
  const message = `this decision point is not registered to name subjects of type ${type}`;
  return { type: "refused", code: "CLAIM_REFUSED", message };
}
