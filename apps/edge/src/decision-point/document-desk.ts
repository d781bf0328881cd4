import {
  type Crypto,
  err,
  hex,
  type Instant,
  instantToString,
  type Json,
  type JsonObject,
  ok,
  type Result,
  readJson,
  utf8,
} from "@vedette/base";
import { type Answer, maskInput, type PolicyCode, type QueryDeps, type QueryRefused } from "@vedette/policy";
import { isPlainObject, LimitExceeded, type QueryFailure, type Value, valueToJson } from "@vedette/rego";
import type { Log } from "@vedette/runtime";
import type { EvidenceLog } from "../evidence-log.ts";
import type { ActivePolicy } from "../gateway.ts";
import { asUnrecorded, NO_POLICY, type QueryAnswer, type Refused, type Unavailable } from "./answers.ts";
import type { DecisionCounts } from "./decision-counts.ts";
import type { InFlight } from "./in-flight.ts";
import { mayClaim, mayClaimAnything, type Pep } from "./pep.ts";
import { knowInputSubject, type SubjectSources } from "./subject.ts";

export interface DocumentDeskOptions extends SubjectSources {
  readonly site: string;
  readonly node: string;
  readonly evidence: Pick<EvidenceLog, "queried">;
  readonly clock: { now(): Instant };
  readonly crypto: Pick<Crypto, "hash">;
  readonly log: Log;
  readonly counts: DecisionCounts;
  readonly inFlight: InFlight;
  policy(): ActivePolicy | undefined;
}

/** Beyond it a leaf says of a result only which it was: `GET /v1/data` may be a whole inventory. */
const RECORDED_RESULT_LENGTH_MAX = 16_384;

/** Answers what OPA's API asks: documents and queries. Each is a decision, recorded before it is answered. */
export class DocumentDesk {
  readonly #options: DocumentDeskOptions;

  constructor(options: DocumentDeskOptions) {
    this.#options = options;
  }

  /** The document at a path below `data`. That it is undefined is an answer too. */
  document(pep: Pep, path: readonly string[], input: Value | undefined): Promise<QueryAnswer<Value | undefined>> {
    return this.#ask(pep, { path: path.join("/") }, input, (code, seen, deps) => code.document(path, seen, deps));
  }

  /** A query of the PEP's own making can name any subject, so only who may name any may ask. */
  async query(pep: Pep, text: string, input: Value | undefined): Promise<QueryAnswer<readonly Answer[]>> {
    if (mayClaimAnything(pep))
      return this.#ask(pep, { path: "", query: text }, input, (code, seen, deps) => code.query(text, seen, deps));
    this.#options.counts.of(pep).refused++;
    return claimRefused('a query can name any subject, and this decision point may not: "mayClaimSubject": ["*"]');
  }

  /** Writes that a search was answered. */
  async recordSearch(pep: Pep, path: string, input: JsonObject, result: JsonObject): Promise<number | Unavailable> {
    const active = this.#options.policy();
    return active ? this.#write(pep, { path }, input, result, active) : NO_POLICY;
  }

