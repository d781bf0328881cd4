import { assert, type Instant, unreachable } from "@vedette/base";
import type { Address, Network } from "./address.ts";
import { type AttributeValue, Slots, toAddress, toAttributeValue, toInstant, toOwnInstant } from "./frame.ts";
import { type Glob, parseGlob } from "./glob.ts";
import type { Constant, Read, ScalarList, Test } from "./predicates.ts";
import * as predicates from "./predicates.ts";
import type { Attribute, Condition, ListOperator, OrderOperator, Scalar, TextOperator, TimeWindow } from "./rules.ts";

/** Where a rule finds its test and its constants. */
export interface CompiledCondition {
  readonly shape: number;
  readonly base: number;
}

/** The shape of the rule without condition. */
export const ALWAYS = 0;

interface Term {
  readonly name: string;
  readonly test: Test;
}

/**
 * Turns conditions into closures. Conditions that differ only in their constants share one closure, and equal parts
 * of different conditions do too, so that a hundred thousand rules need a few dozen shapes. No code is generated.
 */
export class ConditionCompiler {
  readonly tests: Test[] = [predicates.always];
  readonly values: Slots<AttributeValue> = new Slots();
  readonly addresses: Slots<Address> = new Slots();
  readonly instants: Slots<Instant> = new Slots();
  readonly #operands: number[] = [];
  readonly #scalars = new Pool<Scalar>();
  readonly #lists = new Pool<ScalarList>();
  readonly #globs = new Pool<Glob>();
  readonly #networks = new Pool<readonly Network[]>();
  readonly #windows = new Pool<TimeWindow>();
  readonly #terms = new Map<string, Term>();
  readonly #shapes = new Map<string, number>();
  readonly #bases = new Map<string, number>();

  compile(condition: Condition | undefined): CompiledCondition {
    if (!condition) return { shape: ALWAYS, base: 0 };
    const constants: number[] = [];
    const { name, test } = this.#term(condition, constants);
    let shape = this.#shapes.get(name);
    if (shape === undefined) {
      shape = this.tests.push(test) - 1;
      this.#shapes.set(name, shape);
    }
    return { shape, base: this.#base(constants) };
  }

  #base(constants: readonly number[]): number {
    const name = constants.join();
    const known = this.#bases.get(name);
    if (known !== undefined) return known;
    const base = this.#operands.length;
    for (const constant of constants) this.#operands.push(constant);
    this.#bases.set(name, base);
    return base;
  }

  /** Appends the condition's constants; the name of the term says where among them it looks. */
  #term(condition: Condition, constants: number[]): Term {
    const { op } = condition;
    switch (op) {
      case "all":
      case "any": {
        const terms = condition.of.map((item) => this.#term(item, constants));
        const tests = terms.map((term) => term.test);
        const name = `${op}(${terms.map((term) => term.name).join()})`;
        return this.#once(name, () => (op === "all" ? predicates.allOf(tests) : predicates.anyOf(tests)));
      }
      case "not": {
        const { name, test } = this.#term(condition.of, constants);
        return this.#once(`not(${name})`, () => predicates.notOf(test));
      }
      case "has":
        return this.#once(`has(${condition.path})`, () => predicates.isPresent(this.#value(condition.path)));
      case "within": {
        const { window: value } = condition;
        const window = this.#constant(this.#windows, JSON.stringify(value), value, constants);
        return this.#once(`within@${window.at}`, () => predicates.isNowWithin(window));
      }
      case "eq":
      case "ne":
        return this.#equality(condition, constants);
      case "lt":
      case "lte":
      case "gt":
      case "gte":
        return this.#order(condition, constants);
      default:
        return this.#leaf(condition, constants);
    }
  }

