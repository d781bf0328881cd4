import { numberOfInteger } from "../values/big-number.ts";
import type { Value } from "../values/value.ts";

/** `[2, 5, 4, 3]` for `2.5.4.3`. */
export function oidToValue(oid: string): Value {
  return oid.split(".").map((arc) => numberOfInteger(BigInt(arc)));
}
