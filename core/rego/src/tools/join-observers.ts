import type { Observer } from "../evaluate/evaluation.ts";

/** One observer that tells several, each only what it wants to know. */
export function joinObservers(observers: readonly (Observer | undefined)[]): Observer {
  const all = observers.flatMap((observer) => observer ?? []);
  const called = fanOut(all.flatMap((each) => each.called ?? []));
  const returned = fanOut(all.flatMap((each) => each.returned ?? []));
  const entered = fanOut(all.flatMap((each) => each.entered ?? []));
  const refused = fanOut(all.flatMap((each) => each.refused ?? []));
  const printed = fanOut(all.flatMap((each) => each.printed ?? []));
  return {
    ...(called && { called }),
    ...(returned && { returned }),
    ...(entered && { entered }),
    ...(refused && { refused }),
    ...(printed && { printed }),
  };
}

function fanOut<Facts extends unknown[]>(
  listeners: readonly ((...facts: Facts) => void)[],
): ((...facts: Facts) => void) | undefined {
  if (listeners.length <= 1) return listeners[0];
  return (...facts) => {
    for (const listener of listeners) listener(...facts);
  };
}
