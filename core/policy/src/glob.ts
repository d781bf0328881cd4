import { assert } from "@vedette/base";

/**
 * A pattern over `/`-separated names: `*` stands for any characters of one segment, `**` for any characters at all.
 * Nothing else is special. Matching costs at most text × pattern steps, whatever the pattern.
 */
export interface Glob {
  /** The characters before the first wildcard; an index may look them up. */
  readonly head: string;
  /** The characters after the last wildcard. */
  readonly tail: string;
  /** What stands between head and tail: characters, `STAR` or `DOUBLE_STAR`. */
  readonly middle: readonly number[];
}

/** Longer patterns are lists in disguise. */
export const GLOB_LENGTH_MAX = 256;

const STAR = -1;
const DOUBLE_STAR = -2;
const ASTERISK = 0x2a;
const SLASH = 0x2f;

/** Undefined when the pattern is too long, has no wildcard, or three asterisks in a row. */
export function parseGlob(pattern: string): Glob | undefined {
  const first = pattern.indexOf("*");
  if (first === -1 || pattern.length > GLOB_LENGTH_MAX || pattern.includes("***")) return undefined;
  const last = pattern.lastIndexOf("*");
  const middle: number[] = [];
  for (let at = first; at <= last; at++) {
    const isDouble = pattern.charCodeAt(at) === ASTERISK && pattern.charCodeAt(at + 1) === ASTERISK;
    if (isDouble) middle.push(DOUBLE_STAR);
    else middle.push(pattern.charCodeAt(at) === ASTERISK ? STAR : pattern.charCodeAt(at));
    if (isDouble) at++;
  }
  return { head: pattern.slice(0, first), tail: pattern.slice(last + 1), middle };
}

/** A pattern that was checked with its policy. */
export function checkedGlob(pattern: string): Glob {
  const glob = parseGlob(pattern);
  assert(glob !== undefined, "a glob was checked with its policy");
  return glob;
}

export function matchesGlob(text: string, { head, tail, middle }: Glob): boolean {
  const end = text.length - tail.length;
  if (end < head.length || !standsAt(text, 0, head) || !standsAt(text, end, tail)) return false;
  if (middle.length > 1) return matchesMiddle(text, head.length, end, middle);
  if (middle[0] === DOUBLE_STAR) return true;
  for (let at = head.length; at < end; at++) if (text.charCodeAt(at) === SLASH) return false;
  return true;
}

/** By hand: for texts this short, calling startsWith and endsWith takes longer than comparing. */
function standsAt(text: string, start: number, part: string): boolean {
  for (let i = 0; i < part.length; i++) if (text.charCodeAt(start + i) !== part.charCodeAt(i)) return false;
  return true;
}

/** Runs all ways through the pattern side by side: `reached[i]` says that the pattern up to `i` fits the text so far. */
function matchesMiddle(text: string, start: number, end: number, middle: readonly number[]): boolean {
  let reached = new Uint8Array(middle.length + 1);
  let next = new Uint8Array(middle.length + 1);
  reached[0] = 1;
  skipWildcards(reached, middle);
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    next.fill(0);
    for (const [i, token] of middle.entries()) {
      if (!reached[i]) continue;
      if (token === code) next[i + 1] = 1;
      else if (token === DOUBLE_STAR || (token === STAR && code !== SLASH)) next[i] = 1;
    }
    skipWildcards(next, middle);
    [reached, next] = [next, reached];
  }
  return reached[middle.length] === 1;
}

/** A wildcard may stand for nothing. */
function skipWildcards(reached: Uint8Array, middle: readonly number[]): void {
  for (const [i, token] of middle.entries()) if (reached[i] && token < 0) reached[i + 1] = 1;
}
