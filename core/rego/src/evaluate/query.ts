import { type Crypto, err, type Instant, ok, type Random, type Result } from "@vedette/base";
import type { CompiledModules, CompiledQuery } from "../compile/compile.ts";
import type { Program } from "../compile/ir.ts";
import { optimise } from "../compile/optimise.ts";
import { LimitExceeded, type LimitName } from "../limits.ts";
import type { Location } from "../syntax/ast.ts";
import type { Value } from "../values/value.ts";
import type { BackEnd } from "./back-end.ts";
import { Evaluation, type Observer, QueryState } from "./evaluation.ts";
import { EvaluationError } from "./evaluation-error.ts";

/** A million steps are some tens of milliseconds: far beyond any decision, well within a request's patience. */
export const FUEL_DEFAULT = 1_000_000;

export interface QueryOptions {
  readonly input?: Value | undefined;
  /** The same for every call of the query. */
  readonly now: Instant;
  readonly crypto: Crypto;
  readonly random: Random;
  /** A failing builtin ends the query instead of being undefined. */
  readonly isStrict?: boolean;
  /** Steps; one for each element looped over and rule entered, more for costly builtins. */
  readonly fuel?: number;
  /** Asked every few thousand steps. */
  readonly isPastDeadline?: () => boolean;
  readonly observer?: Observer;
}

/** Why a query has no answer. Whoever enforces treats it as a denial. */
export type QueryFailure =
  | { readonly code: "limit"; readonly limit: LimitName; readonly message: string }
  | { readonly code: EvaluationError["code"]; readonly message: string; readonly location: Location | undefined };

/** One row for each answer: its bindings in the order of the query's `names`, then the value of each statement. */
export type Rows = readonly (readonly Value[])[];

export interface PreparedQuery {
  readonly names: readonly string[];
  evaluate(options: QueryOptions): Result<Rows, QueryFailure>;
}

/** Compiled modules with the data they read, ready to be asked. */
export interface RegoPolicy {
  prepare(query: CompiledQuery): PreparedQuery;
}

export interface PolicyOptions {
  readonly backEnd: BackEnd;
  /** Base documents: fixed, so that what is known about them is found out once. */
  readonly data?: Value | undefined;
  /** Leaves the program as it was written, for who observes it statement by statement. */
  readonly isLiteral?: boolean;
}

export function createRegoPolicy(compiled: CompiledModules, options: PolicyOptions): RegoPolicy {
  const data: Value = options.data ?? Object.create(null);
  const link = (program: Program) => {
    const linked = options.isLiteral === true ? program : optimise(program, data);
    return { program: linked, runner: options.backEnd(linked) };
  };
  let shared: ReturnType<typeof link> | undefined;
  return {
    prepare: (query) => {
      // A query that replaces functions needs a program that looks for replacements.
      const isOwn = query.replacesMore;
      const { program, runner } = isOwn ? link(query.program) : (shared ??= link(compiled.program));
      return prepared(query.names, program, data, runner.runRule, runner.query(query));
    },
  };
}

function prepared(
  names: readonly string[],
  program: Program,
  data: Value,
  runRule: ReturnType<BackEnd>["runRule"],
  run: (evaluation: Evaluation) => Rows,
): PreparedQuery {
  return {
    names,
    evaluate: (options) => {
      try {
        const query = new QueryState({
          now: options.now,
          crypto: options.crypto,
          random: options.random,
          isStrict: options.isStrict ?? false,
          fuel: options.fuel ?? FUEL_DEFAULT,
          isPastDeadline: options.isPastDeadline,
          observer: options.observer,
        });
        return ok(run(new Evaluation({ query, program, input: options.input, data, runRule })));
      } catch (cause) {
        return err(failureOf(cause));
      }
    },
  };
}

/** Turns all that evaluation may throw into a refusal; a bug of ours stays a bug. */
function failureOf(cause: unknown): QueryFailure {
  if (cause instanceof EvaluationError) return { code: cause.code, message: cause.message, location: cause.location };
  if (cause instanceof LimitExceeded) return { code: "limit", limit: cause.limit, message: cause.message };
  // V8 throws it when the stack or a string is used up: documents nested deeper than anything sensible.
  if (cause instanceof RangeError)
    return { code: "limit", limit: "nesting", message: "a value is too large or nested too deeply" };
  throw cause;
}
