import { type AccessRequest, accessInput, type Decision, type DecisionContext } from "@vedette/policy";
import {
  closures,
  createRegoPolicy,
  ExplainingObserver,
  explanationToText,
  instrument,
  type Module,
  SourceIndex,
} from "@vedette/rego";
import { compileSources, FUEL, policyDeps, readCapabilities, readQuery } from "./prepared-policy.ts";
import type { PolicySources } from "./sources.ts";

/**
 * Why the package `vedette.access` said what decided, or did not say what would have: the words of `eval --explain` for
 * the rule that the decision turned on. Undefined when Rego had no part in it.
 */
export function explainAccess(
  sources: PolicySources,
  request: AccessRequest,
  context: DecisionContext,
  decision: Decision,
): string | undefined {
  const rule = ruleInQuestion(decision);
  if (rule === undefined || !sources.modules.some((module) => defines(module, rule))) return undefined;
  const compiled = compileSources(sources, readCapabilities(undefined));
  if (!compiled.ok) return undefined;
  const instrumented = instrument(compiled.value);
  const query = readQuery(instrumented.compiled, `data.vedette.access.${rule}`);
  if (!query.ok) return undefined;
  const observer = new ExplainingObserver(
    instrumented,
    query.value.compiled.program.statements,
    new SourceIndex(sources.modules, query.value),
  );
  const policy = createRegoPolicy(instrumented.compiled, { backEnd: closures, data: sources.data, isLiteral: true });
  const input = accessInput(request, context, rule);
  policy.prepare(query.value.compiled).evaluate({ ...policyDeps, now: context.now, input, fuel: FUEL, observer });
  return explanationToText(observer.explanation());
}

const RULES = ["deny", "escalate", "allow"] as const;

/** The rule that decided, or the one that could have allowed what nothing else did. */
function ruleInQuestion({ record, reason }: Decision): (typeof RULES)[number] | undefined {
  const decided = RULES.find((rule) => record.path === `vedette/access/${rule}`);
  return decided ?? (reason === "no-rule" ? "allow" : undefined);
}

function defines({ package: { path }, rules }: Module, rule: string): boolean {
  return path.join(".") === "vedette.access" && rules.some(({ head }) => head.name === rule);
}
