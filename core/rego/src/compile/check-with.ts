import type { RegoError } from "../errors.ts";
import { comprehensionsIn } from "./check-types.ts";
import { termsOf } from "./check-safety.ts";
import type { ResolvedBody, ResolvedWith } from "./resolved.ts";
import { nodeAt, type RuleNode } from "./rule-paths.ts";

/** Builtins that the compiler itself gives their meaning. */
const FIXED: readonly string[] = ["eq", "rego.metadata.chain", "rego.metadata.rule"];

/** What `with` may replace: whole rules, base documents, `input`, and functions (stage "rewrite with values"). */
export function checkWith(body: ResolvedBody, nodes: RuleNode): readonly RegoError[] {
  const errors: RegoError[] = [];
  const visit = (statements: ResolvedBody): void => {
    for (const { what, with: overrides } of statements) {
      // Of several modifiers of a statement the first wrong one is told.
      const error = overrides.map((item) => checkTarget(item, nodes)).find((found) => found !== undefined);
      if (error !== undefined) errors.push(error);
      for (const term of termsOf(what)) for (const inner of comprehensionsIn(term)) visit(inner.body);
      if (what.type === "every") visit(what.body);
    }
  };
  visit(body);
  return errors;
}

function checkTarget(item: ResolvedWith, nodes: RuleNode): RegoError | undefined {
  const refuse = (message: string): RegoError => ({
    code: "rego_compile_error",
    message: `with keyword ${message}`,
    location: item.targetLocation,
  });
  if (item.target === "input") return undefined;
  if (item.target === "data" || item.callee.type === "function") {
    const path = item.target === "data" ? item.path : item.callee.path;
    const isInsideRule = path.some((_, length) => (nodeAt(nodes, path.slice(0, length))?.rules.length ?? 0) > 0);
    return isInsideRule ? refuse("cannot partially replace virtual document(s)") : undefined;
  }
  const { builtin } = item.callee;
  const subject = "replacing built-in function:";
  if (FIXED.includes(builtin.name)) return refuse(`${subject} replacement of "${builtin.name}" invalid`);
  if (builtin.name.startsWith("internal."))
    return refuse(`${subject} replacement of internal function "${builtin.name}" invalid`);
  if (builtin.isRelation === true) return refuse(`${subject} target must not be a relation`);
  if (builtin.type.result === undefined) return refuse(`${subject} target must not be a void function`);
  return undefined;
}
