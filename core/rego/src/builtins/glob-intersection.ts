import { type BuiltinContext, BuiltinFailure, type BuiltinResult, failure } from "./builtin.ts";

/** The characters one place of a glob admits, as ranges of code points, and how often. */
interface Token {
  readonly ranges: readonly Range[];
  readonly isOptional: boolean;
  readonly isRepeated: boolean;
}
type Range = readonly [number, number];

const ANY_CHARACTER: readonly Range[] = [[0, 0x10ffff]];

/**
 * `regex.globs_match`: whether some text that is not empty matches both. A glob is made of characters, `.` and
 * `[a-z]`, each of them once, `+` times or `*` times.
 */
export function globsIntersect(context: BuiltinContext, left: string, right: string): BuiltinResult {
  const a = parseTokens(left);
  if (a instanceof BuiltinFailure) return a;
  const b = parseTokens(right);
  if (b instanceof BuiltinFailure) return b;
  return hasCommonText(context, a, b);
}

/** Walks both globs at once: a state is a place in each, and whether a character was consumed on the way there. */
function hasCommonText(context: BuiltinContext, a: readonly Token[], b: readonly Token[]): boolean {
  const width = b.length + 1;
  const seen = new Set<number>();
  const waiting: number[] = [];
  const visit = (i: number, j: number, consumed: number): void => {
    const state = (i * width + j) * 2 + consumed;
    if (seen.has(state)) return;
    context.spend(1);
    seen.add(state);
    waiting.push(state);
  };
  visit(0, 0, a.length + b.length === 0 ? 1 : 0);
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    const consumed = state % 2;
    const j = (state >>> 1) % width;
    const i = Math.floor(state / 2 / width);
    if (i === a.length && j === b.length && consumed === 1) return true;
    const x = a[i];
    const y = b[j];
    if (x?.isOptional) visit(i + 1, j, consumed);
    if (y?.isOptional) visit(i, j + 1, consumed);
    if (x === undefined || y === undefined || !overlap(context, x.ranges, y.ranges)) continue;
    for (const nextI of x.isRepeated ? [i, i + 1] : [i + 1])
      for (const nextJ of y.isRepeated ? [j, j + 1] : [j + 1]) visit(nextI, nextJ, 1);
  }
  return false;
}

function overlap(context: BuiltinContext, a: readonly Range[], b: readonly Range[]): boolean {
  context.spend(a.length * b.length);
  return a.some(([low, high]) => b.some(([otherLow, otherHigh]) => low <= otherHigh && otherLow <= high));
}

function parseTokens(text: string): readonly Token[] | BuiltinFailure {
  const reader = new Reader(text);
  const tokens: Token[] = [];
  while (!reader.isAtEnd) {
    const ranges = parseRanges(reader);
    if (ranges instanceof BuiltinFailure) return ranges;
    const flag = reader.takeFlag();
    tokens.push({ ranges, isOptional: flag === "*", isRepeated: flag !== undefined });
  }
  return tokens;
}

function parseRanges(reader: Reader): readonly Range[] | BuiltinFailure {
  const character = reader.take();
  if (character === undefined) return reader.refuse("input ends with a \\ (escape) character");
  if (character.isEscaped) return [[character.code, character.code]];
  switch (character.text) {
    case ".":
      return ANY_CHARACTER;
    case "[":
      return parseSet(reader);
    case "]":
      return reader.refuse("set-close ']' with no preceding '['");
    case "+":
    case "*":
      return reader.refuse(`flag '${character.text}' must be preceded by a non-flag`);
    default:
      return [[character.code, character.code]];
  }
}

function parseSet(reader: Reader): readonly Range[] | BuiltinFailure {
  const ranges: Range[] = [];
  let from: number | undefined;
  for (let character = reader.take(); character !== undefined; character = reader.take()) {
    if (!character.isEscaped && character.text === "]") return ranges;
    if (!character.isEscaped && character.text === "-") {
      if (from === undefined) return reader.refuse("range character '-' must be preceded by a Unicode character");
      const to = reader.take();
      if (to === undefined || (!to.isEscaped && (to.text === "]" || to.text === "-")))
        return reader.refuse("range character '-' must be followed by a Unicode character");
      if (to.code < from) return reader.refuse("range is out of order");
      ranges.push([from, to.code]);
      from = undefined;
    } else {
      ranges.push([character.code, character.code]);
      from = character.code;
    }
  }
  return reader.refuse("found [ without matching ]");
}

interface Character {
  readonly text: string;
  readonly code: number;
  readonly isEscaped: boolean;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Undefined at the end, also behind a backslash. */
  take(): Character | undefined {
    const isEscaped = this.#text[this.#at] === "\\";
    if (isEscaped) this.#at++;
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return undefined;
    const text = String.fromCodePoint(code);
    this.#at += text.length;
    return { text, code, isEscaped };
  }

  takeFlag(): string | undefined {
    const flag = this.#text[this.#at];
    if (flag !== "+" && flag !== "*") return undefined;
    this.#at++;
    return flag;
  }

  refuse(why: string): BuiltinFailure {
    return failure(`input:${this.#text}, pos:${this.#at}, ${why}: the input provided is invalid`);
  }
}
