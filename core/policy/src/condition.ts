import { unreachable } from "@vedette/base";
import { type ConditionCode, NODE_STRIDE, OPERATION } from "./condition-code.ts";
import { flattenTexts, TextNumbers } from "./flat-texts.ts";
import type { Attribute, Condition, ListOperator, OrderOperator, TextOperator } from "./rules.ts";

/** Turns conditions into code. Each distinct constant and each attribute is kept once. */
export class ConditionCompiler {
  readonly #code: number[] = [];
  readonly #numbers = new Map<number, number>();
  readonly #texts = new TextNumbers();
  readonly #lists = new TextNumbers();
  readonly #globs = new TextNumbers();
  readonly #networks = new TextNumbers();
  readonly #windows = new TextNumbers();
  readonly #values = new Map<Attribute, number>();
  readonly #addresses = new Map<Attribute, number>();
  readonly #instants = new Map<Attribute, number>();
  readonly #ownInstants = new Map<Attribute, number>();

  /** Compiles the conjunction of the parts behind what is there; answers where it ends. */
  add(parts: readonly Condition[]): number {
    this.#writeAll(parts);
    return this.#code.length;
  }

  /** The slot of an attribute that is read as it stands. */
  valueSlot(path: Attribute): number {
    return slotOf(this.#values, path);
  }

  build(): ConditionCode {
    return {
      code: Int32Array.from(this.#code),
      numbers: Float64Array.from(this.#numbers.keys()),
      texts: flattenTexts(this.#texts.texts),
      lists: flattenTexts(this.#lists.texts),
      globs: flattenTexts(this.#globs.texts),
      networks: flattenTexts(this.#networks.texts),
      windows: flattenTexts(this.#windows.texts),
      values: Array.from(this.#values.keys()),
      addresses: Array.from(this.#addresses.keys()),
      instants: Array.from(this.#instants.keys()),
      ownInstants: Array.from(this.#ownInstants.keys()),
    };
  }

  #write(condition: Condition): void {
    switch (condition.op) {
      case "all":
      case "any":
        this.#writeGroup(OPERATION[condition.op], condition.of);
        break;
      case "not":
        this.#writeGroup(OPERATION.not, [condition.of]);
        break;
      case "within":
        this.#leaf(OPERATION.within, 0, this.#windows.add(JSON.stringify(condition.window)));
        break;
      case "has":
        this.#leaf(OPERATION.has, this.valueSlot(condition.path), 0);
        break;
      case "eq":
      case "ne":
        this.#writeEquality(condition);
        break;
      case "lt":
      case "lte":
      case "gt":
      case "gte":
        this.#writeOrder(condition);
        break;
      default:
        this.#writeLeaf(condition);
    }
  }

  #writeGroup(operation: number, parts: readonly Condition[]): void {
    const start = this.#leaf(operation, 0, 0);
    this.#writeAll(parts);
    this.#code[start + 1] = this.#code.length;
  }

  /** Kleene's all and any do not depend on order, and no condition has an effect: the cheap ones go first. */
  #writeAll(parts: readonly Condition[]): void {
    const [first, ...others] = parts;
    if (first !== undefined && others.length === 0) {
      this.#write(first);
      return;
    }
    const costs = parts.map((part) => ({ part, cost: costOf(part) }));
    for (const { part } of costs.sort((a, b) => a.cost - b.cost)) this.#write(part);
  }

  #writeEquality({ op, path, to }: Of<"eq" | "ne">): void {
    const slot = this.valueSlot(path);
    if (typeof to === "object") this.#leaf(OPERATION[`${op}Attribute`], slot, this.valueSlot(to.path));
    else if (typeof to === "string") this.#leaf(OPERATION[`${op}Text`], slot, this.#texts.add(to));
    else if (typeof to === "number") this.#leaf(OPERATION[`${op}Number`], slot, this.#number(to));
    else this.#leaf(OPERATION[`${op}Boolean`], slot, to ? 1 : 0);
  }

  #writeOrder({ op, path, to }: Of<OrderOperator>): void {
    const slot = this.valueSlot(path);
    if (typeof to === "object") this.#leaf(OPERATION[`${op}Attribute`], slot, this.valueSlot(to.path));
    else this.#leaf(OPERATION[op], slot, this.#number(to));
  }

  #writeLeaf(condition: Of<ListOperator | TextOperator | "cidr" | "fresh">): void {
    const { path } = condition;
    switch (condition.op) {
      case "in":
      case "containsAny":
      case "containsAll":
        this.#leaf(OPERATION[condition.op], this.valueSlot(path), this.#lists.add(JSON.stringify(condition.list)));
        break;
      case "prefix":
      case "suffix":
        this.#leaf(OPERATION[condition.op], this.valueSlot(path), this.#texts.add(condition.text));
        break;
      case "glob":
        this.#leaf(OPERATION.glob, this.valueSlot(path), this.#globs.add(condition.text));
        break;
      case "cidr": {
        const networks = this.#networks.add(JSON.stringify(condition.networks));
        this.#leaf(OPERATION.cidr, slotOf(this.#addresses, path), networks);
        break;
      }
      case "fresh": {
        const age = this.#number(condition.age);
        if (path === "subject.attestation.at") this.#leaf(OPERATION.freshOwn, slotOf(this.#ownInstants, path), age);
        else this.#leaf(OPERATION.fresh, slotOf(this.#instants, path), age);
        break;
      }
      default:
        unreachable(condition);
    }
  }

  #leaf(operation: number, slot: number, constant: number): number {
    return this.#code.push(operation, slot, constant) - NODE_STRIDE;
  }

  #number(value: number): number {
    return slotOf(this.#numbers, value);
  }
}

type Of<Op extends Condition["op"]> = Extract<Condition, { readonly op: Op }>;

function slotOf<Key>(slots: Map<Key, number>, key: Key): number {
  const known = slots.get(key);
  if (known !== undefined) return known;
  const slot = slots.size;
  slots.set(key, slot);
  return slot;
}

/** Steps of work, roughly; what counts is the order. */
function costOf(condition: Condition): number {
  switch (condition.op) {
    case "all":
    case "any":
      return condition.of.reduce((sum, item) => sum + costOf(item), 1);
    case "not":
      return costOf(condition.of);
    case "eq":
      return 1;
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
