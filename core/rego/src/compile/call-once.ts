import type { Program } from "./ir.ts";
import { isReplaceable } from "./replaceable.ts";
import { rewriteProgram } from "./rewrite.ts";
import { countUses, usedRepeatedly } from "./rule-uses.ts";

/** A rule that is asked for once in an evaluation is called like a function: its value need not be kept. */
export function callOnce(program: Program): Program {
  const uses = countUses(program);
  const repeatedly = usedRepeatedly(program);
  return rewriteProgram(program, {
    expression: (expression) => {
      if (expression.op !== "rule") return expression;
      const { procedure } = expression;
      const isKept = uses[procedure] !== 1 || repeatedly.has(procedure);
      if (isKept || isReplaceable(program, program.procedures[procedure]!)) return expression;
      return { op: "invoke", procedure, args: [] };
    },
  });
}
