import { reachable } from "./calls.ts";
import type { Program } from "./ir.ts";

/** The same program for who asks for rules at and below these paths alone: what they never use is empty. */
export function keepReachable(program: Program, paths: readonly (readonly string[])[]): Program {
  const kept = new Set(paths.flatMap((path) => reachable(program, path)));
  return {
    ...program,
    procedures: program.procedures.map((procedure, index) =>
      kept.has(index) ? procedure : { ...procedure, clauses: [], fallback: undefined, outline: [] },
    ),
  };
}
