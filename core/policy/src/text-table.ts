import { Decoded, type FlatTexts, flattenTexts, intern } from "./flat-texts.ts";

/** Finds which of many texts another text is. Flat arrays, open addressing: nothing is built for the texts never met. */
export interface TextTable {
  readonly texts: FlatTexts;
  /** Slots of [hash, text + 1]; 0 marks an empty one. */
  readonly slots: Int32Array;
}

const SLOT_STRIDE = 2;
// FNV-1a, 32 bits. Who sends requests cannot make chains longer: only what the policy names is in the table.
export const HASH_SEED: number = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;
export const NO_TEXT = -1;
/** So few are compared one by one: interned texts differ at a glance. */
const FEW = 8;

/** `texts[i]` is found as `i`; each occurs once. */
export function buildTextTable(texts: readonly string[]): TextTable {
  let slotCount = 2;
  while (slotCount < texts.length * 2) slotCount *= 2;
  const slots = new Int32Array(slotCount * SLOT_STRIDE);
  for (const [i, text] of texts.entries()) {
    const hash = hashOn(HASH_SEED, text, 0, text.length);
    let slot = slotOf(hash) & (slotCount - 1);
    while (slots[slot * SLOT_STRIDE + 1] !== 0) slot = (slot + 1) & (slotCount - 1);
    slots[slot * SLOT_STRIDE] = hash;
    slots[slot * SLOT_STRIDE + 1] = i + 1;
  }
  return { texts: flattenTexts(texts), slots };
}

/** The hash of a text so far, taken on along its characters from `start` to `end`. */
export function hashOn(hash: number, text: string, start: number, end: number): number {
  let mixed = hash;
  for (let at = start; at < end; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), HASH_PRIME);
  return mixed;
}

export class TextFinder {
  readonly #slots: Int32Array;
  readonly #texts: Decoded<string>;
  readonly #few: readonly string[];
  readonly #isSmall: boolean;

  constructor({ texts, slots }: TextTable) {
    const count = texts.ends.length;
    this.#slots = slots;
    this.#texts = new Decoded(texts, intern);
    this.#isSmall = count <= FEW;
    this.#few = this.#isSmall ? Array.from(texts.ends, (_, i) => this.#texts.at(i)) : [];
  }

  /** The number of the text, or `NO_TEXT`. */
  find(text: string): number {
    if (!this.#isSmall) return this.findHashed(text, text.length, hashOn(HASH_SEED, text, 0, text.length));
    const few = this.#few;
    for (let i = 0; i < few.length; i++) if (few[i] === text) return i;
    return NO_TEXT;
  }

  /** The number of the text that is the first `length` characters, which have this hash. */
  findHashed(text: string, length: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length / SLOT_STRIDE - 1;
    for (let slot = slotOf(hash) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot * SLOT_STRIDE + 1]! - 1;
      if (found === NO_TEXT) return NO_TEXT;
      if (slots[slot * SLOT_STRIDE] === hash && this.#isStartOf(found, text, length)) return found;
    }
  }

  #isStartOf(found: number, text: string, length: number): boolean {
    const candidate = this.#texts.at(found);
    if (length === text.length) return candidate === text;
    return candidate.length === length && text.startsWith(candidate);
  }
}

function slotOf(hash: number): number {
  return hash ^ (hash >>> 15);
}
