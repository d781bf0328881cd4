import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/**
 * Gives memory back after something rare and large, such as an activation. On an idle node V8 may otherwise keep tens of
 * megabytes of garbage for hours, because nothing allocates enough to start a collection. Stops the thread for about
 * the time of one full collection (20 ms for a small heap): never call it on the decision path.
 */
export function returnMemory(): void {
  // The only way to V8's collector without a flag at the start, which whoever starts us would have to know.
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc");
    setFlagsFromString("--no-expose-gc");
  }
  collect?.();
}
