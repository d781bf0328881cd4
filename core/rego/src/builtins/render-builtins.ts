import { ANY, functionOf, objectOf, STRING } from "../types.ts";
import { parseJson, valueToJson } from "../values/json.ts";
import { type Builtin, failure } from "./builtin.ts";
import { taking } from "./operands.ts";
import { renderTemplate } from "./template.ts";

/** OPA policy reference, "Strings": templates of Go's `text/template`. */
export const RENDER_BUILTINS: readonly Builtin[] = [
  {
    name: "strings.render_template",
    type: functionOf([STRING, objectOf(STRING, ANY)], STRING),
    run: taking(["string", "object"], (context, text, variables) => {
      // As JSON, in which sets are arrays.
      const data = parseJson(valueToJson(variables, { spend: (steps) => context.spend(steps) }));
      return data.ok ? renderTemplate(context, text, data.value) : failure(data.error.message);
    }),
  },
];
