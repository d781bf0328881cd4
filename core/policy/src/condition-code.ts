import type { Instant } from "@vedette/base";
import { type Address, type FlatNetworks, flattenNetworks } from "./address.ts";
import { Decoded, type FlatTexts, intern } from "./flat-texts.ts";
import {
  type AttributeValue,
  type Frame,
  Slots,
  toAddress,
  toAttributeValue,
  toInstant,
  toOwnInstant,
} from "./frame.ts";
import { checkedGlob, type Glob } from "./glob.ts";
import {
  areEqual,
  containsAll,
  containsAny,
  endsWith,
  FALSE,
  fitsGlob,
  isFresh,
  isIn,
  isInNetworks,
  isLess,
  negate,
  type ScalarList,
  startsWith,
  TRUE,
  type Truth,
  UNKNOWN,
} from "./predicates.ts";
import type { Attribute, Scalar, TimeWindow } from "./rules.ts";
import { isWithin } from "./time-window.ts";

/**
 * Conditions as plain data, so that they can be compiled in one thread and run in another. A node of `code` is
 * [operation, end, 0] for a group, whose children stand between it and its end, and [operation, slot, constant] for a
 * leaf.
 */
export interface ConditionCode {
  readonly code: Int32Array;
  readonly numbers: Float64Array;
  readonly texts: FlatTexts;
  /** JSON of lists, networks and windows; patterns. */
  readonly lists: FlatTexts;
  readonly globs: FlatTexts;
  readonly networks: FlatTexts;
  readonly windows: FlatTexts;
  /** The attributes behind the slots, by how they are read. */
  readonly values: readonly Attribute[];
  readonly addresses: readonly Attribute[];
  readonly instants: readonly Attribute[];
  readonly ownInstants: readonly Attribute[];
}

export const NODE_STRIDE = 3;

/** Groups first, then the leaves; the interpreter below says what each does. */
export const OPERATION = {
  all: 0,
  any: 1,
  not: 2,
  eqText: 3,
  neText: 4,
  eqNumber: 5,
  neNumber: 6,
  eqBoolean: 7,
  neBoolean: 8,
  eqAttribute: 9,
  neAttribute: 10,
  lt: 11,
  lte: 12,
  gt: 13,
  gte: 14,
  ltAttribute: 15,
  lteAttribute: 16,
  gtAttribute: 17,
  gteAttribute: 18,
  in: 19,
  containsAny: 20,
  containsAll: 21,
  prefix: 22,
  suffix: 23,
  glob: 24,
  has: 25,
  cidr: 26,
  fresh: 27,
  freshOwn: 28,
  within: 29,
} as const;

const LEAF_FIRST = OPERATION.eqText;

/** Runs conditions over the frame that it was made for. No code is generated, no closure called. */
export class ConditionRunner {
  readonly #frame: Frame;
  readonly #code: Int32Array;
  readonly #numbers: Float64Array;
  readonly #texts: Decoded<string>;
  readonly #lists: Decoded<ScalarList>;
  readonly #globs: Decoded<Glob>;
  readonly #networks: Decoded<FlatNetworks>;
  readonly #windows: Decoded<TimeWindow>;
  readonly #values: Slots<AttributeValue>;
  readonly #addresses: Slots<Address>;
  readonly #instants: Slots<Instant>;
  readonly #ownInstants: Slots<Instant>;

  constructor(conditions: ConditionCode, frame: Frame) {
    this.#frame = frame;
    this.#code = conditions.code;
    this.#numbers = conditions.numbers;
    this.#texts = new Decoded(conditions.texts, intern);
    this.#lists = new Decoded(conditions.lists, listOf);
    this.#globs = new Decoded(conditions.globs, checkedGlob);
    this.#networks = new Decoded(conditions.networks, (text) => flattenNetworks(JSON.parse(text)));
    this.#windows = new Decoded(conditions.windows, (text): TimeWindow => JSON.parse(text));
    this.#values = new Slots(conditions.values, frame, toAttributeValue);
    this.#addresses = new Slots(conditions.addresses, frame, toAddress);
    this.#instants = new Slots(conditions.instants, frame, toInstant);
    this.#ownInstants = new Slots(conditions.ownInstants, frame, toOwnInstant);
  }

  valueOf(slot: number): AttributeValue | undefined {
    return this.#values.read(slot);
  }

  /** Kleene's conjunction of the nodes from `start` to `end`; true when there are none. */
  allOf(start: number, end: number): Truth {
    const code = this.#code;
    let least: Truth = TRUE;
    for (let at = start; at < end; ) {
      const operation = code[at]!;
      let truth: Truth;
      // The most frequent question by far, asked without a detour.
      if (operation === OPERATION.eqText) truth = this.#isText(code[at + 1]!, code[at + 2]!);
      else truth = operation < LEAF_FIRST ? this.#group(at) : this.#leaf(at);
      if (truth === FALSE) return FALSE;
      if (truth === UNKNOWN) least = UNKNOWN;
      at = operation < LEAF_FIRST ? code[at + 1]! : at + NODE_STRIDE;
    }
    return least;
  }

