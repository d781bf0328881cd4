import { unreachable } from "@vedette/base";
import {
  ACCEPT,
  type ConditionCode,
  HOLDS_IF_UNKNOWN,
  LEAF_STRIDE,
  NEGATED,
  NO_LEAF,
  QUESTION,
  REJECT,
} from "./condition-code.ts";
import { flattenTexts, TextNumbers } from "./flat-texts.ts";
import type { Attribute, Condition, OrderOperator, Rule } from "./rules.ts";
import { buildTextTable } from "./text-table.ts";

/** What a rule asks: first, when it does, whether an attribute is one certain text, because few rules hold then; the rest after it. */
export interface CompiledCondition {
  /** The slot of that attribute, or `NO_SLOT`. */
  readonly guardSlot: number;
  readonly guardText: number;
  /** Where the first leaf of the rest stands, or `NO_LEAF`. */
  readonly first: number;
}

const NO_SLOT = -1;
const NO_GUARD = { guardSlot: NO_SLOT, guardText: 0 };

/** Turns conditions into code. Each distinct constant and each attribute is kept once. */
export class ConditionCompiler {
  readonly #code: number[] = [];
  /** Where leaves were written, by a hash of them. */
  readonly #written = new Map<number, number>();
  /** Whether a leaf holds when it is unknown: a deny fires then, an allow needs true (PROTOCOLS 5.1). */
  #holdsIfUnknown = false;
  readonly #numbers = new Map<number, number>();
  readonly #affixes = new TextNumbers();
  readonly #lists = new TextNumbers();
  readonly #globs = new TextNumbers();
  readonly #networks = new TextNumbers();
  readonly #windows = new TextNumbers();
  readonly #attributes = new Map<Attribute, number>();
  /** Per slot of `#attributes`. */
  readonly #texts: TextNumbers[] = [];

