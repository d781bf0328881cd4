import { lookup, lookupPath } from "../evaluate/lookup.ts";
import type { Value } from "../values/value.ts";
import { callOnce } from "./call-once.ts";
import { fuseSets } from "./fuse-sets.ts";
import type { Block, Expression, Procedure, Program } from "./ir.ts";
import { joinConstants } from "./join-constants.ts";
import { isReplaceable } from "./replaceable.ts";
import { rewriteProgram } from "./rewrite.ts";

/** Whether a query asks for one rule and once, or for what rules need as well: then each value is kept when it is there. */
export type Asks = "once" | "repeatedly";

/**
 * The same program for one set of base data, with less to do: data that is fixed becomes constants, rules that are
 * constants are put where they are asked for, sets that are only looped over are not built.
 */
export function optimise(program: Program, data: Value, asks: Asks = "once"): Program {
  const bound = program.replaced.data.length > 0 ? program : bindData(program, data);
  const simple = inlineConstantRules(withoutMarks(bound));
  return asks === "once" ? callOnce(joinConstants(fuseSets(simple))) : joinConstants(simple);
}

/** Marks are for observers. */
function withoutMarks(program: Program): Program {
  return rewriteProgram(program, { operation: (operation) => (operation.op === "mark" ? [] : [operation]) });
}

function bindData(program: Program, data: Value): Program {
  return rewriteProgram(program, {
    expression: (expression) => {
      if (expression.op === "data") return constantOr(lookupPath(data, expression.path), expression);
      if (expression.op !== "get" || expression.source.op !== "constant" || expression.key.op !== "constant")
        return expression;
      return constantOr(lookup(expression.source.value, expression.key.value), expression);
    },
  });
}

function constantOr(value: Value | undefined, expression: Expression): Expression {
  return value === undefined ? expression : { op: "constant", value };
}

/** Rules such as `limits := {"a": 1}`, unless some `with` may put others in their place. */
function inlineConstantRules(program: Program): Program {
  const values = program.procedures.map((procedure) =>
    isReplaceable(program, procedure) ? undefined : constantOf(procedure),
  );
  if (values.every((value) => value === undefined)) return program;
  return rewriteProgram(program, {
    expression: (expression) =>
      expression.op === "rule" ? constantOr(values[expression.procedure], expression) : expression,
  });
}

function constantOf({ kind, clauses, fallback }: Procedure): Value | undefined {
  if (kind !== "value") return undefined;
  const [clause] = clauses;
  if (clause === undefined) return fallback?.op === "constant" ? fallback.value : undefined;
  if (clauses.length > 1 || clause.otherwise !== undefined) return undefined;
  return emittedAlways(clause.body);
}

function emittedAlways([only, ...rest]: Block): Value | undefined {
  if (rest.length > 0 || only?.op !== "emit") return undefined;
  const value = only.values[0];
  return value?.op === "constant" ? value.value : undefined;
}
