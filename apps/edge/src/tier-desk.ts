import type { Instant } from "@vedette/base";
import {
  type AccessRequest,
  type CompiledPolicy,
  type Decision,
  type DecisionContext,
  decide,
  decideLocally,
  type Escalation,
  NONE_UNANSWERED,
  resolveEscalation,
  type TierAnswer,
} from "@vedette/policy";

/** A nearer or farther tier that can be asked. It ends its work when the signal says that nobody waits any longer. */
export interface TierClient {
  ask(tier: Escalation["tier"], request: AccessRequest, signal: AbortSignal): Promise<TierAnswer>;
}

/** How many access decisions this node gave by itself, and how many it asked about (PL5). */
export interface TierCounts {
  local: number;
  escalated: number;
  /** Of those: nobody answered in time. */
  unanswered: number;
}

/** What a decision is taken on. */
export interface Situation {
  readonly compiled: CompiledPolicy;
  readonly request: AccessRequest;
  readonly context: DecisionContext;
}

export interface TierDeskOptions {
  readonly clock: { now(): Instant };
  /** Without one, no tier is within reach. */
  readonly tier?: TierClient;
}

const OUT_OF_REACH: TierAnswer = { type: "failed", failure: "unreachable" };

/**
 * Takes what a rule will not decide here to the tier that it names, and waits no longer than the rule says. One for each
 * node: the cap on going on without an answer counts over all who ask.
 */
export class TierDesk {
  readonly counts: TierCounts = { local: 0, escalated: 0, unanswered: 0 };
  readonly #options: TierDeskOptions;
  #unanswered = NONE_UNANSWERED;

  constructor(options: TierDeskOptions) {
    this.#options = options;
  }

  /**
   * The decision that stands: the same one, or what came of asking. While another tier thinks, a policy can change and a
   * device fall from grace, so what was asked about is decided anew, as things are when the answer is there. Never rejects.
   */
  async settle(asked: Decision, request: AccessRequest, present: () => Situation | undefined): Promise<Decision> {
    const { escalation } = asked;
    if (escalation === undefined) {
      this.counts.local++;
      return asked;
    }
    this.counts.escalated++;
    const answer = await this.#ask(escalation, request);
    if (answer.type === "failed") this.counts.unanswered++;
    const now = present();
    // Without a policy nobody may go on: what asked was a deny.
    return now ? this.#settleNow(asked, escalation.tier, answer, now) : asked;
  }

  #settleNow(asked: Decision, tier: Escalation["tier"], answer: TierAnswer, now: Situation): Decision {
    const anew = decide(now.compiled, now.request, now.context);
    const isDenied = answer.type === "decided" && answer.effect === "deny";
    // A tier that was asked and denied is not outvoted by a policy that came meanwhile.
    if (anew.escalation === undefined && !(isDenied && anew.effect === "allow")) return anew;
    const ground = anew.escalation === undefined ? asked : anew;
    // One tier's word is not another's; its denial stands whoever would be asked now.
    const said = isDenied || ground.escalation?.tier === tier ? answer : OUT_OF_REACH;
    const local = decideLocally(now.compiled, now.request, now.context);
    const settled = resolveEscalation(ground, local, said, this.#unanswered, this.#options.clock.now());
    this.#unanswered = settled.unanswered;
    return settled.decision;
  }

  async #ask({ tier, deadline }: Escalation, request: AccessRequest): Promise<TierAnswer> {
    const client = this.#options.tier;
    if (client === undefined) return OUT_OF_REACH;
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<TierAnswer>((resolve) => {
      timer = setTimeout(() => {
        late.abort();
        resolve({ type: "failed", failure: "timeout" });
      }, deadline);
    });
    const answer = askClient(client, tier, request, late.signal);
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function askClient(
  client: TierClient,
  tier: Escalation["tier"],
  request: AccessRequest,
  signal: AbortSignal,
): Promise<TierAnswer> {
  try {
    const answer: TierAnswer | undefined = await client.ask(tier, request, signal);
    const isDecided = answer?.type === "decided" && (answer.effect === "allow" || answer.effect === "deny");
    return isDecided || answer?.type === "failed" ? answer : { type: "failed", failure: "invalid" };
  } catch {
    // A client that throws could not be asked.
    return OUT_OF_REACH;
  }
}
