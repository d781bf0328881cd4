import type { RegoError } from "../errors.ts";
import type { Location } from "../syntax/ast.ts";
import { isUnknown, type Known } from "../type-operations.ts";
import { argumentsToText, renderLines, signatureToText, typeToText } from "../type-text.ts";
import type { FunctionSignature, Type } from "../types.ts";
import { valueToText } from "../values/print.ts";
import { compare, type Value } from "../values/value.ts";
import type { Subjects } from "./expand.ts";
import type { ResolvedReference, ResolvedTerm } from "./resolved.ts";
import { referenceParts, termToText } from "./term-text.ts";

/** What the type checker refuses. */
export interface TypeError extends RegoError {
  /** Nothing is known of some of the types in question: most likely for the sake of another error. */
  readonly isVague: boolean;
}

export function argumentError(
  name: string,
  problem: string,
  have: readonly Known[],
  want: FunctionSignature,
  location: Location,
): TypeError {
  const lines = renderLines(["have", "want"] as const, (line, depth) =>
    line === "have" ? `have: ${argumentsToText(have, undefined, depth)}` : `want: ${signatureToText(want, depth)}`,
  );
  return typeError([`${name}: ${problem}`, ...lines], location, have.some(isUnknown));
}

export function matchError(left: Known, right: Known, location: Location): TypeError {
  const lines = renderLines([left, right], (type, depth) =>
    type === left ? `left  : ${typeToText(type, depth)}` : `right : ${typeToText(type, depth)}`,
  );
  const hint =
    left !== undefined &&
    left.type === right?.type &&
    (left.type === "object" || left.type === "array" || left.type === "set")
      ? [`hint  : both sides are ${left.type}s but their types differ, so they can never be equal`]
      : [];
  return typeError(["match error", ...lines, ...hint], location, isUnknown(left) || isUnknown(right));
}

/** A key that what is referred to does not have. `index` counts from the first key behind the head. */
export function invalidKeyError(
  reference: ResolvedReference,
  index: number,
  have: Known,
  want: Known,
  oneOf: readonly Value[],
  subjects: Subjects,
): TypeError {
  const parts = referenceParts(reference, subjects);
  const margin = " ".repeat(parts.slice(0, index + 1).join("").length + 1);
  const key = reference.path[index] as ResolvedTerm;
  const had = have === undefined ? `have: ${termToText(key, subjects)}` : `have (type): ${typeToText(have)}`;
  const keys = Array.from(oneOf)
    .sort(compare)
    .map((item) => valueToText(item));
  const wanted =
    keys.length > 0 || want === undefined ? `want (one of): [${keys.join(" ")}]` : `want (type): ${typeToText(want)}`;
  const text = parts.join("");
  const lines = [`undefined ref: ${text}`, text, `${margin}^`, `${margin}${had}`, `${margin}${wanted}`];
  return typeError(lines, reference.location, false);
}

/** A key of something that has none. `index` is that of the key, counted from the first behind the head. */
export function noKeysError(reference: ResolvedReference, index: number, have: Known, subjects: Subjects): TypeError {
  if (have?.type === "function")
    return notCalledError({ ...reference, path: reference.path.slice(0, index) }, have, subjects);
  const parts = referenceParts(reference, subjects);
  const text = parts.join("");
  const mark = "^".repeat(parts.slice(0, index + 1).join("").length);
  return typeError([`undefined ref: ${text}`, text, mark, `have: ${typeToText(have)}`], reference.location, false);
}

/** A function is there to be called, or to be replaced. */
export function notCalledError(reference: ResolvedReference, signature: Type, subjects: Subjects): TypeError {
  const text = referenceParts(reference, subjects).join("");
  const message = `function ${text} used as reference, not called`;
  return typeError([message, `have: ${typeToText(signature)}`], reference.location, false);
}

function typeError(lines: readonly string[], location: Location, isVague: boolean): TypeError {
  return { code: "rego_type_error", message: lines.join("\n\t"), location, isVague };
}
