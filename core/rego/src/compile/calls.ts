import type { Builtin } from "../builtins/builtin.ts";
import type { Location } from "../syntax/ast.ts";
import type { Expression, Program } from "./ir.ts";
import { rewriteProgram } from "./rewrite.ts";

export interface BuiltinCall {
  readonly builtin: Builtin;
  readonly location: Location;
}

/** Every call of a builtin that a program makes, or that the rules at and below `path` make, with all they use. */
export function builtinCalls(program: Program, path?: readonly string[]): readonly BuiltinCall[] {
  const calls: BuiltinCall[] = [];
  const from = path === undefined ? program.procedures.map((_, index) => index) : reachable(program, path);
  const procedures = from.map((index) => program.procedures[index]!);
  rewriteProgram({ ...program, procedures }, { expression: (expression) => (note(expression, calls), expression) });
  return calls;
}

/** Names below `input` that the rules at and below a path read, with all they use: `["context", "amount"]`. */
export function inputPaths(program: Program, path: readonly string[]): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const procedures = reachable(program, path).map((index) => program.procedures[index]!);
  rewriteProgram(
    { ...program, procedures },
    {
      expression: (expression) => {
        const at = inputPathOf(expression);
        if (at !== undefined) found.set(JSON.stringify(at), at);
        return expression;
      },
    },
  );
  return Array.from(found.values());
}

function note(expression: Expression, calls: BuiltinCall[]): void {
  if (expression.op === "call") calls.push({ builtin: expression.builtin, location: expression.location });
}

function inputPathOf(expression: Expression): readonly string[] | undefined {
  if (expression.op === "input") return [];
  if (expression.op !== "get" || expression.key.op !== "constant") return undefined;
  const base = inputPathOf(expression.source);
  const name = expression.key.value;
  return base !== undefined && typeof name === "string" ? [...base, name] : undefined;
}

/** A dynamic reference may reach any rule. */
function reachable(program: Program, path: readonly string[]): readonly number[] {
  const found = new Set<number>();
  const isBelow = (at: readonly string[]) => path.every((name, index) => at[index] === name);
  const waiting = program.procedures.flatMap((procedure, index) => (isBelow(procedure.path) ? [index] : []));
  const add = (index: number) => {
    if (!found.has(index)) waiting.push(index);
  };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    found.add(next);
    rewriteProgram(
      { ...program, procedures: [program.procedures[next]!] },
      {
        expression: (expression) => {
          if (expression.op === "rule" || expression.op === "invoke") add(expression.procedure);
          if (expression.op === "extent") for (const index of program.procedures.keys()) add(index);
          return expression;
        },
      },
    );
  }
  return Array.from(found);
}
