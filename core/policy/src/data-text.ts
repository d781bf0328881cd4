import { LimitExceeded, type Value, valueToJson } from "@vedette/rego";

/** As JSON; undefined when it is longer than that. Deltas make data grow, and so do the aliases of YAML. */
export function dataText(data: Value, lengthMax: number): string | undefined {
  try {
    return valueToJson(data, { lengthMax });
  } catch (error) {
    if (error instanceof LimitExceeded) return undefined;
    throw error;
  }
}