  #group(at: number): Truth {
    const [start, end] = [at + NODE_STRIDE, this.#code[at + 1]!];
    switch (this.#code[at]) {
      case OPERATION.all:
        return this.allOf(start, end);
      case OPERATION.any:
        return this.#anyOf(start, end);
      default:
        return negate(this.allOf(start, end));
    }
  }

  #anyOf(start: number, end: number): Truth {
    let greatest: Truth = FALSE;
    for (let at = start; at < end; at = this.#after(at)) {
      const truth = this.#code[at]! < LEAF_FIRST ? this.#group(at) : this.#leaf(at);
      if (truth === TRUE) return TRUE;
      if (truth === UNKNOWN) greatest = UNKNOWN;
    }
    return greatest;
  }

  #after(at: number): number {
    return this.#code[at]! >= LEAF_FIRST ? at + NODE_STRIDE : this.#code[at + 1]!;
  }

  #leaf(at: number): Truth {
    const slot = this.#code[at + 1]!;
    const constant = this.#code[at + 2]!;
    switch (this.#code[at]) {
      case OPERATION.eqText:
        return this.#isText(slot, constant);
      case OPERATION.neText:
        return negate(this.#isText(slot, constant));
      case OPERATION.eqNumber:
        return areEqual(this.#values.read(slot), this.#numbers[constant]);
      case OPERATION.neNumber:
        return negate(areEqual(this.#values.read(slot), this.#numbers[constant]));
      case OPERATION.eqBoolean:
        return areEqual(this.#values.read(slot), constant === 1);
      case OPERATION.neBoolean:
        return negate(areEqual(this.#values.read(slot), constant === 1));
      case OPERATION.eqAttribute:
        return areEqual(this.#values.read(slot), this.#values.read(constant));
      case OPERATION.neAttribute:
        return negate(areEqual(this.#values.read(slot), this.#values.read(constant)));
      case OPERATION.lt:
        return isLess(this.#values.read(slot), this.#numbers[constant]);
      case OPERATION.lte:
        return negate(isLess(this.#numbers[constant], this.#values.read(slot)));
      case OPERATION.gt:
        return isLess(this.#numbers[constant], this.#values.read(slot));
      case OPERATION.gte:
        return negate(isLess(this.#values.read(slot), this.#numbers[constant]));
      case OPERATION.ltAttribute:
        return isLess(this.#values.read(slot), this.#values.read(constant));
      case OPERATION.lteAttribute:
        return negate(isLess(this.#values.read(constant), this.#values.read(slot)));
      case OPERATION.gtAttribute:
        return isLess(this.#values.read(constant), this.#values.read(slot));
      case OPERATION.gteAttribute:
        return negate(isLess(this.#values.read(slot), this.#values.read(constant)));
      case OPERATION.in:
        return isIn(this.#values.read(slot), this.#lists.at(constant));
      case OPERATION.containsAny:
        return containsAny(this.#values.read(slot), this.#lists.at(constant));
      case OPERATION.containsAll:
        return containsAll(this.#values.read(slot), this.#lists.at(constant));
      case OPERATION.prefix:
        return startsWith(this.#values.read(slot), this.#texts.at(constant));
      case OPERATION.suffix:
        return endsWith(this.#values.read(slot), this.#texts.at(constant));
      case OPERATION.glob:
        return fitsGlob(this.#values.read(slot), this.#globs.at(constant));
      case OPERATION.has:
        // Never false: an attribute that is missing may have been withheld.
        return this.#values.read(slot) === undefined ? UNKNOWN : TRUE;
      case OPERATION.cidr:
        return isInNetworks(this.#addresses.read(slot), this.#networks.at(constant));
      case OPERATION.fresh:
        return isFresh(this.#instants.read(slot), this.#numbers[constant]!, this.#frame.context.now);
      case OPERATION.freshOwn:
        return isFresh(this.#ownInstants.read(slot), this.#numbers[constant]!, this.#frame.context.now);
      case OPERATION.within:
        return isWithin(this.#frame.context.now, this.#windows.at(constant)) ? TRUE : FALSE;
      default:
        throw new RangeError("no operation of a condition");
    }
  }

  #isText(slot: number, constant: number): Truth {
    const value = this.#values.read(slot);
    if (typeof value !== "string") return UNKNOWN;
    return value === this.#texts.at(constant) ? TRUE : FALSE;
  }
}

function listOf(text: string): ScalarList {
  const items: readonly Scalar[] = JSON.parse(text);
  return { type: typeof items[0], values: new Set(items) };
}
