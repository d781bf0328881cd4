import type { Comment, Location } from "./ast.ts";
import type { Token, TokenKind } from "./tokens.ts";

/** UTF-16 code units of one token. A longer literal is data, and data has its own place. */
export const TOKEN_LENGTH_MAX: number = 1 << 20;

export interface Lexed {
  /** The last one is `eof`. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

/** Cuts a text into tokens. What is no token becomes an `illegal` one, so that the parser reports it in its turn. */
export function tokenize(text: string, file: string): Lexed {
  return new Lexer(text, file).run();
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
const HASH = 0x23;
const DOLLAR = 0x24;
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;
const BACK_QUOTE = 0x60;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;

const SYMBOLS_OF_TWO: readonly string[] = [":=", "==", "!=", "<=", ">="];
const SYMBOLS_OF_ONE = "[]{}(),:;.+-*/%&|=<>";

/** RFC 8259 §7; a template adds `\{`. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const FOUR_HEX_DIGITS = /^[0-9A-Fa-f]{4}$/;
const OTHER_DIGIT = /^\p{Nd}$/u;
const REPLACEMENT = "\ufffd";

type Form = Token["form"];

/** A template string whose expression is being read, and the braces open in that expression. */
interface OpenTemplate {
  readonly form: Form;
  braces: number;
}

interface Fault {
  readonly message: string;
  readonly location: Location;
}

class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #tokens: Token[] = [];
  readonly #comments: Comment[] = [];
  readonly #templates: OpenTemplate[] = [];
  #at = 0;
  #row = 1;
  #lineStart = 0;
  /** Surrogate pairs on this line before `#at`: each is two code units, and one column. */
  #pairs = 0;
  #hasSpace = false;
  #hasNewline = false;
  /** The first thing wrong in the token that is being read. */
  #fault: Fault | undefined;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  run(): Lexed {
    // A byte order mark is allowed as the very first character, and is no column.
    if (this.#code() === BYTE_ORDER_MARK) this.#lineStart = ++this.#at;
    for (;;) {
      this.#skipBlanks();
      const start = this.#here();
      this.#push(this.#scan(), start);
      if (this.#at >= this.#text.length && this.#tokens.at(-1)?.kind === "eof")
        return { tokens: this.#tokens, comments: this.#comments };
    }
  }

  #push([kind, text, form]: readonly [TokenKind, string, Form?], start: Location): void {
    if (this.#at - start.start > TOKEN_LENGTH_MAX) this.#blame(`token too long: at most ${TOKEN_LENGTH_MAX}`, start);
    const fault = this.#fault;
    this.#tokens.push({
      kind: fault ? "illegal" : kind,
      text: fault ? fault.message : text,
      form: form ?? "quoted",
      location: fault ? fault.location : { ...start, end: this.#at },
      hasSpaceBefore: this.#hasSpace,
      hasNewlineBefore: this.#hasNewline,
    });
    this.#fault = undefined;
    this.#hasSpace = false;
    this.#hasNewline = false;
  }

  #skipBlanks(): void {
    for (;;) {
      switch (this.#code()) {
        case LINE_FEED:
          this.#hasNewline = true;
          this.#passLineFeed();
          break;
        case 0x20:
        case 0x09:
        case CARRIAGE_RETURN:
          this.#at++;
          break;
        case HASH:
          this.#scanComment();
          // It holds a character that no text may hold: an illegal token stands for it.
          if (this.#fault) return;
          break;
        default:
          return;
      }
      this.#hasSpace = true;
    }
  }

  #scanComment(): void {
    const start = this.#here();
    while (this.#at < this.#text.length && this.#code() !== LINE_FEED) this.#passCharacter();
    const end = this.#text.charCodeAt(this.#at - 1) === CARRIAGE_RETURN ? this.#at - 1 : this.#at;
    this.#comments.push({ text: this.#text.slice(start.start + 1, end), location: { ...start, end } });
  }

  #scan(): readonly [TokenKind, string, Form?] {
    if (this.#fault) return ["illegal", ""];
    const code = this.#code();
    if (Number.isNaN(code)) return ["eof", ""];
    if (isLetter(code)) return ["name", this.#scanName()];
    if (isDigit(code)) return ["number", this.#scanNumber()];
    if (code === QUOTE) return ["string", this.#scanString("quoted"), "quoted"];
    if (code === BACK_QUOTE) return ["string", this.#scanString("raw"), "raw"];
    if (code === DOLLAR) return this.#scanTemplate();
    if (code === CLOSE_BRACE || code === OPEN_BRACE) return this.#scanBrace(code);
    return this.#scanSymbol();
  }

  #scanName(): string {
    const start = this.#at;
    while (this.#passNamePart());
    return this.#text.slice(start, this.#at);
  }

  #passNamePart(): boolean {
    const code = this.#code();
    if (isLetter(code) || isDigit(code)) {
      this.#at++;
      return true;
    }
    if (!(code >= 0x80)) return false;
    if (!OTHER_DIGIT.test(String.fromCodePoint(this.#text.codePointAt(this.#at) as number))) return false;
    this.#passCharacter();
    return true;
  }

  #scanNumber(): string {
    const start = this.#here();
    this.#passDigits();
    if (this.#code() === DOT) {
      this.#at++;
      if (!this.#passDigits()) this.#blame("expected fraction: digits must follow the point", start);
    }
    if ((this.#code() | 0x20) === 0x65) {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      if (!this.#passDigits()) this.#blame("expected exponent: digits must follow the e", start);
    }
    if (isLetter(this.#code())) {
      this.#blame("illegal number format", start);
      this.#scanName();
    }
    return this.#text.slice(start.start, this.#at);
  }

  #passDigits(): boolean {
    const start = this.#at;
    while (isDigit(this.#code())) this.#at++;
    return this.#at > start;
  }

  #scanString(form: Form): string {
    const start = this.#here();
    this.#at++;
    return this.#scanText(start, form, false).text;
  }

  #scanTemplate(): readonly [TokenKind, string, Form?] {
    const start = this.#here();
    this.#at++;
    const quote = this.#code();
    if (quote !== QUOTE && quote !== BACK_QUOTE) {
      this.#blame('illegal $ character: it begins a template string, $"…" or $`…`', start);
      return ["illegal", ""];
    }
    this.#at++;
    const form = quote === QUOTE ? "quoted" : "raw";
    const { text, isOpen } = this.#scanText(start, form, true);
    if (isOpen) this.#templates.push({ form, braces: 0 });
    return [isOpen ? "template-head" : "template", text, form];
  }

  #scanBrace(code: number): readonly [TokenKind, string, Form?] {
    const start = this.#here();
    const template = this.#templates.at(-1);
    this.#at++;
    if (code === CLOSE_BRACE && template?.braces === 0) {
      const { text, isOpen } = this.#scanText(start, template.form, true);
      if (!isOpen) this.#templates.pop();
      return [isOpen ? "template-middle" : "template-tail", text, template.form];
    }
    if (template) template.braces += code === OPEN_BRACE ? 1 : -1;
    return ["symbol", code === OPEN_BRACE ? "{" : "}"];
  }

  /** The text of a string or of a piece of a template, to its closing quote or to the `{` of an expression. */
  #scanText(start: Location, form: Form, isTemplate: boolean): { readonly text: string; readonly isOpen: boolean } {
    const isRaw = form === "raw";
    let text = "";
    let from = this.#at;
    for (;;) {
      const code = this.#code();
      const isEnd = code === (isRaw ? BACK_QUOTE : QUOTE);
      if (isEnd || (isTemplate && code === OPEN_BRACE)) {
        text += this.#text.slice(from, this.#at++);
        return { text, isOpen: !isEnd };
      }
      if (Number.isNaN(code) || (code === LINE_FEED && !isRaw)) {
        this.#blame("non-terminated string", start);
        // The rest would be read as the inside of templates that are lost anyway.
        this.#templates.length = 0;
        return { text, isOpen: false };
      }
      if (code === LINE_FEED) this.#passLineFeed();
      else if (code === BACKSLASH && (!isRaw || (isTemplate && this.#text[this.#at + 1] === "{"))) {
        text += this.#text.slice(from, this.#at) + this.#scanEscape(isTemplate);
        from = this.#at;
      } else this.#passCharacter();
    }
  }

  #scanEscape(isTemplate: boolean): string {
    const start = this.#here();
    const escaped = this.#text[this.#at + 1] ?? "";
    const simple = isTemplate && escaped === "{" ? "{" : ESCAPES.get(escaped);
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    if (escaped === "u") return this.#scanUnicodeEscape(start);
    this.#blame("illegal escape sequence: write a backslash as \\\\, or the string in back quotes", start);
    this.#at++;
    return "";
  }

  /** A surrogate without its other half becomes U+FFFD, as in OPA: no string of ours is ill-formed. */
  #scanUnicodeEscape(start: Location): string {
    const unit = this.#codeUnitEscapedAt(this.#at);
    if (unit === undefined) {
      this.#blame("illegal escape sequence: \\u needs four hexadecimal digits", start);
      this.#at++;
      return "";
    }
    this.#at += 6;
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const low = unit < 0xdc00 ? this.#codeUnitEscapedAt(this.#at) : undefined;
    if (low === undefined || low < 0xdc00 || low > 0xdfff) return REPLACEMENT;
    this.#at += 6;
    return String.fromCharCode(unit, low);
  }

  #codeUnitEscapedAt(at: number): number | undefined {
    const digits = this.#text.slice(at + 2, at + 6);
    return this.#text.startsWith("\\u", at) && FOUR_HEX_DIGITS.test(digits) ? Number.parseInt(digits, 16) : undefined;
  }

  #scanSymbol(): readonly [TokenKind, string] {
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (SYMBOLS_OF_TWO.includes(two)) {
      this.#at += 2;
      return ["symbol", two];
    }
    const one = two.charAt(0);
    if (SYMBOLS_OF_ONE.includes(one)) {
      this.#at++;
      return ["symbol", one];
    }
    const start = this.#here();
    this.#passCharacter();
    this.#blame(one === "!" ? "illegal ! character: write `not` or `!=`" : "illegal token", start);
    return ["illegal", ""];
  }

  /** One character, whatever it is; those that no text may hold are a fault. */
  #passCharacter(): void {
    const code = this.#code();
    if (code === 0) this.#blame("illegal null character", this.#here());
    else if (code === BYTE_ORDER_MARK) this.#blame("illegal byte-order mark", this.#here());
    else if (code >= 0xd800 && code <= 0xdfff) {
      if ((this.#text.codePointAt(this.#at) as number) > 0xffff) {
        this.#at++;
        this.#pairs++;
      } else this.#blame("illegal utf-8 character: half of a surrogate pair", this.#here());
    }
    this.#at++;
  }

  #passLineFeed(): void {
    this.#lineStart = ++this.#at;
    this.#row++;
    this.#pairs = 0;
  }

  #blame(message: string, location: Location): void {
    this.#fault ??= { message, location: { ...location, end: Math.min(location.start + 1, this.#text.length) } };
  }

  #here(): Location {
    const col = this.#at - this.#lineStart - this.#pairs + 1;
    return { file: this.#file, row: this.#row, col, start: this.#at, end: this.#at };
  }

  /** NaN behind the end. */
  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }
}

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || code === UNDERSCORE;
}

function isDigit(code: number): boolean {
  return code >= DIGIT_0 && code <= DIGIT_9;
}
