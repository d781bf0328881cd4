import { instant } from "@vedette/base";
import { type Address, type FlatNetworks, flattenNetworks } from "./address.ts";
import {
  type AttributeValue,
  type Place,
  placeOf,
  readPlace,
  toAddress,
  toAttributeValue,
  toInstant,
  toOwnInstant,
} from "./attribute-place.ts";
import { Decoded, type FlatTexts, intern } from "./flat-texts.ts";
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
  type ScalarList,
  startsWith,
  TRUE,
  type Truth,
  UNKNOWN,
} from "./predicates.ts";
import type { AccessRequest, DecisionContext } from "./request.ts";
import type { Attribute, Scalar, TimeWindow } from "./rules.ts";
import { TextFinder, type TextTable } from "./text-table.ts";
import { isWithin } from "./time-window.ts";

/**
 * Conditions as plain data, so that they can be compiled in one thread and run in another: leaves of
 * [question, slot, constant, if it holds, if not], where the last two say how far the next leaf is away, or `ACCEPT` or
 * `REJECT`. Operators are gone: `all` and `any` are jumps, `not` is a bit of each leaf below it, and so is whether the
 * leaf holds when its answer is unknown, which depends on the rule's effect alone (PROTOCOLS 5.1).
 */
export interface ConditionCode {
  readonly code: Int32Array;
  readonly numbers: Float64Array;
  /** What attributes begin or end with. */
  readonly affixes: FlatTexts;
  /** JSON of lists, networks and windows; patterns. */
  readonly lists: FlatTexts;
  readonly globs: FlatTexts;
  readonly networks: FlatTexts;
  readonly windows: FlatTexts;
  /** The attributes behind the slots. */
  readonly attributes: readonly Attribute[];
  /** Per attribute: the texts that it is compared with. */
  readonly texts: readonly TextTable[];
}

export const LEAF_STRIDE = 5;
export const ACCEPT = 0;
export const REJECT = -1;
/** Instead of the first leaf of a condition that has none. */
export const NO_LEAF = -1;

/**
 * What a leaf asks; `ConditionRunner` says what each means, in `switch` statements that repeat these numbers: with names
 * instead of literals V8 compares with one after the other.
 */
export const QUESTION = {
  eqText: 0,
  eqNumber: 1,
  eqBoolean: 2,
  eqAttribute: 3,
  lt: 4,
  gt: 5,
  ltAttribute: 6,
  in: 7,
  containsAny: 8,
  containsAll: 9,
  prefix: 10,
  suffix: 11,
  glob: 12,
  has: 13,
  fresh: 14,
  freshOwn: 15,
  cidr: 16,
  within: 17,
} as const;

const EQ_TEXT = QUESTION.eqText;
const FIRST_ABOUT_MORE = QUESTION.cidr;
const QUESTION_BITS = 31;
export const NEGATED = 32;
export const HOLDS_IF_UNKNOWN = 64;

/** An attribute that is no text: unknown to whoever compares it with one. */
export const UNKNOWN_TEXT = -2;
/** The largest number of a request that fits into 32 bits with a sign. */
const NUMBER_MAX = 0x7fff_ffff;

/** What there is before the first request. */
const NO_REQUEST: AccessRequest = {
  subject: { type: "", id: "" },
  action: { name: "" },
  resource: { type: "", id: "" },
};
const NO_CONTEXT: DecisionContext = {
  now: instant(0),
  attestation: { state: "contraindicated" },
  counters: { spent: () => 0 },
  labels: {},
  requestedBy: "",
};

/**
 * Runs conditions over one request at a time. No code is generated, no closure called; what is looked up on the way stands
 * in this one object, because each object in between would cost as much as a comparison.
 */
export class ConditionRunner {
  readonly #code: Int32Array;
  readonly #numbers: Float64Array;
  readonly #affixes: Decoded<string>;
  readonly #lists: Decoded<ScalarList>;
  readonly #globs: Decoded<Glob>;
  readonly #networks: Decoded<FlatNetworks>;
  readonly #windows: Decoded<TimeWindow>;
  readonly #places: readonly Place[];
  readonly #finders: readonly TextFinder[];
  /** Counts requests, so that what was found for another one is forgotten. */
  #number = 0;
  #request: AccessRequest = NO_REQUEST;
  #context: DecisionContext = NO_CONTEXT;
  readonly #texts: Int32Array;
  readonly #textFor: Int32Array;
  readonly #addresses: (Address | undefined)[];
  readonly #addressFor: Int32Array;

  constructor(conditions: ConditionCode) {
    const { attributes, texts } = conditions;
    this.#code = conditions.code;
    this.#numbers = conditions.numbers;
    this.#affixes = new Decoded(conditions.affixes, intern);
    this.#lists = new Decoded(conditions.lists, listOf);
    this.#globs = new Decoded(conditions.globs, checkedGlob);
    this.#networks = new Decoded(conditions.networks, (text) => flattenNetworks(JSON.parse(text)));
    this.#windows = new Decoded(conditions.windows, (text): TimeWindow => JSON.parse(text));
    this.#places = attributes.map(placeOf);
    this.#finders = texts.map((table) => new TextFinder(table));
    this.#texts = new Int32Array(attributes.length);
    this.#textFor = new Int32Array(attributes.length);
    this.#addresses = attributes.map(() => undefined);
    this.#addressFor = new Int32Array(attributes.length);
  }

