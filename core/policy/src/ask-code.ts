import { type Crypto, instantToString, isJsonObject, type JsonObject, type Random } from "@vedette/base";
import { RegoSet, type Value, valueToJson } from "@vedette/rego";
import type { AnswerCache, CachedAnswer } from "./answer-cache.ts";
import { type Escalation, parseEscalation } from "./escalation.ts";
import type { PolicyCode } from "./policy-code.ts";
import type { AccessRequest, AttestationState, DecisionContext } from "./request.ts";
import type { Obligation } from "./rules.ts";

/** What Rego says to a request. */
export type CodeAnswer =
  | ({ readonly type: "deny" | "allow" } & CodeRule)
  | { readonly type: "escalate"; readonly escalation: Escalation }
  /** A deny looked at something that the request does not have: unknown, and so it fires (PROTOCOLS 5.1). */
  | { readonly type: "unknown" }
  /** An allow holds, but not in this attestation state. */
  | ({ readonly type: "unfit" } & CodeRule)
  /** A limit, a conflict, or an answer of a shape that means nothing. Denies. */
  | { readonly type: "failed"; readonly failure: string };

interface CodeRule {
  readonly rule: string | undefined;
  readonly description: string | undefined;
  readonly obligations: readonly Obligation[];
  /** Evaluated for an equal request before. */
  readonly isCached?: boolean;
}

export interface CodePorts {
  readonly crypto: Crypto;
  readonly random: Random;
}

const PLAIN: CodeRule = { rule: undefined, description: undefined, obligations: [] };
const OBLIGATIONS_MAX = 16;

/** Whether Rego denies; undefined when it does not. */
export function askDeny(
  code: PolicyCode,
  request: AccessRequest,
  context: DecisionContext,
  ports: CodePorts,
): CodeAnswer | undefined {
  const { deny } = code.access;
  if (deny === undefined) return undefined;
  const found = ask(deny, inputOf(request, context), context, ports);
  if (found.failure !== undefined) return { type: "failed", failure: found.failure.message };
  const first = firstOf(found.value);
  if (first !== undefined) return { type: "deny", ...ruleOf(first), isCached: found.isHit };
  return found.hasMissed ? { type: "unknown" } : undefined;
}

/** Whether another tier shall decide; undefined when none need be asked. */
export function askEscalate(
  code: PolicyCode,
  request: AccessRequest,
  context: DecisionContext,
  ports: CodePorts,
): CodeAnswer | undefined {
  const { escalate } = code.access;
  if (escalate === undefined) return undefined;
  const found = ask(escalate, inputOf(request, context), context, ports);
  if (found.failure !== undefined) return { type: "failed", failure: found.failure.message };
  const first = firstOf(found.value);
  if (first === undefined) return undefined;
  const escalation = parseEscalation(jsonOf(first));
  return escalation ? { type: "escalate", escalation } : { type: "failed", failure: "escalate is malformed" };
}

/** Whether Rego allows. It sees the request without the address: an address never allows anything (ID3). */
export function askAllow(
  code: PolicyCode,
  request: AccessRequest,
  context: DecisionContext,
  ports: CodePorts,
): CodeAnswer | undefined {
  const { allow } = code.access;
  if (allow === undefined) return undefined;
  const found = ask(allow, inputOf(withoutAddress(request), context), context, ports);
  if (found.failure !== undefined) return { type: "failed", failure: found.failure.message };
  const first = firstOf(found.value);
  if (first === undefined) return undefined;
  const rule = { ...ruleOf(first), isCached: found.isHit };
  return { type: statesOf(first).includes(context.attestation.state) ? "allow" : "unfit", ...rule };
}

/** What rules see, in the record as in Rego: the request, and what the node itself knows of the subject. */
export function inputOf(
  { subject, action, resource, context }: AccessRequest,
  { attestation }: Pick<DecisionContext, "attestation">,
): JsonObject {
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

function withoutAddress(request: AccessRequest): AccessRequest {
  if (request.context === undefined || !Object.hasOwn(request.context, "ip")) return request;
  const { ip: _, ...context } = request.context;
  return { ...request, context };
}

function ask(rule: AnswerCache, input: JsonObject, { now }: DecisionContext, ports: CodePorts): CachedAnswer {
  return rule.ask({ input, now, ...ports });
}

/** `true`, an object, or the first of a set or list: what a rule may answer. False, nothing and empty mean no. */
function firstOf(value: Value | undefined): Value | undefined {
  if (value === undefined || value === false || value === null) return undefined;
  if (value instanceof RegoSet) return value.sorted[0];
  return Array.isArray(value) ? value[0] : value;
}

function jsonOf(value: Value): unknown {
  return JSON.parse(valueToJson(value));
}

/** A text says why; an object may name the rule. Anything else is a plain yes. */
function ruleOf(value: Value): CodeRule {
  if (typeof value === "string") return { ...PLAIN, description: value };
  const json = jsonOf(value);
  if (!isJsonObject(json)) return PLAIN;
  const { rule, description, obligations } = json;
  return {
    rule: typeof rule === "string" ? rule : undefined,
    description: typeof description === "string" ? description : undefined,
    obligations: Array.isArray(obligations) ? obligations.filter(isObligation).slice(0, OBLIGATIONS_MAX) : [],
  };
}

function isObligation(value: unknown): value is Obligation {
  return isJsonObject(value) && typeof value["type"] === "string";
}

/** PROTOCOLS 2.6: an allow holds for a fresh subject, unless it says more. */
function statesOf(value: Value): readonly AttestationState[] {
  const json = typeof value === "object" && value !== null ? jsonOf(value) : undefined;
  if (!isJsonObject(json)) return ["fresh"];
  if (json["safe"] === true) return ["fresh", "stale", "expired"];
  const states = json["states"];
  return Array.isArray(states) && states.includes("stale") ? ["fresh", "stale"] : ["fresh"];
}
