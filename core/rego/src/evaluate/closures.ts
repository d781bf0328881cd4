import { unreachable } from "@vedette/base";
import { type Builtin, BuiltinFailure, type BuiltinResult } from "../builtins/builtin.ts";
import { indexClauses } from "../compile/clause-index.ts";
import type { Block, Expression, Operation, Override, Procedure, Replacement, TreeExpression } from "../compile/ir.ts";
import type { SoundProgram, SoundQuery } from "../compile/verify-program.ts";
import { isEqual, ObjectBuilder, RegoSet, type Scalar, type Value } from "../values/value.ts";
import type { BackEnd } from "./back-end.ts";
import { chainOf, costOfLiteral, hasOneValue } from "./clauses.ts";
import { DocumentBuilder } from "./document-builder.ts";
import type { Evaluation, Frame, Place, Replaced } from "./evaluation.ts";
import { reportConflict } from "./evaluation-error.ts";
import { hasShape, insertOnce, isIterable, keysOf, lookup, lookupName, lookupPath, lookupStored } from "./lookup.ts";
import { printedLines } from "./printed-lines.ts";

/** Evaluates an expression in a frame. */
type Evaluate = (evaluation: Evaluation, frame: Frame) => Value | undefined;
/** Runs the rest of a block; true stops everything up to whoever runs the block. */
type Run = (evaluation: Evaluation, frame: Frame) => boolean;

/** The back end without code generation. */
export const closures: BackEnd = (program) => new ClosureBackEnd(program);

/**
 * Every operation becomes a closure that holds the one after it. Works where code from strings is forbidden, and is the
 * twin that generated code is compared with.
 */
class ClosureBackEnd {
  readonly #program: SoundProgram;
  readonly #runByProcedure = new Map<number, (evaluation: Evaluation, args: readonly Value[]) => Value | undefined>();

  constructor(program: SoundProgram) {
    this.#program = program;
  }

  readonly runRule = (evaluation: Evaluation, procedure: number): Value | undefined =>
    this.#run(procedure)(evaluation, []);

