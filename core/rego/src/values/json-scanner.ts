import { parseNumber } from "./big-number.ts";

export interface JsonFault {
  readonly message: string;
  /** In UTF-16 units. */
  readonly offset: number;
}

/** Arrays and objects inside each other. Documents have tens; every level costs stack wherever the value is walked. */
export const JSON_DEPTH_MAX = 1_000;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const LITERALS: readonly string[] = ["true", "false", "null"];

const SURROGATE: RegExp = /^\\u[dD][89a-fA-F]/;
const ESCAPE_LENGTH = 6;

/** A number of fewer characters has at most 15 digits, which a double carries. */
const SHORT_NUMBER = 15;

/**
 * Walks a JSON text (RFC 8259) up to its first fault, so that `JSON.parse` need not be asked where it stands and what
 * engines say about it; each step answers whether there was none.
 */
export class JsonScanner {
  readonly #text: string;
  readonly #number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
  readonly #escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
  readonly #pair = /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}/y;
  /** Where the escapes of surrogates stand that have no other half. */
  readonly #halves: number[] = [];
  #at = 0;
  /** Whether `JSON.parse` reads the text as it is: a double carries every number, no member's name has an escape. */
  isPlain = true;
  /** Why the walk stopped; says nothing when it did not. */
  fault: JsonFault = { message: "", offset: 0 };

  constructor(text: string) {
    this.#text = text;
  }

  scanText(): boolean {
    this.#skipSpace();
    if (!this.#scanValue(0)) return false;
    this.#skipSpace();
    return this.#at === this.#text.length || this.#unexpected();
  }

  textWithoutHalves(): string {
    if (this.#halves.length === 0) return this.#text;
    let whole = "";
    let from = 0;
    for (const at of this.#halves) {
      whole += `${this.#text.slice(from, at)}\\ufffd`;
      from = at + ESCAPE_LENGTH;
    }
    return whole + this.#text.slice(from);
  }

  #scanValue(depth: number): boolean {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) return this.#scanString();
    if (code === OPEN_BRACE || code === OPEN_BRACKET) return this.#scanContainer(code === OPEN_BRACE, depth);
    if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) return this.#scanNumber();
    const literal = LITERALS.find((candidate) => this.#text.startsWith(candidate, this.#at));
    if (literal === undefined) return this.#unexpected();
    this.#at += literal.length;
    return true;
  }

  #scanContainer(isObject: boolean, depth: number): boolean {
    if (depth >= JSON_DEPTH_MAX) return this.#fail(`more than ${JSON_DEPTH_MAX} levels of nesting`);
    const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
    this.#at++;
    this.#skipSpace();
    if (this.#takes(close)) return true;
    for (;;) {
      if (isObject && !this.#scanName()) return false;
      if (!this.#scanValue(depth + 1)) return false;
      this.#skipSpace();
      if (this.#takes(close)) return true;
      if (!this.#takes(COMMA)) return this.#unexpected();
      this.#skipSpace();
    }
  }

  #scanName(): boolean {
    if (this.#text.charCodeAt(this.#at) !== QUOTE) return this.#unexpected();
    const start = this.#at;
    if (!this.#scanString()) return false;
    if (this.isPlain && this.#text.slice(start, this.#at).includes("\\")) this.isPlain = false;
    this.#skipSpace();
    if (!this.#takes(COLON)) return this.#unexpected();
    this.#skipSpace();
    return true;
  }

  #scanString(): boolean {
    this.#at++;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === BACKSLASH) {
        if (!this.#scanEscape()) return false;
      } else if (code >= SPACE) {
        this.#at++;
        if (code === QUOTE) return true;
      } else return this.#unexpected(); // a control character, or the NaN past the end
    }
  }

  #scanEscape(): boolean {
    const start = this.#at;
    if (this.#matches(this.#pair)) return true;
    if (!this.#matches(this.#escape)) return this.#fail("an escape that JSON has not");
    if (SURROGATE.test(this.#text.slice(start, this.#at))) this.#halves.push(start);
    return true;
  }

  #scanNumber(): boolean {
    const start = this.#at;
    if (!this.#matches(this.#number)) return this.#unexpected();
    const literal = this.#text.slice(start, this.#at);
    if (literal.length > SHORT_NUMBER || literal.includes("e") || literal.includes("E")) {
      const value = parseNumber(literal);
      if (value === undefined) return this.#fail("a number that is too big", start);
      if (typeof value !== "number") this.isPlain = false;
    }
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return;
      this.#at++;
    }
  }

  /** A sticky pattern, here. */
  #matches(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #takes(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #unexpected(): false {
    const code = this.#text.codePointAt(this.#at);
    return this.#fail(
      code === undefined ? "unexpected end of the text" : `unexpected ${JSON.stringify(String.fromCodePoint(code))}`,
    );
  }

  #fail(message: string, offset: number = this.#at): false {
    this.fault = { message, offset };
    return false;
  }
}
