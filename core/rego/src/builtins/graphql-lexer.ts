import type { Position } from "./graphql-ast.ts";

/** As it is named in messages. */
export type TokenKind =
  | Punctuation
  | "Name"
  | "Int"
  | "Float"
  | "String"
  | "BlockString"
  | "<EOF>"
  /** Nothing of GraphQL's; no token follows. */
  | "<Invalid>";
type Punctuation = "!" | "$" | "&" | "(" | ")" | "..." | ":" | "=" | "@" | "[" | "]" | "{" | "}" | "|";

export interface Token {
  readonly kind: TokenKind;
  /** As written, a string without its quotes and escapes; empty for punctuation. */
  readonly value: string;
  /** gqlparser counts the column of a string from behind its opening quotes, and in its last line. */
  readonly position: Position;
  /** The comments between the token before and this one, each with its `#`. */
  readonly comments: readonly string[];
}

const PUNCTUATION: ReadonlySet<string> = new Set<Punctuation>([..."!$&():=@[]{}|"] as Punctuation[]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["/", "/"],
  ["\\", "\\"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const BLOCK_QUOTES = '"""';
const ESCAPED_BLOCK_QUOTES = '\\"""';
const TAB = 0x09;
const SPACE = 0x20;

/** GraphQL (October 2021) §2.1, where gqlparser reads it so: `1a` is two tokens, `\u{…}` is no escape. */
export class GraphqlLexer {
  readonly #text: string;
  #at = 0;
  /** How many characters so far took two units. */
  #pairs = 0;
  #line = 1;
  /** In characters from the beginning of the text, as every column is. */
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    const comments: string[] = [];
    this.#skipIgnored();
    while (this.#char() === "#") {
      comments.push(this.#scanComment());
      this.#skipIgnored();
    }
    return { ...this.#scanToken(), comments };
  }

  #scanToken(): Omit<Token, "comments"> {
    const char = this.#char();
    const start = this.#characters();
    if (char === "") return this.#token("<EOF>", "", start);
    if (PUNCTUATION.has(char)) {
      this.#at++;
      return this.#token(char as Punctuation, "", start);
    }
    if (this.#text.startsWith("...", this.#at)) {
      this.#at += 3;
      return this.#token("...", "", start);
    }
    if (isNameStart(char)) return this.#token("Name", this.#takeWhile(isNamePart), start);
    if (char === "-" || isDigit(char)) return this.#scanNumber(start);
    if (this.#text.startsWith(BLOCK_QUOTES, this.#at)) return this.#scanBlockString();
    return char === '"' ? this.#scanString() : this.#invalid();
  }

  #scanNumber(start: number): Omit<Token, "comments"> {
    const from = this.#at;
    let kind: TokenKind = "Int";
    this.#skip("-");
    if (this.#skip("0")) {
      if (isDigit(this.#char())) return this.#invalid();
    } else if (this.#takeWhile(isDigit) === "") return this.#invalid();
    if (this.#skip(".")) {
      kind = "Float";
      if (this.#takeWhile(isDigit) === "") return this.#invalid();
    }
    if (this.#skip("e") || this.#skip("E")) {
      kind = "Float";
      if (!this.#skip("-")) this.#skip("+");
      if (this.#takeWhile(isDigit) === "") return this.#invalid();
    }
    return this.#token(kind, this.#text.slice(from, this.#at), start);
  }

  #scanString(): Omit<Token, "comments"> {
    this.#at++;
    const start = this.#characters();
    let value = "";
    for (;;) {
      value += this.#takeWhile(isPlainInString);
      if (this.#skip('"')) return this.#token("String", value, start);
      if (!this.#skip("\\")) return this.#invalid();
      const escaped = this.#scanEscape();
      if (escaped === undefined) return this.#invalid();
      value += escaped;
    }
  }

  /** Behind the backslash. Undefined where nothing is escaped so. */
  #scanEscape(): string | undefined {
    const char = this.#char();
    if (char !== "u") {
      const value = ESCAPES.get(char);
      if (value !== undefined) this.#at++;
      return value;
    }
    const digits = this.#text.slice(this.#at + 1, this.#at + 5);
    if (digits.length < 4 || ![...digits].every(isHexDigit)) return undefined;
    this.#at += 5;
    const code = Number.parseInt(digits, 16);
    // Each half of a surrogate pair stands alone, and is no character.
    return code >= 0xd800 && code <= 0xdfff ? "\ufffd" : String.fromCharCode(code);
  }

  #scanBlockString(): Omit<Token, "comments"> {
    this.#at += BLOCK_QUOTES.length;
    const start = this.#characters();
    let raw = "";
    for (;;) {
      raw += this.#takeWhile(isPlainInString);
      if (this.#char() === '"') {
        const quotes = this.#takeWhile((char) => char === '"');
        // Of more than three in a row the last three are the end.
        if (quotes.length >= BLOCK_QUOTES.length)
          return this.#token("BlockString", blockStringValue(raw + quotes.slice(BLOCK_QUOTES.length)), start);
        raw += quotes;
      } else if (this.#text.startsWith(ESCAPED_BLOCK_QUOTES, this.#at)) {
        this.#at += ESCAPED_BLOCK_QUOTES.length;
        raw += BLOCK_QUOTES;
      } else if (this.#skip("\\")) raw += "\\";
      else if (this.#skip("\n") || this.#skip("\r")) {
        if (this.#text[this.#at - 1] === "\r") this.#skip("\n");
        this.#startLine();
        raw += "\n";
      } else return this.#invalid();
    }
  }

  #scanComment(): string {
    return this.#takeWhile((char) => char.charCodeAt(0) >= SPACE || char.charCodeAt(0) === TAB);
  }

  #skipIgnored(): void {
    for (;;) {
      if (this.#skip("\n")) this.#startLine();
      else if (this.#skip("\r")) {
        this.#startLine();
        // Of `\r\n` the second is the first column of the next line, as gqlparser counts.
        this.#skip("\n");
      } else if (!(this.#skip(" ") || this.#skip("\t") || this.#skip(",") || this.#skip("\ufeff"))) return;
    }
  }

  #startLine(): void {
    this.#line++;
    this.#lineStart = this.#characters();
  }

  /** Where the scan stands, in characters. */
  #characters(): number {
    return this.#at - this.#pairs;
  }

  /** The unit where the scan stands, empty at the end. */
  #char(): string {
    return this.#text.charAt(this.#at);
  }

  #skip(char: string): boolean {
    if (this.#char() !== char) return false;
    this.#at++;
    return true;
  }

  #takeWhile(isTaken: (char: string) => boolean): string {
    const from = this.#at;
    for (let char = this.#char(); char !== "" && isTaken(char); char = this.#char()) {
      this.#at++;
      if (isHighSurrogate(char) && isLowSurrogate(this.#char())) {
        this.#at++;
        this.#pairs++;
      }
    }
    return this.#text.slice(from, this.#at);
  }

  #token(kind: TokenKind, value: string, start: number): Omit<Token, "comments"> {
    return { kind, value, position: { line: this.#line, column: start - this.#lineStart + 1 } };
  }

  #invalid(): Omit<Token, "comments"> {
    return this.#token("<Invalid>", "", this.#characters());
  }
}

/** GraphQL §2.9.4 "Block Strings", but for the indentation of the first line, which gqlparser counts as well. */
function blockStringValue(raw: string): string {
  const lines = raw.split("\n");
  const indents = lines.map(indentOf);
  const common = indents.reduce<number>((least, indent) => Math.min(least, indent ?? least), Number.POSITIVE_INFINITY);
  const first = indents.findIndex((indent) => indent !== undefined);
  const last = indents.findLastIndex((indent) => indent !== undefined);
  if (first < 0) return "";
  const kept = lines.map((line, index) => (index === 0 ? line : line.slice(common)));
  return kept.slice(first, last + 1).join("\n");
}

/** Undefined for a line of nothing but white space. */
function indentOf(line: string): number | undefined {
  for (let i = 0; i < line.length; i++) if (line[i] !== " " && line[i] !== "\t") return i;
  return undefined;
}

function isNameStart(char: string): boolean {
  return (char >= "a" && char <= "z") || (char >= "A" && char <= "Z") || char === "_";
}

function isNamePart(char: string): boolean {
  return isNameStart(char) || isDigit(char);
}

function isDigit(char: string): boolean {
  return char >= "0" && char <= "9";
}

function isHexDigit(char: string): boolean {
  return isDigit(char) || (char >= "a" && char <= "f") || (char >= "A" && char <= "F");
}

function isPlainInString(char: string): boolean {
  return char !== '"' && char !== "\\" && (char.charCodeAt(0) >= SPACE || char === "\t");
}

function isHighSurrogate(char: string): boolean {
  return char >= "\ud800" && char <= "\udbff";
}

function isLowSurrogate(char: string): boolean {
  return char >= "\udc00" && char <= "\udfff";
}
