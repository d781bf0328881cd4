import { ANY, arrayOf, functionOf, STRING } from "../types.ts";
import { valueToText } from "../values/print.ts";
import { isSet, type Value } from "../values/value.ts";
import { type Builtin, BuiltinFailure, failure } from "./builtin.ts";
import { taking } from "./operands.ts";

/** What template strings, `$"… {x} …"`, are compiled to: each part a text, a scalar, or the set of its values. */
export const TEMPLATE_BUILTINS: readonly Builtin[] = [
  {
    name: "internal.template_string",
    type: functionOf([arrayOf(ANY)], STRING),
    run: taking(["array"], (context, parts) => {
      context.spend(parts.length);
      let text = "";
      for (const part of parts) {
        const written = partToText(part);
        if (written instanceof BuiltinFailure) return written;
        context.spend(written.length >>> 3);
        text += written;
      }
      return text;
    }),
  },
];

/** An expression that is undefined says so instead of failing the whole. */
function partToText(part: Value): string | BuiltinFailure {
  if (!isSet(part)) return valueToPart(part);
  const [value, second] = part.elements;
  if (second !== undefined) return failure("template-strings must not produce multiple outputs");
  return value === undefined ? "<undefined>" : valueToPart(value);
}

function valueToPart(value: Value): string {
  return typeof value === "string" ? value : valueToText(value);
}
