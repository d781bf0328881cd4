import type { Crypto, Random } from "@vedette/base";
import type { FunctionType } from "../types.ts";
import type { Value } from "../values/value.ts";

/** What a builtin may know of the query it runs in. One for each query; the same question gets the same answer. */
export interface BuiltinContext {
  /** The query's time in nanoseconds since 1970-01-01 UTC: every call of a query sees the same. */
  readonly now: bigint;
  readonly crypto: Crypto;
  readonly random: Random;
  /** Things worth keeping during one query: drawn numbers, compiled patterns, parsed schemas. */
  readonly memo: Map<string, unknown>;
  /**
   * Charges work beyond the call itself, in steps of about one element or eight bytes touched.
   * Throws `LimitExceeded` when the query's fuel is gone: call it BEFORE doing or allocating the work.
   */
  spend(steps: number): void;
}

/** Why a builtin has no result. Undefined to the policy, an error to a caller that asked for strict builtin errors. */
export class BuiltinFailure {
  readonly code: "eval_type_error" | "eval_builtin_error";
  /** Without the builtin's name, which the evaluator puts in front. */
  readonly message: string;
  constructor(code: BuiltinFailure["code"], message: string) {
    this.code = code;
    this.message = message;
  }
}

/** An operand of the wrong type: `operand 1 must be string but got number`. Positions count from 1. */
export function operandFailure(position: number, expected: string, actual: string): BuiltinFailure {
  return new BuiltinFailure("eval_type_error", `operand ${position} must be ${expected} but got ${actual}`);
}

export function failure(message: string): BuiltinFailure {
  return new BuiltinFailure("eval_builtin_error", message);
}

export type BuiltinResult = Value | undefined | BuiltinFailure;

/**
 * One builtin of OPA's policy reference. Total: for any operands of any type it returns a value, undefined (the
 * builtin has no answer and that is no error) or a `BuiltinFailure`. It never throws but for `LimitExceeded`,
 * never changes an operand, and never keeps one.
 */
export interface Builtin {
  readonly name: string;
  readonly type: FunctionType;
  /** The operator it is written as: `plus` is `+`. */
  readonly infix?: string;
  /** Two queries with the same input may differ: refused where decisions must be repeatable. */
  readonly isNondeterministic?: true;
  /** `walk`: `run` returns an array, and each of its elements is one result. */
  readonly isRelation?: true;
  // Operands are as many as `type.args` (and variadic) says; the compiler checked that.
  readonly run: (context: BuiltinContext, ...operands: Value[]) => BuiltinResult;
}