  /** Each answer of a query goes to `answer`, which says whether it has had enough. */
  query({ body, frame: size }: SoundQuery): (evaluation: Evaluation) => readonly (readonly Value[])[] {
    let rows: Value[][] = [];
    const run = this.#block(body, (values) => (evaluation, frame) => {
      const row = evaluateAll(values, evaluation, frame);
      if (row !== undefined) rows.push(row);
      return false;
    });
    return (evaluation) => {
      const own: Value[][] = [];
      rows = own;
      run(evaluation, new Array(size));
      return own;
    };
  }

  /** Compiled when it is first called: most programs are larger than what one decision needs. */
  #run(procedure: number): (evaluation: Evaluation, args: readonly Value[]) => Value | undefined {
    const known = this.#runByProcedure.get(procedure);
    if (known !== undefined) return known;
    const run = observed(procedure, this.#procedure(this.#program.procedures[procedure]!));
    this.#runByProcedure.set(procedure, run);
    return run;
  }

  #procedure(procedure: Procedure): (evaluation: Evaluation, args: readonly Value[]) => Value | undefined {
    switch (procedure.kind) {
      case "value":
      case "function":
        return this.#valueProcedure(procedure);
      case "set":
        return this.#setProcedure(procedure);
      case "object":
        return this.#objectProcedure(procedure);
    }
  }

  #valueProcedure(procedure: Procedure) {
    const { clauses, fallback, frame: size, kind, location } = procedure;
    let result: Value | undefined;
    const emit = ([value]: readonly Evaluate[]): Run => {
      return (evaluation, frame) => {
        const found = value!(evaluation, frame);
        if (found === undefined) return false;
        if (result !== undefined && !isEqual(result, found, evaluation.query)) reportConflict(kind, location);
        result = found;
        return isSettled;
      };
    };
    const isSettled = hasOneValue(clauses);
    const chainsFor = chosen(
      procedure,
      clauses.map((clause) => chainOf(clause).map(({ body }) => this.#block(body, emit))),
    );
    const otherwise = fallback && this.#expression(fallback);
    return (evaluation: Evaluation, args: readonly Value[]): Value | undefined => {
      evaluation.query.spend(1);
      const outer = result;
      result = undefined;
      const frame: Frame = new Array(size);
      for (let i = 0; i < args.length; i++) frame[i] = args[i];
      for (const chain of chainsFor(evaluation)) {
        // The result of the definitions before this one: an `else` asks only about its own.
        const before: Value | undefined = result;
        for (const run of chain) {
          result = undefined;
          run(evaluation, frame);
          if (result !== undefined) break;
        }
        if (before !== undefined) {
          if (result !== undefined && !isEqual(before, result, evaluation.query)) reportConflict(kind, location);
          result = before;
        }
        if (isSettled && result !== undefined) break;
      }
      const found: Value | undefined = result;
      result = outer;
      return found === undefined ? otherwise?.(evaluation, frame) : found;
    };
  }

  #setProcedure(procedure: Procedure) {
    const { clauses, frame: size } = procedure;
    let set = new RegoSet();
    const bodies = clauses.map(({ body }) =>
      this.#block(body, ([element]) => (evaluation, frame) => {
        const value = element!(evaluation, frame);
        if (value !== undefined) set.add(value, evaluation.query);
        return false;
      }),
    );
    const runsFor = chosen(procedure, bodies);
    return (evaluation: Evaluation): Value => {
      evaluation.query.spend(1);
      const outer = set;
      const own = new RegoSet();
      set = own;
      for (const run of runsFor(evaluation)) run(evaluation, new Array(size));
      set = outer;
      return own;
    };
  }

  #objectProcedure({ clauses, frame: size, outline, location }: Procedure) {
    let builder = new DocumentBuilder();
    const runs = clauses.flatMap(chainOf).map(({ body, isSet }) =>
      this.#block(body, (values) => (evaluation, frame) => {
        const row = evaluateAll(values, evaluation, frame);
        if (row !== undefined && !builder.insert(row.slice(0, -1), row.at(-1)!, isSet))
          reportConflict("keys", location);
        return false;
      }),
    );
    return (evaluation: Evaluation): Value => {
      evaluation.query.spend(1);
      const outer = builder;
      const own = new DocumentBuilder();
      builder = own;
      for (const run of runs) run(evaluation, new Array(size));
      builder = outer;
      return own.build(outline);
    };
  }

  /** Compiles from the end, so that every operation knows what comes after it. */
  #block(block: Block, emit: (values: readonly Evaluate[]) => Run, outer = NO_STATEMENT): Run {
    const statements: number[] = [];
    for (const operation of block)
      statements.push(operation.op === "mark" ? operation.statement : (statements.at(-1) ?? outer));
    let next: Run = () => false;
    for (const [index, operation] of Array.from(block.entries()).toReversed())
      next = this.#operation(operation, next, emit, statements[index]!);
    return next;
  }

  #operation(operation: Operation, next: Run, emit: (values: readonly Evaluate[]) => Run, statement: number): Run {
    switch (operation.op) {
      case "let": {
        const { slot } = operation;
        const from = this.#expression(operation.from);
        return (evaluation, frame) => {
          const value = from(evaluation, frame);
          if (value === undefined) return refused(evaluation, statement, frame, [undefined]);
          frame[slot] = value;
          return next(evaluation, frame);
        };
      }
      case "test": {
        const that = this.#expression(operation.that);
        const operands = operandsOf(operation.that).map((operand) => this.#expression(operand));
        return (evaluation, frame) => {
          const value = that(evaluation, frame);
          if (value !== undefined && value !== false) return next(evaluation, frame);
          if (evaluation.query.observer.refused === undefined) return false;
          return refused(
            evaluation,
            statement,
            frame,
            operands.map((operand) => operand(evaluation, frame)),
          );
        };
      }
      case "equal": {
        const left = this.#expression(operation.left);
        const right = this.#expression(operation.right);
        const isWanted = !operation.isNegated;
        return (evaluation, frame) => {
          const a = left(evaluation, frame);
          if (a === undefined) return refused(evaluation, statement, frame, [a, undefined]);
          const b = right(evaluation, frame);
          if (b === undefined || isEqual(a, b, evaluation.query) !== isWanted)
            return refused(evaluation, statement, frame, [a, b]);
          return next(evaluation, frame);
        };
      }
      case "shape": {
        const { slot, of, length } = operation;
        return (evaluation, frame) =>
          hasShape(frame[slot] as Value, of, length)
            ? next(evaluation, frame)
            : refused(evaluation, statement, frame, [frame[slot] as Value]);
      }
      case "iterable": {
        const { slot } = operation;
        return (evaluation, frame) =>
          isIterable(frame[slot] as Value)
            ? next(evaluation, frame)
            : refused(evaluation, statement, frame, [frame[slot] as Value]);
      }
      case "scan":
        return this.#scan(operation, emit, statement);
      case "scan-tree":
        return this.#scanTree(operation, emit, statement);
      case "not": {
        const body = this.#condition(operation.body, NO_STATEMENT);
        return (evaluation, frame) =>
          body(evaluation, frame) ? refused(evaluation, statement, frame, []) : next(evaluation, frame);
      }
      case "exists": {
        const body = this.#condition(operation.body, statement);
        if (operation.overrides.length === 0)
          return (evaluation, frame) => body(evaluation, frame) && next(evaluation, frame);
        const change = this.#overrides(operation.overrides);
        return (evaluation, frame) => {
          const changed = change(evaluation, frame);
          return changed !== undefined && body(changed, frame) && next(evaluation, frame);
        };
      }
      case "print": {
        const args = operation.args.map((arg) => this.#expression(arg));
        const isSetOfValues = operation.args.map(({ op }) => op === "collect");
        return (evaluation, frame) => {
          const { printed } = evaluation.query.observer;
          const values = printed && args.map((arg) => arg(evaluation, frame));
          if (values !== undefined)
            for (const line of printedLines(values, isSetOfValues)) printed?.(line, operation.location);
          return next(evaluation, frame);
        };
      }
      case "mark": {
        const { statement } = operation;
        return (evaluation, frame) => {
          evaluation.query.observer.entered?.(statement, frame);
          return next(evaluation, frame);
        };
      }
      case "emit":
        return emit(operation.values.map((value) => this.#expression(value)));
      default:
        return unreachable(operation);
    }
  }

  #scan(
    { source, key, value, isOrdered, body }: Operation & { readonly op: "scan" },
    emit: (values: readonly Evaluate[]) => Run,
    statement: number,
  ): Run {
    const from = this.#expression(source);
    const inner = this.#block(body, emit, statement);
    return (evaluation, frame) => {
      const whole = from(evaluation, frame);
      if (whole === undefined || whole === null || typeof whole !== "object")
        return refused(evaluation, statement, frame, [whole]);
      if (Array.isArray(whole)) {
        if (whole.length === 0) return refused(evaluation, statement, frame, [whole]);
        evaluation.query.spend(whole.length);
        for (let i = 0; i < whole.length; i++) {
          if (key !== undefined) frame[key] = i;
          if (value !== undefined) frame[value] = whole[i];
          if (inner(evaluation, frame)) return true;
        }
        return false;
      }
      const keys = keysOf(whole as Exclude<Value, readonly Value[]> & object, isOrdered);
      evaluation.query.spend(keys.length);
      for (const name of keys) {
        if (key !== undefined) frame[key] = name;
        if (value !== undefined) frame[value] = lookup(whole, name);
        if (inner(evaluation, frame)) return true;
      }
      return false;
    };
  }

  #scanTree(
    { source, key, value, isOrdered, body }: Operation & { readonly op: "scan-tree" },
    emit: (values: readonly Evaluate[]) => Run,
    statement: number,
  ): Run {
    const from = this.#tree(source);
    const inner = this.#block(body, emit, statement);
    return (evaluation, frame) => {
      const place = from(evaluation, frame);
      const keys = evaluation.keysOfPlace(place, isOrdered);
      evaluation.query.spend(keys.length);
      for (const name of keys) {
        const member = evaluation.step(place, name);
        if (member === undefined) continue;
        if (key !== undefined) frame[key] = name;
        frame[value] = member;
        if (inner(evaluation, frame)) return true;
      }
      return false;
    };
  }

  /** Whether a block emits anything. */
  #condition(body: Block, statement: number): Run {
    return this.#block(body, () => () => true, statement);
  }

  #expression(expression: Expression): Evaluate {
    switch (expression.op) {
      case "constant": {
        const { value } = expression;
        return () => value;
      }
      case "slot": {
        const { slot } = expression;
        // A slot that holds a place is read as one (`verifyProgram`).
        return (_, frame) => frame[slot] as Value | undefined;
      }
      case "input":
        return (evaluation) => evaluation.input;
      case "data": {
        const { path } = expression;
        return (evaluation) => lookupPath(evaluation.data, path);
      }
      case "get": {
        const source = this.#expression(expression.source);
        if (expression.key.op === "constant" && typeof expression.key.value === "string") {
          const name = expression.key.value;
          return (evaluation, frame) => lookupName(source(evaluation, frame), name);
        }
        const key = this.#expression(expression.key);
        return (evaluation, frame) => {
          const whole = source(evaluation, frame);
          if (whole === undefined) return undefined;
          const at = key(evaluation, frame);
          return at === undefined ? undefined : lookup(whole, at);
        };
      }
      case "required": {
        const value = this.#expression(expression.of);
        const { use } = expression;
        return (evaluation, frame) => evaluation.query.require(value(evaluation, frame), use);
      }
      case "get-stored": {
        const source = this.#expression(expression.source);
        const { index } = expression;
        return (evaluation, frame) => lookupStored(source(evaluation, frame), index);
      }
      case "rule": {
        const { procedure } = expression;
        return (evaluation) => evaluation.rule(procedure);
      }
      case "extent": {
        const place = this.#tree(expression.of);
        return (evaluation, frame) => evaluation.extent(place(evaluation, frame));
      }
      case "call":
        return this.#call(expression);
      case "invoke":
        return this.#invoke(expression);
      case "array": {
        const items = expression.items.map((item) => this.#expression(item));
        return paid(items.length, (evaluation, frame) => evaluateAll(items, evaluation, frame));
      }
      case "set": {
        const items = expression.items.map((item) => this.#expression(item));
        return paid(items.length, (evaluation, frame) => {
          const values = evaluateAll(items, evaluation, frame);
          return values && RegoSet.of(values);
        });
      }
      case "object":
        return this.#object(expression);
      case "collect":
        return this.#collect(expression);
      default:
        return unreachable(expression);
    }
  }

  #object({ entries }: Expression & { readonly op: "object" }): Evaluate {
    const members = entries.map(([key, value]) => [this.#expression(key), this.#expression(value)] as const);
    return paid(entries.length, (evaluation, frame) => {
      const entries: [Value, Value][] = [];
      for (const [key, value] of members) {
        const name = key(evaluation, frame);
        if (name === undefined) return undefined;
        const member = value(evaluation, frame);
        if (member === undefined) return undefined;
        entries.push([name, member]);
      }
      return ObjectBuilder.from(entries);
    });
  }

  #collect({ of, overrides, body }: Expression & { readonly op: "collect" }): Evaluate {
    const collected = this.#collector(of, body);
    if (overrides.length === 0) return collected;
    const change = this.#overrides(overrides);
    return (evaluation, frame) => {
      const changed = change(evaluation, frame);
      return changed && collected(changed, frame);
    };
  }

  #collector(of: "array" | "set" | "object", body: Block): Evaluate {
    if (of === "array") {
      let list: Value[] = [];
      const run = this.#block(body, ([item]) => (evaluation, frame) => {
        const value = item!(evaluation, frame);
        if (value !== undefined) list.push(value);
        return false;
      });
      return (evaluation, frame) => {
        const outer = list;
        const own: Value[] = [];
        list = own;
        run(evaluation, frame);
        list = outer;
        return own;
      };
    }
    if (of === "set") {
      let set = new RegoSet();
      const run = this.#block(body, ([item]) => (evaluation, frame) => {
        const value = item!(evaluation, frame);
        if (value !== undefined) set.add(value, evaluation.query);
        return false;
      });
      return (evaluation, frame) => {
        const outer = set;
        const own = new RegoSet();
        set = own;
        run(evaluation, frame);
        set = outer;
        return own;
      };
    }
    let builder = new ObjectBuilder();
    const run = this.#block(body, ([key, item]) => (evaluation, frame) => {
      const name = key!(evaluation, frame);
      const value = name === undefined ? undefined : item!(evaluation, frame);
      if (name !== undefined && value !== undefined) insertOnce(evaluation.query, builder, name, value);
      return false;
    });
    return (evaluation, frame) => {
      const outer = builder;
      const own = new ObjectBuilder();
      builder = own;
      run(evaluation, frame);
      builder = outer;
      return own.build();
    };
  }

  #call({ builtin, args, location }: Expression & { readonly op: "call" }): Evaluate {
    const operands = args.map((arg) => this.#expression(arg));
    const finish = (evaluation: Evaluation, result: BuiltinResult): Value | undefined =>
      result instanceof BuiltinFailure ? evaluation.query.failed(builtin, result, location) : result;
    const { run } = builtin;
    if (this.#program.replaced.builtins.has(builtin.name))
      return (evaluation, frame) => {
        const values = evaluateAll(operands, evaluation, frame);
        if (values === undefined) return undefined;
        const replaced = evaluation.replacedBuiltins.get(builtin.name);
        return replaced === undefined
          ? finish(evaluation, run(evaluation.query, ...values))
          : replaced.run(evaluation.unreplaced(), values);
      };
    const [first, second] = operands;
    if (operands.length === 1)
      return (evaluation, frame) => {
        const a = first!(evaluation, frame);
        return a === undefined ? undefined : finish(evaluation, run(evaluation.query, a));
      };
    if (operands.length === 2)
      return (evaluation, frame) => {
        const a = first!(evaluation, frame);
        if (a === undefined) return undefined;
        const b = second!(evaluation, frame);
        return b === undefined ? undefined : finish(evaluation, run(evaluation.query, a, b));
      };
    return (evaluation, frame) => {
      const values = evaluateAll(operands, evaluation, frame);
      return values && finish(evaluation, run(evaluation.query, ...values));
    };
  }

  #invoke({ procedure, args }: Expression & { readonly op: "invoke" }): Evaluate {
    const operands = args.map((arg) => this.#expression(arg));
    const isReplaced = this.#program.replaced.procedures.has(procedure);
    return (evaluation, frame) => {
      const values = evaluateAll(operands, evaluation, frame);
      if (values === undefined) return undefined;
      const replaced = isReplaced ? evaluation.replacedProcedures.get(procedure) : undefined;
      return replaced === undefined
        ? this.#run(procedure)(evaluation, values)
        : replaced.run(evaluation.unreplaced(), values);
    };
  }

  #tree(expression: TreeExpression): (evaluation: Evaluation, frame: Frame) => Place {
    switch (expression.op) {
      case "tree": {
        const { path } = expression;
        return (evaluation) => evaluation.place(path);
      }
      case "tree-slot": {
        const { slot } = expression;
        return (_, frame) => frame[slot];
      }
      case "tree-get": {
        const source = this.#tree(expression.source);
        const key = this.#expression(expression.key);
        return (evaluation, frame) => {
          const place = source(evaluation, frame);
          if (place === undefined) return undefined;
          const at = key(evaluation, frame);
          return at === undefined ? undefined : evaluation.step(place, at);
        };
      }
    }
  }

  /** Undefined when a value to put in place is undefined: then the statement is. */
  #overrides(overrides: readonly Override[]): (evaluation: Evaluation, frame: Frame) => Evaluation | undefined {
    const documents = overrides.flatMap((override) =>
      "path" in override
        ? [{ target: override.target, path: override.path, value: this.#expression(override.value) }]
        : [],
    );
    const functions = overrides.flatMap((override) =>
      "by" in override ? [{ override, replacement: this.#replacement(override.by) }] : [],
    );
    return (evaluation, frame) => {
      const input: { path: readonly string[]; value: Value }[] = [];
      const data: { path: readonly string[]; value: Value }[] = [];
      for (const { target, path, value } of documents) {
        const found = value(evaluation, frame);
        if (found === undefined) return undefined;
        (target === "input" ? input : data).push({ path, value: found });
      }
      const builtins = new Map<string, Replaced>();
      const procedures = new Map<number, Replaced>();
      for (const { override, replacement } of functions) {
        const replaced = replacement(evaluation, frame);
        if (replaced === undefined) return undefined;
        if (override.target === "builtin") builtins.set(override.name, replaced);
        else procedures.set(override.procedure, replaced);
      }
      return evaluation.replacing({ input, data, builtins, procedures });
    };
  }

  #replacement(by: Replacement): (evaluation: Evaluation, frame: Frame) => Replaced | undefined {
    switch (by.type) {
      case "value": {
        const value = this.#expression(by.value);
        return (evaluation, frame) => {
          const found = value(evaluation, frame);
          return found === undefined ? undefined : { run: () => found };
        };
      }
      case "builtin": {
        const replaced: Replaced = { run: (evaluation, args) => runPlain(by.builtin, evaluation, args) };
        return () => replaced;
      }
      case "procedure": {
        const replaced: Replaced = { run: (evaluation, args) => this.#run(by.procedure)(evaluation, args) };
        return () => replaced;
      }
    }
  }
}

function observed(
  procedure: number,
  run: (evaluation: Evaluation, args: readonly Value[]) => Value | undefined,
): (evaluation: Evaluation, args: readonly Value[]) => Value | undefined {
  return (evaluation, args) => {
    const { called, returned } = evaluation.query.observer;
    called?.(procedure, args);
    const value = run(evaluation, args);
    returned?.(procedure, value);
    return value;
  };
}

/** Before the first statement: matching the operands of a function. */
const NO_STATEMENT = -1;

function refused(
  { query }: Evaluation,
  statement: number,
  frame: Frame,
  operands: readonly (Value | undefined)[],
): false {
  if (statement !== NO_STATEMENT) query.observer.refused?.(statement, frame, operands);
  return false;
}

/** What a condition looks at: the operands of a call, else the value itself. */
function operandsOf(that: Expression): readonly Expression[] {
  return that.op === "call" || that.op === "invoke" ? that.args : [that];
}

/** Those of a rule's definitions that can hold; all of them for who watches. */
function chosen<T>(procedure: Procedure, parts: readonly T[]): (evaluation: Evaluation) => readonly T[] {
  const index = indexClauses(procedure);
  if (index === undefined) return () => parts;
  const pick = (positions: readonly number[]) => positions.map((position) => parts[position]!);
  const byValue = new Map(Array.from(index.byValue, ([value, positions]) => [value, pick(positions)]));
  const others = pick(index.others);
  return ({ query, input }) => {
    if (query.observer.entered !== undefined) return parts;
    const value = lookupPath(input, index.path);
    return (isScalarValue(value) ? byValue.get(value) : undefined) ?? others;
  };
}

function isScalarValue(value: Value | undefined): value is Scalar {
  return value === null || (value !== undefined && typeof value !== "object");
}

function runPlain(builtin: Builtin, evaluation: Evaluation, args: readonly Value[]): Value | undefined {
  const result = builtin.run(evaluation.query, ...args);
  return result instanceof BuiltinFailure ? undefined : result;
}

/** The literal, and what it costs. */
function paid(members: number, make: Evaluate): Evaluate {
  const cost = costOfLiteral(members);
  if (cost === 0) return make;
  return (evaluation, frame) => {
    evaluation.query.spend(cost);
    return make(evaluation, frame);
  };
}

function evaluateAll(items: readonly Evaluate[], evaluation: Evaluation, frame: Frame): Value[] | undefined {
  const values: Value[] = new Array(items.length);
  for (let i = 0; i < items.length; i++) {
    const value = items[i]!(evaluation, frame);
    if (value === undefined) return undefined;
    values[i] = value;
  }
  return values;
}
