import { ObjectBuilder, RegoSet, type Value } from "../values/value.ts";
import type { Term } from "./ast.ts";

/** The value that a term without variables, references and calls writes down; undefined for any other term. */
export function valueOfTerm(term: Term): Value | undefined {
  switch (term.type) {
    case "null":
      return null;
    case "boolean":
    case "number":
    case "string":
      return term.value;
    case "array":
    case "set": {
      const items = valuesOf(term.items);
      return items === undefined || term.type === "array" ? items : RegoSet.of(items);
    }
    case "object": {
      const keys = valuesOf(term.entries.map(([key]) => key));
      const values = valuesOf(term.entries.map(([, value]) => value));
      if (keys === undefined || values === undefined) return undefined;
      return ObjectBuilder.from(keys.map((key, index) => [key, values[index]!]));
    }
    default:
      return undefined;
  }
}

function valuesOf(terms: readonly Term[]): Value[] | undefined {
  const values: Value[] = [];
  for (const term of terms) {
    const value = valueOfTerm(term);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}
