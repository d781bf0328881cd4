import type { Local } from "./resolved.ts";

/**
 * Goes through a list again and again until nothing moves any more: `settle` gives what an item binds, or undefined
 * when it has to wait. Who waits is asked again only when one of the locals it mentions is bound, in the
 * order in which going through all of them would ask. Returns those that wait in the end.
 */
export function settleAll<T>(
  items: readonly T[],
  mentionsOf: (item: T) => Iterable<Local>,
  settle: (item: T) => Iterable<Local> | undefined,
): readonly T[] {
  const waitingFor = new Map<Local, number[]>();
  for (const [index, item] of items.entries())
    for (const local of mentionsOf(item)) {
      const waiting = waitingFor.get(local);
      if (waiting === undefined) waitingFor.set(local, [index]);
      else waiting.push(index);
    }
  const isSettled = items.map(() => false);
  // A turn is the position of an item in one of the rounds, laid end to end.
  const turns = new TurnQueue(items.length);
  for (let turn = turns.take(); turn !== undefined; turn = turns.take()) {
    const index = turn % items.length;
    if (isSettled[index]) continue;
    const bound = settle(items[index]!);
    if (bound === undefined) continue;
    isSettled[index] = true;
    const round = turn - index;
    for (const local of bound) {
      for (const other of waitingFor.get(local) ?? [])
        if (!isSettled[other]) turns.add(other > index ? round + other : round + items.length + other);
      waitingFor.delete(local);
    }
  }
  return items.filter((_, index) => !isSettled[index]);
}

/** Numbers, the smallest first, each once: a binary heap. */
class TurnQueue {
  readonly #heap: number[];
  #last = -1;

  /** The first round takes all. */
  constructor(count: number) {
    this.#heap = Array.from({ length: count }, (_, index) => index);
  }

  add(turn: number): void {
    const heap = this.#heap;
    let at = heap.push(turn) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= turn) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = turn;
  }

  take(): number | undefined {
    for (;;) {
      const first = this.#pop();
      if (first === undefined || first > this.#last) {
        this.#last = first ?? this.#last;
        return first;
      }
    }
  }

  #pop(): number | undefined {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    const first = heap[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= last) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
