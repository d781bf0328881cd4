import type { Json } from "./canonical-json.ts";

/**
 * `JSON.parse`, without a fault of V8 (12.8 to at least 14.6; nodejs/node#63785) that lets one sender rename another's
 * members: once it has read `{"a":1,"\\":2}`, it takes `{"a":1,"\n":3}` for an object with the member `\`. Only names
 * that are written with escapes are concerned, so that every other text goes straight through.
 *
 * Throws `SyntaxError` for what is no JSON, and `RangeError` for escaped names below some thousand levels of nesting.
 */
export function readJson(text: string): Json {
  const value: Json = JSON.parse(text);
  return hasEscapedName(text) ? readJsonWith(text, Number) : value;
}

/** JSON whose numbers are `N`. */
export type JsonWith<N> =
  | null
  | boolean
  | string
  | N
  | readonly JsonWith<N>[]
  | { readonly [name: string]: JsonWith<N> };

/** Reads a text that is known to be JSON, with `readNumber` for its numbers. Of members with one name the last stands. */
export function readJsonWith<N>(text: string, readNumber: (digits: string) => N): JsonWith<N> {
  return new JsonReader(text, readNumber).read();
}

const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;
const SPACE = 0x20;

/** Of a text that is JSON: a quote outside of a string begins one. */
function hasEscapedName(text: string): boolean {
  let backslash = text.indexOf("\\");
  let start = text.indexOf('"');
  while (backslash >= 0 && start >= 0) {
    const end = endOfString(text, start);
    if (backslash < end) {
      if (text.charCodeAt(afterSpace(text, end)) === COLON) return true;
      backslash = text.indexOf("\\", end);
    }
    start = text.indexOf('"', end);
  }
  return false;
}

function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

function afterSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) <= SPACE) at++;
  return at;
}

/** Reads without the memory that `JSON.parse` has of other objects. */
class JsonReader<N> {
  readonly #text: string;
  readonly #readNumber: (digits: string) => N;
  #at = 0;

  constructor(text: string, readNumber: (digits: string) => N) {
    this.#text = text;
    this.#readNumber = readNumber;
  }

  read(): JsonWith<N> {
    switch (this.#peek()) {
      case OPEN_BRACKET:
        return this.#list(CLOSE_BRACKET, () => this.read());
      case OPEN_BRACE:
        // Sets own members only, `__proto__` among them.
        return Object.fromEntries(this.#list(CLOSE_BRACE, () => this.#member()));
      case QUOTE:
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #list<T>(close: number, readItem: () => T): T[] {
    const items: T[] = [];
    this.#at++;
    while (this.#peek() !== close) {
      items.push(readItem());
      if (this.#peek() === COMMA) this.#at++;
    }
    this.#at++;
    return items;
  }

  #member(): [string, JsonWith<N>] {
    this.#peek();
    const name = this.#string();
    // Past the colon.
    this.#peek();
    this.#at++;
    return [name, this.read()];
  }

  #string(): string {
    const start = this.#at;
    this.#at = endOfString(this.#text, start);
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  #scalar(): null | boolean | N {
    const start = this.#at;
    while (this.#at < this.#text.length && isOfScalar(this.#text.charCodeAt(this.#at))) this.#at++;
    const token = this.#text.slice(start, this.#at);
    if (token === "null") return null;
    return token === "true" || (token === "false" ? false : this.#readNumber(token));
  }

  #peek(): number {
    this.#at = afterSpace(this.#text, this.#at);
    return this.#text.charCodeAt(this.#at);
  }
}

function isOfScalar(code: number): boolean {
  return code > SPACE && code !== COMMA && code !== CLOSE_BRACKET && code !== CLOSE_BRACE;
}
