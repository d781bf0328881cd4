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

/** So many keys are told; whoever looks for one among more will look into the document. */
const KEYS_SHOWN_MAX = 50;

/** What the type checker refuses. */
export interface TypeMistake extends RegoError {
  /** Nothing is known of some of the types in question: most likely for the sake of another error. */
  readonly isVague: boolean;
}

export function argumentError(
  name: string,
  problem: string,
  have: readonly Known[],
  want: FunctionSignature,
  location: Location,
): TypeMistake {
  const lines = renderLines(["have", "want"] as const, (line, depth) =>
    line === "have" ? `have: ${argumentsToText(have, undefined, depth)}` : `want: ${signatureToText(want, depth)}`,
  );
  return typeMistake([`${name}: ${problem}`, ...lines], location, have.some(isUnknown));
}

export function matchError(left: Known, right: Known, location: Location): TypeMistake {
  const lines = renderLines([left, right], (type, depth) =>
    type === left ? `left  : ${typeToText(type, depth)}` : `right : ${typeToText(type, depth)}`,
  );
  const hint =
    left !== undefined &&
    left.type === right?.type &&
    (left.type === "object" || left.type === "array" || left.type === "set")
      ? [`hint  : both sides are ${left.type}s but their types differ, so they can never be equal`]
      : [];
  return typeMistake(["match error", ...lines, ...hint], location, isUnknown(left) || isUnknown(right));
}

/** A key that what is referred to does not have. `index` counts from the first key behind the head. */
export function invalidKeyError(
  reference: ResolvedReference,
  index: number,
  have: Known,
  want: Known,
  oneOf: readonly Value[],
  subjects: Subjects,
): TypeMistake {
  const parts = referenceParts(reference, subjects);
  const margin = " ".repeat(parts.slice(0, index + 1).join("").length + 1);
  const key = reference.path[index] as ResolvedTerm;
  const had = have === undefined ? `have: ${termToText(key, subjects)}` : `have (type): ${typeToText(have)}`;
  const keys = Array.from(oneOf)
    .sort(compare)
    .map((item) => valueToText(item));
  const shown = keys.length > KEYS_SHOWN_MAX ? [...keys.slice(0, KEYS_SHOWN_MAX), "..."] : keys;
  const isListed = keys.length > 0 || want === undefined;
  const wanted = isListed ? `want (one of): [${shown.join(" ")}]` : `want (type): ${typeToText(want)}`;
  const text = parts.join("");
  const lines = [`undefined ref: ${text}`, text, `${margin}^`, `${margin}${had}`, `${margin}${wanted}`];
  return typeMistake(lines, reference.location, false);
}

/** A key of something that has none. `index` is that of the key, counted from the first behind the head. */
export function noKeysError(reference: ResolvedReference, index: number, have: Known, subjects: Subjects): TypeMistake {
  if (have?.type === "function")
    return notCalledError({ ...reference, path: reference.path.slice(0, index) }, have, subjects);
  const parts = referenceParts(reference, subjects);
  const text = parts.join("");
  const mark = "^".repeat(parts.slice(0, index + 1).join("").length);
  return typeMistake([`undefined ref: ${text}`, text, mark, `have: ${typeToText(have)}`], reference.location, false);
}

/** A function is there to be called, or to be replaced. */
export function notCalledError(reference: ResolvedReference, signature: Type, subjects: Subjects): TypeMistake {
  const text = referenceParts(reference, subjects).join("");
  const message = `function ${text} used as reference, not called`;
  return typeMistake([message, `have: ${typeToText(signature)}`], reference.location, false);
}

function typeMistake(lines: readonly string[], location: Location, isVague: boolean): TypeMistake {
  return { code: "rego_type_error", message: lines.join("\n\t"), location, isVague };
}
