import type { Json } from "./canonical-json.ts";
import { readJson } from "./read-json.ts";
import { err, ok, type Result } from "./result.ts";

/** Where something stands in a text: both count from 1, columns in UTF-16 code units as editors count them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface LocatedJsonLimits {
  /** UTF-16 code units of the whole text. */
  readonly length: number;
  /** Arrays and objects inside each other; a scalar alone has depth 0. */
  readonly depth: number;
}

/** A parsed JSON text that still knows where each of its parts was written. */
export interface LocatedJson {
  readonly value: Json;
  /**
   * Where the value at a JSON pointer (RFC 6901) begins, or with `key` the name of that member. A pointer to nothing
   * answers for its nearest existing parent, so that a missing member is reported where it should have stood.
   * Walks the text again: made for errors, not for loops.
   */
  positionOf(pointer: string, part?: "value" | "key"): Position;
}

/** A document of which one list is long: `value` has an empty list in its place. */
export interface ListedJson extends LocatedJson {
  /** The list's items; undefined when the document has no such list. */
  readonly items: JsonItems | undefined;
}

/** Parsed when they are asked for, so that reading them one by one holds one at a time. */
export interface JsonItems {
  readonly length: number;
  at(index: number): Json;
}

export interface LocatedJsonError extends Position {
  readonly code:
    | "JSON_SYNTAX"
    | "JSON_KEY_DUPLICATE"
    | "JSON_STRING_INVALID"
    | "JSON_NUMBER_INEXACT"
    | "JSON_TOO_DEEP"
    | "JSON_TOO_LARGE";
  readonly expected: string;
}

/**
 * Parses a file that people write (policy, configuration) strictly by RFC 8259, and beyond it refuses what two readers
 * could understand differently: duplicate names, lone surrogates, integers that a double does not carry exactly,
 * numbers that overflow, a byte order mark. The error says where, and what was expected there.
 */
export function parseLocatedJson(text: string, limits: LocatedJsonLimits): Result<LocatedJson, LocatedJsonError> {
  const scanned = scan(text, limits, undefined);
  return scanned.ok ? ok({ value: readJson(text), positionOf: positionIn(text) }) : scanned;
}

/** The same for an object whose member `name` is a long list. The whole text is checked at once, the items as well. */
export function parseListedJson(
  text: string,
  limits: LocatedJsonLimits,
  name: string,
): Result<ListedJson, LocatedJsonError> {
  const scanned = scan(text, limits, name);
  if (!scanned.ok) return scanned;
  const { list } = scanned.value;
  const rest = list ? `${text.slice(0, list.start)}[]${text.slice(list.end)}` : text;
  return ok({
    value: readJson(rest),
    positionOf: positionIn(text),
    items: list && {
      length: list.starts.length,
      at: (index) => readJson(text.slice(list.starts[index], list.ends[index])),
    },
  });
}

function scan(
  text: string,
  limits: LocatedJsonLimits,
  listed: string | undefined,
): Result<{ readonly list: ScannedList | undefined }, LocatedJsonError> {
  if (text.length > limits.length)
    return err({ code: "JSON_TOO_LARGE", line: 1, column: 1, expected: `at most ${limits.length} characters` });
  const scanner = new Scanner(text, limits.depth, listed);
  scanner.scanText();
  if (scanner.fault) return err({ ...positionAt(text, scanner.fault.at), ...scanner.fault.what });
  return ok({ list: scanner.list });
}

function positionIn(text: string): LocatedJson["positionOf"] {
  return (pointer, part = "value") => positionAt(text, offsetOf(text, pointer, part));
}

/** Offsets of a list and of the items in it. */
interface ScannedList {
  readonly start: number;
  end: number;
  readonly starts: number[];
  readonly ends: number[];
}

type What = Pick<LocatedJsonError, "code" | "expected">;

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
const SURROGATE_FIRST = 0xd800;
const SURROGATE_LAST = 0xdfff;

const LITERALS: readonly string[] = ["true", "false", "null"];
const A_VALUE = "a value: object, array, string, number, true, false or null";

/** The names of one object. Few are compared faster than they are hashed. */
class Names {
  readonly #few: string[] = [];
  #all: Set<string> | undefined;

