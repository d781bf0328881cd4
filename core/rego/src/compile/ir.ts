import type { Builtin } from "../builtins/builtin.ts";
import type { Location } from "../syntax/ast.ts";
import type { Value } from "../values/value.ts";

/**
 * What both back ends run. A block is a list of operations, each of which goes on to the next, goes on several times
 * (`scan`), or gives up. Giving up returns to the nearest `scan`, which tries its next element, and at last to whoever
 * runs the block. A block ends in `emit`, which hands values to whoever runs it; that one may stop everything below it.
 */
export type Block = readonly Operation[];

/** An index into the frame of one call of a procedure. Every slot is set before it is read (`verifyProgram`). */
export type Slot = number;

export type Operation =
  /** Gives up when the expression is undefined. */
  | { readonly op: "let"; readonly slot: Slot; readonly from: Expression }
  /** Gives up when the expression is undefined or false. */
  | { readonly op: "test"; readonly that: Expression }
  /** Gives up unless both are defined and equal (or differ, when negated). */
  | { readonly op: "equal"; readonly left: Expression; readonly right: Expression; readonly isNegated: boolean }
  /** Gives up unless the slot holds an array of this length, or an object with this many members. */
  | { readonly op: "shape"; readonly slot: Slot; readonly of: "array" | "object"; readonly length: number }
  /** Once for each element; in Rego's order when the result depends on the order. */
  | {
      readonly op: "scan";
      readonly source: Expression;
      readonly key: Slot | undefined;
      readonly value: Slot | undefined;
      readonly isOrdered: boolean;
      readonly body: Block;
    }
  /** As `scan`, over what lies below `data` at a place with rules below it. */
  | {
      readonly op: "scan-tree";
      readonly source: TreeExpression;
      readonly key: Slot | undefined;
      readonly value: Slot;
      readonly isOrdered: boolean;
      readonly body: Block;
    }
  /** Gives up unless the body emits nothing. */
  | { readonly op: "not"; readonly body: Block }
  /** Goes on once if the body emits anything, with `input`, `data` or functions replaced; stops the body at its first. */
  | { readonly op: "exists"; readonly overrides: readonly Override[]; readonly body: Block }
  /** Gives up unless the slot holds an array, an object or a set. */
  | { readonly op: "iterable"; readonly slot: Slot }
  | { readonly op: "print"; readonly args: readonly Expression[]; readonly location: Location }
  /** Marks the beginning of a statement of the source, for coverage and explanations. */
  | { readonly op: "mark"; readonly statement: number }
  | { readonly op: "emit"; readonly values: readonly Expression[] };

export type Expression =
  | { readonly op: "constant"; readonly value: Value }
  | { readonly op: "slot"; readonly slot: Slot }
  | { readonly op: "input" }
  /** Base data; rules below this path, if any, are not consulted. */
  | { readonly op: "data"; readonly path: readonly string[] }
  /** A member, an element, or of a set the key itself when it is in it. */
  | { readonly op: "get"; readonly source: Expression; readonly key: Expression }
  /** As `get` in base data, where an integer written in a reference also names the member of that text. */
  | { readonly op: "get-stored"; readonly source: Expression; readonly index: number }
  /**
   * The same value, but tells the query when it is missing: undefined, an object that is looped over (`loop`), or one that
   * is used whole, by itself or inside of a list (`whole`): members that are not there nobody would miss.
   */
  | { readonly op: "required"; readonly of: Expression; readonly use: "member" | "loop" | "whole" }
  | { readonly op: "rule"; readonly procedure: number }
  /** The whole document at a place below `data`, rules included. */
  | { readonly op: "extent"; readonly of: TreeExpression }
  | {
      readonly op: "call";
      readonly builtin: Builtin;
      readonly args: readonly Expression[];
      readonly location: Location;
    }
  | { readonly op: "invoke"; readonly procedure: number; readonly args: readonly Expression[] }
  | { readonly op: "array" | "set"; readonly items: readonly Expression[] }
  | { readonly op: "object"; readonly entries: readonly (readonly [Expression, Expression])[] }
  /** All that the body emits, with `input`, `data` or functions replaced. */
  | {
      readonly op: "collect";
      readonly of: "array" | "set" | "object";
      readonly overrides: readonly Override[];
      readonly body: Block;
    };

/** A place below `data` or, as far as rules end, a value. Only `tree-get`, `scan-tree` and `extent` read it. */
export type TreeExpression =
  | { readonly op: "tree"; readonly path: readonly string[] }
  | { readonly op: "tree-slot"; readonly slot: Slot }
  | { readonly op: "tree-get"; readonly source: TreeExpression; readonly key: Expression };

export type Override =
  | { readonly target: "input" | "data"; readonly path: readonly string[]; readonly value: Expression }
  | { readonly target: "builtin"; readonly name: string; readonly by: Replacement }
  | { readonly target: "procedure"; readonly procedure: number; readonly by: Replacement };

export type Replacement =
  | { readonly type: "value"; readonly value: Expression }
  | { readonly type: "builtin"; readonly builtin: Builtin }
  | { readonly type: "procedure"; readonly procedure: number };

/** One rule: all its definitions. */
export interface Procedure {
  /** Below `data`. */
  readonly path: readonly string[];
  /** `object`: clauses emit keys and then a value; with `isSet`, that last value is an element of a set there. */
  readonly kind: "value" | "function" | "set" | "object";
  readonly arity: number;
  /** Slots of a frame; the first `arity` of them hold the operands. */
  readonly frame: number;
  readonly clauses: readonly Clause[];
  readonly fallback: Expression | undefined;
  /** Of an object: what is in it, though empty, when the clauses emit nothing there. */
  readonly outline: readonly Outline[];
  readonly location: Location;
}

/** A place in an object at which rules were written: `p[1][x] := …` makes `p[1]` an object, `p[1] contains …` a set. */
export interface Outline {
  readonly keys: readonly Value[];
  readonly isSet: boolean;
}

export interface Clause {
  readonly body: Block;
  readonly isSet: boolean;
  /** Tried when the body emits nothing. */
  readonly otherwise: Clause | undefined;
}

/** A statement of the source, for coverage and explanations. */
export interface Statement {
  readonly location: Location;
  /** Of the rule it belongs to; undefined in a query. */
  readonly rule: readonly string[] | undefined;
  /** Variables that it mentions. */
  readonly variables: readonly { readonly name: string; readonly slot: Slot }[];
}

export interface TreeNode {
  readonly children: ReadonlyMap<string, TreeNode>;
  readonly procedure: number | undefined;
}

export interface Program {
  readonly procedures: readonly Procedure[];
  readonly tree: TreeNode;
  readonly statements: readonly Statement[];
  /** Builtins and procedures that some `with` replaces: only calls of these look for a replacement. */
  readonly replaced: {
    readonly builtins: ReadonlySet<string>;
    readonly procedures: ReadonlySet<number>;
    /** Paths below `data` that some `with` replaces. */
    readonly data: readonly (readonly string[])[];
  };
}
