import type { Decision, ExplainedPart, RuleVerdict } from "@vedette/policy";

export function describeDecision({ effect, reason, ruleId, description }: Decision): string {
  const words = description === undefined ? "" : `: ${description}`;
  // A rule that did not decide is named as the one that nearly did; its words speak for an effect that there is not.
  const hasDecided = reason === "allowed-by-rule" || reason === "denied-by-rule";
  const rule =
    ruleId === undefined ? "" : hasDecided ? `, rule ${ruleId}${words}` : `, else rule ${ruleId} would allow it`;
  return `${effect} (${reason}${rule})`;
}

/** Of rules that do not hold, the ones that lack least. */
const NEAREST_MAX = 5;

/**
 * Why the JSON rules say what they say, for people: the rules that speak; if none does, the allow rules about this kind
 * of request and what they lack; if there are none, those that come nearest. Of the rest only how many there are.
 */
export function verdictsToText(verdicts: readonly RuleVerdict[]): readonly string[] {
  const denying = verdicts.filter(({ holds, effect }) => holds && effect === "deny");
  // What would be allowed plays no part beside a deny.
  const speaking = denying.length > 0 ? denying : verdicts.filter(({ holds }) => holds);
  const lacking = verdicts.filter((verdict) => !verdict.holds && verdict.effect === "allow" && verdict.isConcerned);
  const others = verdicts.filter(({ isConcerned }) => !isConcerned);
  const lackingMost = others.filter(({ effect }) => effect === "allow");
  const shown = speaking.length > 0 ? speaking : nearest(lacking.length > 0 ? lacking : lackingMost);
  const rest = verdicts.length - shown.length;
  return [
    ...shown.flatMap(verdictLines),
    ...(rest > 0 ? [`${rest} ${shown.length > 0 ? "other " : ""}rule${rest === 1 ? "" : "s"} said nothing`] : []),
  ];
}

function nearest(verdicts: readonly RuleVerdict[]): readonly RuleVerdict[] {
  return verdicts.toSorted((a, b) => a.parts.length - b.parts.length).slice(0, NEAREST_MAX);
}

function verdictLines({ rule, effect, truth, holds, isConcerned, parts }: RuleVerdict): readonly string[] {
  const verb = effect === "allow" ? "allow" : "deny";
  const unknown = effect === "deny" && truth === "unknown" ? ", because it cannot be ruled out" : "";
  const head = holds
    ? `rule ${rule} ${effect === "allow" ? "allows" : "denies"} it${unknown}`
    : `rule ${rule} does not ${verb} it${isConcerned ? "" : ": it is about something else"}`;
  return [head, ...parts.map((part) => `  ${partText(part)}`)];
}

function partText({ text, truth, reads, values }: ExplainedPart): string {
  const isTrue = truth === "true";
  // An equality that holds has said already what was there.
  if (isTrue && text.includes(" == ")) return text;
  const said = reads.map((path) => {
    const value = values[path];
    return value === undefined ? `${path} is missing` : `${path} is ${JSON.stringify(value)}`;
  });
  return `${text}${isTrue ? "" : ` is ${truth}`}${said.length > 0 ? `: ${said.join(", ")}` : ""}`;
}
