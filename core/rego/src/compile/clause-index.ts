import { readJson } from "@vedette/base";
import type { Scalar } from "../values/value.ts";
import type { Block, Clause, Expression, Operation, Procedure } from "./ir.ts";
import { mayEndQuery } from "./may-end-query.ts";

/** Fewer definitions are tried faster than an index is asked. */
const CLAUSES_MIN = 6;
/** An index must leave out most of the definitions to be worth its look-up. */
const SHARE_MIN = 0.5;

/** Which definitions of a rule can hold, by one member of the input that most of them compare with a constant. */
export interface ClauseIndex {
  /** Below `input`. */
  readonly path: readonly string[];
  /** Positions of definitions in the order in which they are written, for each constant. */
  readonly byValue: ReadonlyMap<Scalar, readonly number[]>;
  /** For any other value: those that do not compare the member. */
  readonly others: readonly number[];
}

/**
 * Finds the member by which to choose. A definition that compares it with another constant would give up there, whatever
 * else it says, so it is not tried.
 */
export function indexClauses({ clauses }: Procedure): ClauseIndex | undefined {
  if (clauses.length < CLAUSES_MIN) return undefined;
  const conditions = clauses.map(conditionsOf);
  const counts = new Map<string, number>();
  for (const own of conditions) for (const key of own.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  const [best] = Array.from(counts).sort(([, a], [, b]) => b - a);
  if (best === undefined || best[1] < clauses.length * SHARE_MIN) return undefined;
  const [key] = best;
  const byValue = new Map<Scalar, number[]>();
  const others: number[] = [];
  for (const own of conditions) {
    const condition = own.get(key);
    if (condition !== undefined) byValue.set(condition, []);
  }
  for (const [position, own] of conditions.entries()) {
    const condition = own.get(key);
    if (condition !== undefined) byValue.get(condition)!.push(position);
    else {
      others.push(position);
      for (const list of byValue.values()) list.push(position);
    }
  }
  return { path: readJson(key) as readonly string[], byValue, others };
}

/** What must hold for a definition to hold: members of the input by path, each with its constant. */
function conditionsOf({ body, otherwise }: Clause): ReadonlyMap<string, Scalar> {
  const found = new Map<string, Scalar>();
  // An `else` branch may hold where its definition does not.
  if (otherwise === undefined) for (const operation of mainLine(body)) note(operation, found);
  return found;
}

/** The operations that every way through a block passes, before any that may end the query. */
function mainLine(block: Block): readonly Operation[] {
  const end = block.findIndex(mayEndQuery);
  if (end >= 0) return block.slice(0, end);
  const last = block.at(-1);
  return last?.op === "scan" || last?.op === "scan-tree" ? [...block, ...mainLine(last.body)] : block;
}

function note(operation: Operation, found: Map<string, Scalar>): void {
  if (operation.op !== "equal" || operation.isNegated) return;
  noteSides(operation.left, operation.right, found);
  noteSides(operation.right, operation.left, found);
}

function noteSides(member: Expression, constant: Expression, found: Map<string, Scalar>): void {
  const path = inputPathOf(member);
  if (path === undefined || path.length === 0 || constant.op !== "constant") return;
  const { value } = constant;
  const key = JSON.stringify(path);
  if ((value === null || typeof value !== "object") && !found.has(key)) found.set(key, value);
}

/** The path of constant names below `input` that an expression is; undefined when it is anything else. */
export function inputPathOf(expression: Expression): readonly string[] | undefined {
  if (expression.op === "input") return [];
  if (expression.op !== "get" || expression.key.op !== "constant") return undefined;
  const name = expression.key.value;
  const path = inputPathOf(expression.source);
  return path !== undefined && typeof name === "string" ? [...path, name] : undefined;
}
