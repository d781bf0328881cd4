import { assert, canonicalJson, type Duration, instantToString, type Json, type JsonObject } from "@vedette/base";
import { accessInput, type CodeAnswer } from "./ask-code.ts";
import type { CompiledPolicy } from "./compile.ts";
import type { Escalation, Tier } from "./escalation.ts";
import { maskInput } from "./mask.ts";
import type { RecordText, RecordWriter } from "./record-writer.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import { type LimitExceeded, NO_RULE, type SpendReservation } from "./rule-search.ts";
import type { Obligation } from "./rules.ts";

export type Reason =
  | "allowed-by-rule"
  | "denied-by-rule"
  /** No rule says allow. */
  | "no-rule"
  /** A rule would allow, but for its spend limit. */
  | "limit-exceeded"
  /** A rule would allow, but the subject's attestation is stale or expired. */
  | "not-fresh"
  /** The subject's last appraisal was negative. */
  | "contraindicated"
  | "policy-expired"
  /** A mandatory member of the request is missing; a PEP that parses its requests never sees this. */
  | "request-invalid"
  /** A Rego deny looked at something that the request does not have (PROTOCOLS 5.1). */
  | "attribute-unknown"
  /** Rego ran into a limit or a conflict, or answered in a shape that means nothing. */
  | "code-failed"
  /** Another tier shall decide, and has not. */
  | "escalation-needed"
  /** Another tier denied. */
  | "denied-by-tier"
  /** Another tier allowed. */
  | "allowed-by-tier"
  /** Nobody answered in time, and the rule says deny, or its cap is used up. */
  | "escalation-unanswered"
  /** A bug of ours; nobody was allowed. */
  | "engine-error";

export interface Decision {
  readonly effect: "allow" | "deny";
  readonly reason: Reason;
  /** The rule that decided, or the one that would have allowed. */
  readonly ruleId: string | undefined;
  /** That rule's own words. */
  readonly description: string | undefined;
  readonly obligations: readonly Obligation[];
  /** Reservations to make durable before the effect; empty for a deny. */
  readonly spend: readonly SpendReservation[];
  readonly limitExceeded: LimitExceeded | undefined;
  /** `fast` only where the rule said so, with how long the record may lag. */
  readonly commit: "durable" | "fast";
  readonly fastCommitWindow: Duration | undefined;
  /** What another tier is to be asked; until `resolveEscalation`, the effect is a deny. */
  readonly escalation: Escalation | undefined;
  /** The tier whose word the effect is. */
  readonly answeredBy: Tier;
  /** Built when first asked for; plain data that JSON can carry. */
  readonly record: DecisionRecord;
  /** The same as text, without making it first. */
  writeRecord(writer: RecordWriter): RecordText;
}

/** An event of OPA's decision log; the journal adds `decision_id`. */
export interface DecisionRecord {
  readonly labels: Readonly<Record<string, string>>;
  readonly bundles: Readonly<Record<string, { readonly revision: string }>>;
  readonly path: string;
  /** The request with `subject.attestation`, less what the policy's mask erased. */
  readonly input: Json;
  readonly result: JsonObject;
  readonly erased?: readonly string[];
  readonly requested_by: string;
  /** RFC 3339. */
  readonly timestamp: string;
}

/** The document that OPA would be asked for. */
const DECISION_PATH = "vedette/rules";
const NONE: readonly never[] = [];

/** The rule that an effect comes from, as far as there is one. */
interface Ground {
  readonly rule: string | undefined;
  readonly description: string | undefined;
  readonly obligations: readonly Obligation[];
  readonly fastCommit?: Duration | undefined;
  readonly reservation?: SpendReservation | undefined;
  readonly limitExceeded?: LimitExceeded | undefined;
  readonly escalation?: Escalation | undefined;
  /** The document that OPA would be asked for. */
  readonly path?: string;
  readonly answeredBy?: Tier;
  readonly isCached?: boolean;
}

const NO_GROUND: Ground = { rule: undefined, description: undefined, obligations: NONE };

