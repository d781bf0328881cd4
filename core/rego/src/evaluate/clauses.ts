import type { Block, Clause } from "../compile/ir.ts";
import { isEqual, type Value } from "../values/value.ts";

/** A definition and its `else` branches, in the order in which they are tried. */
export function chainOf(clause: Clause): readonly Clause[] {
  return clause.otherwise === undefined ? [clause] : [clause, ...chainOf(clause.otherwise)];
}

/** A literal of more members than this costs a step for each: in a loop, it takes memory that nothing else pays for. */
const MEMBERS_FREE = 16;

export function costOfLiteral(members: number): number {
  return members > MEMBERS_FREE ? members : 0;
}

/** All ways through a rule end in the same constant: the first settles it. */
export function hasOneValue(clauses: readonly Clause[]): boolean {
  let one: Value | undefined;
  for (const clause of clauses) {
    const value = emittedConstant(clause.body);
    if (clause.otherwise !== undefined || value === undefined) return false;
    if (one !== undefined && !isEqual(one, value)) return false;
    one = value;
  }
  return true;
}

function emittedConstant(block: Block): Value | undefined {
  const last = block.at(-1);
  if (last?.op === "scan" || last?.op === "scan-tree") return emittedConstant(last.body);
  const value = last?.op === "emit" ? last.values[0] : undefined;
  return value?.op === "constant" ? value.value : undefined;
}
