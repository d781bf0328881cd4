/** Many texts as one, so that another thread hands them over as a block and nothing is built for those never read. */
export interface FlatTexts {
  readonly joined: string;
  /** Where each text ends in `joined`; the next one begins there. */
  readonly ends: Uint32Array;
}

export function flattenTexts(texts: readonly string[]): FlatTexts {
  let end = 0;
  const ends = Uint32Array.from(texts, (text) => {
    end += text.length;
    return end;
  });
  return { joined: texts.join(""), ends };
}

export function textAt({ joined, ends }: FlatTexts, index: number): string {
  return joined.slice(index === 0 ? 0 : ends[index - 1], ends[index]);
}

/**
 * The same text as V8 keeps property names: unlike another such text at a glance, without comparing characters. Short
 * strings from `JSON.parse` are kept so as well.
 */
export function intern(text: string): string {
  for (const name in { [text]: true }) return name;
  return text;
}

/** Reads each text at most once, when it is first asked for. */
export class Decoded<T> {
  readonly #texts: FlatTexts;
  readonly #decode: (text: string) => T;
  readonly #items: (T | undefined)[];

  constructor(texts: FlatTexts, decode: (text: string) => T) {
    this.#texts = texts;
    this.#decode = decode;
    this.#items = new Array<T | undefined>(texts.ends.length).fill(undefined);
  }

  at(index: number): T {
    return this.#items[index] ?? this.#read(index);
  }

  #read(index: number): T {
    const item = this.#decode(textAt(this.#texts, index));
    this.#items[index] = item;
    return item;
  }
}

/** Gives each distinct text a number, in the order of their arrival. */
export class TextNumbers {
  readonly #numbers = new Map<string, number>();

  add(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }

  get texts(): readonly string[] {
    return Array.from(this.#numbers.keys());
  }
}
