import { type Duration, instantToString, isJsonObject, type Json, type JsonObject } from "@vedette/base";
import type { CompiledPolicy } from "./compile.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import { type LimitExceeded, NO_RULE, type SpendReservation } from "./rule-search.ts";
import { extrasOf } from "./rule-table.ts";
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
  /** Built when first asked for; plain data that JSON can carry. */
  readonly record: DecisionRecord;
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
const INPUT = "/input/";

/** A refusal that no rule had a part in. */
export function refusal(
  policy: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
  reason: Reason,
): Decision {
  return new Verdict(policy, request, context, "deny", reason, NO_RULE);
}

/** What the search found: the rule that holds, else the rule that nearly did, else nothing. */
export function foundDecision(policy: CompiledPolicy, request: AccessRequest, context: DecisionContext): Decision {
  const { decisive, limited, unfit, table } = policy.search;
  if (decisive < table.denyCount) return new Verdict(policy, request, context, "deny", "denied-by-rule", decisive);
  if (decisive !== NO_RULE) return new Verdict(policy, request, context, "allow", "allowed-by-rule", decisive);
  if (limited !== NO_RULE) return new Verdict(policy, request, context, "deny", "limit-exceeded", limited);
  if (unfit !== NO_RULE) return new Verdict(policy, request, context, "deny", "not-fresh", unfit);
  return refusal(policy, request, context, "no-rule");
}

class Verdict implements Decision {
  readonly effect: Decision["effect"];
  readonly reason: Reason;
  readonly ruleId: string | undefined;
  readonly description: string | undefined;
  readonly obligations: readonly Obligation[];
  readonly spend: readonly SpendReservation[];
  readonly limitExceeded: LimitExceeded | undefined;
  readonly commit: Decision["commit"];
  readonly fastCommitWindow: Duration | undefined;
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
    rule: number,
  ) {
    const { table, reservation, limitExceeded } = policy.search;
    const extras = rule === NO_RULE ? undefined : extrasOf(table, rule);
    this.effect = effect;
    this.reason = reason;
    this.ruleId = rule === NO_RULE ? undefined : table.ids[rule];
    this.description = extras?.description;
    // A rule that nearly allowed has no say: its obligations belong to the effect.
    this.obligations =
      (reason === "allowed-by-rule" || reason === "denied-by-rule" ? extras?.obligations : NONE) ?? NONE;
    this.spend = effect === "allow" && reservation ? [reservation] : NONE;
    this.limitExceeded = reason === "limit-exceeded" ? limitExceeded : undefined;
    this.fastCommitWindow = effect === "allow" ? extras?.fastCommit : undefined;
    this.commit = this.fastCommitWindow === undefined ? "durable" : "fast";
    this.#policy = policy;
    this.#request = request;
    this.#context = context;
  }

  get record(): DecisionRecord {
    this.#record ??= recordOf(this, this.#policy, this.#request, this.#context);
    return this.#record;
  }
}

function recordOf(
  decision: Decision,
  { origin, mask }: CompiledPolicy,
  request: AccessRequest,
  context: DecisionContext,
): DecisionRecord {
  const erased: string[] = [];
  let input = inputOf(request, context);
  for (const pointer of mask) {
    const masked = erase(input, pointer.slice(INPUT.length).split("/").map(unescapeToken));
    if (masked === undefined) continue;
    input = masked;
    erased.push(pointer);
  }
  return {
    labels: context.labels,
    bundles: { [origin.bundle]: { revision: origin.revision } },
    path: DECISION_PATH,
    input,
    result: resultOf(decision),
    ...(erased.length > 0 && { erased }),
    requested_by: context.requestedBy,
    timestamp: instantToString(context.now),
  };
}

/** What the rules saw, so that a recorded decision can be replayed. */
function inputOf({ subject, action, resource, context }: AccessRequest, { attestation }: DecisionContext): JsonObject {
  return {
    subject: {
      type: subject.type,
      id: subject.id,
      attestation: {
        state: attestation.state,
        ...(attestation.at !== undefined && { at: instantToString(attestation.at) }),
      },
      ...(subject.properties && { properties: subject.properties }),
    },
    action: { ...action },
    resource: { ...resource },
    ...(context && { context }),
  };
}

function resultOf(decision: Decision): JsonObject {
  const { effect, reason, ruleId, description, obligations, spend, limitExceeded, commit } = decision;
  return {
    allow: effect === "allow",
    reason,
    ...(ruleId !== undefined && { rule: ruleId }),
    ...(description !== undefined && { description }),
    ...(obligations.length > 0 && { obligations }),
    ...(spend.length > 0 && { spend: spend.map((reservation) => ({ ...reservation })) }),
    ...(limitExceeded && { limit: { ...limitExceeded } }),
    ...(commit === "fast" && { commit }),
  };
}

/** A copy without the member; undefined when there is nothing to erase. */
function erase(value: Json | undefined, [name, ...rest]: readonly string[]): JsonObject | undefined {
  if (value === undefined || !isJsonObject(value) || name === undefined || !Object.hasOwn(value, name))
    return undefined;
  const { [name]: member, ...others } = value;
  if (rest.length === 0) return others;
  const inner = erase(member, rest);
  return inner && { ...value, [name]: inner };
}

function unescapeToken(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}
