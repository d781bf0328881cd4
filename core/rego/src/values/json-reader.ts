import { readJson } from "@vedette/base";
import { parseNumber } from "./big-number.ts";
import type { Value } from "./value.ts";

const COMMA = ",";
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads a JSON text that a `JsonScanner` has walked without a fault, token by token. For texts that `JSON.parse` reads
 * wrongly: it rounds numbers, and V8 (12.8 to at least 14.6; nodejs/node#63785) takes an escaped member name for
 * another one, when an object of the same shape that it parsed before had a member whose name begins with the raw text
 * of the escape: after `{"a":1,"\\":2}`, `{"a":1,"\n":3}` has a member `\`. Whoever sends the one chooses what the
 * other means.
 */
export class JsonReader {
  readonly #text: string;
  readonly #space = /[ \t\r\n]*/y;
  /** A bracket or what parts items, or else a number or a name such as `null`. */
  readonly #other = /[[\]{}:,]|[^[\]{}:," \t\r\n]*/y;
  #at = 0;
  #next: string;

  constructor(text: string) {
    this.#text = text;
    this.#next = this.#take();
  }

  read(): Value {
    const token = this.#advance();
    switch (token) {
      case "[":
        return this.#items();
      case "{":
        return this.#members();
      case "null":
        return null;
      case "true":
        return true;
      case "false":
        return false;
      default:
        // The scanner refused what is no number.
        return token.charCodeAt(0) === QUOTE ? unquoted(token) : parseNumber(token)!;
    }
  }

  #items(): Value {
    const items: Value[] = [];
    while (this.#next !== "]") {
      items.push(this.read());
      if (this.#next === COMMA) this.#advance();
    }
    this.#advance();
    return items;
  }

  #members(): Value {
    const entries: [string, Value][] = [];
    while (this.#next !== "}") {
      const name = unquoted(this.#advance());
      this.#advance();
      entries.push([name, this.read()]);
      if (this.#next === COMMA) this.#advance();
    }
    this.#advance();
    // Makes own members even of `__proto__`; of several with one name the last stands.
    return Object.fromEntries(entries);
  }

  #advance(): string {
    const token = this.#next;
    this.#next = this.#take();
    return token;
  }

  /** The next token; empty at the end. */
  #take(): string {
    const start = this.#endOf(this.#space, this.#at);
    const isString = this.#text.charCodeAt(start) === QUOTE;
    this.#at = isString ? this.#endOfString(start) : this.#endOf(this.#other, start);
    return this.#text.slice(start, this.#at);
  }

  #endOf(pattern: RegExp, at: number): number {
    pattern.lastIndex = at;
    pattern.test(this.#text);
    return pattern.lastIndex;
  }

  #endOfString(start: number): number {
    for (let at = start + 1; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) return at + 1;
      if (code === BACKSLASH) at++;
    }
  }
}

/** A string alone has no name that could be taken for another one. */
function unquoted(token: string): string {
  return token.includes("\\") ? (readJson(token) as string) : token.slice(1, -1);
}
