import type { Module } from "../syntax/ast.ts";
import { KEYWORDS, V1_KEYWORDS } from "../syntax/tokens.ts";

/** How a module is spelled. */
export interface Spelling {
  readonly regoVersion: 0 | 1;
  /** In v0, those of v1 that it imports are among them. */
  readonly keywords: ReadonlySet<string>;
  /** `p.q := 1`. Without it, the same head is `p["q"] := 1`. */
  readonly hasDottedHeads: boolean;
}

export function spellingOf({ imports, rules }: Module, regoVersion: 0 | 1): Spelling {
  const future = imports.filter(({ path }) => path[0] === "future").map(({ path }) => path[2]);
  const isKnown = (word: string): boolean =>
    regoVersion === 1 ||
    future.some((name) => name === undefined || name === word || (name === "every" && word === "in"));
  return {
    regoVersion,
    keywords: new Set([...KEYWORDS, ...V1_KEYWORDS.filter(isKnown)]),
    // OPA dots the heads of a module when one of them needs it.
    hasDottedHeads: rules.some(({ head: { path, key } }) => path.length > (key === undefined ? 1 : 0)),
  };
}
