import type { Location } from "../syntax/ast.ts";

/** What ends a query without an answer: a conflict between definitions, or a builtin's failure when asked to be strict. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
  readonly code: "eval_conflict_error" | "eval_type_error" | "eval_builtin_error" | "eval_internal_error";
  readonly location: Location | undefined;
  constructor(code: EvaluationError["code"], message: string, location: Location | undefined) {
    super(message);
    this.code = code;
    this.location = location;
  }
}

const CONFLICTS = {
  value: "complete rules must not produce multiple outputs",
  function: "functions must not produce multiple outputs for same inputs",
  keys: "object keys must be unique",
};

export function reportConflict(kind: string, location: Location | undefined): never {
  const message = kind === "value" || kind === "function" ? CONFLICTS[kind] : CONFLICTS.keys;
  throw new EvaluationError("eval_conflict_error", message, location);
}
