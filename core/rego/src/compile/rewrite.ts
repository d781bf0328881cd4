import { unreachable } from "@vedette/base";
import type {
  Block,
  Clause,
  Expression,
  Operation,
  Override,
  Procedure,
  Program,
  Replacement,
  TreeExpression,
} from "./ir.ts";

/** Says what becomes of the parts of a block; what it leaves out stays as it is. */
export interface Rewrite {
  /** Sees an expression whose parts are rewritten already. */
  readonly expression?: (expression: Expression) => Expression;
  /** Sees an operation whose parts are rewritten already; what it gives stands in its place. */
  readonly operation?: (operation: Operation) => readonly Operation[];
  /** Sees what some \`with\` puts in a function's place. */
  readonly replacement?: (by: Replacement) => void;
}

/** Every clause and default of every procedure. */
export function rewriteProgram(program: Program, rewrite: Rewrite): Program {
  return { ...program, procedures: program.procedures.map((procedure) => rewriteProcedure(procedure, rewrite)) };
}

function rewriteProcedure(procedure: Procedure, rewrite: Rewrite): Procedure {
  return {
    ...procedure,
    clauses: procedure.clauses.map((clause) => rewriteClause(clause, rewrite)),
    fallback: procedure.fallback && rewriteExpression(procedure.fallback, rewrite),
  };
}

function rewriteClause(clause: Clause, rewrite: Rewrite): Clause {
  return {
    ...clause,
    body: rewriteBlock(clause.body, rewrite),
    otherwise: clause.otherwise && rewriteClause(clause.otherwise, rewrite),
  };
}

export function rewriteBlock(block: Block, rewrite: Rewrite): Block {
  return block.flatMap((operation) => {
    const rewritten = rewriteParts(operation, rewrite);
    return rewrite.operation?.(rewritten) ?? [rewritten];
  });
}

function rewriteExpression(expression: Expression, rewrite: Rewrite): Expression {
  const rewritten = rewriteOperands(expression, rewrite);
  return rewrite.expression?.(rewritten) ?? rewritten;
}

function rewriteParts(operation: Operation, rewrite: Rewrite): Operation {
  const value = (expression: Expression) => rewriteExpression(expression, rewrite);
  switch (operation.op) {
    case "let":
      return { ...operation, from: value(operation.from) };
    case "test":
      return { ...operation, that: value(operation.that) };
    case "equal":
      return { ...operation, left: value(operation.left), right: value(operation.right) };
    case "scan":
      return { ...operation, source: value(operation.source), body: rewriteBlock(operation.body, rewrite) };
    case "scan-tree":
      return {
        ...operation,
        source: rewriteTree(operation.source, rewrite),
        body: rewriteBlock(operation.body, rewrite),
      };
    case "not":
      return { ...operation, body: rewriteBlock(operation.body, rewrite) };
    case "exists":
      return {
        ...operation,
        overrides: operation.overrides.map((override) => rewriteOverride(override, rewrite)),
        body: rewriteBlock(operation.body, rewrite),
      };
    case "print":
      return { ...operation, args: operation.args.map(value) };
    case "emit":
      return { ...operation, values: operation.values.map(value) };
    case "shape":
    case "iterable":
    case "mark":
      return operation;
    default:
      return unreachable(operation);
  }
}

function rewriteOperands(expression: Expression, rewrite: Rewrite): Expression {
  const value = (part: Expression) => rewriteExpression(part, rewrite);
  switch (expression.op) {
    case "get":
      return { ...expression, source: value(expression.source), key: value(expression.key) };
    case "get-stored":
      return { ...expression, source: value(expression.source) };
    case "required":
      return { ...expression, of: value(expression.of) };
    case "extent":
      return { ...expression, of: rewriteTree(expression.of, rewrite) };
    case "call":
    case "invoke":
      return { ...expression, args: expression.args.map(value) };
    case "array":
    case "set":
      return { ...expression, items: expression.items.map(value) };
    case "object":
      return {
        ...expression,
        entries: expression.entries.map(([key, member]) => [value(key), value(member)] as const),
      };
    case "collect":
      return {
        ...expression,
        overrides: expression.overrides.map((override) => rewriteOverride(override, rewrite)),
        body: rewriteBlock(expression.body, rewrite),
      };
    case "constant":
    case "slot":
    case "input":
    case "data":
    case "rule":
      return expression;
    default:
      return unreachable(expression);
  }
}

function rewriteTree(tree: TreeExpression, rewrite: Rewrite): TreeExpression {
  if (tree.op !== "tree-get") return tree;
  return { ...tree, source: rewriteTree(tree.source, rewrite), key: rewriteExpression(tree.key, rewrite) };
}

function rewriteOverride(override: Override, rewrite: Rewrite): Override {
  if ("path" in override) return { ...override, value: rewriteExpression(override.value, rewrite) };
  return { ...override, by: rewriteReplacement(override.by, rewrite) };
}

function rewriteReplacement(by: Replacement, rewrite: Rewrite): Replacement {
  rewrite.replacement?.(by);
  return by.type === "value" ? { ...by, value: rewriteExpression(by.value, rewrite) } : by;
}
