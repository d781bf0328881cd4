import { assert, type Crypto, type Instant, type Random } from "@vedette/base";
import type { Builtin, BuiltinContext, BuiltinFailure } from "../builtins/builtin.ts";
import type { Program, TreeNode } from "../compile/ir.ts";
import { LimitExceeded } from "../limits.ts";
import type { Location } from "../syntax/ast.ts";
import { BigNumber } from "../values/big-number.ts";
import { compare, isPlainObject, RegoSet, type Value } from "../values/value.ts";
import { EvaluationError } from "./evaluation-error.ts";
import { isIterable, keysOf, lookup, lookupPath, replaceAt } from "./lookup.ts";

/** Sees a query run, statement by statement (an index into `Program.statements`). The closure back end alone tells. */
export interface Observer {
  /** A rule is about to be evaluated (without operands), or a function called. */
  readonly called?: (procedure: number, args: readonly Value[]) => void;
  /** It has its value now. Not told when the query ends within it. */
  readonly returned?: (procedure: number, value: Value | undefined) => void;
  /** A statement begins. */
  readonly entered?: (statement: number, frame: Frame) => void;
  /** A statement gave up; with the values it looked at, where that says why. */
  readonly refused?: (statement: number, frame: Frame, operands: readonly (Value | undefined)[]) => void;
  /** Something of the input that the policy looked at is not there (`requireInput`); every back end tells. */
  readonly missed?: () => void;
  readonly printed?: (text: string, location: Location) => void;
  readonly failed?: (builtin: string, failure: BuiltinFailure, location: Location) => void;
}

/** The slots of one call. INVARIANT (`verifyProgram`): a slot that `scan-tree` sets is read by tree expressions alone. */
export type Frame = Place[];

/** Work between two looks at the clock: about a tenth of a millisecond. */
const STEPS_PER_CLOCK_CHECK = 4_096;

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

const UNOBSERVED: Observer = {};

/** A million steps are some tens of milliseconds: far beyond any decision, well within a request's patience. */
const FUEL_DEFAULT = 1_000_000;

export interface QueryOptions {
  readonly input?: Value | undefined;
  /** The same for every call of the query. */
  readonly now: Instant;
  readonly crypto: Crypto;
  readonly random: Random;
  /** A failing builtin ends the query instead of being undefined. */
  readonly isStrict?: boolean;
  /** Steps; one for each element looped over and rule entered, more for costly builtins. */
  readonly fuel?: number;
  /** Asked every few thousand steps. */
  readonly isPastDeadline?: () => boolean;
  readonly observer?: Observer;
}

/** What one query shares, whatever `with` replaces in parts of it. */
export class QueryState implements BuiltinContext {
  #options: QueryOptions | undefined;
  #memo: Map<string, unknown> | undefined;
  #fuel = 0;
  #untilClock = STEPS_PER_CLOCK_CHECK;

  begin(options: QueryOptions): void {
    this.#options = options;
    this.#fuel = options.fuel ?? FUEL_DEFAULT;
    this.#untilClock = STEPS_PER_CLOCK_CHECK;
  }

  /** Nothing of one query is there for the next. */
  end(): void {
    this.#options = undefined;
    this.#memo = undefined;
    this.#fuel = 0;
  }

