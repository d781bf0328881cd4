import type { Body } from "../syntax/ast.ts";
import type { PlainObject, Value } from "../values/value.ts";

/** One answer of a query, as OPA's tools give it. */
export interface QueryAnswer {
  readonly expressions: readonly AnsweredExpression[];
  readonly bindings: PlainObject;
}

export interface AnsweredExpression {
  readonly value: Value;
  readonly text: string;
  readonly row: number;
  readonly col: number;
}

/** Rows of a query (`PreparedQuery`) with the names and the texts that belong to them. */
export function answersOf(
  query: { readonly body: Body; readonly text: string },
  names: readonly string[],
  rows: readonly (readonly Value[])[],
): readonly QueryAnswer[] {
  const statements = query.body.filter(({ what }) => what.type !== "some");
  // A statement that is false is an answer of a query that asks for nothing else.
  const mayBeFalse = query.body.length === 1 && names.length === 0;
  return rows
    .map((row) => ({
      expressions: statements.map(({ location: { start, end, row: line, col } }, index) => ({
        value: row[names.length + index] as Value,
        text: query.text.slice(start, end),
        row: line,
        col,
      })),
      bindings: Object.fromEntries(names.map((name, index) => [name, row[index] as Value])),
    }))
    .filter(({ expressions }) => mayBeFalse || expressions.every(({ value }) => value !== false));
}