  /** False when it is there already. */
  add(name: string): boolean {
    if (this.#all?.has(name) ?? this.#few.includes(name)) return false;
    if (this.#all) this.#all.add(name);
    else if (this.#few.push(name) === NAMES_COMPARED_MAX) this.#all = new Set(this.#few);
    return true;
  }
}

const NAMES_COMPARED_MAX = 16;

/** Walks a text once without building anything, up to the first fault; each step answers whether there was none. */
class Scanner {
  readonly text: string;
  readonly #depthMax: number;
  readonly #listed: string | undefined;
  readonly #number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
  readonly #escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
  at = 0;
  fault: { readonly at: number; readonly what: What } | undefined;
  /** The member that was asked for, if it is a list. */
  list: ScannedList | undefined;
  /** Where the string that was scanned last begins, and whether it stands there as it is. */
  #stringStart = 0;
  #isPlain = true;

  constructor(text: string, depthMax: number, listed?: string) {
    this.text = text;
    this.#depthMax = depthMax;
    this.#listed = listed;
  }

  /** The string that was scanned last, decoded. */
  get string(): string {
    const [start, end] = [this.#stringStart, this.at];
    return this.#isPlain ? this.text.slice(start + 1, end - 1) : (readJson(this.text.slice(start, end)) as string);
  }

  scanText(): boolean {
    this.skipSpace();
    if (!this.scanValue(0)) return false;
    this.skipSpace();
    return this.at === this.text.length || this.#fail(this.at, "JSON_SYNTAX", "the end of the text");
  }

  skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return;
      this.at++;
    }
  }

  scanValue(depth: number): boolean {
    const code = this.text.charCodeAt(this.at);
    if (code === QUOTE) return this.scanString("a string");
    if (code === OPEN_BRACE) return this.#scanObject(depth);
    if (code === OPEN_BRACKET) return this.#scanList(depth, undefined);
    if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) return this.#scanNumber();
    return this.#scanLiteral();
  }

  #scanObject(depth: number): boolean {
    if (!this.#opens(depth)) return false;
    if (this.#takes(CLOSE_BRACE)) return true;
    const names = new Names();
    for (;;) {
      const name = this.#scanName(names);
      if (name === undefined) return false;
      const isListed = depth === 0 && name === this.#listed && this.text.charCodeAt(this.at) === OPEN_BRACKET;
      if (isListed) this.list = { start: this.at, end: this.at, starts: [], ends: [] };
      if (!(isListed ? this.#scanList(depth + 1, this.list) : this.scanValue(depth + 1))) return false;
      if (this.list && isListed) this.list.end = this.at;
      this.skipSpace();
      if (this.#takes(CLOSE_BRACE)) return true;
      if (!this.#takes(COMMA)) return this.#fail(this.at, "JSON_SYNTAX", '"," or "}"');
      this.skipSpace();
    }
  }

  #scanList(depth: number, list: ScannedList | undefined): boolean {
    if (!this.#opens(depth)) return false;
    if (this.#takes(CLOSE_BRACKET)) return true;
    for (;;) {
      list?.starts.push(this.at);
      if (!this.scanValue(depth + 1)) return false;
      list?.ends.push(this.at);
      this.skipSpace();
      if (this.#takes(CLOSE_BRACKET)) return true;
      if (!this.#takes(COMMA)) return this.#fail(this.at, "JSON_SYNTAX", '"," or "]"');
      this.skipSpace();
    }
  }

  #opens(depth: number): boolean {
    const start = this.at++;
    if (depth >= this.#depthMax)
      return this.#fail(start, "JSON_TOO_DEEP", `at most ${this.#depthMax} arrays and objects inside each other`);
    this.skipSpace();
    return true;
  }

  /** A member's name with its colon, and the space behind it; `names` are those before it. Undefined for a fault. */
  #scanName(names: Names): string | undefined {
    const start = this.at;
    if (!this.scanString("a member name in double quotes")) return undefined;
    const name = this.string;
    if (!names.add(name)) {
      this.#fail(start, "JSON_KEY_DUPLICATE", "each member name once");
      return undefined;
    }
    this.skipSpace();
    if (!this.#takes(COLON)) {
      this.#fail(this.at, "JSON_SYNTAX", '":"');
      return undefined;
    }
    this.skipSpace();
    return name;
  }

  scanString(expected: string): boolean {
    const start = this.at;
    if (!this.#takes(QUOTE)) return this.#fail(start, "JSON_SYNTAX", expected);
    this.#stringStart = start;
    this.#isPlain = true;
    for (let code = this.text.charCodeAt(this.at); code !== QUOTE; code = this.text.charCodeAt(this.at)) {
      if (code === BACKSLASH || (code >= SURROGATE_FIRST && code <= SURROGATE_LAST)) this.#isPlain = false;
      // The comparison is false for the NaN past the end as well.
      if (!(code >= SPACE))
        return this.#fail(this.at, "JSON_SYNTAX", "a closing quote; control characters are written as escapes");
      if (code !== BACKSLASH) this.at++;
      else if (!this.#scanEscape()) return false;
    }
    this.at++;
    return (
      this.#isPlain || this.string.isWellFormed() || this.#fail(start, "JSON_STRING_INVALID", "surrogates in pairs")
    );
  }

  #scanEscape(): boolean {
    this.#escape.lastIndex = this.at;
    if (!this.#escape.test(this.text))
      return this.#fail(this.at, "JSON_SYNTAX", 'an escape: \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX');
    this.at = this.#escape.lastIndex;
    return true;
  }

  #scanNumber(): boolean {
    const start = this.at;
    this.#number.lastIndex = start;
    const match = this.#number.exec(this.text);
    if (!match) return this.#fail(start, "JSON_SYNTAX", A_VALUE);
    this.at = this.#number.lastIndex;
    const value = Number(match[0]);
    const isExact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    return (
      isExact || this.#fail(start, "JSON_NUMBER_INEXACT", "an integer between -(2^53-1) and 2^53-1, or a fraction")
    );
  }

  #scanLiteral(): boolean {
    const literal = LITERALS.find((candidate) => this.text.startsWith(candidate, this.at));
    if (literal === undefined) return this.#fail(this.at, "JSON_SYNTAX", A_VALUE);
    this.at += literal.length;
    return true;
  }

  #takes(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at++;
    return true;
  }

  #fail(at: number, code: What["code"], expected: string): false {
    this.fault = { at, what: { code, expected } };
    return false;
  }
}

/** The text has been scanned without a fault, so each step below finds what it expects. */
function offsetOf(text: string, pointer: string, part: "value" | "key"): number {
  const scanner = new Scanner(text, Number.POSITIVE_INFINITY);
  scanner.skipSpace();
  let found = { key: scanner.at, value: scanner.at };
  for (const token of pointer.split("/").slice(1)) {
    const step = stepInto(scanner, token.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (!step) return found.value;
    found = step;
  }
  return found[part];
}

/** From the start of a container to the start of its member; undefined when there is no such member. */
function stepInto(scanner: Scanner, token: string): { key: number; value: number } | undefined {
  const open = scanner.text.charCodeAt(scanner.at);
  if (open !== OPEN_BRACE && open !== OPEN_BRACKET) return undefined;
  const close = open === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
  scanner.at++;
  scanner.skipSpace();
  for (let index = 0; scanner.text.charCodeAt(scanner.at) !== close; index++) {
    const key = scanner.at;
    let name = String(index);
    if (open === OPEN_BRACE) {
      scanner.scanString("");
      name = scanner.string;
      scanner.skipSpace();
      scanner.at++;
      scanner.skipSpace();
    }
    if (name === token) return { key, value: scanner.at };
    scanner.scanValue(0);
    scanner.skipSpace();
    if (scanner.text.charCodeAt(scanner.at) === COMMA) scanner.at++;
    scanner.skipSpace();
  }
  return undefined;
}

function positionAt(text: string, offset: number): Position {
  let line = 1;
  let lineStart = 0;
  for (let next = text.indexOf("\n"); next !== -1 && next < offset; next = text.indexOf("\n", lineStart)) {
    line++;
    lineStart = next + 1;
  }
  return { line, column: offset - lineStart + 1 };
}
