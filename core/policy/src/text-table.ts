/**
 * Finds which of many texts another text is, and which of them it begins with, in one walk along it: a hash that grows
 * with each character is looked up wherever some prefix could end. Flat arrays, open addressing.
 */
export interface TextTable {
  /** Slots of [hash, text + 1]; 0 marks an empty one. */
  readonly slots: Int32Array;
  /** Where each text begins in `characters`, and where the last one ends. */
  readonly starts: Uint32Array;
  readonly characters: Uint16Array;
  /** 1 at the lengths that prefixes have; as long as the longest text. */
  readonly prefixLengths: Uint8Array;
}

const SLOT_STRIDE = 2;
// FNV-1a, 32 bits. Who sends requests cannot make chains longer: only what the policy names is in the table.
const HASH_SEED = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;
export const NO_TEXT = -1;

/** `texts[i]` is found as `i`; each occurs once and none is empty. `prefixes` says which of them are prefixes. */
export function buildTextTable(texts: readonly string[], prefixes: ReadonlySet<number>): TextTable {
  const lengthMax = texts.reduce((most, text) => Math.max(most, text.length), 0);
  const starts = new Uint32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) starts[i + 1] = starts[i]! + text.length;
  const characters = new Uint16Array(starts[texts.length]!);
  let slotCount = 2;
  while (slotCount < texts.length * 2) slotCount *= 2;
  const slots = new Int32Array(slotCount * SLOT_STRIDE);
  for (const [i, text] of texts.entries()) {
    let hash = HASH_SEED;
    for (let at = 0; at < text.length; at++) {
      characters[starts[i]! + at] = text.charCodeAt(at);
      hash = mixIn(hash, text.charCodeAt(at));
    }
    let slot = slotOf(hash) & (slotCount - 1);
    while (slots[slot * SLOT_STRIDE + 1] !== 0) slot = (slot + 1) & (slotCount - 1);
    slots[slot * SLOT_STRIDE] = hash;
    slots[slot * SLOT_STRIDE + 1] = i + 1;
  }
  const prefixLengths = new Uint8Array(lengthMax + 1);
  for (const prefix of prefixes) prefixLengths[texts[prefix]!.length] = 1;
  return { slots, starts, characters, prefixLengths };
}

/** Holds what it found last, so that a search allocates nothing. */
export class TextFinder {
  readonly #table: TextTable;
  /** The text itself, or `NO_TEXT`. */
  whole: number = NO_TEXT;
  /** Shortest first; the first `prefixCount` of them count. */
  readonly prefixes: Int32Array;
  prefixCount = 0;

  constructor(table: TextTable) {
    this.#table = table;
    this.prefixes = new Int32Array(table.prefixLengths.reduce((sum, bit) => sum + bit, 0));
  }

  find(text: string): void {
    const { prefixLengths } = this.#table;
    const length = Math.min(text.length, prefixLengths.length - 1);
    let hash = HASH_SEED;
    let count = 0;
    for (let at = 0; at < length; ) {
      hash = mixIn(hash, text.charCodeAt(at++));
      if (prefixLengths[at] === 0) continue;
      const found = this.#lookUp(hash, text, at);
      if (found !== NO_TEXT) this.prefixes[count++] = found;
    }
    this.prefixCount = count;
    this.whole = length === text.length ? this.#lookUp(hash, text, length) : NO_TEXT;
  }

  /** The text that is the first `length` characters of `text`. */
  #lookUp(hash: number, text: string, length: number): number {
    const { slots } = this.#table;
    const mask = slots.length / SLOT_STRIDE - 1;
    for (let slot = slotOf(hash) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot * SLOT_STRIDE + 1]! - 1;
      if (found === NO_TEXT) return NO_TEXT;
      if (slots[slot * SLOT_STRIDE] === hash && this.#isStartOf(found, text, length)) return found;
    }
  }

  #isStartOf(candidate: number, text: string, length: number): boolean {
    const { starts, characters } = this.#table;
    const start = starts[candidate]!;
    if (starts[candidate + 1]! - start !== length) return false;
    for (let i = 0; i < length; i++) if (characters[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}

function mixIn(hash: number, character: number): number {
  return Math.imul(hash ^ character, HASH_PRIME);
}

function slotOf(hash: number): number {
  return hash ^ (hash >>> 15);
}
