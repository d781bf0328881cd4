import { AdapterError, err, instant, type Json, type JsonObject, ok, type Result, readJson } from "@vedette/base";
import {
  type AccessRequest,
  type Decision,
  type DecisionContext,
  type DecisionRecord,
  decide,
  parseAccessRequest,
  type QueryRefused,
  type SpendCounters,
} from "@vedette/policy";
import { LimitExceeded, type QueryFailure, type Value, valueToJson } from "@vedette/rego";
import type { AccessDecision, Decider } from "./access-decision.ts";
import { type LoadError, type LoadedPolicy, type LoadOptions, loadPolicy, type PolicySource } from "./load.ts";

export type PdpOptions = PolicySource &
  LoadOptions & {
    /** `requested_by` of records. */
    readonly name?: string;
    /** What is spent within limits. Without it every limit counts as used up: nobody keeps count. */
    readonly counters?: SpendCounters;
    /** Takes each access decision's record, masked as the policy says. */
    readonly onRecord?: (record: DecisionRecord) => void;
  };

/** Why a query has no answer. Whoever enforces treats it as a denial. */
export type QueryError = QueryFailure | QueryRefused | { readonly code: "CRYPTO_MISSING"; readonly message: string };

/** What the caller knows of the subject. Without it the subject has never attested, and only `safe` rules allow. */
export interface Situation {
  readonly attestation?: DecisionContext["attestation"];
}

/** A policy decision point in this process: no network, no waiting. */
export interface Pdp extends Decider {
  readonly revision: string;
  readonly sequence: number;
  /** The document that a query such as `data.app.allow` names; undefined is an answer. `input` is plain JSON. */
  decide(query: string, input?: Json): Result<Json | undefined, QueryError>;
  /** All answers of any query, each with its variables. */
  query(text: string, input?: Json): Result<readonly JsonObject[], QueryError>;
  /** Decides as a node does; a request that is none is denied. Never throws. */
  decideAccess(request: AccessRequest, situation?: Situation): AccessDecision;
  /** Which policy this is. Rules, data and inputs do not show in logs. */
  toJSON(): JsonObject;
}

/**
 * Loads a policy and stands ready. Runs wherever `globalThis` is a web host: browsers, workers, Node.
 * ```ts
 * const pdp = await createPdp({ bundle, keys, site: "store-17", host: globalThis });
 * if (pdp.ok && pdp.value.decideAccess(request).decision) …
 * ```
 */
export async function createPdp(options: PdpOptions): Promise<Result<Pdp, LoadError>> {
  const loaded = await loadPolicy(options, options);
  return loaded.ok ? ok(new LocalPdp(loaded.value, options)) : loaded;
}

class LocalPdp implements Pdp {
  readonly revision: string;
  readonly sequence: number;
  readonly #policy: LoadedPolicy["compiled"];
  readonly #options: PdpOptions;

  constructor({ compiled, revision, sequence }: LoadedPolicy, options: PdpOptions) {
    this.revision = revision;
    this.sequence = sequence;
    this.#policy = compiled;
    this.#options = options;
  }

  decide(query: string, input?: Json): Result<Json | undefined, QueryError> {
    const path = parseReference(query);
    if (!path) return err(notAReference(query));
    return this.#ask((code, deps) => {
      const found = code.document(path, input, deps);
      return found.ok ? ok(found.value === undefined ? undefined : toJson(found.value)) : found;
    });
  }

  query(text: string, input?: Json): Result<readonly JsonObject[], QueryError> {
    return this.#ask((code, deps) => {
      const found = code.query(text, input, deps);
      return found.ok ? ok(found.value.map(toJson) as JsonObject[]) : found;
    });
  }

  decideAccess(request: AccessRequest, { attestation = { state: "expired" } }: Situation = {}): AccessDecision {
    const { host, name = "sdk", counters = NOBODY_COUNTS, onRecord } = this.#options;
    const parsed = parseAccessRequest(request);
    if (!parsed.ok) return { decision: false, context: { reason: "request-invalid" } };
    const now = instant(host.Date.now());
    const decision = decide(this.#policy, parsed.value, { now, attestation, counters, labels: {}, requestedBy: name });
    onRecord?.(decision.record);
    return { decision: decision.effect === "allow", context: contextOf(decision) };
  }

  toJSON(): JsonObject {
    return { policy: this.#policy.id, revision: this.revision, sequence: this.sequence };
  }

  #ask<T>(work: (code: Code, deps: Deps) => Result<T, QueryError>): Result<T, QueryError> {
    const { code } = this.#policy;
    if (!code) return err({ code: "query_invalid", message: "the policy has no Rego modules to ask", errors: [] });
    try {
      return work(code.modules, { now: instant(this.#options.host.Date.now()), ...code.ports });
    } catch (cause) {
      if (cause instanceof AdapterError && cause.code === "CRYPTO_MISSING")
        return err({ code: cause.code, message: cause.message });
      if (cause instanceof LimitExceeded) return err({ code: "limit", limit: cause.limit, message: cause.message });
      throw cause;
    }
  }
}

type Code = NonNullable<LoadedPolicy["compiled"]["code"]>["modules"];
type Deps = Parameters<Code["document"]>[2];

const NOBODY_COUNTS: SpendCounters = { spent: () => Number.POSITIVE_INFINITY };

function contextOf({ reason, ruleId, description, obligations, limitExceeded }: Decision): JsonObject {
  return {
    reason,
    ...(ruleId !== undefined && { rule: ruleId }),
    ...(description !== undefined && { description }),
    ...(obligations.length > 0 && { obligations }),
    ...(limitExceeded && { limit: { ...limitExceeded } }),
  };
}

/** `data.app.allow`, `data.app["a-b"]`; OPA's path `app/allow` as well. */
function parseReference(query: string): readonly string[] | undefined {
  if (!/^data(?:[.[]|$)/.test(query)) return /^[^\s"'[\]{}()]+$/.test(query) ? query.split("/") : undefined;
  const segments: string[] = [];
  const step = /\.([A-Za-z_]\w*)|\[("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")\]/uy;
  step.lastIndex = "data".length;
  while (step.lastIndex < query.length) {
    const [, name, quoted] = step.exec(query) ?? [];
    if (name === undefined && quoted === undefined) return undefined;
    segments.push(name ?? (readJson(quoted ?? '""') as string));
  }
  return segments;
}

function notAReference(query: string): QueryRefused {
  const message = `${JSON.stringify(query)} names no document; other queries are for \`query\``;
  return { code: "query_invalid", message, errors: [] };
}

function toJson(value: Value): Json {
  return readJson(valueToJson(value));
}
