import { type Crypto, instantToString, isJsonObject, type JsonObject, type Random, readJson } from "@vedette/base";
import { isPlainObject, RegoSet, type Value, valueToJson } from "@vedette/rego";
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
  const found = ask(deny, accessInput(request, context), context, ports);
  if (found.failure !== undefined) return { type: "failed", failure: found.failure.message };
  const first = firstOf(found.value);
  // Whatever a deny says, something was said.
  if (first === MALFORMED) return { type: "failed", failure: "deny is malformed" };
  if (first !== undefined) return { type: "deny", ...(ruleOf(first) ?? PLAIN), isCached: found.isHit };
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
  const found = ask(escalate, accessInput(request, context), context, ports);
  if (found.failure !== undefined) return { type: "failed", failure: found.failure.message };
  const first = firstOf(found.value);
  if (first === undefined) return found.hasMissed ? { type: "unknown" } : undefined;
  if (first === MALFORMED) return { type: "failed", failure: "escalate is malformed" };
  const escalation = parseEscalation(jsonOf(first));
  return escalation ? { type: "escalate", escalation } : { type: "failed", failure: "escalate is malformed" };
}

/** Whether Rego allows. */
export function askAllow(
  code: PolicyCode,
  request: AccessRequest,
  context: DecisionContext,
  ports: CodePorts,
): CodeAnswer | undefined {
  const { allow } = code.access;
  if (allow === undefined) return undefined;
  const found = ask(allow, accessInput(request, context, "allow"), context, ports);
  if (found.failure !== undefined) return { type: "failed", failure: found.failure.message };
  const first = firstOf(found.value);
  if (first === undefined) return undefined;
  const read = first === MALFORMED || typeof first === "string" ? undefined : ruleOf(first);
  if (first === MALFORMED || read === undefined) return { type: "failed", failure: "allow is malformed" };
  const rule = { ...read, isCached: found.isHit };
  return { type: statesOf(first).includes(context.attestation.state) ? "allow" : "unfit", ...rule };
}

/**
 * What rules see, in the record as in Rego: the request, and what the node itself knows of the subject. A rule `allow`
 * does not see the address: an address never allows anything (ID3).
 */
export function accessInput(
  request: AccessRequest,
  { attestation }: Pick<DecisionContext, "attestation">,
  rule?: "deny" | "escalate" | "allow",
): JsonObject {
  const { subject, action, resource, context } = rule === "allow" ? withoutAddress(request) : request;
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

const MALFORMED = Symbol("an answer of a shape that means nothing");

/**
 * What a rule answers: `true`, a text (a deny's reason), an object with members that mean something, or a set or list of
 * these, of which the first counts. False, nothing and an empty set mean no. Anything else means nothing.
 */
function firstOf(value: Value | undefined): Value | undefined | typeof MALFORMED {
  if (value === undefined || value === false) return undefined;
  const answers = value instanceof RegoSet ? value.sorted : Array.isArray(value) ? value : [value];
  return answers.every(isAnswer) ? answers[0] : MALFORMED;
}

function isAnswer(value: Value): boolean {
  if (value === true || (typeof value === "string" && value !== "")) return true;
  return isPlainObject(value) && Object.keys(value).length > 0;
}

function jsonOf(value: Value): unknown {
  return readJson(valueToJson(value));
}

/** A text says why; an object may name the rule, say why, and oblige. Undefined when a member is not what it must be. */
function ruleOf(value: Value): CodeRule | undefined {
  if (typeof value === "string") return { ...PLAIN, description: value };
  if (value === true) return PLAIN;
  const json = jsonOf(value);
  if (!isJsonObject(json)) return undefined;
  const { rule, description, obligations = [], states, safe, ...others } = json;
  const isText = (member: unknown) => member === undefined || typeof member === "string";
  const isKnown = Object.keys(others).length === 0 && isText(rule) && isText(description);
  const isFit = (safe === undefined || typeof safe === "boolean") && (states === undefined || Array.isArray(states));
  if (!isKnown || !isFit || !Array.isArray(obligations) || obligations.length > OBLIGATIONS_MAX) return undefined;
  // An obligation that cannot be read cannot be carried out (XACML 3.0 §7.18).
  if (!obligations.every(isObligation)) return undefined;
  return {
    rule: typeof rule === "string" ? rule : undefined,
    description: typeof description === "string" ? description : undefined,
    obligations,
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
