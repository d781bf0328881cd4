import { type Builtin, BuiltinFailure } from "../builtins/builtin.ts";
import type { Procedure as ProcedureIr } from "../compile/ir.ts";
import type { SoundProgram, SoundQuery } from "../compile/verify-program.ts";
import type { Location } from "../syntax/ast.ts";
import { compare, isEqual, ObjectBuilder, RegoSet, type Value } from "../values/value.ts";
import type { BackEnd } from "./back-end.ts";
import { closures } from "./closures.ts";
import { CodeWriter } from "./code-writer.ts";
import { DocumentBuilder } from "./document-builder.ts";
import type { Evaluation, QueryState, Replaced } from "./evaluation.ts";
import { reportConflict } from "./evaluation-error.ts";
import { hasShape, insertOnce, isIterable, isMember, keysOf, lookup, lookupName, lookupStored } from "./lookup.ts";
import { printedLines } from "./printed-lines.ts";

type Procedure = (evaluation: Evaluation, ...operands: readonly Value[]) => Value | undefined;

/**
 * The back end that writes JavaScript and lets the engine compile it. The only place that turns text into code; that
 * text holds nothing of a policy but escaped scalars (`CodeWriter`). For processes without CA or journal keys
 * (PROTOCOLS 5.4).
 */
export const javascript: BackEnd = (program) => {
  const writer = new CodeWriter(program);
  const text = program.procedures.map((_, index) => writer.procedure(index));
  const table = `[${program.procedures.map((_, index) => `p${index}`).join(", ")}]`;
  const library = { ...LIBRARY, K: writer.constants };
  const code = `${writer.constantNames()}\n${text.join("\n")}\nreturn ${table};`;
  let procedures: readonly Procedure[];
  try {
    procedures = load(code, library);
  } catch (cause) {
    // Loops nested deeper than the engine's parser goes, which the other back end runs.
    if (cause instanceof RangeError) return closures(program);
    throw cause;
  }
  return {
    runRule: (evaluation, procedure) => procedures[procedure]!(evaluation),
    query: (query) => loadQuery(program, query, procedures),
  };
};

function loadQuery(program: SoundProgram, query: SoundQuery, procedures: readonly Procedure[]) {
  const writer = new CodeWriter(program);
  const text = writer.query(query);
  const names = Object.fromEntries(procedures.map((procedure, index) => [`p${index}`, procedure]));
  return load<(evaluation: Evaluation) => Value[][]>(`${writer.constantNames()}\n${text}\nreturn query;`, {
    ...LIBRARY,
    ...names,
    K: writer.constants,
  });
}

function load<T>(text: string, names: Readonly<Record<string, unknown>>): T {
  return new Function(...Object.keys(names), `"use strict";\n${text}`)(...Object.values(names));
}

/** What generated code calls. */
const LIBRARY = {
  BuiltinFailure,
  DocumentBuilder,
  ObjectBuilder,
  RegoSet,
  compare,
  hasShape,
  insertOnce,
  isEqual,
  isIterable,
  lookup,
  lookupName,
  lookupStored,
  inherited: Object.prototype,
  isMember,
  conflict: reportConflict,
  /** The elements of an array; the keys of anything else that has some. */
  listOf: (whole: Value, isOrdered: boolean): readonly Value[] => {
    if (Array.isArray(whole)) return whole;
    if (!isIterable(whole)) return [];
    return keysOf(whole as Exclude<Value, readonly Value[]> & object, isOrdered);
  },
  objectOf: ObjectBuilder.from,
  invoke: (evaluation: Evaluation, index: number, procedure: Procedure, args: readonly Value[]) => {
    const replaced = evaluation.replacedProcedures.get(index);
    return replaced === undefined ? procedure(evaluation, ...args) : replaced.run(evaluation.unreplaced(), args);
  },
  callReplaced: (evaluation: Evaluation, builtin: Builtin, args: readonly Value[], location: Location) => {
    const replaced = evaluation.replacedBuiltins.get(builtin.name);
    if (replaced !== undefined) return replaced.run(evaluation.unreplaced(), args);
    const result = builtin.run(evaluation.query, ...args);
    return result instanceof BuiltinFailure ? evaluation.query.failed(builtin, result, location) : result;
  },
  /** What the definitions that an index found make of a rule: the first value, the only value, all elements. */
  firstOf: (evaluation: Evaluation, choice: readonly Procedure[], operands: readonly Value[]): Value | undefined => {
    for (const definition of choice) {
      const value = definition(evaluation, ...operands);
      if (value !== undefined) return value;
    }
    return undefined;
  },
  oneOf: (
    evaluation: Evaluation,
    choice: readonly Procedure[],
    operands: readonly Value[],
    { kind, location }: ProcedureIr,
  ): Value | undefined => {
    let result: Value | undefined;
    for (const definition of choice) {
      const value = definition(evaluation, ...operands);
      if (result !== undefined && value !== undefined && !isEqual(result, value, evaluation.query))
        reportConflict(kind, location);
      if (result === undefined) result = value;
    }
    return result;
  },
  unionOf: (evaluation: Evaluation, choice: readonly Procedure[]): Value => {
    const all = new RegoSet();
    for (const definition of choice)
      for (const element of (definition(evaluation) as RegoSet).elements) all.add(element, evaluation.query);
    return all;
  },
  valueOnly:
    (value: Value): Replaced["run"] =>
    () =>
      value,
  builtinOnly:
    (builtin: Builtin): Replaced["run"] =>
    (evaluation, args) => {
      const result = builtin.run(evaluation.query, ...args);
      return result instanceof BuiltinFailure ? undefined : result;
    },
  print: (state: QueryState, values: readonly (Value | undefined)[], sets: readonly boolean[], location: Location) => {
    const { printed } = state.observer;
    if (printed !== undefined) for (const line of printedLines(values, sets)) printed(line, location);
  },
};
