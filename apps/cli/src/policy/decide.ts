import { instant, utf8 } from "@vedette/base";
import {
  type AccessRequest,
  ANY_SITE,
  activatePolicy,
  type CompiledPolicy,
  type Decision,
  decide,
  type PolicyError,
  parseAccessRequest,
  RULES_FILE,
} from "@vedette/policy";
import { exitCode, type Invocation, type Options, type Terminal, UsageError } from "../command.ts";
import { readInput } from "../input-files.ts";
import { Refusal } from "../refusal.ts";
import { describeFinding, readJson } from "./json-rules.ts";
import { factsOf, readCount, readInstant } from "./option-values.ts";
import { policyDeps, now as timeNow } from "./prepared-policy.ts";
import { loadSources } from "./sources.ts";

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
  const policy = activate(invocation);
  const input = invocation.optional("input");
  if (input === undefined) throw new UsageError("--input FILE is missing: the request to decide");
  const decision = decideFrom(policy, readRequest(input), invocation);
  const { effect, reason, ruleId, description, obligations, spend } = decision;
  terminal.out(
    terminal.isJson || invocation.optional("format") === "json"
      ? JSON.stringify({ effect, reason, rule: ruleId, description, obligations, spend, record: decision.record })
      : describeDecision(decision),
  );
  return effect === "deny" && invocation.isSet("fail") ? exitCode.no : exitCode.done;
}

export function decideFrom(policy: CompiledPolicy, request: AccessRequest, invocation: Invocation): Decision {
  const at = invocation.optional("at");
  const spent = readCount("spent", invocation.value("spent"));
  const now = at === undefined ? timeNow() : readInstant(at);
  const attestedAt = invocation.optional("attested-at");
  return decide(policy, request, {
    now,
    attestation: {
      state: readState(invocation.value("state")),
      at: attestedAt === undefined ? now : readInstant(attestedAt),
    },
    counters: { spent: () => spent },
    labels: {},
    requestedBy: "vedette policy",
  });
}

export function readRequest(file: string): AccessRequest {
  const request = parseAccessRequest(readJson(file));
  if (request.ok) return request.value;
  const { code, member, expected } = request.error;
  throw new Refusal(code, `the request lacks ${member}: expected ${expected}`, {}, exitCode.usage);
}

/** Rules and modules as a node has them after it has opened a policy bundle. */
export function activate(invocation: Invocation): CompiledPolicy {
  const rules = invocation.optional("rules");
  const sources = loadSources(invocation, invocation.all("data"), invocation.all("bundle"));
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
  if (activated.ok) return activated.value.policy;
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

function describeDecision({ effect, reason, ruleId, description }: Decision): string {
  const words = description === undefined ? "" : `: ${description}`;
  // A rule that did not decide is named as the one that nearly did; its words speak for an effect that there is not.
  const hasDecided = reason === "allowed-by-rule" || reason === "denied-by-rule";
  const rule =
    ruleId === undefined ? "" : hasDecided ? `, rule ${ruleId}${words}` : `, else rule ${ruleId} would allow it`;
  return `${effect} (${reason}${rule})`;
}

function readState(text: string): "fresh" | "stale" | "expired" | "contraindicated" {
  if (text === "fresh" || text === "stale" || text === "expired" || text === "contraindicated") return text;
  throw new UsageError(`"${text}" is not fresh, stale, expired or contraindicated`);
}