/** A refusal that no rule had a part in. */
export function refusal(
  policy: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
  reason: Reason,
): Decision {
  return new Verdict(policy, request, context, "deny", reason, NO_GROUND);
}

/** What the search found: the rule that holds, else the rule that nearly did, else nothing. */
export function foundDecision(
  policy: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
  mayEscalate: boolean,
): Decision {
  const { decisive, limited, unfit, table, reservation } = policy.search;
  if (decisive < table.denyCount)
    return new Verdict(policy, request, context, "deny", "denied-by-rule", groundOf(policy, decisive, undefined));
  if (decisive !== NO_RULE) {
    const ground = groundOf(policy, decisive, reservation);
    // What is not decided here spends nothing here.
    return mayEscalate && ground.escalation !== undefined
      ? new Verdict(policy, request, context, "deny", "escalation-needed", ground)
      : new Verdict(policy, request, context, "allow", "allowed-by-rule", ground);
  }
  if (limited === NO_RULE && unfit === NO_RULE) return refusal(policy, request, context, "no-rule");
  return nearDecision(policy, request, context);
}

/** A rule that nearly allowed has no say: its obligations belong to the effect. */
function nearDecision(policy: CompiledPolicy, request: AccessRequest, context: DecisionContext): Decision {
  const { limited, limitExceeded, unfit } = policy.search;
  const near = (rule: number): Ground => ({
    ...groundOf(policy, rule, undefined),
    obligations: NONE,
    escalation: undefined,
  });
  return limited === NO_RULE
    ? new Verdict(policy, request, context, "deny", "not-fresh", near(unfit))
    : new Verdict(policy, request, context, "deny", "limit-exceeded", { ...near(limited), limitExceeded });
}

/** What Rego said. */
export function codeDecision(
  policy: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
  answer: CodeAnswer,
): Decision {
  const verdict = (effect: Decision["effect"], reason: Reason, ground: Ground, rule: string) =>
    new Verdict(policy, request, context, effect, reason, { ...ground, path: `vedette/access/${rule}` });
  switch (answer.type) {
    case "deny":
      return verdict("deny", "denied-by-rule", answer, "deny");
    case "unknown":
      return verdict("deny", "attribute-unknown", NO_GROUND, "deny");
    case "failed":
      return verdict("deny", "code-failed", { ...NO_GROUND, description: answer.failure }, "deny");
    case "escalate":
      return verdict("deny", "escalation-needed", { ...NO_GROUND, escalation: answer.escalation }, "escalate");
    case "unfit":
      return verdict("deny", "not-fresh", { ...answer, obligations: NONE }, "allow");
    case "allow":
      return verdict("allow", "allowed-by-rule", answer, "allow");
  }
}

/** The same request, decided by another tier or by what stands when none answered. */
export function tierDecision(
  decision: Decision,
  effect: Decision["effect"],
  reason: Reason,
  answeredBy: Tier,
  description: string | undefined,
): Decision {
  assert(decision instanceof Verdict, "decisions are made here");
  return decision.settled(effect, reason, answeredBy, description);
}

function groundOf({ search }: CompiledPolicy, rule: number, reservation: SpendReservation | undefined): Ground {
  const extras = search.extrasOf(rule);
  return {
    rule: search.idOf(rule),
    description: extras?.description,
    obligations: extras?.obligations ?? NONE,
    fastCommit: extras?.fastCommit,
    escalation: extras?.escalate,
    reservation,
  };
}

/** Keeps what the decision rests on, and says the rest of it when asked. */
class Verdict implements Decision {
  readonly effect: Decision["effect"];
  readonly reason: Reason;
  readonly #ground: Ground;
  readonly #policy: CompiledPolicy;
  readonly #request: AccessRequest;
  readonly #context: DecisionContext;
  #record: DecisionRecord | undefined;

