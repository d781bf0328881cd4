import { MatcherInput, RE2JS, RE2JSException } from "re2js";
import { LimitExceeded } from "../limits.ts";
import { type BuiltinContext, BuiltinFailure, failure } from "./builtin.ts";
import { estimatePatternSize } from "./pattern-size.ts";
import { indexOf } from "./string-search.ts";

/** The longest pattern in the wild is a list of some hundred names. */
const PATTERN_LENGTH_MAX = 16_384;

/** Instructions of the compiled program. So many take about 50 ms and 15 MB; `[a-z]{1,63}` has 126. */
const PATTERN_SIZE_MAX = 20_000;

/** What compiling one instruction costs (3 µs) in steps. */
const COMPILE_STEPS = 16;

/** What calling the engine costs, whatever it then reads of the text. */
const SEARCH_STEPS = 16;

/** Where a match and each group of the pattern start and end, in UTF-16 units; -1 for a group without a part in it. */
export type Match = readonly number[];

/**
 * A regular expression of RE2's syntax, matched in time linear in the text. Only finding several matches may read the
 * rest of the text again for each; every unit read is paid for.
 */
export class Pattern {
  readonly #program: RE2JS;
  readonly #stepsOfUnit: number;

  /** Use `compilePattern`: only it knows whether the program is small enough. */
  constructor(program: RE2JS) {
    this.#program = program;
    this.#stepsOfUnit = 1 + (program.programSize() >>> 3);
  }

  get groupCount(): number {
    return this.#program.groupCount();
  }

  groupOf(name: string): number | undefined {
    const groups = this.#program.namedGroups();
    return Object.hasOwn(groups, name) ? groups[name] : undefined;
  }

  isFoundIn(context: BuiltinContext, text: string): boolean {
    return this.#search(new MeteredText(context, text, this.#stepsOfUnit), 0, 0) !== undefined;
  }

  /** Leftmost first, without overlap; an empty match right behind another match is none (Go's `regexp`, "All"). */
  *matchesIn(context: BuiltinContext, text: string): Iterable<Match> {
    const metered = new MeteredText(context, text, this.#stepsOfUnit);
    let previousEnd = -1;
    for (let from = 0; from <= text.length; ) {
      const match = this.#search(metered, from, this.groupCount + 1);
      if (match === undefined) return;
      const [start, end] = match as readonly [number, number];
      if (end === from) {
        from += (text.codePointAt(from) ?? 0) > 0xffff ? 2 : 1;
        if (start !== previousEnd) yield match;
      } else {
        from = end;
        yield match;
      }
      previousEnd = end;
    }
  }

  #search(text: MeteredText, from: number, groups: number): Match | undefined {
    text.meter(SEARCH_STEPS);
    const [isFound, match]: readonly unknown[] = this.#program
      .re2()
      .matchWithGroup(MatcherInput.utf16(text), from, text.length, UNANCHORED, groups);
    text.settle();
    // The engine gives the places of as many groups as it was asked for.
    return isFound === true ? (match as Match) : undefined;
  }
}

const UNANCHORED = 0;

/** So many units are read between two payments. */
const UNITS_PER_PAYMENT = 256;

/**
 * A text that is paid for as it is read: the engine reads whatever has these three members. No subclass of `String`: while
 * anything inherits from its prototype, V8 runs every `charCodeAt` of the process six times as slow.
 */
class MeteredText {
  /** By this name the engine knows a text. */
  readonly [Symbol.toStringTag] = "String";
  readonly length: number;
  readonly #context: BuiltinContext;
  readonly #text: string;
  readonly #stepsOfUnit: number;
  #unpaid = 0;

  constructor(context: BuiltinContext, text: string, stepsOfUnit: number) {
    this.length = text.length;
    this.#context = context;
    this.#text = text;
    this.#stepsOfUnit = stepsOfUnit;
  }

  charCodeAt(at: number): number {
    if (++this.#unpaid === UNITS_PER_PAYMENT) this.settle();
    return this.#text.charCodeAt(at);
  }

  indexOf(part: string, from: number): number {
    const place = indexOf(this.#text, part, from);
    this.meter(((place < 0 ? this.#text.length : place) - from) >>> 3);
    return place;
  }

  meter(steps: number): void {
    this.#context.spend(steps);
  }

  settle(): void {
    this.#context.spend(this.#unpaid * this.#stepsOfUnit);
    this.#unpaid = 0;
  }
}

/**
 * Compiles a pattern; one that is none is a failure. Throws `LimitExceeded` for one that is too large: no answer is
 * right for it, so nobody may take it for "does not match".
 */
export function compilePattern(text: string): Pattern | BuiltinFailure {
  checkPatternSize(text);
  try {
    const program = RE2JS.compile(text);
    if (program.programSize() > PATTERN_SIZE_MAX) throw new LimitExceeded("regex-size");
    return new Pattern(program);
  } catch (error) {
    if (error instanceof RE2JSException) return failure(error.message);
    throw error;
  }
}

/** What a compilation will cost, in instructions. */
function checkPatternSize(text: string): number {
  const size = text.length > PATTERN_LENGTH_MAX ? Number.POSITIVE_INFINITY : estimatePatternSize(text);
  if (size > PATTERN_SIZE_MAX) throw new LimitExceeded("regex-size");
  return size;
}

/** Compiled once for each query. */
export function patternOf(context: BuiltinContext, text: string): Pattern | BuiltinFailure {
  const key = `pattern:${text}`;
  const known = context.memo.get(key);
  if (known instanceof Pattern || known instanceof BuiltinFailure) return known;
  context.spend(checkPatternSize(text) * COMPILE_STEPS);
  const pattern = compilePattern(text);
  context.memo.set(key, pattern);
  return pattern;
}
