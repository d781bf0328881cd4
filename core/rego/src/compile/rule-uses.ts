import type { Block, Program } from "./ir.ts";
import { rewriteBlock, rewriteProgram } from "./rewrite.ts";

/** How often each rule is asked for by name; one that dynamic references may reach counts as asked for often. */
export function countUses(program: Program): readonly number[] {
  const uses = program.procedures.map(() => 0);
  let hasDynamic = false;
  rewriteProgram(program, {
    expression: (expression) => {
      if (expression.op === "rule") uses[expression.procedure]!++;
      if (expression.op === "extent") hasDynamic = true;
      return expression;
    },
    operation: (operation) => {
      if (operation.op === "scan-tree") hasDynamic = true;
      return [operation];
    },
  });
  return hasDynamic ? uses.map(() => Number.POSITIVE_INFINITY) : uses;
}

/** Whether the body of a query asks for no more than one rule, and for that once. */
export function asksOnce(body: Block): boolean {
  let uses = 0;
  rewriteBlock(body, {
    expression: (expression) => {
      if (expression.op === "rule" || expression.op === "invoke") uses++;
      if (expression.op === "extent") uses = Number.POSITIVE_INFINITY;
      return expression;
    },
    operation: (operation) => {
      // What stands behind a loop stands in it.
      if (operation.op === "scan" || operation.op === "scan-tree") uses = Number.POSITIVE_INFINITY;
      return [operation];
    },
  });
  return uses <= 1;
}

/** Rules that are asked for inside a loop, or by a function, which may be called in one. */
export function usedRepeatedly(program: Program): ReadonlySet<number> {
  const found = new Set<number>();
  const collect = {
    expression: <T extends { readonly op: string; readonly procedure?: number }>(expression: T): T => {
      if (expression.op === "rule") found.add(expression.procedure!);
      return expression;
    },
  };
  for (const procedure of program.procedures)
    rewriteProgram(
      { ...program, procedures: [procedure] },
      {
        ...(procedure.kind === "function" && collect),
        operation: (operation) => {
          if (operation.op === "scan" || operation.op === "scan-tree") rewriteBlock(operation.body, collect);
          return [operation];
        },
      },
    );
  return found;
}
