import type { Builtin } from "../builtins/builtin.ts";
import type { RegoError } from "../errors.ts";
import type { Location, Module, Rule } from "../syntax/ast.ts";
import type { Value } from "../values/value.ts";

/** A variable of one body. Two variables of the same name in different scopes are two locals. */
export interface Local {
  readonly name: string;
  readonly location: Location;
  /** Written `_`, or made by the compiler: no message names it. */
  readonly isWildcard: boolean;
  /** The body that it belongs to: the same object as that body's `owner`. */
  readonly owner: object;
}

/** The syntax with every name resolved: what is left are locals, `input`, paths below `data`, builtins, functions. */
export type ResolvedTerm =
  | { readonly type: "constant"; readonly value: Value; readonly location: Location }
  | { readonly type: "local"; readonly local: Local; readonly location: Location }
  | ResolvedReference
  | { readonly type: "array" | "set"; readonly items: readonly ResolvedTerm[]; readonly location: Location }
  | {
      readonly type: "object";
      readonly entries: readonly (readonly [ResolvedTerm, ResolvedTerm])[];
      readonly location: Location;
    }
  | ResolvedCall
  | ResolvedComprehension;

export interface ResolvedReference {
  readonly type: "reference";
  readonly base: "input" | "data" | ResolvedTerm;
  readonly path: readonly ResolvedTerm[];
  readonly location: Location;
}

export interface ResolvedCall {
  readonly type: "call";
  readonly callee: Callee;
  readonly args: readonly ResolvedTerm[];
  readonly location: Location;
}

export interface ResolvedComprehension {
  readonly type: "comprehension";
  readonly of: "array" | "set" | "object";
  readonly key: ResolvedTerm | undefined;
  readonly value: ResolvedTerm;
  readonly body: ResolvedBody;
  readonly owner: object;
  readonly location: Location;
}

export type Callee =
  | { readonly type: "builtin"; readonly builtin: Builtin }
  /** Below `data`. */
  | { readonly type: "function"; readonly path: readonly string[] };

export type ResolvedBody = readonly ResolvedStatement[];

export interface ResolvedStatement {
  readonly isNegated: boolean;
  readonly what: ResolvedExpression;
  readonly with: readonly ResolvedWith[];
  readonly location: Location;
}

export type ResolvedExpression =
  | { readonly type: "term"; readonly term: ResolvedTerm }
  | { readonly type: "unify"; readonly left: ResolvedTerm; readonly right: ResolvedTerm; readonly isAssign: boolean }
  /** `f(x, y)` for a function of one operand: `y` is what `f(x)` is. */
  | { readonly type: "result"; readonly call: ResolvedCall; readonly of: ResolvedTerm }
  | {
      readonly type: "some-in";
      readonly key: ResolvedTerm | undefined;
      readonly value: ResolvedTerm;
      readonly domain: ResolvedTerm;
    }
  | {
      readonly type: "every";
      readonly key: Local | undefined;
      readonly value: Local;
      readonly domain: ResolvedTerm;
      readonly body: ResolvedBody;
      readonly owner: object;
    }
  | { readonly type: "print"; readonly args: readonly ResolvedTerm[] };

export type ResolvedWith = {
  readonly location: Location;
  readonly targetLocation: Location;
  /** Why the target is nothing that can be replaced. */
  readonly problem?: RegoError;
} & (
  | { readonly target: "input" | "data"; readonly path: readonly string[]; readonly value: ResolvedTerm | Callee }
  | { readonly target: "callee"; readonly callee: Callee; readonly value: ResolvedTerm | Callee }
);

export interface ResolvedRule {
  readonly module: Module;
  /** As it was written. */
  readonly source: Rule;
  readonly file: string;
  readonly package: readonly string[];
  /** Below `data`: the package, the name, and what follows it as long as it is constant text. */
  readonly path: readonly string[];
  /** What follows in the head: keys of the object that the rule adds to. */
  readonly suffix: readonly ResolvedTerm[];
  readonly kind: "value" | "function" | "set";
  readonly isDefault: boolean;
  readonly args: readonly ResolvedTerm[];
  /** The element of a set; the value of any other rule. */
  readonly value: ResolvedTerm;
  readonly body: ResolvedBody;
  readonly otherwise: ResolvedElse | undefined;
  readonly location: Location;
}

export interface ResolvedElse {
  readonly value: ResolvedTerm;
  readonly body: ResolvedBody;
  readonly otherwise: ResolvedElse | undefined;
  readonly location: Location;
}
