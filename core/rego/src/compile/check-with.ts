import type { RegoError } from "../errors.ts";
import type { ResolvedBody, ResolvedWith } from "./resolved.ts";
import { nodeAt, type RuleNode } from "./rule-paths.ts";
import { comprehensionsIn, termsOf } from "./statement-parts.ts";

/**
 * What `with` may replace: whole rules, base documents, `input`, and functions (stage "rewrite with values"). Of each
 * body the first wrong one is told.
 */
export function checkWith(body: ResolvedBody, nodes: RuleNode): readonly RegoError[] {
  const own = body.flatMap(({ with: overrides }) => overrides.flatMap((item) => checkTarget(item, nodes) ?? []));
  const inside = body.flatMap(({ what }) => [
    ...termsOf(what).flatMap((term) => comprehensionsIn(term).flatMap((inner) => checkWith(inner.body, nodes))),
    ...(what.type === "every" ? checkWith(what.body, nodes) : []),
  ]);
  return [...own.slice(0, 1), ...inside];
}

function checkTarget(item: ResolvedWith, nodes: RuleNode): RegoError | undefined {
  const refuse = (message: string): RegoError => ({
    code: "rego_compile_error",
    message: `with keyword ${message}`,
    location: item.targetLocation,
  });
  if (item.problem !== undefined) return item.problem;
  if (item.target !== "callee") {
    const path = item.target === "data" ? item.path : [];
    const isInsideRule = path.some((_, length) => (nodeAt(nodes, path.slice(0, length))?.rules.length ?? 0) > 0);
    return isInsideRule ? refuse("cannot partially replace virtual document(s)") : undefined;
  }
  if (item.callee.type === "function") return undefined;
  const { builtin } = item.callee;
  const subject = "replacing built-in function:";
  if (builtin.name.startsWith("internal."))
    return refuse(`${subject} replacement of internal function "${builtin.name}" invalid`);
  if (builtin.isRelation === true) return refuse(`${subject} target must not be a relation`);
  if (builtin.type.result === undefined) return refuse(`${subject} target must not be a void function`);
  return undefined;
}
