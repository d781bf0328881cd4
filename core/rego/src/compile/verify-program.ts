import type { Builtin } from "../builtins/builtin.ts";
import { BigNumber } from "../values/big-number.ts";
import {
  isArray,
  isPlainObject,
  memberOf,
  type ObjectValue,
  RegoObject,
  RegoSet,
  type Value,
} from "../values/value.ts";
import type {
  Block,
  Clause,
  Expression,
  Operation,
  Override,
  Procedure,
  Program,
  Replacement,
  Slot,
  TreeExpression,
  TreeNode,
} from "./ir.ts";

/** A query as back ends run it. */
export interface VerifiedQuery {
  readonly body: Block;
  readonly frame: number;
}

/**
 * What a program has that no back end expects, in words; nothing for a sound one. Back ends trust programs: they read
 * slots without asking whether they are set, and call procedures with as many operands as stand there. Whoever makes or
 * changes programs (lowering, `optimise`, `requireInput`) is checked by this in tests.
 */
export function verifyProgram(program: Program, queries: readonly VerifiedQuery[] = []): readonly string[] {
  const faults: string[] = [];
  for (const procedure of program.procedures) {
    const name = `data.${procedure.path.join(".")}`;
    new FrameVerifier(program, procedure.frame, (fault) => faults.push(`${name}: ${fault}`)).procedure(procedure);
  }
  for (const { body, frame } of queries)
    new FrameVerifier(program, frame, (fault) => faults.push(`query: ${fault}`)).block(body, new Map(), undefined);
  verifyTree(program.tree, program, [], faults);
  return faults;
}

function verifyTree(
  { children, procedure }: TreeNode,
  program: Program,
  path: readonly string[],
  faults: string[],
): void {
  if (procedure !== undefined && program.procedures[procedure] === undefined)
    faults.push(`data.${path.join(".")}: there is no procedure ${procedure}`);
  for (const [name, child] of children) verifyTree(child, program, [...path, name], faults);
}

/** What a slot holds where it is set. */
type Held = "value" | "place";
/** The slots that are set on the way to an operation. */
type Slots = Map<Slot, Held>;

/** Walks the blocks of one frame in the order in which they run. */
class FrameVerifier {
  readonly #program: Program;
  readonly #frame: number;
  readonly #report: (fault: string) => void;

  constructor(program: Program, frame: number, report: (fault: string) => void) {
    this.#program = program;
    this.#frame = frame;
    this.#report = report;
  }

  procedure({ kind, arity, clauses, fallback, frame, outline }: Procedure): void {
    if (kind !== "function" && arity > 0) this.#report(`a ${kind} rule with ${arity} operands`);
    if (arity > frame) this.#report(`${arity} operands in a frame of ${frame}`);
    if (outline.length > 0 && kind !== "object") this.#report(`a ${kind} rule with places in it`);
    for (const key of outline.flatMap(({ keys }) => keys)) this.#constant(key);
    for (const clause of clauses) this.#clause(clause, kind, arity);
    if (fallback !== undefined) this.#expression(fallback, operandSlots(arity));
  }

