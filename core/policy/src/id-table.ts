import { buildTextTable, HASH_SEED, hashOn, NO_TEXT, TextFinder, type TextTable } from "./text-table.ts";

/** Which exact resource ids and which prefixes of them the rules name. */
export interface IdTable {
  readonly exact: TextTable;
  readonly prefixes: TextTable;
  /** The lengths that prefixes have, ascending. */
  readonly lengths: Int32Array;
  /** Per exact id: the longest prefix that it begins with, or `NO_TEXT`. */
  readonly prefixOf: Int32Array;
  /** Per prefix: the longest shorter one that it begins with, or `NO_TEXT`. */
  readonly shorter: Int32Array;
}

/** `exact[i]` and `prefixes[i]` are found as `i`; each list names a text once, and no text is empty. */
export function buildIdTable(exact: readonly string[], prefixes: readonly string[]): IdTable {
  const lengths = Int32Array.from(new Set(prefixes.map(({ length }) => length))).sort();
  const table = { exact: buildTextTable(exact), prefixes: buildTextTable(prefixes), lengths };
  const finder = new PrefixFinder(table.prefixes, lengths);
  return {
    ...table,
    prefixOf: Int32Array.from(exact, (text) => finder.longest(text)),
    shorter: Int32Array.from(prefixes, (text) => finder.longest(text.slice(0, -1))),
  };
}

/** Holds what it found last, so that a search allocates nothing. */
export class IdFinder {
  readonly #table: IdTable;
  readonly #exact: TextFinder;
  readonly #prefixes: PrefixFinder;
  /** The id itself, or `NO_TEXT`. */
  exact: number = NO_TEXT;
  /** The longest prefix that it begins with, or `NO_TEXT`; `shorter` of the table leads to the others. */
  prefix: number = NO_TEXT;

  constructor(table: IdTable) {
    this.#table = table;
    this.#exact = new TextFinder(table.exact);
    this.#prefixes = new PrefixFinder(table.prefixes, table.lengths);
  }

  find(id: string): void {
    const exact = this.#exact.findHashed(id, id.length, this.#prefixes.hash(id));
    this.exact = exact;
    this.prefix = exact === NO_TEXT ? this.#prefixes.longestHashed(id) : this.#table.prefixOf[exact]!;
  }
}

/** A hash that grows with each character, kept wherever a prefix could end. */
class PrefixFinder {
  readonly #lengths: Int32Array;
  readonly #finder: TextFinder;
  readonly #hashes: Int32Array;
  #count = 0;

  constructor(prefixes: TextTable, lengths: Int32Array) {
    this.#lengths = lengths;
    this.#finder = new TextFinder(prefixes);
    this.#hashes = new Int32Array(lengths.length);
  }

  longest(text: string): number {
    this.hash(text);
    return this.longestHashed(text);
  }

  /** The hash of the whole text. */
  hash(text: string): number {
    const lengths = this.#lengths;
    let hash = HASH_SEED;
    let at = 0;
    let count = 0;
    for (; count < lengths.length && lengths[count]! <= text.length; count++) {
      hash = hashOn(hash, text, at, lengths[count]!);
      at = lengths[count]!;
      this.#hashes[count] = hash;
    }
    this.#count = count;
    return hashOn(hash, text, at, text.length);
  }

  /** Of the text that was hashed last. */
  longestHashed(text: string): number {
    for (let i = this.#count - 1; i >= 0; i--) {
      const found = this.#finder.findHashed(text, this.#lengths[i]!, this.#hashes[i]!);
      if (found !== NO_TEXT) return found;
    }
    return NO_TEXT;
  }
}
