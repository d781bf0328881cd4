import { assert, err, ok, type Result } from "@vedette/base";
import type { Builtin } from "../builtins/builtin.ts";
import { type Parts, runParts } from "../parts.ts";
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

/** A query as back ends run it: emits one row for each answer. */
export interface QueryBlock {
  readonly body: Block;
  /** Slots of its frame. */
  readonly frame: number;
}

/** Verified; made only by `parseProgram` and `assertSound`; back ends accept no other. */
export type SoundProgram = Program & { readonly [soundBrand]: true };
/** Verified with the program it is asked of. */
export type SoundQuery = QueryBlock & { readonly [soundBrand]: true };
declare const soundBrand: unique symbol;

/**
 * What a program has that no back end expects, in words; nothing for a sound one. Back ends trust programs: they read
 * slots without asking whether they are set, and call procedures with as many operands as stand there.
 */
export function verifyProgram(program: Program, queries: readonly QueryBlock[] = []): readonly string[] {
  const faults = runParts(verifyInParts(program));
  return [...faults, ...queries.flatMap((query) => verifyQuery(program, query))];
}

function* verifyInParts(program: Program): Parts<readonly string[]> {
  const faults: string[] = [];
  const known = new Set<object>();
  for (const procedure of program.procedures) {
    const name = `data.${procedure.path.join(".")}`;
    const report = (fault: string) => faults.push(`${name}: ${fault}`);
    yield* new FrameVerifier({ program, known }, procedure.frame, report).procedure(procedure);
  }
  verifyTree(program.tree, program, [], faults);
  return faults;
}

function verifyQuery(program: Program, { body, frame }: QueryBlock): readonly string[] {
  const faults: string[] = [];
  const report = (fault: string) => faults.push(`query: ${fault}`);
  new FrameVerifier({ program, known: new Set() }, frame, report).query(body);
  return faults;
}

/** A program of another thread: the first fault says why it is none to run. */
export function* parseProgram(program: Program): Parts<Result<SoundProgram, string>> {
  const [fault] = yield* verifyInParts(program);
  return fault === undefined ? ok(asSound(program)) : err(fault);
}

/** A program of our own making (lowering, `optimise`, `requireInput`): a fault is a bug of ours, and nothing runs. */
export function assertSound(program: Program): SoundProgram {
  const [fault] = verifyProgram(program);
  assert(fault === undefined, `a program is sound: ${fault}`);
  return asSound(program);
}

/** The program is the one it was compiled with, whatever became of that since. */
export function assertSoundQuery<Query extends QueryBlock>(program: Program, query: Query): Query & SoundQuery {
  const [fault] = verifyQuery(program, query);
  assert(fault === undefined, `a query is sound: ${fault}`);
  // The only maker of this brand: it was verified above.
  return query as Query & SoundQuery;
}

