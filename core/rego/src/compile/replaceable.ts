import type { Procedure, Program } from "./ir.ts";

/** Whether some `with data…` of the program reaches the rule. */
export function isReplaceable({ replaced }: Program, { path }: Procedure): boolean {
  return replaced.data.some((at) => at.length <= path.length && at.every((name, index) => name === path[index]));
}
