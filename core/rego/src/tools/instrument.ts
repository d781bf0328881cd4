import type { CompiledModules } from "../compile/compile.ts";
import type { Block, Clause, Procedure, Statement } from "../compile/ir.ts";
import type { ResolvedElse, ResolvedRule } from "../compile/resolved.ts";
import type { Location } from "../syntax/ast.ts";

/** A program that also says when a definition has its value: it enters a statement that stands for the head. */
export interface Instrumented {
  readonly compiled: CompiledModules;
  /** By statement: the head of the definition that it stands for. */
  readonly headByStatement: ReadonlyMap<number, Location>;
  /** By procedure: the head of its default. */
  readonly defaultByProcedure: ReadonlyMap<number, Location>;
}

/** For observers: the answers are the same, the statements a few more. */
export function instrument(compiled: CompiledModules): Instrumented {
  const { program, tree } = compiled;
  const statements: Statement[] = [...program.statements];
  const headByStatement = new Map<number, Location>();
  const defaultByProcedure = new Map<number, Location>();
  const mark = (clause: Clause, part: ResolvedRule | ResolvedElse, rule: ResolvedRule): Clause => {
    headByStatement.set(statements.length, part.location);
    const body = withMark(clause.body, statements.length);
    statements.push({ location: part.location, rule: rule.path, variables: [] });
    const { otherwise } = clause;
    if (otherwise === undefined || part.otherwise === undefined) return { ...clause, body };
    return { ...clause, body, otherwise: mark(otherwise, part.otherwise, rule) };
  };
  const procedures = program.procedures.map((procedure, index): Procedure => {
    // INVARIANT (`lowerRules`): a procedure for each group, a clause for each definition that is no default.
    const rules = tree.groups[index]!.definitions.map(({ rule }) => rule);
    for (const rule of rules) if (rule.isDefault) defaultByProcedure.set(index, rule.location);
    const written = rules.filter(({ isDefault }) => !isDefault);
    return { ...procedure, clauses: procedure.clauses.map((clause, at) => mark(clause, written[at]!, written[at]!)) };
  });
  return {
    compiled: { ...compiled, program: { ...program, procedures, statements } },
    headByStatement,
    defaultByProcedure,
  };
}

/** In front of the `emit` in which the block ends. */
function withMark(block: Block, statement: number): Block {
  const last = block.at(-1);
  const before = block.slice(0, -1);
  if (last?.op === "scan" || last?.op === "scan-tree")
    return [...before, { ...last, body: withMark(last.body, statement) }];
  return last === undefined ? block : [...before, { op: "mark", statement }, last];
}
