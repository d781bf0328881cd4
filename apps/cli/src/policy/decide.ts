import { instant, utf8 } from "@vedette/base";
import {
  type AccessRequest,
  ANY_SITE,
  type AttestationState,
  activatePolicy,
  type CompiledPolicy,
  type Decision,
  type DecisionContext,
  decide,
  explainRules,
  type PolicyDocument,
  type PolicyError,
  parseAccessRequest,
  parsePolicy,
  RULES_FILE,
  type RuleVerdict,
} from "@vedette/policy";
import { exitCode, type Invocation, type Options, type Terminal, UsageError } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { explainAccess } from "./access-words.ts";
import { describeDecision, verdictsToText } from "./decision-words.ts";
import { describeFinding, readJson, textOf } from "./json-rules.ts";
import { factsOf, isAttestationState, readCount, readInstant } from "./option-values.ts";
import { policyDeps, now as timeNow } from "./prepared-policy.ts";
import { loadSources, type PolicySources } from "./sources.ts";

/** What only an access decision takes. */
export const decisionOptions: Options = {
  rules: { summary: "decide an access request by these JSON rules, and by the package vedette.access", value: "FILE" },
  decide: { summary: "decide an access request by the package vedette.access alone" },
  state: {
    summary: "of the subject's attestation, in a decision: fresh, stale, expired or contraindicated",
    value: "STATE",
    default: "fresh",
  },
  "attested-at": {
    summary: "the time of the subject's last appraisal (default: the time of the decision)",
    value: "TIME",
  },
  at: { summary: "the time of the query or decision (default: now)", value: "TIME" },
  spent: { summary: "what every spend counter already stands at, in a decision", value: "NUMBER", default: "0" },
};

/** Decides one request as the gateway would, and says why. */
export function decideRequest(invocation: Invocation, terminal: Terminal): number {
  const access = activate(invocation);
  const input = invocation.optional("input");
  if (input === undefined) throw new UsageError("--input FILE is missing: the request to decide");
  const request = readRequest(input);
  const context = contextOf(invocation);
  const decision = decide(access.policy, request, context);
  const { effect, reason, ruleId, description, obligations, spend } = decision;
  const why =
    invocation.optional("explain") === undefined ? undefined : explainDecision(access, request, context, decision);
  terminal.out(
    terminal.isJson || invocation.optional("format") === "json"
      ? JSON.stringify({
          effect,
          reason,
          rule: ruleId,
          description,
          obligations,
          spend,
          explanation: why && { rules: why.verdicts, rego: why.rego },
          record: decision.record,
        })
      : [describeDecision(decision), ...(why ? whyLines(why).map((line) => `  ${line}`) : [])].join("\n"),
  );
  return effect === "deny" && invocation.isSet("fail") ? exitCode.no : exitCode.done;
}

export function contextOf(invocation: Invocation): DecisionContext {
  const at = invocation.optional("at");
  const spent = readCount("spent", invocation.value("spent"));
  const now = at === undefined ? timeNow() : readInstant(at);
  const attestedAt = invocation.optional("attested-at");
  return {
    now,
    attestation: {
      state: readState(invocation.value("state")),
      at: attestedAt === undefined ? now : readInstant(attestedAt),
    },
    counters: { spent: () => spent },
    labels: {},
    requestedBy: "vedette policy",
  };
}

export function readRequest(file: string): AccessRequest {
  const request = parseAccessRequest(readJson(file));
  if (request.ok) return request.value;
  const { code, member, expected } = request.error;
  throw new Refusal(code, `the request lacks ${member}: expected ${expected}`, {}, exitCode.usage);
}

/** A policy that decides access requests, and what it was made of. */
export interface AccessPolicy {
  readonly policy: CompiledPolicy;
  /** The JSON rules, where there are some. */
  readonly rules: PolicyDocument | undefined;
  readonly sources: PolicySources;
}

/** Rules and modules as a node has them after it has opened a policy bundle. */
export function activate(invocation: Invocation): AccessPolicy {
  const sources = loadSources(invocation, invocation.all("data"), invocation.all("bundle"));
  return activateSources(sources, invocation.optional("rules"));
}

export function activateSources(sources: PolicySources, rules: string | undefined): AccessPolicy {
  const [problem] = sources.problems;
  if (problem) throw new Refusal("POLICY_REFUSED", problem.message);
  const files = new Map(sources.modules.map((module) => [module.file, utf8(module.text)]));
  for (const { at, value } of sources.documents) files.set([...at, "data.json"].join("/"), utf8(JSON.stringify(value)));
  if (rules !== undefined) files.set(RULES_FILE, readInput(rules));
  const manifest = {
    revision: "eval",
    roots: [""],
    sequence: 1,
    site: ANY_SITE,
    notAfter: instant(Number.MAX_SAFE_INTEGER),
  };
  const activated = activatePolicy(undefined, { manifest, keyId: "", files }, policyDeps);
  const parsed = rules === undefined ? undefined : parsePolicy(textOf(rules), rules);
  if (activated.ok) return { policy: activated.value.policy, rules: parsed?.ok ? parsed.value : undefined, sources };
  const { error } = activated;
  if (isPolicyError(error))
    throw new Refusal(
      "POLICY_REFUSED",
      error.findings
        .map((each) => describeFinding({ ...each, file: each.file === RULES_FILE ? (rules ?? each.file) : each.file }))
        .join("\n"),
    );
  throw new Refusal(error.code, "the policy cannot be loaded", factsOf(error), exitCode.usage);
}

function isPolicyError(error: { readonly code: string }): error is PolicyError {
  return "findings" in error;
}

export interface DecisionExplanation {
  readonly verdicts: readonly RuleVerdict[];
  /** What Rego did, in words; undefined where it was not asked or has nothing to say. */
  readonly rego: string | undefined;
}

export function explainDecision(
  { rules, sources }: AccessPolicy,
  request: AccessRequest,
  context: DecisionContext,
  decision: Decision,
): DecisionExplanation {
  return {
    verdicts: rules ? explainRules(rules, request, context) : [],
    rego: explainAccess(sources, request, context, decision),
  };
}

export function whyLines({ verdicts, rego }: DecisionExplanation): readonly string[] {
  return [...verdictsToText(verdicts), ...(rego === undefined ? [] : rego.trimEnd().split("\n"))];
}

function readState(text: string): AttestationState {
  if (isAttestationState(text)) return text;
  throw new UsageError(`"${text}" is not fresh, stale, expired or contraindicated`);
}
