import { ANY, arrayOf, BOOLEAN, functionOf, STRING, setOf } from "../types.ts";
import type { Builtin } from "./builtin.ts";
import { taking } from "./operands.ts";

/**
 * OPA policy reference, "Debugging" and "Tracing". They hold whatever they are given and decide nothing. Who watches
 * a query sees what `print` prints; the evaluator does that itself, and `internal.print` is what OPA's compiler makes
 * of it.
 */
export const DEBUGGING_BUILTINS: readonly Builtin[] = [
  { name: "print", type: { args: [], variadic: ANY }, run: () => true },
  { name: "internal.print", type: { args: [arrayOf(setOf(ANY))] }, run: () => true },
  { name: "internal.test_case", type: { args: [arrayOf(ANY)] }, run: () => true },
  { name: "trace", type: functionOf([STRING], BOOLEAN), run: taking(["string"], () => true) },
];