  /** Compiles the conjunction of the parts for a rule of that effect. */
  add(parts: readonly Condition[], effect: Rule["effect"]): CompiledCondition {
    const sorted = cheapFirst(parts);
    const guard = sorted.find(isTextEquality);
    const others = sorted.filter((part) => part !== guard);
    return {
      ...(guard === undefined ? NO_GUARD : this.#guard(guard)),
      first: others.length === 0 ? NO_LEAF : this.#addLeaves({ op: "all", of: others }, effect),
    };
  }

  slotOf(path: Attribute): number {
    const slot = slotOf(this.#attributes, path);
    this.#texts[slot] ??= new TextNumbers();
    return slot;
  }

  build(): ConditionCode {
    return {
      code: Int32Array.from(this.#code),
      numbers: Float64Array.from(this.#numbers.keys()),
      affixes: flattenTexts(this.#affixes.texts),
      lists: flattenTexts(this.#lists.texts),
      globs: flattenTexts(this.#globs.texts),
      networks: flattenTexts(this.#networks.texts),
      windows: flattenTexts(this.#windows.texts),
      attributes: Array.from(this.#attributes.keys()),
      texts: this.#texts.map(({ texts }) => buildTextTable(texts)),
    };
  }

  #guard({ path, to }: TextEquality): Pick<CompiledCondition, "guardSlot" | "guardText"> {
    const slot = this.slotOf(path);
    return { guardSlot: slot, guardText: this.#texts[slot]!.add(to) };
  }

  /** Answers where the first leaf stands. The same leaves are written once, however many rules have them. */
  #addLeaves(condition: Condition, effect: Rule["effect"]): number {
    const start = this.#code.length;
    this.#holdsIfUnknown = effect === "deny";
    this.#write(condition, false, ACCEPTED, REJECTED);
    let hash = this.#code.length - start;
    for (let at = start; at < this.#code.length; at++)
      hash = Math.imul(hash ^ this.#code[at]!, 0x9e3779b1) ^ (hash >>> 15);
    const known = this.#written.get(hash);
    if (known === undefined) this.#written.set(hash, start);
    else if (this.#isSame(known, start)) {
      this.#code.length = start;
      return known;
    }
    return start;
  }

  #isSame(known: number, start: number): boolean {
    for (let at = start; at < this.#code.length; at++)
      if (this.#code[at] !== this.#code[known + at - start]) return false;
    return true;
  }

  /** Writes the leaves of a condition; `ifTrue` and `ifFalse` are where to go on when it holds, and when it does not. */
  #write(condition: Condition, isNegated: boolean, ifTrue: number, ifFalse: number): void {
    switch (condition.op) {
      case "all":
      case "any":
        this.#writeGroup(condition, isNegated, ifTrue, ifFalse);
        break;
      case "not":
        this.#write(condition.of, !isNegated, ifTrue, ifFalse);
        break;
      default:
        this.#writeLeaf(this.#leaf(condition), isNegated, ifTrue, ifFalse);
    }
  }

  /** De Morgan's laws hold for Kleene's logic as well: a negated `all` is an `any` of negated parts. */
  #writeGroup({ op, of }: Of<"all" | "any">, isNegated: boolean, ifTrue: number, ifFalse: number): void {
    const isAll = (op === "all") !== isNegated;
    const parts = cheapFirst(of);
    for (const [i, part] of parts.entries()) {
      const next = this.#code.length + leavesOf(part) * LEAF_STRIDE;
      const isLast = i === parts.length - 1;
      this.#write(part, isNegated, isAll && !isLast ? next : ifTrue, isAll || isLast ? ifFalse : next);
    }
  }

  #writeLeaf({ question, slot, constant, isNot }: Leaf, isNegated: boolean, ifTrue: number, ifFalse: number): void {
    const at = this.#code.length;
    const bits = (isNot === isNegated ? 0 : NEGATED) | (this.#holdsIfUnknown ? HOLDS_IF_UNKNOWN : 0);
    this.#code.push(question | bits, slot, constant, stepFrom(at, ifTrue), stepFrom(at, ifFalse));
  }

  #leaf(condition: LeafCondition): Leaf {
    switch (condition.op) {
      case "eq":
      case "ne":
        return this.#equality(condition);
      case "lt":
      case "lte":
      case "gt":
      case "gte":
        return this.#order(condition);
      case "within":
        return leaf("within", 0, this.#windows.add(JSON.stringify(condition.window)));
      case "has":
        return leaf("has", this.slotOf(condition.path), 0);
      case "in":
      case "containsAny":
      case "containsAll":
        return leaf(condition.op, this.slotOf(condition.path), this.#lists.add(JSON.stringify(condition.list)));
      case "prefix":
      case "suffix":
        return leaf(condition.op, this.slotOf(condition.path), this.#affixes.add(condition.text));
      case "glob":
        return leaf("glob", this.slotOf(condition.path), this.#globs.add(condition.text));
      case "cidr": {
        const networks = this.#networks.add(JSON.stringify(condition.networks));
        return leaf("cidr", this.slotOf(condition.path), networks);
      }
      case "fresh":
        return this.#fresh(condition);
      default:
        return unreachable(condition);
    }
  }

  #equality({ op, path, to }: Of<"eq" | "ne">): Leaf {
    const slot = this.slotOf(path);
    const isNot = op === "ne";
    if (typeof to === "object") return leaf("eqAttribute", slot, this.slotOf(to.path), isNot);
    if (typeof to === "string") return leaf("eqText", slot, this.#texts[slot]!.add(to), isNot);
    if (typeof to === "number") return leaf("eqNumber", slot, this.#number(to), isNot);
    return leaf("eqBoolean", slot, to ? 1 : 0, isNot);
  }

  /** At most is not more, at least is not less: values that are no numbers are unknown either way. */
  #order({ op, path, to }: Of<OrderOperator>): Leaf {
    const slot = this.slotOf(path);
    const isNot = op === "lte" || op === "gte";
    const isLess = op === "lt" || op === "gte";
    if (typeof to === "number") return leaf(isLess ? "lt" : "gt", slot, this.#number(to), isNot);
    const other = this.slotOf(to.path);
    return isLess ? leaf("ltAttribute", slot, other, isNot) : leaf("ltAttribute", other, slot, isNot);
  }

  #fresh({ path, age }: Of<"fresh">): Leaf {
    if (path === "subject.attestation.at") return leaf("freshOwn", this.slotOf(path), this.#number(age));
    return leaf("fresh", this.slotOf(path), this.#number(age));
  }

  #number(value: number): number {
    return slotOf(this.#numbers, value);
  }
}

type Of<Op extends Condition["op"]> = Extract<Condition, { readonly op: Op }>;
type LeafCondition = Exclude<Condition, Of<"all" | "any"> | Of<"not">>;
type TextEquality = Of<"eq"> & { readonly to: string };

interface Leaf {
  readonly question: number;
  readonly slot: number;
  readonly constant: number;
  /** The question is the opposite of what was asked. */
  readonly isNot: boolean;
}

function leaf(question: keyof typeof QUESTION, slot: number, constant: number, isNot = false): Leaf {
  return { question: QUESTION[question], slot, constant, isNot };
}

/** Where a condition ends: no position of a leaf. */
const ACCEPTED = -1;
const REJECTED = -2;

function stepFrom(at: number, target: number): number {
  if (target === ACCEPTED) return ACCEPT;
  return target === REJECTED ? REJECT : target - at;
}

function isTextEquality(condition: Condition): condition is TextEquality {
  return condition.op === "eq" && typeof condition.to === "string";
}

function leavesOf(condition: Condition): number {
  if (condition.op === "not") return leavesOf(condition.of);
  if (condition.op !== "all" && condition.op !== "any") return 1;
  return condition.of.reduce((sum, part) => sum + leavesOf(part), 0);
}

/** Kleene's all and any do not depend on order, and no condition has an effect: the cheap ones go first. */
function cheapFirst(parts: readonly Condition[]): readonly Condition[] {
  if (parts.length < 2) return parts;
  const costs = parts.map((part) => ({ part, cost: costOf(part) }));
  return costs.sort((a, b) => a.cost - b.cost).map(({ part }) => part);
}

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
