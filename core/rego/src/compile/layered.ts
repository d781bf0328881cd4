/** What can be asked of a set that nobody needs to walk along. */
export interface Membership<T> {
  has(item: T): boolean;
}

/** A set on top of another: what a body adds is not there outside of it, and entering a body copies nothing. */
export class LayeredSet<T> implements Membership<T> {
  readonly #below: Membership<T>;
  readonly #own = new Set<T>();

  constructor(below: Membership<T> = new Set<T>()) {
    this.#below = below;
  }

  has(item: T): boolean {
    return this.#own.has(item) || this.#below.has(item);
  }

  add(item: T): void {
    this.#own.add(item);
  }
}

/** The same for a map. */
export class LayeredMap<K, V> {
  readonly #below: LayeredMap<K, V> | undefined;
  readonly #own = new Map<K, V>();

  constructor(below?: LayeredMap<K, V>) {
    this.#below = below;
  }

  get(key: K): V | undefined {
    return this.#own.get(key) ?? this.#below?.get(key);
  }

  set(key: K, value: V): void {
    this.#own.set(key, value);
  }
}
