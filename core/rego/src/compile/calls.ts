import { readJson } from "@vedette/base";
import type { Builtin } from "../builtins/builtin.ts";
import type { Location } from "../syntax/ast.ts";
import { inputPathOf } from "./clause-index.ts";
import type { Expression, Program } from "./ir.ts";
import { rewriteProgram } from "./rewrite.ts";

export interface BuiltinCall {
  readonly builtin: Builtin;
  readonly location: Location;
}

/** A function that is put in another's place is called wherever that one is. */
const NOWHERE: Location = { file: "", row: 1, col: 1, start: 0, end: 0 };

/** Every call of a builtin that a program makes, or that the rules at and below `path` make, with all they use. */
export function builtinCalls(program: Program, path?: readonly string[]): readonly BuiltinCall[] {
  const calls: BuiltinCall[] = [];
  const from = path === undefined ? program.procedures.map((_, index) => index) : reachable(program, path);
  const procedures = from.map((index) => program.procedures[index]!);
  rewriteProgram(
    { ...program, procedures },
    {
      expression: (expression) => {
        note(expression, calls);
        return expression;
      },
      replacement: (by) => {
        if (by.type === "builtin") calls.push({ builtin: by.builtin, location: NOWHERE });
      },
    },
  );
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

/**
 * The parts of the input that the rules at and below a path depend on, and nothing less: two inputs that are equal in
 * these get the same answer. What is looped over or handed on whole is a part whole. The empty path is the whole input.
 */
export function inputProjection(program: Program, path: readonly string[]): readonly (readonly string[])[] {
  const uses = new Map<string, number>();
  const add = (at: readonly string[], count: number) => {
    const key = JSON.stringify(at);
    uses.set(key, (uses.get(key) ?? 0) + count);
  };
  const procedures = reachable(program, path).map((index) => program.procedures[index]!);
  rewriteProgram(
    { ...program, procedures },
    {
      expression: (expression) => {
        const at = inputPathOf(expression);
        if (at === undefined) return expression;
        add(at, 1);
        // What is only the way to a member is not used itself.
        if (at.length > 0) add(at.slice(0, -1), -1);
        return expression;
      },
    },
  );
  const used = Array.from(uses).flatMap(([key, count]) => (count > 0 ? [readJson(key) as readonly string[]] : []));
  const isCovered = (at: readonly string[]) =>
    used.some((other) => other.length < at.length && other.every((name, index) => at[index] === name));
  return used.filter((at) => !isCovered(at));
}

function note(expression: Expression, calls: BuiltinCall[]): void {
  if (expression.op === "call") calls.push({ builtin: expression.builtin, location: expression.location });
}

/** The rules at and below a path, and all that they may use. A dynamic reference may reach any rule. */
export function reachable(program: Program, path: readonly string[]): readonly number[] {
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
        operation: (operation) => {
          if (operation.op === "scan-tree") for (const index of program.procedures.keys()) add(index);
          return [operation];
        },
        replacement: (by) => {
          if (by.type === "procedure") add(by.procedure);
        },
      },
    );
  }
  return Array.from(found);
}
