import type { Body, Term } from "../syntax/ast.ts";
import type { PlainObject, Value } from "../values/value.ts";
import { partsOf, termsOf } from "./source-index.ts";

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
  // A statement that is false is an answer only of a query that asks for nothing else, and just once.
  const mayBeFalse = query.body.length === 1 && !query.body.some(({ what }) => termsOf(what).some(mayIterate));
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

/** A reference with a variable in it may have many values, and so may a relation. */
function mayIterate(term: Term): boolean {
  if (term.type === "comprehension") return false;
  if (term.type === "reference" && term.path.some(({ type }) => type === "var")) return true;
  const isRelation = term.type === "call" && term.operator.type === "var" && term.operator.name === "walk";
  return isRelation || partsOf(term).some(mayIterate);
}
