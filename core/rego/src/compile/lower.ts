import type { RegoError } from "../errors.ts";
import { isEqual, type Value } from "../values/value.ts";
import type { Block, Clause, Expression, Outline, Procedure, Program } from "./ir.ts";
import { BodyLowering, type LowerContext } from "./lower-body.ts";
import { checkRecursion } from "./recursion.ts";
import type { ResolvedQuery } from "./resolve.ts";
import type { ResolvedElse, ResolvedRule, ResolvedTerm } from "./resolved.ts";
import type { Definition, RuleGroup, RuleTree } from "./rule-tree.ts";

export interface Lowered {
  readonly program: Program;
  readonly errors: readonly RegoError[];
}

/** Turns resolved rules into procedures: orders their bodies, gives their variables slots, refuses recursion. */
export function lowerRules(rules: RuleTree): Lowered {
  const context = createContext(rules);
  const procedures = rules.groups.map((group) => lowerGroup(group, context));
  const program = programOf(procedures, context);
  return { program, errors: context.errors.length > 0 ? context.errors : checkRecursion(program) };
}

export interface LoweredQuery {
  /** Emits one row for each answer. */
  readonly body: Block;
  readonly frame: number;
  /** The program, and what the query's own `with` replaces in it. */
  readonly program: Program;
  /** Whether that is more than the program itself replaces. */
  readonly replacesMore: boolean;
  readonly errors: readonly RegoError[];
}

export function lowerQuery(query: ResolvedQuery, rules: RuleTree, program: Program): LoweredQuery {
  const context = createContext(rules, program);
  const lowering = new BodyLowering(context, 0, undefined);
  const body = lowering.query(query.body, query.answer);
  const own = programOf(program.procedures, context);
  const sizes = ({ replaced }: Program) => replaced.builtins.size + replaced.procedures.size + replaced.data.length;
  const replacesMore = sizes(own) > sizes(program);
  return { body, frame: lowering.frame, program: own, replacesMore, errors: context.errors };
}

function createContext(rules: RuleTree, program?: Program): LowerContext {
  return {
    rules,
    errors: [],
    statements: [...(program?.statements ?? [])],
    replacedBuiltins: new Set(program?.replaced.builtins),
    replacedProcedures: new Set(program?.replaced.procedures),
    replacedData: [...(program?.replaced.data ?? [])],
  };
}

function programOf(procedures: readonly Procedure[], context: LowerContext): Program {
  return {
    procedures,
    tree: context.rules.root,
    statements: context.statements,
    replaced: {
      builtins: context.replacedBuiltins,
      procedures: context.replacedProcedures,
      data: context.replacedData,
    },
  };
}

function lowerGroup({ path, kind, definitions }: RuleGroup, context: LowerContext): Procedure {
  const first = definitions[0]!.rule;
  const arity = kind === "function" ? first.args.length : 0;
  const frames: number[] = [arity];
  const clauses: Clause[] = [];
  let fallback: Expression | undefined;
  for (const { rule, suffix } of definitions) {
    if (rule.isDefault) {
      const lowering = new BodyLowering(context, arity, rule.path);
      fallback = lowering.constant(rule.value);
      frames.push(lowering.frame);
    } else clauses.push(lowerClause({ rule, suffix }, rule, arity, frames, context));
  }
  const outline = kind === "object" ? outlineOf(definitions) : [];
  return { path, kind, arity, frame: Math.max(...frames), clauses, fallback, outline, location: first.location };
}

/** A rule that adds to an object under keys of its own makes all below it a part of that, with nothing but values in it. */
function outlineOf(definitions: readonly Definition[]): readonly Outline[] {
  const places = definitions.map(({ rule, suffix }) => {
    const constants = leadingConstants(suffix);
    const isWhole = constants.length === suffix.length;
    const isSet = rule.kind === "set" && isWhole;
    return { keys: isWhole && !isSet ? constants.slice(0, -1) : constants, isSet, grows: isSet || !isWhole };
  });
  const isBelow = (keys: readonly Value[], above: readonly Value[]) =>
    above.length < keys.length && above.every((key, index) => isEqual(key, keys[index]!));
  return places
    .filter(({ keys }) => keys.length > 0 && !places.some((other) => other.grows && isBelow(keys, other.keys)))
    .map(({ keys, isSet }) => ({ keys, isSet }));
}

function leadingConstants(suffix: readonly ResolvedTerm[]): readonly Value[] {
  const values: Value[] = [];
  for (const key of suffix) {
    if (key.type !== "constant") break;
    values.push(key.value);
  }
  return values;
}

function lowerClause(
  { rule, suffix }: Definition,
  part: ResolvedRule | ResolvedElse,
  arity: number,
  frames: number[],
  context: LowerContext,
): Clause {
  const lowering = new BodyLowering(context, arity, rule.path);
  const body = lowering.definition(rule.args, part.body, [...suffix, part.value], part.location);
  frames.push(lowering.frame);
  return {
    body,
    isSet: rule.kind === "set",
    otherwise: part.otherwise && lowerClause({ rule, suffix }, part.otherwise, arity, frames, context),
  };
}
