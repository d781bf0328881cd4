/**
 * Rego's shallow types (OPA's `types` package): what a builtin takes and gives, and what the checker infers.
 * `any` without members is every value; with members it is their union.
 */
export type Type =
  | { readonly type: "null" | "boolean" | "number" | "string" }
  | { readonly type: "any"; readonly of?: readonly Type[] }
  | { readonly type: "array"; readonly static?: readonly Type[]; readonly dynamic?: Type }
  | { readonly type: "set"; readonly of: Type }
  | {
      readonly type: "object";
      readonly static?: readonly { readonly key: string | number | boolean | null; readonly value: Type }[];
      readonly dynamic?: { readonly key: Type; readonly value: Type };
    };

export interface FunctionType {
  readonly args: readonly Type[];
  /** Absent for builtins that are relations or have no result. */
  readonly result?: Type;
  /** Any number of further operands of this type (`internal.print`, `sprintf` has none). */
  readonly variadic?: Type;
}

export const NULL: Type = { type: "null" };
export const BOOLEAN: Type = { type: "boolean" };
export const NUMBER: Type = { type: "number" };
export const STRING: Type = { type: "string" };
export const ANY: Type = { type: "any" };

export function anyOf(...of: readonly Type[]): Type {
  return { type: "any", of };
}

export function setOf(of: Type): Type {
  return { type: "set", of };
}

export function arrayOf(dynamic: Type): Type {
  return { type: "array", dynamic };
}

/** An array of exactly these. */
export function tupleOf(...types: readonly Type[]): Type {
  return { type: "array", static: types };
}

export function objectOf(key: Type, value: Type): Type {
  return { type: "object", dynamic: { key, value } };
}

export function functionOf(args: readonly Type[], result: Type): FunctionType {
  return { args, result };
}