  /** Spent so far. */
  get steps(): number {
    return (this.#options?.fuel ?? FUEL_DEFAULT) - this.#fuel;
  }

  get #running(): QueryOptions {
    assert(this.#options !== undefined, "a query is running");
    return this.#options;
  }

  get crypto(): Crypto {
    return this.#running.crypto;
  }

  get random(): Random {
    return this.#running.random;
  }

  get observer(): Observer {
    return this.#running.observer ?? UNOBSERVED;
  }

  /** Made when a builtin asks, as the time is: most decisions need neither. */
  get memo(): Map<string, unknown> {
    this.#memo ??= new Map();
    return this.#memo;
  }

  get now(): bigint {
    return BigInt(this.#running.now) * NANOSECONDS_PER_MILLISECOND;
  }

  spend(steps: number): void {
    this.#fuel -= steps;
    if (!(this.#fuel >= 0)) throw new LimitExceeded("fuel");
    this.#untilClock -= steps;
    if (this.#untilClock > 0) return;
    this.#untilClock = STEPS_PER_CLOCK_CHECK;
    if (this.#options?.isPastDeadline?.()) throw new LimitExceeded("clock");
  }

  require(value: Value | undefined, use: "member" | "loop" | "whole"): Value | undefined {
    const isMissing =
      value === undefined || (use === "loop" && isPlainObject(value)) || (use === "whole" && holdsObject(value));
    if (isMissing) this.observer.missed?.();
    return value;
  }

  /** A builtin that failed has no value, unless the caller asked to be told. */
  failed({ name }: Builtin, failure: BuiltinFailure, location: Location): undefined {
    this.observer.failed?.(name, failure, location);
    if (this.#running.isStrict === true)
      throw new EvaluationError(failure.code, `${name}: ${failure.message}`, location);
    return undefined;
  }
}

/** A place below `data` with rules below it, and what base data holds there. */
export class DataNode {
  readonly tree: TreeNode;
  readonly base: Value | undefined;
  readonly path: readonly string[];
  constructor(tree: TreeNode, base: Value | undefined, path: readonly string[]) {
    this.tree = tree;
    this.base = base;
    this.path = path;
  }
}

export type Place = DataNode | Value | undefined;

export type Replaced = { readonly run: (evaluation: Evaluation, args: readonly Value[]) => Value | undefined };

/** How the back end runs a rule. */
export type RunRule = (evaluation: Evaluation, procedure: number) => Value | undefined;

const NONE: readonly never[] = [];
const NOTHING: ReadonlyMap<never, Replaced> = new Map<never, Replaced>();
const UNDEFINED = Symbol("evaluated, undefined");

/** The documents that a query sees, and what it has found out from them. `with` makes another. */
export class Evaluation {
  readonly query: QueryState;
  readonly program: Program;
  input: Value | undefined;
  readonly data: Value;
  readonly #runRule: RunRule;
  /** Rules at or below these paths give way to base data. */
  readonly #overridden: readonly (readonly string[])[];
  readonly replacedBuiltins: ReadonlyMap<string, Replaced>;
  readonly replacedProcedures: ReadonlyMap<number, Replaced>;
  #ruleMemo: Map<number, Value | typeof UNDEFINED> | undefined;

  constructor(
    parts: Pick<Evaluation, "query" | "program" | "data"> & {
      readonly input?: Value | undefined;
      readonly runRule: RunRule;
      readonly overridden?: readonly (readonly string[])[];
      readonly replacedBuiltins?: ReadonlyMap<string, Replaced>;
      readonly replacedProcedures?: ReadonlyMap<number, Replaced>;
    },
  ) {
    this.query = parts.query;
    this.program = parts.program;
    this.input = parts.input;
    this.data = parts.data;
    this.#runRule = parts.runRule;
    this.#overridden = parts.overridden ?? NONE;
    this.replacedBuiltins = parts.replacedBuiltins ?? NOTHING;
    this.replacedProcedures = parts.replacedProcedures ?? NOTHING;
  }

  begin(options: QueryOptions): void {
    this.query.begin(options);
    this.input = options.input;
  }

  /** INVARIANT: what was found out for one input is never there for the next. */
  end(): void {
    this.query.end();
    this.input = undefined;
    this.#ruleMemo = undefined;
  }

  /** A rule's value, found out once. */
  rule(procedure: number): Value | undefined {
    this.#ruleMemo ??= new Map();
    const known = this.#ruleMemo.get(procedure);
    if (known !== undefined) return known === UNDEFINED ? undefined : known;
    const { path } = this.program.procedures[procedure]!;
    const value = this.#isOverridden(path) ? lookupPath(this.data, path) : this.#runRule(this, procedure);
    this.#ruleMemo.set(procedure, value === undefined ? UNDEFINED : value);
    return value;
  }

  replacing(change: {
    readonly input: readonly { readonly path: readonly string[]; readonly value: Value }[];
    readonly data: readonly { readonly path: readonly string[]; readonly value: Value }[];
    readonly builtins: ReadonlyMap<string, Replaced>;
    readonly procedures: ReadonlyMap<number, Replaced>;
  }): Evaluation {
    const spend = (steps: number) => this.query.spend(steps);
    return new Evaluation({
      query: this.query,
      program: this.program,
      input: change.input.reduce<Value | undefined>(
        (whole, { path, value }) => replaceAt(whole, path, value, spend),
        this.input,
      ),
      data: change.data.reduce<Value>((whole, { path, value }) => replaceAt(whole, path, value, spend), this.data),
      runRule: this.#runRule,
      overridden: [...this.#overridden, ...change.data.map(({ path }) => path)],
      replacedBuiltins: new Map([...this.replacedBuiltins, ...change.builtins]),
      replacedProcedures: new Map([...this.replacedProcedures, ...change.procedures]),
    });
  }

  /** Inside of what replaces a function, all functions are themselves again. */
  unreplaced(): Evaluation {
    return new Evaluation({
      query: this.query,
      program: this.program,
      input: this.input,
      data: this.data,
      runRule: this.#runRule,
      overridden: this.#overridden,
    });
  }

  /** The place at a constant path: below it are rules, or only base data. */
  place(path: readonly string[]): Place {
    let tree: TreeNode | undefined = this.program.tree;
    for (const name of path) tree = tree?.children.get(name);
    const base = lookupPath(this.data, path);
    return tree === undefined || this.#isOverridden(path) ? base : new DataNode(tree, base, path);
  }

  step(place: Place, key: Value): Place {
    if (!(place instanceof DataNode)) return lookup(place, key);
    const base = lookup(place.base, key);
    const child = typeof key === "string" ? place.tree.children.get(key) : undefined;
    if (child === undefined) return base;
    const path = [...place.path, key as string];
    if (this.#isOverridden(path)) return base;
    if (child.procedure === undefined) return new DataNode(child, base, path);
    const value = this.#document(child.procedure);
    return value === undefined ? base : value;
  }

  /** The keys under which a place may hold something. */
  keysOfPlace(place: Place, isOrdered: boolean): readonly Value[] {
    if (!(place instanceof DataNode)) {
      if (place === undefined || !isIterable(place)) return [];
      if (Array.isArray(place)) return place.map((_, index) => index);
      return keysOf(place as Exclude<Value, readonly Value[]> & object, isOrdered);
    }
    const keys = new Set<Value>(place.tree.children.keys());
    if (place.base !== undefined && isIterable(place.base) && !Array.isArray(place.base))
      for (const key of keysOf(place.base as Exclude<Value, readonly Value[]> & object, false)) keys.add(key);
    return isOrdered ? Array.from(keys).sort(compare) : Array.from(keys);
  }

  /** The whole document at a place: base data, with the rules' values on top. */
  extent(place: Place): Value | undefined {
    if (!(place instanceof DataNode)) return place;
    const document: Record<string, Value> = Object.create(null);
    const base = place.base !== undefined && isPlainObject(place.base) ? place.base : document;
    const keys = Object.keys(base);
    this.query.spend(keys.length + place.tree.children.size);
    for (const key of keys) document[key] = base[key]!;
    for (const name of place.tree.children.keys()) {
      const value = this.extent(this.step(place, name));
      const own = place.base === undefined ? undefined : lookup(place.base, name);
      if (value !== undefined) document[name] = own === undefined ? value : withBase(own, value);
    }
    return document;
  }

  #document(procedure: number): Value | undefined {
    return this.program.procedures[procedure]!.kind === "function" ? undefined : this.rule(procedure);
  }

  #isOverridden(path: readonly string[]): boolean {
    return this.#overridden.some((at) => at.length <= path.length && at.every((name, index) => name === path[index]));
  }
}

/** A rule where base data has something too: in a whole document, base data is seen first. */
function withBase(base: Value, value: Value): Value {
  if (!isPlainObject(base) || !isPlainObject(value)) return base;
  const document: Record<string, Value> = Object.create(null);
  for (const name of Object.keys(value)) document[name] = value[name]!;
  for (const name of Object.keys(base)) {
    const there = document[name];
    document[name] = there === undefined ? base[name]! : withBase(base[name]!, there);
  }
  return document;
}

/** An object, or a list or set with one in it, at any depth. */
function holdsObject(value: Value): boolean {
  if (value === null || typeof value !== "object" || value instanceof BigNumber) return false;
  if (Array.isArray(value)) return value.some(holdsObject);
  return value instanceof RegoSet ? value.elements.some(holdsObject) : true;
}