  async #ask<T extends Value | undefined>(
    pep: Pep,
    asked: Asked,
    input: Value | undefined,
    evaluate: (code: PolicyCode, input: Value | undefined, deps: QueryDeps) => Result<T, QueryFailure | QueryRefused>,
  ): Promise<QueryAnswer<T>> {
    const { policy, clock, counts } = this.#options;
    const active = policy();
    const code = active?.compiled.code;
    if (!active || !code) {
      counts.of(pep).unavailable++;
      return active ? NO_CODE : NO_POLICY;
    }
    const now = clock.now();
    const seen = this.#inputSeen(pep, input, active, now);
    if (!seen.ok) {
      counts.of(pep).refused++;
      return seen.error;
    }
    const begun = process.hrtime.bigint();
    const found = evaluate(code.modules, seen.value, { now, ...code.ports });
    const evaluationNs = Number(process.hrtime.bigint() - begun);
    const answer = found.ok ? withText(found.value) : found;
    const told = withText(seen.value);
    const record = (result: Json | undefined) =>
      this.#write(pep, asked, told.ok ? this.#asRecorded(told.value.text) : null, result, active);
    if (answer.ok) {
      const number = await record(this.#asRecorded(answer.value.text, RECORDED_RESULT_LENGTH_MAX));
      if (typeof number !== "number") return number;
      return { type: "answered", value: answer.value.value, number, evaluationNs };
    }
    const { error } = answer;
    if (error.code === "query_invalid") {
      counts.of(pep).refused++;
      return { type: "refused", code: "QUERY_INVALID", message: error.message, errors: error.errors };
    }
    const number = await record({ error: error.message });
    return typeof number === "number" ? { type: "failed", failure: error, number } : number;
  }

  /** The input with what the node knows of its subject; refused when this PEP may not name that one. */
  #inputSeen(
    pep: Pep,
    input: Value | undefined,
    active: ActivePolicy,
    now: Instant,
  ): Result<Value | undefined, Refused> {
    const members = input !== undefined && isPlainObject(input) && Object.hasOwn(input, "subject") ? input : undefined;
    if (!members) return ok(input);
    const { subject } = members;
    const { type, id } = subject !== undefined && isPlainObject(subject) ? subject : {};
    if (typeof type === "string" && typeof id === "string" && mayClaim(pep, { type, id })) {
      const known = knowInputSubject(
        { type, id, members: subject as Readonly<Record<string, Value>> },
        this.#options,
        active,
        now,
      );
      return ok({ ...members, subject: known });
    }
    if (mayClaimAnything(pep)) return ok(input);
    return err(claimRefused("the input names a subject that this decision point is not registered to name"));
  }

  async #write(
    pep: Pep,
    asked: Asked,
    input: Json | undefined,
    result: Json | undefined,
    { compiled: { origin, mask } }: ActivePolicy,
  ): Promise<number | Unavailable> {
    const { site, node, evidence, clock, counts, log, inFlight } = this.#options;
    const wait = inFlight.enter(1);
    if (wait) await wait;
    const masked = input === undefined ? undefined : maskInput(mask, input);
    try {
      const number = await evidence.queried({
        labels: { site, node },
        bundles: { [origin.bundle]: { revision: origin.revision } },
        ...asked,
        ...(masked && { input: masked.input }),
        ...(result !== undefined && { result }),
        ...(masked && masked.erased.length > 0 && { erased: masked.erased }),
        requested_by: pep.requestedBy,
        timestamp: instantToString(clock.now()),
      });
      counts.of(pep).queried++;
      if (pep.isLogged) log("info", "a query was answered", { pep: pep.name, decision: number, ...asked });
      return number;
    } catch (error) {
      counts.of(pep).unavailable++;
      return asUnrecorded(error);
    } finally {
      inFlight.leave(1);
    }
  }

  /** As the journal can carry it: a long value as its digest, numbers beyond a double within the exact text. */
  #asRecorded(text: string | undefined, lengthMax: number = Number.POSITIVE_INFINITY): Json | undefined {
    if (text === undefined) return undefined;
    if (text.length > lengthMax) {
      const digest = this.#options.crypto.hash("sha256", utf8(text));
      return { sha256: hex(digest), length: text.length, truncated: true };
    }
    const plain: Json = readJson(text);
    return valueToJson(plain) === text ? plain : { json: text };
  }
}

/** A value beside its JSON text; undefined has none. One too large to be written down is a failure of the query. */
function withText<T extends Value | undefined>(value: T): Result<{ value: T; text: string | undefined }, QueryFailure> {
  try {
    return ok({ value, text: value === undefined ? undefined : valueToJson(value) });
  } catch (cause) {
    if (!(cause instanceof LimitExceeded)) throw cause;
    return err({ code: "limit", limit: cause.limit, message: cause.message });
  }
}

interface Asked {
  readonly path: string;
  readonly query?: string;
}

const NO_CODE: Unavailable = {
  type: "unavailable",
  code: "CODE_MISSING",
  message: "the active policy has no Rego modules to ask",
};

function claimRefused(message: string): Refused {
  return { type: "refused", code: "CLAIM_REFUSED", message };
}
