/**
 * Programs and values as plain data: one thread makes them, another one reads them. Typed arrays are handed over without
 * a copy, and texts stand there once.
 */
export interface FlatCode {
  /** What the writer was given, in its order. Whatever is no whole number is named by its position below. */
  readonly code: Int32Array;
  /** Values, each behind those that are part of it. */
  readonly values: Int32Array;
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
}

/** What begins a value in `values`, and what follows: a whole number, positions, or a count and positions. */
export const VALUE = {
  null: 0,
  false: 1,
  true: 2,
  integer: 3,
  number: 4,
  bigNumber: 5,
  text: 6,
  array: 7,
  set: 8,
  /** Keys are positions of texts. */
  object: 9,
  /** Keys are positions of values. */
  objectByValue: 10,
} as const;

// An operation, an expression and the like begin with the position of their name here.
export const OPERATIONS = [
  "let",
  "test",
  "equal",
  "shape",
  "scan",
  "scan-tree",
  "not",
  "exists",
  "iterable",
  "print",
  "emit",
] as const;
export const EXPRESSIONS = [
  "constant",
  "slot",
  "input",
  "data",
  "get",
  "get-stored",
  "required",
  "rule",
  "extent",
  "call",
  "invoke",
  "array",
  "set",
  "object",
  "collect",
] as const;
export const TREES = ["tree", "tree-slot", "tree-get"] as const;
export const TARGETS = ["input", "data", "builtin", "procedure"] as const;
export const REPLACEMENTS = ["value", "builtin", "procedure"] as const;
export const KINDS = ["value", "function", "set", "object"] as const;
export const USES = ["member", "loop", "whole"] as const;
export const SHAPES = ["array", "object"] as const;
export const COLLECTIONS = ["array", "set", "object"] as const;
