import type { Instant, Json } from "@vedette/base";
import { type AccessRequest, type Decision, type DecisionContext, decide, parseAccessRequest } from "@vedette/policy";
import type { Log } from "@vedette/runtime";
import type { Unwritten } from "../decision-leaves.ts";
import type { EvidenceLog, Writing } from "../evidence-log.ts";
import type { ActivePolicy } from "../gateway.ts";
import { codeToReason, overruled } from "../overruled.ts";
import type { StateKeeper } from "../state-keeper.ts";
import type { Situation, TierDesk } from "../tier-desk.ts";
import { type AccessAnswer, asUnrecorded, NO_POLICY, type Refused, type Unavailable } from "./answers.ts";
import type { DecisionCounts } from "./decision-counts.ts";
import type { InFlight } from "./in-flight.ts";
import { mayClaim, type Pep } from "./pep.ts";
import { knowSubject, type SubjectSources } from "./subject.ts";
import { inSlices } from "./time-slice.ts";

export interface AccessDeskOptions extends SubjectSources {
  readonly site: string;
  readonly node: string;
  readonly state: Pick<StateKeeper, "spent" | "reserve" | "confirm" | "release">;
  readonly evidence: Pick<EvidenceLog, "writeAllowed" | "writeDenied">;
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
  readonly #labels: DecisionContext["labels"];

  constructor(options: AccessDeskOptions) {
    this.#options = options;
    this.#labels = { site: options.site, node: options.node };
  }

  async decide(pep: Pep, request: Json): Promise<AccessAnswer> {
    const [answer] = await this.decideAll(pep, [request], (each) => each);
    return answer ?? NO_POLICY;
  }

  /**
   * Decides what came together; its records share leaves and a commit. Answers in the same order, each in the form that it is
   * given in, at once: what waits for the disk should be little.
   */
  async decideAll<T>(pep: Pep, requests: readonly Json[], form: (answer: AccessAnswer) => T): Promise<readonly T[]> {
    const { inFlight, policy, clock } = this.#options;
    const wait = inFlight.enter(requests.length);
    if (wait) await wait;
    const round: Round<T> = { pep, active: policy(), now: clock.now(), form };
    // Returned, not awaited: the requests are garbage while their answers wait for the disk.
    return this.#tellAll(
      inSlices(requests, (request) => this.#decideOne(request, round)),
      round,
      requests.length,
    );
  }