  constructor(
    policy: CompiledPolicy,
    request: AccessRequest,
    context: DecisionContext,
    effect: Decision["effect"],
    reason: Reason,
    ground: Ground,
  ) {
    this.effect = effect;
    this.reason = reason;
    this.#ground = ground;
    this.#policy = policy;
    this.#request = request;
    this.#context = context;
    this.#record = undefined;
  }

  get ruleId(): string | undefined {
    return this.#ground.rule;
  }

  get description(): string | undefined {
    return this.#ground.description;
  }

  get obligations(): readonly Obligation[] {
    return this.#ground.obligations;
  }

  get spend(): readonly SpendReservation[] {
    const { reservation } = this.#ground;
    return this.effect === "allow" && reservation ? [reservation] : NONE;
  }

  get limitExceeded(): LimitExceeded | undefined {
    return this.#ground.limitExceeded;
  }

  get commit(): Decision["commit"] {
    return this.fastCommitWindow === undefined ? "durable" : "fast";
  }

  get fastCommitWindow(): Duration | undefined {
    return this.effect === "allow" ? this.#ground.fastCommit : undefined;
  }

  get escalation(): Escalation | undefined {
    return this.reason === "escalation-needed" ? this.#ground.escalation : undefined;
  }

  get answeredBy(): Tier {
    return this.#ground.answeredBy ?? "edge";
  }

  get path(): string {
    return this.#ground.path ?? DECISION_PATH;
  }

  get isCached(): boolean {
    return this.#ground.isCached ?? false;
  }

  settled(effect: Decision["effect"], reason: Reason, answeredBy: Tier, description: string | undefined): Decision {
    return new Verdict(this.#policy, this.#request, this.#context, effect, reason, {
      rule: this.ruleId,
      description: description ?? this.description,
      obligations: this.obligations,
      reservation: this.spend[0],
      fastCommit: this.fastCommitWindow,
      path: this.path,
      answeredBy,
    });
  }

  get record(): DecisionRecord {
    this.#record ??= recordOf(this, this.#policy, this.#request, this.#context);
    return this.#record;
  }

  writeRecord(writer: RecordWriter): RecordText {
    const result = isPlain(this)
      ? writer.plainResult(this.effect === "allow", this.reason, this.ruleId)
      : canonicalJson(resultOf(this));
    return writer.write({ path: this.path, result }, this.#policy, this.#request, this.#context);
  }
}

function recordOf(
  decision: Verdict,
  { origin, mask }: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
): DecisionRecord {
  const { input, erased } = maskInput(mask, accessInput(request, context));
  return {
    labels: context.labels,
    bundles: { [origin.bundle]: { revision: origin.revision } },
    path: decision.path,
    input,
    result: resultOf(decision),
    ...(erased.length > 0 && { erased }),
    requested_by: context.requestedBy,
    timestamp: instantToString(context.now),
  };
}

/** Most decisions say no more than which rule held. */
function isPlain(decision: Verdict): boolean {
  return (
    decision.description === undefined &&
    decision.obligations.length === 0 &&
    decision.spend.length === 0 &&
    decision.limitExceeded === undefined &&
    decision.commit === "durable" &&
    decision.escalation === undefined &&
    decision.answeredBy === "edge" &&
    !decision.isCached
  );
}

function resultOf(decision: Verdict): JsonObject {
  const { effect, reason, ruleId, description, obligations, spend, limitExceeded, commit, escalation, answeredBy } =
    decision;
  return {
    allow: effect === "allow",
    reason,
    ...(ruleId !== undefined && { rule: ruleId }),
    ...(description !== undefined && { description }),
    ...(obligations.length > 0 && { obligations }),
    ...(spend.length > 0 && { spend: spend.map((reservation) => ({ ...reservation })) }),
    ...(limitExceeded && { limit: { ...limitExceeded } }),
    ...(commit === "fast" && { commit }),
    ...(escalation && { escalation: { ...escalation, onUnavailable: { ...escalation.onUnavailable } } }),
    ...(answeredBy !== "edge" && { answeredBy }),
    ...(decision.isCached && { cached: true }),
  };
}
