import type { Block, Expression, Operation, Program, Slot } from "./ir.ts";
import { type Rewrite, rewriteBlock, rewriteProgram } from "./rewrite.ts";

/**
 * The same program, but it tells (`Observer.missed`) whenever a part of the input that it looks at is not there. Rego
 * calls a missing attribute undefined, so that a rule over it does not hold; whoever must know the difference between
 * "no" and "unknown" (PROTOCOLS 5.1: a deny fires on true or unknown) asks a program made by this.
 *
 * Not there are: a member or an element, a builtin's result over the input, and whatever an object that is used whole does
 * not hold: looped over, compared, matched, or handed to a builtin, by itself or inside of a list. A default that the policy states (`object.get`) is an answer, and nothing is missing.
 */
export function requireInput(program: Program): Program {
  const readers = proceduresReadingInput(program);
  return {
    ...program,
    procedures: program.procedures.map((procedure) => {
      // Whatever a function is called with may come from the input.
      const slots = new Set<Slot>(Array.from({ length: procedure.arity }, (_, slot) => slot));
      for (const body of bodiesOf(program, procedure.path)) followSlots(body, slots, readers, program.replaced.data);
      const isFromInput = (expression: Expression) => mentions(expression, slots, readers, program.replaced.data);
      const rewritten = rewriteProgram({ ...program, procedures: [procedure] }, requiring(isFromInput));
      return rewritten.procedures[0]!;
    }),
  };
}

function requiring(isFromInput: (expression: Expression) => boolean): Rewrite {
  /** An object that is used whole: members that it does not have would change what it is. */
  const asWhole = (expression: Expression): Expression =>
    isFromInput(expression) ? { op: "required", of: expression, use: "whole" } : expression;
  return {
    expression: (expression) => {
      const isLookUp = expression.op === "get" && isFromInput(expression.source);
      const isResult = expression.op === "call" && isFromInput(expression);
      const whole = isLookUp || isResult ? withWholeOperands(expression, asWhole) : expression;
      return isLookUp || isResult ? { op: "required", of: whole, use: "member" } : expression;
    },
    operation: (operation) => {
      switch (operation.op) {
        case "scan":
          return isFromInput(operation.source)
            ? [{ ...operation, source: { op: "required", of: operation.source, use: "loop" } }]
            : [operation];
        case "equal":
          return [{ ...operation, left: asWhole(operation.left), right: asWhole(operation.right) }];
        case "shape":
          return [{ op: "let", slot: operation.slot, from: asWhole({ op: "slot", slot: operation.slot }) }, operation];
        default:
          return [operation];
      }
    },
  };
}

function withWholeOperands(expression: Expression, asWhole: (part: Expression) => Expression): Expression {
  if (expression.op === "get") return { ...expression, key: asWhole(expression.key) };
  if (expression.op !== "call") return expression;
  // What object.get says for a missing member is stated by the policy itself.
  if (expression.builtin.name === "object.get") return expression;
  return { ...expression, args: expression.args.map(asWhole) };
}

function bodiesOf(program: Program, path: readonly string[]): Block[] {
  const found: Block[] = [];
  for (const procedure of program.procedures)
    if (procedure.path === path)
      for (let clause of procedure.clauses)
        for (;;) {
          found.push(clause.body);
          if (clause.otherwise === undefined) break;
          clause = clause.otherwise;
        }
  return found;
}

/** Adds the slots that hold something of the input. Operations come before those that read what they set. */
function followSlots(block: Block, slots: Set<Slot>, readers: ReadonlySet<number>, replaced: Paths): void {
  for (const operation of block) {
    if (operation.op === "let" && mentions(operation.from, slots, readers, replaced)) slots.add(operation.slot);
    if (operation.op === "scan" && mentions(operation.source, slots, readers, replaced)) addAll(slots, operation);
    // What a dynamic reference reaches is not known.
    if (operation.op === "scan-tree") addAll(slots, operation);
    for (const inner of innerBlocks(operation)) followSlots(inner, slots, readers, replaced);
  }
}

function addAll(
  slots: Set<Slot>,
  { key, value }: { readonly key: Slot | undefined; readonly value: Slot | undefined },
) {
  if (key !== undefined) slots.add(key);
  if (value !== undefined) slots.add(value);
}

/** Blocks inside an operation: its own, and those of comprehensions in its expressions. */
function innerBlocks(operation: Operation): readonly Block[] {
  const found: Block[] = "body" in operation ? [operation.body] : [];
  rewriteBlock([operation], {
    expression: (expression) => {
      if (expression.op === "collect") found.push(expression.body);
      return expression;
    },
  });
  return found;
}

function mentions(
  expression: Expression,
  slots: ReadonlySet<Slot>,
  readers: ReadonlySet<number>,
  replaced: Paths,
): boolean {
  let isFound = false;
  const look = (part: Expression): Expression => {
    if (part.op === "input" || part.op === "extent") isFound = true;
    // What some `with` puts below data may come from the input.
    if (part.op === "data" && replaced.some((at) => overlaps(at, part.path))) isFound = true;
    if (part.op === "slot" && slots.has(part.slot)) isFound = true;
    if ((part.op === "rule" || part.op === "invoke") && readers.has(part.procedure)) isFound = true;
    return part;
  };
  rewriteBlock([{ op: "test", that: expression }], { expression: look });
  return isFound;
}

function proceduresReadingInput(program: Program): ReadonlySet<number> {
  // What some `with` puts in their place may be anything.
  const readers = new Set<number>(program.replaced.procedures);
  for (const [index, procedure] of program.procedures.entries())
    if (program.replaced.data.some((at) => overlaps(at, procedure.path))) readers.add(index);
  for (let before = -1; before !== readers.size; ) {
    before = readers.size;
    for (const [index, { path }] of program.procedures.entries())
      for (const body of bodiesOf(program, path))
        rewriteBlock(body, {
          expression: (expression) => {
            if (mentions(expression, new Set(), readers, program.replaced.data)) readers.add(index);
            return expression;
          },
        });
  }
  return readers;
}

type Paths = readonly (readonly string[])[];

function overlaps(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.every((name, index) => name === long[index]);
}
