import type { Value } from "./values/value.ts";

/**
 * Rego's shallow types (OPA's `types` package): what a builtin takes and gives, and what the checker infers.
 * `any` without members is every value; with members it is their union. Inside a composite, `undefined` is a type
 * that nothing is known of, and in place of what a set or an array is made of it says that there is nothing in it.
 */
export type Type = ScalarType | AnyType | ArrayType | SetType | ObjectType | FunctionSignature;

interface ScalarType {
  readonly type: "null" | "boolean" | "number" | "string";
}

export interface AnyType {
  readonly type: "any";
  readonly of?: readonly Type[];
}

export interface ArrayType {
  readonly type: "array";
  readonly static?: readonly (Type | undefined)[];
  readonly dynamic?: Type | undefined;
}

export interface SetType {
  readonly type: "set";
  readonly of: Type | undefined;
}

export interface Property {
  readonly key: Value;
  readonly value: Type | undefined;
}

export interface ObjectType {
  readonly type: "object";
  readonly static?: readonly Property[];
  readonly dynamic?: { readonly key: Type | undefined; readonly value: Type | undefined } | undefined;
}

export interface FunctionType {
  readonly args: readonly Type[];
  /** Absent for builtins that are relations or have no result. */
  readonly result?: Type;
  /** Any number of further operands of this type (`internal.print`, `sprintf` has none). */
  readonly variadic?: Type;
}

/** A function as one of the things a name may refer to. Only the checker infers it: there are no function values. */
export interface FunctionSignature {
  readonly type: "function";
  readonly args: readonly (Type | undefined)[];
  readonly result: Type | undefined;
  readonly variadic?: Type | undefined;
}

export const NULL: Type = { type: "null" };
export const BOOLEAN: Type = { type: "boolean" };
export const NUMBER: Type = { type: "number" };
export const STRING: Type = { type: "string" };
export const ANY: Type = { type: "any" };

export function anyOf(...of: readonly Type[]): Type {
  return { type: "any", of };
}

export function setOf(of: Type | undefined): Type {
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
