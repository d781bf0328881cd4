import { anyOf, arrayOf, BOOLEAN, functionOf, NULL, STRING } from "../types.ts";
import { isArray, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinContext, BuiltinFailure, type BuiltinResult } from "./builtin.ts";
import { globToPattern } from "./glob-pattern.ts";
import { elementFailure, operandOneOfFailure, taking } from "./operands.ts";
import { Pattern, patternOf } from "./pattern.ts";

const STRINGS = arrayOf(STRING);

/** OPA policy reference, "Glob". */
export const GLOB_BUILTINS: readonly Builtin[] = [
  {
    name: "glob.match",
    type: functionOf([STRING, anyOf(NULL, STRINGS), STRING], BOOLEAN),
    run: taking(["string", "any", "string"], match),
  },
  {
    name: "glob.quote_meta",
    type: functionOf([STRING], STRING),
    run: taking(["string"], (_, text) => text.replace(/[*?\\[\]{}]/g, "\\$&")),
  },
];

function match(context: BuiltinContext, glob: string, delimiters: Value, text: string): BuiltinResult {
  const parsed = parseDelimiters(delimiters);
  if (parsed instanceof BuiltinFailure) return parsed;
  const pattern = patternOfGlob(context, glob, parsed);
  return pattern instanceof BuiltinFailure ? pattern : pattern.isFoundIn(context, text);
}

function patternOfGlob(context: BuiltinContext, glob: string, delimiters: readonly string[]): Pattern | BuiltinFailure {
  const key = `glob:${delimiters.join("")}:${glob}`;
  const known = context.memo.get(key);
  if (known instanceof Pattern) return known;
  const text = globToPattern(glob, delimiters);
  const pattern = text instanceof BuiltinFailure ? text : patternOf(context, text);
  if (pattern instanceof Pattern) context.memo.set(key, pattern);
  return pattern;
}

/** None for null; the dot for an empty array. */
function parseDelimiters(delimiters: Value): readonly string[] | BuiltinFailure {
  if (delimiters === null) return [];
  if (!isArray(delimiters)) return operandOneOfFailure(2, ["array", "null"], delimiters);
  const characters: string[] = [];
  for (const delimiter of delimiters) {
    if (typeof delimiter !== "string") return elementFailure(2, delimiters, "string", delimiter);
    if (Array.from(delimiter).length !== 1) return elementFailure(2, delimiters, "rune", delimiter);
    characters.push(delimiter);
  }
  return characters.length === 0 ? ["."] : characters;
}