  #equality({ op, path, to }: Of<"eq" | "ne">, constants: number[]): Term {
    if (typeof to === "object")
      return this.#once(`${op}(${path},${to.path})`, () =>
        predicates.areEqual(this.#value(path), this.#value(to.path), op === "eq"),
      );
    const scalar = this.#scalar(to, constants);
    return this.#once(`${op}(${path})@${scalar.at}`, () => predicates.equals(this.#value(path), scalar, op === "eq"));
  }

  #order({ op, path, to }: Of<OrderOperator>, constants: number[]): Term {
    if (typeof to === "object")
      return this.#once(`${op}(${path},${to.path})`, () =>
        predicates.areOrdered(this.#value(path), this.#value(to.path), op),
      );
    const scalar = this.#scalar(to, constants);
    return this.#once(`${op}(${path})@${scalar.at}`, () => predicates.isOrdered(this.#value(path), scalar, op));
  }

  #leaf(condition: Of<ListOperator | TextOperator | "cidr" | "fresh">, constants: number[]): Term {
    const { op, path } = condition;
    switch (condition.op) {
      case "in":
      case "containsAny":
      case "containsAll": {
        const { list } = condition;
        const value = { type: typeof list[0], values: new Set<unknown>(list) };
        const constant = this.#constant(this.#lists, JSON.stringify(list), value, constants);
        const make = LIST_PREDICATES[condition.op];
        return this.#once(`${op}(${path})@${constant.at}`, () => make(this.#value(path), constant));
      }
      case "prefix":
      case "suffix": {
        const text = this.#scalar(condition.text, constants);
        const make = op === "prefix" ? predicates.startsWith : predicates.endsWith;
        return this.#once(`${op}(${path})@${text.at}`, () => make(this.#value(path), text));
      }
      case "glob": {
        const glob = this.#constant(this.#globs, condition.text, checkedGlob(condition.text), constants);
        return this.#once(`glob(${path})@${glob.at}`, () => predicates.fitsGlob(this.#value(path), glob));
      }
      case "cidr": {
        const { networks } = condition;
        const constant = this.#constant(this.#networks, JSON.stringify(networks), networks, constants);
        return this.#once(`cidr(${path})@${constant.at}`, () => predicates.isInNetworks(this.#read(this.addresses, path, toAddress), constant)); // biome-ignore format: one line
      }
      case "fresh": {
        const age = this.#scalar(condition.age, constants);
        const convert = path === "subject.attestation.at" ? toOwnInstant : toInstant;
        return this.#once(`fresh(${path})@${age.at}`, () => predicates.isFresh(this.#read(this.instants, path, convert), age)); // biome-ignore format: one line
      }
      default:
        return unreachable(condition);
    }
  }

  #once(name: string, make: () => Test): Term {
    const known = this.#terms.get(name);
    if (known) return known;
    const term = { name, test: make() };
    this.#terms.set(name, term);
    return term;
  }

  #value(path: Attribute): Read<AttributeValue> {
    return this.#read(this.values, path, toAttributeValue);
  }

  #read<T>(slots: Slots<T>, path: Attribute, convert: (value: unknown) => T | undefined): Read<T> {
    return { slots, slot: slots.add(path, convert) };
  }

  #scalar(value: Scalar, constants: number[]): Constant<Scalar> {
    return this.#constant(this.#scalars, `${typeof value} ${value}`, value, constants);
  }

  #constant<T>(pool: Pool<T>, name: string, value: T, constants: number[]): Constant<T> {
    const at = constants.push(pool.add(name, value)) - 1;
    return { operands: this.#operands, items: pool.items, at };
  }
}

const LIST_PREDICATES: Readonly<
  Record<ListOperator, (list: Read<AttributeValue>, constant: Constant<ScalarList>) => Test>
> = {
  in: predicates.isIn,
  containsAny: predicates.containsAny,
  containsAll: predicates.containsAll,
};

function checkedGlob(pattern: string): Glob {
  const glob = parseGlob(pattern);
  assert(glob !== undefined, "a glob was checked with its policy");
  return glob;
}

type Of<Op extends Condition["op"]> = Extract<Condition, { readonly op: Op }>;

/** Each distinct constant once. */
class Pool<T> {
  readonly items: T[] = [];
  readonly #numbers = new Map<string, number>();

  add(name: string, value: T): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.items.push(value) - 1);
    return this.items.length - 1;
  }
}