  async #tellAll<T>(given: Promise<readonly Given<T>[]>, round: Round<T>, count: number): Promise<readonly T[]> {
    try {
      return await this.#awaitWritten(await given, round);
    } finally {
      this.#options.inFlight.leave(count);
    }
  }

  /** What would be decided now, for searches: nobody is told that it was. */
  wouldAllow(pep: Pep, asked: AccessRequest, active: ActivePolicy): boolean {
    if (!mayClaim(pep, asked.subject)) return false;
    const { request, context } = this.#situationOf(pep, asked, active, this.#options.clock.now());
    return decide(active.compiled, request, context).effect === "allow";
  }

  #decideOne<T>(asked: Json, round: Round<T>): Given<T> | Promise<Given<T>> {
    const { pep, active, now } = round;
    if (!active) return withoutNumber(NO_POLICY, round);
    const parsed = parseAccessRequest(asked);
    if (!parsed.ok)
      return withoutNumber(
        requestInvalid(`${parsed.error.member || "the request"}: expected ${parsed.error.expected}`),
        round,
      );
    if (!mayClaim(pep, parsed.value.subject)) return withoutNumber(claimRefused(parsed.value.subject.type), round);
    const { request, context } = this.#situationOf(pep, parsed.value, active, now);
    const decision = decide(active.compiled, request, context);
    const { tiers } = this.#options;
    if (decision.escalation)
      return tiers
        .settle(decision, request, () => this.#present(pep, parsed.value))
        .then((settled) => this.#enforce(settled, request, round));
    // What needs no other tier is enforced in this turn, for the sake of the common commit.
    tiers.counts.local++;
    return this.#enforce(decision, request, round);
  }

  #present(pep: Pep, asked: AccessRequest): Situation | undefined {
    const active = this.#options.policy();
    return active && { compiled: active.compiled, ...this.#situationOf(pep, asked, active, this.#options.clock.now()) };
  }

  #situationOf(
    pep: Pep,
    asked: AccessRequest,
    active: ActivePolicy,
    now: Instant,
  ): { readonly request: AccessRequest; readonly context: DecisionContext } {
    const { state } = this.#options;
    const { subject, attestation } = knowSubject(asked.subject, this.#options, active, now);
    const context: DecisionContext = {
      now,
      attestation,
      counters: { spent: (counter, key, window) => state.spent(counter, key, window, now) },
      labels: this.#labels,
      requestedBy: pep.requestedBy,
    };
    return { request: subject === asked.subject ? asked : { ...asked, subject }, context };
  }

  /** What the PEP does with it is out of our sight: what is allowed counts as spent, whatever comes of it. */
  #enforce<T>(decision: Decision, { subject }: AccessRequest, round: Round<T>): Given<T> | Promise<Given<T>> {
    const { evidence } = this.#options;
    const [spend] = decision.spend;
    if (spend) return this.#spend(decision, spend, subject.id, round);
    try {
      return decision.effect === "deny"
        ? withNumber(decision, false, decision.reason, evidence.writeDenied(decision, subject.id), round)
        : withNumber(
            decision,
            true,
            decision.reason,
            evidence.writeAllowed(decision, decision.fastCommitWindow),
            round,
          );
    } catch (error) {
      return withoutNumber(asUnrecorded(error), round);
    }
  }

  /** PROTOCOLS 4.3: reserved durably before the effect. */
  async #spend<T>(
    decision: Decision,
    spend: Decision["spend"][number],
    subject: string,
    round: Round<T>,
  ): Promise<Given<T>> {
    const { state, evidence, clock } = this.#options;
    try {
      const reserved = await state.reserve(spend, clock.now());
      if (!reserved.ok) {
        const why = codeToReason(reserved.error.code);
        return withNumber(decision, false, why, evidence.writeDenied(overruled(decision, why), subject), round);
      }
      return withNumber(decision, true, decision.reason, await this.#writeSpent(decision, reserved.value), round);
    } catch (error) {
      return withoutNumber(asUnrecorded(error), round);
    }
  }

  /** What has no record has no effect, and so spends nothing. */
  async #writeSpent(decision: Decision, reserved: Parameters<StateKeeper["confirm"]>[0]): Promise<Writing> {
    const { state, evidence } = this.#options;
    let isWritten = false;
    try {
      const writing = evidence.writeAllowed(decision, decision.fastCommitWindow);
      isWritten = !(await writing.written)?.has(writing.number);
      return writing;
    } finally {
      if (isWritten) state.confirm(reserved);
      else state.release(reserved);
    }
  }

  /** PROTOCOLS 6.2: nobody is told before it is durable, and what cannot be has no effect. */
  async #awaitWritten<T>(given: readonly Given<T>[], round: Round<T>): Promise<readonly T[]> {
    let [written, unwritten]: [Given<T>["written"], Unwritten | undefined] = [undefined, undefined];
    const answers: T[] = [];
    for (const each of given) {
      // Those written together have one promise.
      if (each.written !== written) {
        written = each.written;
        unwritten = await written;
      }
      const failure = each.number === undefined ? undefined : unwritten?.get(each.number);
      const told = failure ? withoutNumber(asUnrecorded(failure), round) : each;
      this.#tell(round.pep, told);
      answers.push(told.answer);
    }
    return answers;
  }

  #tell(pep: Pep, { number, outcome, reason }: Given<unknown>): void {
    this.#options.counts.of(pep)[outcome]++;
    if (!pep.isLogged || number === undefined) return;
    const isAllowed = outcome === "allowed";
    this.#options.log("info", "a decision was given", { pep: pep.name, decision: number, isAllowed, reason });
  }
}

/** What is decided together has in common: who asks, of which policy, when, and how it wants to be told. */
interface Round<T> {
  readonly pep: Pep;
  readonly active: ActivePolicy | undefined;
  readonly now: Instant;
  readonly form: (answer: AccessAnswer) => T;
}

/** An answer that is on its way to the disk. */
interface Given<T> {
  readonly outcome: "allowed" | "denied" | "refused" | "unavailable";
  readonly answer: T;
  readonly reason: string;
  /** In the journal; nothing was decided without. */
  readonly number: number | undefined;
  readonly written: Writing["written"];
}

function withNumber<T>(
  decision: Decision,
  isAllowed: boolean,
  reason: string,
  { number, written }: Writing,
  { form }: Round<T>,
): Given<T> {
  const answer = form({ type: "decided", isAllowed, reason, decision, number });
  return { outcome: isAllowed ? "allowed" : "denied", answer, reason, number, written };
}

function withoutNumber<T>(answer: Refused | Unavailable, { form }: Round<T>): Given<T> {
  return { outcome: answer.type, answer: form(answer), reason: answer.code, number: undefined, written: undefined };
}

function requestInvalid(message: string): Refused {
  return { type: "refused", code: "REQUEST_INVALID", message };
}

function claimRefused(type: string): Refused {
  const message = `this decision point is not registered to name subjects of type ${type}`;
  return { type: "refused", code: "CLAIM_REFUSED", message };
}
