import { AdapterError, err, InvariantError, ok, type Result } from "@vedette/base";
import type { CompiledModules, CompiledQuery } from "../compile/compile.ts";
import { documentQuery } from "../compile/document-query.ts";
import type { Program } from "../compile/ir.ts";
import { type Asks, optimise } from "../compile/optimise.ts";
import { asksOnce } from "../compile/rule-uses.ts";
import { assertSound, assertSoundQuery, type SoundProgram, type SoundQuery } from "../compile/verify-program.ts";
import { LimitExceeded, type LimitName } from "../limits.ts";
import type { Location } from "../syntax/ast.ts";
import type { Value } from "../values/value.ts";
import type { BackEnd } from "./back-end.ts";
import { Evaluation, type QueryOptions, QueryState } from "./evaluation.ts";
import { EvaluationError } from "./evaluation-error.ts";

/** Why a query has no answer. Whoever enforces treats it as a denial. */
export type QueryFailure =
  | { readonly code: "limit"; readonly limit: LimitName; readonly message: string }
  | { readonly code: EvaluationError["code"]; readonly message: string; readonly location: Location | undefined };

/** One row for each answer: its bindings in the order of the query's `names`, then the value of each statement. */
export type Rows = readonly (readonly Value[])[];

export interface PreparedQuery {
  readonly names: readonly string[];
  /** Steps that the last evaluation took: what its answer cost. */
  readonly steps: number;
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
  /** The program of these modules for this data, when it is linked already; it serves queries that ask for one rule. */
  readonly linked?: LinkedProgram;
}

export function createRegoPolicy(compiled: CompiledModules, options: PolicyOptions): RegoPolicy {
  const data: Value = options.data ?? Object.create(null);
  const link = (program: Program, asks: Asks) =>
    linkProgram(
      options.isLiteral === true ? assertSound(program) : bindProgram(program, data, asks),
      data,
      options.backEnd,
    );
  const shared = new Map<Asks, LinkedProgram>(options.linked && [["once", options.linked]]);
  return {
    prepare: (query) => {
      const sound = assertSoundQuery(query.program, query);
      const asks = asksOnce(query.body) ? "once" : "repeatedly";
      // A query that replaces functions needs a program that looks for replacements.
      if (query.replacesMore) return link(query.program, asks).prepare(sound);
      const linked = shared.get(asks) ?? link(compiled.program, asks);
      shared.set(asks, linked);
      return linked.prepare(sound);
    },
  };
}

/** The program for one set of data, as it may be handed to another thread and linked there. */
export function bindProgram(program: Program, data: Value, asks: Asks = "once"): SoundProgram {
  return assertSound(optimise(program, data, asks));
}

/** A program with a back end and the data that it is bound to. */
export interface LinkedProgram {
  prepare(query: NamedQuery): PreparedQuery;
  /** The document at a path below `data`, rules included; undefined for a function, which is none. */
  prepareDocument(path: readonly string[]): PreparedQuery | undefined;
}

type NamedQuery = SoundQuery & { readonly names: readonly string[] };

/** `data` is what the program was bound to. What no question needs is not linked. */
export function linkProgram(program: SoundProgram, data: Value, backEnd: BackEnd): LinkedProgram {
  const runner = backEnd(program);
  const linked: Linked = { program, runner, isBusy: false };
  const prepare = (query: NamedQuery) => prepared(query, linked, data, backEnd);
  return {
    prepare,
    prepareDocument: (path) => {
      const query = documentQuery(program, path);
      return query && prepare({ ...assertSoundQuery(program, query), names: [] });
    },
  };
}

interface Linked {
  readonly program: SoundProgram;
  readonly runner: ReturnType<BackEnd>;
  /** A query runs on it: what it has collected so far is the runner's own. */
  isBusy: boolean;
}

function prepared(query: NamedQuery, linked: Linked, data: Value, backEnd: BackEnd): PreparedQuery {
  const { program, runner } = linked;
  const run = runOf(query, runner);
  // One evaluation serves one query after the other.
  const evaluation = new Evaluation({ query: new QueryState(), program, data, runRule: runner.runRule });
  let steps = 0;
  return {
    names: query.names,
    get steps() {
      return steps;
    },
    evaluate: (options) => {
      // An observer or a port that asks meanwhile gets a runner of its own, whatever becomes of either query.
      if (linked.isBusy) {
        const own = prepared(query, { program, runner: backEnd(program), isBusy: false }, data, backEnd);
        return own.evaluate(options);
      }
      linked.isBusy = true;
      try {
        evaluation.begin(options);
        return ok(run(evaluation));
      } catch (cause) {
        return err(failureOf(cause));
      } finally {
        steps = evaluation.query.steps;
        evaluation.end();
        linked.isBusy = false;
      }
    },
  };
}

/** Most queries ask for one rule. */
function runOf(query: NamedQuery, runner: ReturnType<BackEnd>): (evaluation: Evaluation) => Rows {
  const [ask, emit, ...others] = query.body.filter(({ op }) => op !== "mark");
  const isOneRule = ask?.op === "let" && ask.from.op === "rule" && emit?.op === "emit" && others.length === 0;
  if (!isOneRule || query.names.length > 0) return runner.query(query);
  const { procedure } = ask.from;
  return (evaluation) => {
    const value = runner.runRule(evaluation, procedure);
    return value === undefined ? NO_ROWS : [[value]];
  };
}

const NO_ROWS: Rows = [];

/** Turns all that evaluation may throw into a refusal; a bug that we know of, or a port that fails, is its owner's. */
function failureOf(cause: unknown): QueryFailure {
  if (cause instanceof EvaluationError) return { code: cause.code, message: cause.message, location: cause.location };
  if (cause instanceof LimitExceeded) return { code: "limit", limit: cause.limit, message: cause.message };
  // V8 throws it when the stack or a string is used up: documents nested deeper than anything sensible.
  if (cause instanceof RangeError)
    return { code: "limit", limit: "nesting", message: "a value is too large or nested too deeply" };
  if (cause instanceof InvariantError || cause instanceof AdapterError) throw cause;
  // Who calls in the process may hand over what is no value: a getter or a proxy that throws, a hole in a list.
  return {
    code: "eval_internal_error",
    message: "something that the query looked at is no value",
    location: undefined,
  };
}
