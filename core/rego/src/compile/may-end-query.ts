import type { Block, Expression, Operation } from "./ir.ts";
import { rewriteBlock } from "./rewrite.ts";

/**
 * Whether an operation, without the body of a loop, may end the whole query: two values where one may be (a rule, a key
 * of a comprehension), or a builtin that fails for a strict caller. What stands behind it must not keep it from being run: else
 * the same policy has an error in one back end and an answer in the other.
 */
export function mayEndQuery(operation: Operation): boolean {
  const own = operation.op === "scan" || operation.op === "scan-tree" ? { ...operation, body: NOTHING } : operation;
  let isFound = false;
  rewriteBlock([own], {
    expression: (expression) => {
      if (ENDING.has(expression.op) && !isHarmless(expression)) isFound = true;
      return expression;
    },
    operation: (inner) => {
      if (inner.op === "scan-tree") isFound = true;
      return [inner];
    },
  });
  return isFound;
}

const NOTHING: Block = [];

const ENDING: ReadonlySet<Expression["op"]> = new Set([...(["rule", "extent", "invoke", "call", "collect"] as const)]);

/** Builtins that have a value for any operands. */
const TOTAL: ReadonlySet<string> = new Set(["lt", "lte", "gt", "gte", "equal", "neq", "internal.member_2"]);

function isHarmless(expression: Expression): boolean {
  if (expression.op === "call") return TOTAL.has(expression.builtin.name);
  // Lists and sets take whatever their bodies emit; what is in the bodies is seen by itself.
  return expression.op === "collect" && expression.of !== "object";
}
