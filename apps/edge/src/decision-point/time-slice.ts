/** After this long the node looks after its devices again; a batch of ordinary questions takes less. */
const SLICE_MS_MAX = 5;

/**
 * Begins the work on all items in one turn of the event loop, so that what they write shares a commit; when that takes too
 * long, in several turns. Answers in the same order.
 */
export async function inSlices<T, R>(
  items: readonly T[],
  begin: (item: T, at: number) => R | Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  while (results.length < items.length) {
    const slice: (R | Promise<R>)[] = [];
    const begun = performance.now();
    do slice.push(begin(items[results.length + slice.length] as T, results.length + slice.length));
    while (results.length + slice.length < items.length && performance.now() - begun < SLICE_MS_MAX);
    if (isSettled(slice)) results.push(...slice);
    else results.push(...(await Promise.all(slice)));
    if (results.length < items.length) await new Promise(setImmediate);
  }
  return results;
}

function isSettled<R>(slice: readonly (R | Promise<R>)[]): slice is readonly R[] {
  return !slice.some((each) => each instanceof Promise);
}
