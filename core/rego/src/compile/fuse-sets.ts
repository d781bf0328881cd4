import type { Block, Expression, Operation, Procedure, Program, Slot, TreeExpression } from "./ir.ts";
import { mayEndQuery } from "./may-end-query.ts";
import { isReplaceable } from "./replaceable.ts";
import { type Rewrite, rewriteBlock, rewriteProgram } from "./rewrite.ts";
import { countUses } from "./rule-uses.ts";

/** Deeper nests of fused sets gain nothing and could grow without bound. */
const ROUNDS_MAX = 4;

/**
 * A loop over a partial set, where the order of its elements means nothing and nobody else asks for the set, runs the
 * set's own body in its place. An element that comes twice does no harm there: loops in which it could are ordered.
 */
export function fuseSets(program: Program): Program {
  let fused = program;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const next = fuseOnce(fused);
    if (next === fused) break;
    fused = next;
  }
  return fused;
}

function fuseOnce(program: Program): Program {
  const uses = countUses(program);
  const isFusable = (index: number) => {
    const procedure = program.procedures[index]!;
    // A loop that stops early would leave out what may still end the query.
    const isQuiet = hasOneBody(procedure) && !mayEnd(procedure.clauses[0]!.body);
    return uses[index] === 1 && isQuiet && !isReplaceable(program, procedure);
  };
  let isChanged = false;
  const procedures = program.procedures.map((procedure) => {
    let frame = procedure.frame;
    const fuse = (operation: Operation): readonly Operation[] => {
      if (operation.op !== "scan" || operation.isOrdered || operation.source.op !== "rule") return [operation];
      if (!isFusable(operation.source.procedure)) return [operation];
      const set = program.procedures[operation.source.procedure]!;
      const offset = frame;
      frame += set.frame;
      isChanged = true;
      return inlined(set.clauses[0]!.body, offset, operation);
    };
    const rewritten = rewriteProgram({ ...program, procedures: [procedure] }, { operation: fuse }).procedures[0]!;
    return { ...rewritten, frame };
  });
  return isChanged ? { ...program, procedures } : program;
}

function hasOneBody({ kind, clauses }: Procedure): boolean {
  return kind === "set" && clauses.length === 1;
}

function mayEnd(block: Block): boolean {
  return block.some((operation) => mayEndQuery(operation) || ("body" in operation && mayEnd(operation.body)));
}

/** The set's body with its own slots, going on with the loop's body for each element. */
function inlined(body: Block, offset: number, scan: Operation & { readonly op: "scan" }): Block {
  const moved = moveSlots(body, offset);
  const goOn = (block: Block): Block => {
    const last = block.at(-1);
    if (last?.op === "scan" || last?.op === "scan-tree")
      return [...block.slice(0, -1), { ...last, body: goOn(last.body) }];
    if (last?.op !== "emit") return block;
    const element = last.values[0]!;
    const slot = scan.value ?? scan.key;
    const bindings: Operation[] =
      slot === undefined ? [{ op: "test", that: TRUE }] : [{ op: "let", slot, from: element }];
    if (scan.key !== undefined && scan.value !== undefined)
      bindings.push({ op: "let", slot: scan.key, from: { op: "slot", slot: scan.value } });
    return [...block.slice(0, -1), ...bindings, ...scan.body];
  };
  return goOn(moved);
}

const TRUE: Expression = { op: "constant", value: true };

function moveSlots(body: Block, offset: number): Block {
  const move = (slot: Slot): Slot => slot + offset;
  const moveIf = (slot: Slot | undefined): Slot | undefined => (slot === undefined ? undefined : move(slot));
  const moveTree = (tree: TreeExpression): TreeExpression => {
    if (tree.op === "tree-slot") return { op: "tree-slot", slot: move(tree.slot) };
    return tree.op === "tree-get" ? { ...tree, source: moveTree(tree.source) } : tree;
  };
  const rewrite: Rewrite = {
    expression: (expression) => {
      if (expression.op === "slot") return { op: "slot", slot: move(expression.slot) };
      return expression.op === "extent" ? { ...expression, of: moveTree(expression.of) } : expression;
    },
    operation: (operation) => {
      switch (operation.op) {
        case "let":
        case "shape":
        case "iterable":
          return [{ ...operation, slot: move(operation.slot) }];
        case "scan":
          return [{ ...operation, key: moveIf(operation.key), value: moveIf(operation.value) }];
        case "scan-tree":
          return [
            {
              ...operation,
              source: moveTree(operation.source),
              key: moveIf(operation.key),
              value: move(operation.value),
            },
          ];
        default:
          return [operation];
      }
    },
  };
  return rewriteBlock(body, rewrite);
}
