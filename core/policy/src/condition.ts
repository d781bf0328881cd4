import { assert, type Instant, unreachable } from "@vedette/base";
import type { Address, Network } from "./address.ts";
import {
  type AttributeValue,
  type Read,
  Slots,
  toAddress,
  toAttributeValue,
  toInstant,
  toOwnInstant,
} from "./frame.ts";
import { type Glob, parseGlob } from "./glob.ts";
import type { Constant, ScalarList, Test } from "./predicates.ts";
import * as predicates from "./predicates.ts";
import type { Condition, ListOperator, OrderOperator, Scalar, TextOperator, TimeWindow } from "./rules.ts";

/** Where a rule finds its guard, its test and the test's constants; it holds when both hold (`all`). */
export interface CompiledCondition {
  /** The guard's attribute, or `NO_GUARD`, and the text that it must equal. */
  readonly guardSlot: number;
  readonly guardText: number;
  readonly shape: number;
  readonly base: number;
}

export const NO_GUARD = -1;

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
  readonly values: Slots<AttributeValue> = new Slots(toAttributeValue);
  readonly addresses: Slots<Address> = new Slots(toAddress);
  readonly instants: Slots<Instant> = new Slots(toInstant);
  readonly ownInstants: Slots<Instant> = new Slots(toOwnInstant);
  readonly #operands: number[] = [];
  readonly #texts = new Pool<string>();
  readonly #scalars = new Pool<Scalar>();
  readonly #lists = new Pool<ScalarList>();
  readonly #globs = new Pool<Glob>();
  readonly #networks = new Pool<readonly Network[]>();
  readonly #windows = new Pool<TimeWindow>();
  readonly #terms = new Map<string, Term>();
  readonly #shapes = new Map<string, number>();
  readonly #bases = new Map<string, number>();

  /** Compiles the conjunction of the parts. */
  compile(parts: readonly Condition[]): CompiledCondition {
    const guard = parts.find(isGuard);
    const others = parts.filter((part) => part !== guard);
    const guardSlot = guard ? this.values.add(guard.path).slot : NO_GUARD;
    const guardText = guard ? this.#texts.add(guard.to, guard.to) : 0;
    return { guardSlot, guardText, ...this.#compileTest(others) };
  }

  /** The texts that guards compare with, by number. */
  get texts(): readonly string[] {
    return this.#texts.items;
  }

  #compileTest([first, ...others]: readonly Condition[]): Pick<CompiledCondition, "shape" | "base"> {
    if (!first) return { shape: ALWAYS, base: 0 };
    const constants: number[] = [];
    const condition = others.length > 0 ? { op: "all" as const, of: [first, ...others] } : first;
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
        // Kleene's all and any do not depend on order, and no condition has an effect: the cheap ones go first.
        const sorted = condition.of.toSorted((a, b) => costOf(a) - costOf(b));
        const terms = sorted.map((item) => this.#term(item, constants));
        const tests = terms.map((term) => term.test);
        const name = `${op}(${terms.map((term) => term.name).join()})`;
        return this.#once(name, () => (op === "all" ? predicates.allOf(tests) : predicates.anyOf(tests)));
      }
      case "not": {
        const { name, test } = this.#term(condition.of, constants);
        return this.#once(`not(${name})`, () => predicates.notOf(test));
      }
      case "has":
        return this.#once(`has(${condition.path})`, () => predicates.isPresent(this.values.add(condition.path)));
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
        predicates.areEqual(this.values.add(path), this.values.add(to.path), op === "eq"),
      );
    const scalar = this.#scalar(to, constants);
    const type = typeof to === "string" ? "string" : typeof to === "number" ? "number" : "boolean";
    return this.#once(`${op}:${type}(${path})@${scalar.at}`, () =>
      predicates.equals(this.values.add(path), scalar, op === "eq", type),
    );
  }

  #order({ op, path, to }: Of<OrderOperator>, constants: number[]): Term {
    if (typeof to === "object")
      return this.#once(`${op}(${path},${to.path})`, () =>
        predicates.areOrdered(this.values.add(path), this.values.add(to.path), op),
      );
    const scalar = this.#scalar(to, constants);
    return this.#once(`${op}(${path})@${scalar.at}`, () => predicates.isOrdered(this.values.add(path), scalar, op));
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
        return this.#once(`${op}(${path})@${constant.at}`, () => make(this.values.add(path), constant));
      }
      case "prefix":
      case "suffix": {
        const text = this.#scalar(condition.text, constants);
        const make = op === "prefix" ? predicates.startsWith : predicates.endsWith;
        return this.#once(`${op}(${path})@${text.at}`, () => make(this.values.add(path), text));
      }
      case "glob": {
        const glob = this.#constant(this.#globs, condition.text, checkedGlob(condition.text), constants);
        return this.#once(`glob(${path})@${glob.at}`, () => predicates.fitsGlob(this.values.add(path), glob));
      }
      case "cidr": {
        const { networks } = condition;
        const constant = this.#constant(this.#networks, JSON.stringify(networks), networks, constants);
        return this.#once(`cidr(${path})@${constant.at}`, () =>
          predicates.isInNetworks(this.addresses.add(path), constant),
        );
      }
      case "fresh": {
        const age = this.#scalar(condition.age, constants);
        const slots = path === "subject.attestation.at" ? this.ownInstants : this.instants;
        return this.#once(`fresh(${path})@${age.at}`, () => predicates.isFresh(slots.add(path), age));
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

/** Most rules compare some attribute with one text; that needs no closure and no call. */
function isGuard(condition: Condition): condition is Of<"eq" | "ne"> & { readonly to: string } {
  return condition.op === "eq" && typeof condition.to === "string";
}

/** Steps of work, roughly; what counts is the order. */
function costOf(condition: Condition): number {
  switch (condition.op) {
    case "all":
    case "any":
      return condition.of.reduce((sum, item) => sum + costOf(item), 1);
    case "not":
      return costOf(condition.of);
    case "containsAny":
    case "containsAll":
    case "glob":
    case "within":
      return 4;
    case "cidr":
    case "fresh":
      return 8;
    default:
      return 2;
  }
}

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