/** The only maker of the brand: whoever calls it has verified the program. */
function asSound(program: Program): SoundProgram {
  return program as SoundProgram;
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

/** A call makes a list of so many slots. Hundreds of loops within each other, fused several times, take some thousands. */
const FRAME_MAX = 1_000_000;

/** Walks the blocks of one frame in the order in which they run. */
class FrameVerifier {
  readonly #program: Program;
  /** Composite constants that were found to be values: one stands in many places. */
  readonly #known: Set<object>;
  readonly #frame: number;
  readonly #report: (fault: string) => void;
  /** Slots that are set on the way to an operation; what was set inside of a block is not set behind it. */
  readonly #held = new Map<Slot, Held>();
  /** What to undo at the end of a block: slots, with what they held before. */
  readonly #trail: (readonly [slot: Slot, before: Held | undefined])[] = [];

  constructor(
    { program, known }: { readonly program: Program; readonly known: Set<object> },
    frame: number,
    report: (fault: string) => void,
  ) {
    this.#program = program;
    this.#known = known;
    this.#frame = frame;
    this.#report = report;
  }

  *procedure({ kind, arity, clauses, fallback, frame, outline }: Procedure): Parts<void> {
    if (!(frame <= FRAME_MAX)) this.#report(`a frame of ${frame} slots`);
    if (kind !== "function" && arity > 0) this.#report(`a ${kind} rule with ${arity} operands`);
    if (arity > frame) this.#report(`${arity} operands in a frame of ${frame}`);
    if (outline.length > 0 && kind !== "object") this.#report(`a ${kind} rule with places in it`);
    for (const key of outline.flatMap(({ keys }) => keys)) this.#constant(key);
    for (let slot = 0; slot < Math.min(arity, frame, FRAME_MAX); slot++) this.#set(slot, "value");
    for (const clause of clauses) {
      this.#clause(clause, kind);
      yield;
    }
    if (fallback !== undefined) this.#expression(fallback);
  }

  query(body: Block): void {
    if (!(this.#frame <= FRAME_MAX)) this.#report(`a frame of ${this.#frame} slots`);
    this.#block(body, undefined);
  }

  #clause({ body, isSet, otherwise }: Clause, kind: Procedure["kind"]): void {
    if (isSet && kind !== "set" && kind !== "object") this.#report(`elements of a set in a ${kind} rule`);
    this.#block(body, kind === "object" ? "keys" : 1);
    if (otherwise !== undefined) this.#clause(otherwise, kind);
  }

  /** `emits`: how many values; `keys` for at least a key and a value; undefined when it does not matter. */
  #block(block: Block, emits: number | "keys" | undefined): void {
    const before = this.#trail.length;
    this.#operations(block, emits);
    for (let undo = this.#trail.length; undo > before; undo--) {
      const [slot, held] = this.#trail.pop()!;
      if (held === undefined) this.#held.delete(slot);
      else this.#held.set(slot, held);
    }
  }

  #operations(block: Block, emits: number | "keys" | undefined): void {
    for (const [index, operation] of block.entries()) {
      const isLast = index === block.length - 1;
      const ends = operation.op === "emit" || operation.op === "scan" || operation.op === "scan-tree";
      if (ends !== isLast)
        this.#report(ends ? `${operation.op} in the middle of a block` : "a block that emits nothing");
      this.#operation(operation, emits);
    }
    if (block.length === 0) this.#report("a block that emits nothing");
  }

  #operation(operation: Operation, emits: number | "keys" | undefined): void {
    switch (operation.op) {
      case "let":
        this.#expression(operation.from);
        this.#set(operation.slot, "value");
        return;
      case "test":
        this.#expression(operation.that);
        return;
      case "equal":
        this.#expression(operation.left);
        this.#expression(operation.right);
        return;
      case "shape":
      case "iterable":
        this.#read(operation.slot, "value");
        return;
      case "scan":
        this.#expression(operation.source);
        if (operation.key !== undefined) this.#set(operation.key, "value");
        if (operation.value !== undefined) this.#set(operation.value, "value");
        this.#block(operation.body, emits);
        return;
      case "scan-tree":
        this.#tree(operation.source);
        if (operation.key !== undefined) this.#set(operation.key, "value");
        this.#set(operation.value, "place");
        this.#block(operation.body, emits);
        return;
      case "not":
        this.#block(operation.body, 0);
        return;
      case "exists":
        for (const override of operation.overrides) this.#override(override);
        this.#block(operation.body, 0);
        return;
      case "print":
        for (const arg of operation.args) this.#expression(arg);
        return;
      case "mark":
        if (this.#program.statements[operation.statement] === undefined)
          this.#report(`there is no statement ${operation.statement}`);
        return;
      case "emit":
        this.#emit(operation.values, emits);
    }
  }

  #emit(values: readonly Expression[], emits: number | "keys" | undefined): void {
    const isWanted = emits === "keys" ? values.length >= 2 : emits === undefined || values.length === emits;
    if (!isWanted)
      this.#report(`${values.length} values emitted, not ${emits === "keys" ? "keys and a value" : emits}`);
    for (const value of values) this.#expression(value);
  }

  #expression(expression: Expression): void {
    switch (expression.op) {
      case "constant":
        this.#constant(expression.value);
        return;
      case "slot":
        this.#read(expression.slot, "value");
        return;
      case "input":
      case "data":
        return;
      case "get":
        this.#expression(expression.source);
        this.#expression(expression.key);
        return;
      case "get-stored":
        this.#expression(expression.source);
        return;
      case "required":
        this.#expression(expression.of);
        return;
      case "rule":
        if (this.#procedure(expression.procedure)?.kind === "function")
          this.#report(`function ${expression.procedure} asked for as a rule`);
        return;
      case "extent":
        this.#tree(expression.of);
        return;
      case "call":
        this.#arity(expression.builtin, expression.args.length);
        for (const arg of expression.args) this.#expression(arg);
        return;
      case "invoke": {
        const { procedure, args } = expression;
        const arity = this.#procedure(procedure)?.arity;
        if (arity !== undefined && arity !== args.length)
          this.#report(`procedure ${procedure} has ${arity} operands, not ${args.length}`);
        for (const arg of args) this.#expression(arg);
        return;
      }
      case "array":
      case "set":
        for (const item of expression.items) this.#expression(item);
        return;
      case "object":
        for (const entry of expression.entries) for (const part of entry) this.#expression(part);
        return;
      case "collect":
        for (const override of expression.overrides) this.#override(override);
        this.#block(expression.body, expression.of === "object" ? 2 : 1);
    }
  }

  #tree(tree: TreeExpression): void {
    if (tree.op === "tree-slot") this.#read(tree.slot, "place");
    if (tree.op !== "tree-get") return;
    this.#tree(tree.source);
    this.#expression(tree.key);
  }

  /** Only calls of what `replaced` names look for a replacement. */
  #override(override: Override): void {
    const { replaced } = this.#program;
    switch (override.target) {
      case "input":
        this.#expression(override.value);
        return;
      case "data":
        if (!replaced.data.some((path) => path.join("\0") === override.path.join("\0")))
          this.#report(`data.${override.path.join(".")} is replaced and not known to be`);
        this.#expression(override.value);
        return;
      case "builtin":
        if (!replaced.builtins.has(override.name)) this.#report(`${override.name} is replaced and not known to be`);
        this.#replacement(override.by, undefined);
        return;
      case "procedure":
        if (!replaced.procedures.has(override.procedure))
          this.#report(`procedure ${override.procedure} is replaced and not known to be`);
        this.#replacement(override.by, this.#procedure(override.procedure)?.arity);
    }
  }

  #replacement(by: Replacement, arity: number | undefined): void {
    if (by.type === "value") this.#expression(by.value);
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

  #set(slot: Slot, held: Held): void {
    this.#checkRange(slot);
    this.#trail.push([slot, this.#held.get(slot)]);
    this.#held.set(slot, held);
  }

  #read(slot: Slot, wanted: Held): void {
    this.#checkRange(slot);
    const held = this.#held.get(slot);
    if (held === undefined) this.#report(`slot ${slot} is read before it is set`);
    else if (held !== wanted) this.#report(`slot ${slot} holds a ${held} and is read as a ${wanted}`);
  }

  #checkRange(slot: Slot): void {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.#frame)
      this.#report(`slot ${slot} in a frame of ${this.#frame}`);
  }

  #constant(value: unknown): void {
    if (!isValue(value, new Set(), this.#known)) this.#report("a constant that is no value");
  }
}

/**
 * `above`: what it is in; a value is in no part of itself. `known` are values that were looked through: parts may be
 * shared, and each is looked through once.
 */
function isValue(value: unknown, above: Set<unknown>, known: Set<object>): boolean {
  if (value === null || typeof value === "boolean" || typeof value === "string") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || above.has(value)) return false;
  if (value instanceof BigNumber || known.has(value)) return true;
  above.add(value);
  const isSound = partsOf(value)?.every((part) => isValue(part, above, known)) ?? false;
  above.delete(value);
  if (isSound) known.add(value);
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
