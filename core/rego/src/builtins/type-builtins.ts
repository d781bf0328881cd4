import { ANY, arrayOf, BOOLEAN, functionOf, NULL, objectOf, STRING, setOf, type Type } from "../types.ts";
import { type Kind, kindOf, RegoSet, type Value } from "../values/value.ts";
import { type Builtin, type BuiltinResult, operandFailure } from "./builtin.ts";
import { elementsOf, operandOneOfFailure, taking } from "./operands.ts";

const KINDS: readonly Kind[] = ["array", "boolean", "null", "number", "object", "set", "string"];

/** OPA policy reference, "Types", and the casts that OPA deprecated. */
export const TYPE_BUILTINS: readonly Builtin[] = [
  {
    name: "type_name",
    type: functionOf([ANY], STRING),
    run: taking(["any"], (_, value) => kindOf(value)),
  },
  ...KINDS.map(isKind),
  castTo("boolean", BOOLEAN),
  castTo("null", NULL),
  castTo("object", objectOf(ANY, ANY)),
  castTo("string", STRING),
  {
    name: "cast_array",
    type: functionOf([ANY], arrayOf(ANY)),
    run: taking(["any"], (_, value) => castElements(value, (elements) => elements)),
  },
  {
    name: "cast_set",
    type: functionOf([ANY], setOf(ANY)),
    run: taking(["any"], (_, value) => castElements(value, (elements) => RegoSet.of(elements))),
  },
];

function isKind(kind: Kind): Builtin {
  return {
    name: `is_${kind}`,
    type: functionOf([ANY], BOOLEAN),
    run: taking(["any"], (_, value) => kindOf(value) === kind),
  };
}

function castTo(kind: Kind, result: Type): Builtin {
  return {
    name: `cast_${kind}`,
    type: functionOf([ANY], result),
    run: taking(["any"], (_, value) => (kindOf(value) === kind ? value : operandFailure(1, kind, kindOf(value)))),
  };
}

function castElements(value: Value, cast: (elements: readonly Value[]) => Value): BuiltinResult {
  const elements = elementsOf(value);
  return elements === undefined ? operandOneOfFailure(1, ["array", "set"], value) : cast(elements);
}