  begin(request: AccessRequest, context: DecisionContext): void {
    if (this.#number === NUMBER_MAX) this.#forgetAll();
    this.#number++;
    this.#request = request;
    this.#context = context;
  }

  /** Of the request that is being decided. */
  get context(): DecisionContext {
    return this.#context;
  }

  #forgetAll(): void {
    this.#number = 0;
    this.#textFor.fill(0);
    this.#addressFor.fill(0);
  }

  valueOf(slot: number): AttributeValue | undefined {
    return toAttributeValue(this.#read(slot));
  }

  #read(slot: number): unknown {
    return readPlace(this.#places[slot]!, slot, this.#request, this.#context);
  }

  /** Which of its texts the attribute is; `NO_TEXT` when it is another one, `UNKNOWN_TEXT` when it is none at all. */
  textOf(slot: number): number {
    return this.#textFor[slot] === this.#number ? this.#texts[slot]! : this.#findText(slot);
  }

  #findText(slot: number): number {
    const value = this.#read(slot);
    const text = typeof value === "string" ? this.#finders[slot]!.find(value) : UNKNOWN_TEXT;
    this.#texts[slot] = text;
    this.#textFor[slot] = this.#number;
    return text;
  }

  #addressOf(slot: number): Address | undefined {
    return this.#addressFor[slot] === this.#number ? this.#addresses[slot] : this.#parseAddress(slot);
  }

  #parseAddress(slot: number): Address | undefined {
    const address = toAddress(this.#read(slot));
    this.#addresses[slot] = address;
    this.#addressFor[slot] = this.#number;
    return address;
  }

  /** Whether the condition holds whose first leaf this is. */
  holds(first: number): boolean {
    const code = this.#code;
    for (let at = first; ; ) {
      const word = code[at]!;
      const question = word & QUESTION_BITS;
      const slot = code[at + 1]!;
      const constant = code[at + 2]!;
      const truth =
        question === EQ_TEXT
          ? this.#isText(slot, constant)
          : question < FIRST_ABOUT_MORE
            ? this.#ask(question, this.valueOf(slot), constant)
            : this.#askMore(question, slot, constant);
      const holds = truth === UNKNOWN ? (word & HOLDS_IF_UNKNOWN) !== 0 : (truth === TRUE) === ((word & NEGATED) === 0);
      const step = holds ? code[at + 3]! : code[at + 4]!;
      if (step <= 0) return step === ACCEPT;
      at += step;
    }
  }

  #ask(question: number, value: AttributeValue | undefined, constant: number): Truth {
    switch (question) {
      case 1: // eqNumber
        return areEqual(value, this.#numbers[constant]);
      case 2: // eqBoolean
        return areEqual(value, constant === 1);
      case 3: // eqAttribute
        return areEqual(value, this.valueOf(constant));
      case 4: // lt
        return isLess(value, this.#numbers[constant]);
      case 5: // gt
        return isLess(this.#numbers[constant], value);
      case 6: // ltAttribute
        return isLess(value, this.valueOf(constant));
      case 7: // in
        return isIn(value, this.#lists.at(constant));
      case 8: // containsAny
        return containsAny(value, this.#lists.at(constant));
      case 9: // containsAll
        return containsAll(value, this.#lists.at(constant));
      case 10: // prefix
        return startsWith(value, this.#affixes.at(constant));
      case 11: // suffix
        return endsWith(value, this.#affixes.at(constant));
      case 12: // glob
        return fitsGlob(value, this.#globs.at(constant));
      case 13: // has
        // Never false: an attribute that is missing may have been withheld.
        return value === undefined ? UNKNOWN : TRUE;
      case 14: // fresh
        return isFresh(toInstant(value), this.#numbers[constant]!, this.#context.now);
      case 15: // freshOwn
        return isFresh(toOwnInstant(value), this.#numbers[constant]!, this.#context.now);
      default:
        throw new RangeError("no question about a value");
    }
  }

  #askMore(question: number, slot: number, constant: number): Truth {
    switch (question) {
      case 16: // cidr
        return isInNetworks(this.#addressOf(slot), this.#networks.at(constant));
      case 17: // within
        return isWithin(this.#context.now, this.#windows.at(constant)) ? TRUE : FALSE;
      default:
        throw new RangeError("no question of a condition");
    }
  }

  #isText(slot: number, constant: number): Truth {
    const text = this.textOf(slot);
    if (text === UNKNOWN_TEXT) return UNKNOWN;
    return text === constant ? TRUE : FALSE;
  }
}

function listOf(text: string): ScalarList {
  const items: readonly Scalar[] = JSON.parse(text);
  return { type: typeof items[0], values: new Set(items) };
}
