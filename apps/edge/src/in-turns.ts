import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Parts } from "@vedette/rego";

/** What a decision may have to wait for it. */
const TURN_MS = 2;

/** Does work part by part, so that no turn of the event loop is much longer for it. */
export async function inTurns<T>(parts: Parts<T>): Promise<T> {
  let begun = performance.now();
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
    if (performance.now() - begun < TURN_MS) continue;
    await nextTurn();
    begun = performance.now();
  }
}