  #clause({ body, isSet, otherwise }: Clause, kind: Procedure["kind"], arity: number): void {
    if (isSet && kind !== "set" && kind !== "object") this.#report(`elements of a set in a ${kind} rule`);
    this.block(body, operandSlots(arity), kind === "object" ? "keys" : 1);
    if (otherwise !== undefined) this.#clause(otherwise, kind, arity);
  }

  /** `emits`: how many values; `keys` for at least a key and a value; undefined when it does not matter. */
  block(block: Block, set: Slots, emits: number | "keys" | undefined): void {
    const own = new Map(set);
    for (const [index, operation] of block.entries()) {
      const isLast = index === block.length - 1;
      const ends = operation.op === "emit" || operation.op === "scan" || operation.op === "scan-tree";
      if (ends !== isLast)
        this.#report(ends ? `${operation.op} in the middle of a block` : "a block that emits nothing");
      this.#operation(operation, own, emits);
    }
    if (block.length === 0) this.#report("a block that emits nothing");
  }

  #operation(operation: Operation, set: Slots, emits: number | "keys" | undefined): void {
    switch (operation.op) {
      case "let":
        this.#expression(operation.from, set);
        this.#set(operation.slot, "value", set);
        return;
      case "test":
        this.#expression(operation.that, set);
        return;
      case "equal":
        this.#expression(operation.left, set);
        this.#expression(operation.right, set);
        return;
      case "shape":
      case "iterable":
        this.#read(operation.slot, "value", set);
        return;
      case "scan": {
        this.#expression(operation.source, set);
        const inner = new Map(set);
        if (operation.key !== undefined) this.#set(operation.key, "value", inner);
        if (operation.value !== undefined) this.#set(operation.value, "value", inner);
        this.block(operation.body, inner, emits);
        return;
      }
      case "scan-tree": {
        this.#tree(operation.source, set);
        const inner = new Map(set);
        if (operation.key !== undefined) this.#set(operation.key, "value", inner);
        this.#set(operation.value, "place", inner);
        this.block(operation.body, inner, emits);
        return;
      }
      case "not":
        this.block(operation.body, set, 0);
        return;
      case "exists":
        for (const override of operation.overrides) this.#override(override, set);
        this.block(operation.body, set, 0);
        return;
      case "print":
        for (const arg of operation.args) this.#expression(arg, set);
        return;
      case "mark":
        if (this.#program.statements[operation.statement] === undefined)
          this.#report(`there is no statement ${operation.statement}`);
        return;
      case "emit":
        this.#emit(operation.values, set, emits);
    }
  }

  #emit(values: readonly Expression[], set: Slots, emits: number | "keys" | undefined): void {
    const isWanted = emits === "keys" ? values.length >= 2 : emits === undefined || values.length === emits;
    if (!isWanted)
      this.#report(`${values.length} values emitted, not ${emits === "keys" ? "keys and a value" : emits}`);
    for (const value of values) this.#expression(value, set);
  }

  #expression(expression: Expression, set: Slots): void {
    switch (expression.op) {
      case "constant":
        this.#constant(expression.value);
        return;
      case "slot":
        this.#read(expression.slot, "value", set);
        return;
      case "input":
      case "data":
        return;
      case "get":
        this.#expression(expression.source, set);
        this.#expression(expression.key, set);
        return;
      case "get-stored":
        this.#expression(expression.source, set);
        return;
      case "required":
        this.#expression(expression.of, set);
        return;
      case "rule":
        if (this.#procedure(expression.procedure)?.kind === "function")
          this.#report(`function ${expression.procedure} asked for as a rule`);
        return;
      case "extent":
        this.#tree(expression.of, set);
        return;
      case "call":
        this.#arity(expression.builtin, expression.args.length);
        for (const arg of expression.args) this.#expression(arg, set);
        return;
      case "invoke": {
        const { procedure, args } = expression;
        const arity = this.#procedure(procedure)?.arity;
        if (arity !== undefined && arity !== args.length)
          this.#report(`procedure ${procedure} has ${arity} operands, not ${args.length}`);
        for (const arg of args) this.#expression(arg, set);
        return;
      }
      case "array":
      case "set":
        for (const item of expression.items) this.#expression(item, set);
        return;
      case "object":
        for (const entry of expression.entries) for (const part of entry) this.#expression(part, set);
        return;
      case "collect":
        for (const override of expression.overrides) this.#override(override, set);
        this.block(expression.body, set, expression.of === "object" ? 2 : 1);
    }
  }

  #tree(tree: TreeExpression, set: Slots): void {
    if (tree.op === "tree-slot") this.#read(tree.slot, "place", set);
    if (tree.op !== "tree-get") return;
    this.#tree(tree.source, set);
    this.#expression(tree.key, set);
  }

  /** Only calls of what `replaced` names look for a replacement. */
  #override(override: Override, set: Slots): void {
    const { replaced } = this.#program;
    switch (override.target) {
      case "input":
        this.#expression(override.value, set);
        return;
      case "data":
        if (!replaced.data.some((path) => path.join("\0") === override.path.join("\0")))
          this.#report(`data.${override.path.join(".")} is replaced and not known to be`);
        this.#expression(override.value, set);
        return;
      case "builtin":
        if (!replaced.builtins.has(override.name)) this.#report(`${override.name} is replaced and not known to be`);
        this.#replacement(override.by, undefined, set);
        return;
      case "procedure":
        if (!replaced.procedures.has(override.procedure))
          this.#report(`procedure ${override.procedure} is replaced and not known to be`);
        this.#replacement(override.by, this.#procedure(override.procedure)?.arity, set);
    }
  }

  #replacement(by: Replacement, arity: number | undefined, set: Slots): void {
    if (by.type === "value") this.#expression(by.value, set);
    if (by.type === "builtin" && arity !== undefined) this.#arity(by.builtin, arity);
    const other = by.type === "procedure" ? this.#procedure(by.procedure)?.arity : undefined;
    if (other !== undefined && arity !== undefined && other !== arity)
      this.#report(`a function of ${arity} operands replaced by one of ${other}`);
  }

  #procedure(index: number): Procedure | undefined {
    const procedure = this.#program.procedures[index];
    if (procedure === undefined) this.#report(`there is no procedure ${index}`);
    return procedure;
  }

  #arity({ name, type: { args, variadic } }: Builtin, count: number): void {
    if (variadic === undefined ? count !== args.length : count < args.length)
      this.#report(`${name} has ${args.length} operands, not ${count}`);
  }

  #set(slot: Slot, held: Held, set: Slots): void {
    this.#checkRange(slot);
    set.set(slot, held);
  }

  #read(slot: Slot, wanted: Held, set: Slots): void {
    this.#checkRange(slot);
    const held = set.get(slot);
    if (held === undefined) this.#report(`slot ${slot} is read before it is set`);
    else if (held !== wanted) this.#report(`slot ${slot} holds a ${held} and is read as a ${wanted}`);
  }

  #checkRange(slot: Slot): void {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.#frame)
      this.#report(`slot ${slot} in a frame of ${this.#frame}`);
  }

  #constant(value: unknown): void {
    if (!isValue(value, new Set())) this.#report("a constant that is no value");
  }
}

function operandSlots(arity: number): Slots {
  return new Map(Array.from({ length: arity }, (_, slot) => [slot, "value"]));
}

/** `above`: what it is in; a value is in no part of itself. */
function isValue(value: unknown, above: Set<unknown>): boolean {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || above.has(value)) return false;
  if (value instanceof BigNumber) return true;
  above.add(value);
  const isSound = partsOf(value)?.every((part) => isValue(part, above)) ?? false;
  above.delete(value);
  return isSound;
}

/** Undefined for an object that is no Rego value. */
function partsOf(value: object): readonly unknown[] | undefined {
  const composite = value as Value;
  if (isArray(composite)) return composite;
  if (value instanceof RegoSet) return value.elements;
  if (value instanceof RegoObject) return value.keys.flatMap((key) => [key, memberOf(value as ObjectValue, key)]);
  const prototype: unknown = Object.getPrototypeOf(value);
  return isPlainObject(composite) && (prototype === null || prototype === Object.prototype)
    ? Object.values(value)
    : undefined;
}
