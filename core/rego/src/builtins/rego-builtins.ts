import type { RegoError } from "../errors.ts";
import { moduleToJson } from "../syntax/ast-json.ts";
import { parseModule } from "../syntax/parse.ts";
import { ANY, functionOf, objectOf, STRING } from "../types.ts";
import { type Builtin, failure } from "./builtin.ts";
import { taking } from "./operands.ts";

/** OPA policy reference, "Rego". What asks for a rule's own metadata is answered by the compiler. */
export const REGO_BUILTINS: readonly Builtin[] = [
  {
    name: "rego.parse_module",
    type: functionOf([STRING, STRING], objectOf(STRING, ANY)),
    run: taking(["string", "string"], (context, file, text) => {
      context.spend(text.length);
      const module = parseModule(text, { file });
      return module.ok ? moduleToJson(module.value) : failure(errorsToText(module.error));
    }),
  },
];

/** As OPA counts them, without the lines of the module. */
function errorsToText(errors: readonly RegoError[]): string {
  const lines = errors.map(({ code, message, location }) => `${location.file}:${location.row}: ${code}: ${message}`);
  return `${lines.length === 1 ? "1 error" : `${lines.length} errors`} occurred: ${lines.join("\n")}`;
}
