import { ANY, arrayOf, functionOf, STRING } from "../types.ts";
import { integerOf, numberToText } from "../values/big-number.ts";
import { isPrintable, quote, TextWriter, valueToText } from "../values/print.ts";
import { isNumber, type Value } from "../values/value.ts";
import type { Builtin, BuiltinContext } from "./builtin.ts";
import { type FloatVerb, formatFloat } from "./format-float.ts";
import { taking } from "./operands.ts";
import { textToBytes } from "./text-bytes.ts";
import { countCharacters, firstCharacters } from "./text-characters.ts";

const sprintf: Builtin = {
  name: "sprintf",
  type: functionOf([STRING, arrayOf(ANY)], STRING),
  run: taking(["string", "array"], (context, format, values) => {
    const operands = values.map((value) => operandOf(context, value));
    return new Formatter(context, format, operands).run();
  }),
};

export const SPRINTF_BUILTINS: readonly Builtin[] = [sprintf];

/** An operand under the name that its type has in Go, which mistakes in a format show: `%!d(string=hi)`. */
type Operand =
  | { readonly type: "int64" | "*big.Int"; readonly value: bigint }
  | { readonly type: "float64"; readonly value: number }
  | { readonly type: "string"; readonly value: string };

/** What is no number and no string is formatted as its text. */
function operandOf(context: BuiltinContext, value: Value): Operand {
  if (typeof value === "string") return { type: "string", value };
  if (!isNumber(value))
    return { type: "string", value: valueToText(value, { spend: (steps) => context.spend(steps) }) };
  const integer = integerOf(value);
  if (integer !== undefined)
    return { type: BigInt.asIntN(64, integer) === integer ? "int64" : "*big.Int", value: integer };
  const text = numberToText(value);
  const float = Number(text);
  return Number.isFinite(float) ? { type: "float64", value: float } : { type: "string", value: text };
}

interface Flags {
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  /** `%#v` and `%+v`: there the two flags mean something else. */
  readonly isGoSyntax: boolean;
  readonly isPlusValue: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

const NO_FLAGS: Flags = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  isGoSyntax: false,
  isPlusValue: false,
  width: undefined,
  precision: undefined,
};

/** Go's limit of a width or precision; one further digit may follow what is within it. */
const SIZE_MAX = 1_000_000;

/** One run of Go's `fmt.Sprintf` (package documentation of `fmt`, "Printing"). */
class Formatter {
  readonly #context: BuiltinContext;
  readonly #format: string;
  readonly #operands: readonly Operand[];
  readonly #writer: TextWriter;
  readonly #lastBracket: number;
  #at = 0;
  #next = 0;
  /** After an explicit index (`%[2]d`) unused operands are no mistake. */
  #isReordered = false;
  #isIndexGood = true;

  constructor(context: BuiltinContext, format: string, operands: readonly Operand[]) {
    this.#context = context;
    this.#writer = new TextWriter({ spend: (steps) => context.spend(steps) });
    this.#format = format;
    this.#operands = operands;
    this.#lastBracket = format.lastIndexOf("]");
  }

  run(): string {
    for (;;) {
      const percent = this.#format.indexOf("%", this.#at);
      this.#writer.add(this.#format.slice(this.#at, percent < 0 ? undefined : percent));
      if (percent < 0) break;
      this.#at = percent + 1;
      this.#directive();
    }
    if (!this.#isReordered && this.#next < this.#operands.length) this.#addExtra();
    return this.#writer.text;
  }

  #directive(): void {
    this.#isIndexGood = true;
    const signs = this.#readSigns();
    let hasIndex = this.#readIndex();
    let width: number | undefined;
    if (this.#takes("*")) {
      width = this.#takeSize();
      if (width === undefined) this.#writer.add("%!(BADWIDTH)");
      hasIndex = false;
    } else {
      width = this.#readSize();
      if (hasIndex && width !== undefined) this.#isIndexGood = false;
    }
    let precision: number | undefined;
    if (this.#at + 1 < this.#format.length && this.#takes(".")) {
      if (hasIndex) this.#isIndexGood = false;
      hasIndex = this.#readIndex();
      if (this.#takes("*")) {
        const size = this.#takeSize() ?? -1;
        if (size < 0) this.#writer.add("%!(BADPREC)");
        else precision = size;
        hasIndex = false;
      } else precision = this.#readSize() ?? 0;
    }
    if (!hasIndex) this.#readIndex();
    const isLeft = signs.minus || (width ?? 0) < 0;
    this.#verb({
      ...signs,
      minus: isLeft,
      zero: signs.zero && (width ?? 0) >= 0,
      width: width === undefined ? undefined : Math.abs(width),
      precision,
    });
  }

  #verb(flags: Flags): void {
    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) {
      this.#writer.add("%!(NOVERB)");
      return;
    }
    const verb = String.fromCodePoint(code);
    this.#at += verb.length;
    const operand = this.#operands[this.#next];
    if (verb === "%") this.#writer.add("%");
    else if (!this.#isIndexGood) this.#writer.add(`%!${verb}(BADINDEX)`);
    else if (operand === undefined) this.#writer.add(`%!${verb}(MISSING)`);
    else {
      this.#context.spend(((flags.width ?? 0) + (flags.precision ?? 0)) >>> 3);
      this.#writer.add(formatOperand(operand, verb, verb === "v" || verb === "w" ? flagsOfValue(flags) : flags));
      this.#next++;
    }
  }

  #readSigns(): Flags {
    let signs = NO_FLAGS;
    for (; ; this.#at++) {
      const sign = this.#format[this.#at];
      if (sign === "#") signs = { ...signs, sharp: true };
      else if (sign === "0") signs = { ...signs, zero: true };
      else if (sign === "+") signs = { ...signs, plus: true };
      else if (sign === "-") signs = { ...signs, minus: true };
      else if (sign === " ") signs = { ...signs, space: true };
      else return signs;
    }
  }

  /** `[2]`: the operand that comes next. False where there is none, or nothing that can be read as one. */
  #readIndex(): boolean {
    if (!this.#takes("[")) return false;
    this.#isReordered = true;
    // Two characters must follow; a lone `]` at the end of the format is taken for the verb.
    if (this.#lastBracket < this.#at || this.#format.length - this.#at < 2) {
      this.#isIndexGood = false;
      return false;
    }
    const close = this.#format.indexOf("]", this.#at);
    const index = this.#readSize();
    const isNumber = index !== undefined && this.#at === close;
    this.#at = close + 1;
    if (isNumber && index >= 1 && index <= this.#operands.length) this.#next = index - 1;
    else this.#isIndexGood = false;
    return isNumber;
  }

  /** Digits; a number that is too long for a size swallows the rest of the format. */
  #readSize(): number | undefined {
    let size: number | undefined;
    for (;;) {
      const digit = this.#format.charCodeAt(this.#at) - 0x30;
      if (!(digit >= 0 && digit <= 9)) return size;
      if (size !== undefined && size > SIZE_MAX) {
        this.#at = this.#format.length;
        return undefined;
      }
      size = (size ?? 0) * 10 + digit;
      this.#at++;
    }
  }

  /** `*`: the next operand says it. */
  #takeSize(): number | undefined {
    const operand = this.#operands[this.#next];
    if (operand === undefined) return undefined;
    this.#next++;
    const size = operand.type === "int64" ? Number(operand.value) : Number.POSITIVE_INFINITY;
    return Math.abs(size) <= SIZE_MAX ? size : undefined;
  }

  #takes(character: string): boolean {
    if (this.#format[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #addExtra(): void {
    this.#writer.add("%!(EXTRA ");
    this.#operands.slice(this.#next).forEach((operand, i) => {
      this.#writer.add(`${i > 0 ? ", " : ""}${operand.type}=`);
      this.#writer.add(formatOperand(operand, "v", NO_FLAGS));
    });
    this.#writer.add(")");
  }
}

function flagsOfValue(flags: Flags): Flags {
  return { ...flags, isGoSyntax: flags.sharp, sharp: false, isPlusValue: flags.plus, plus: false };
}

function formatOperand(operand: Operand, verb: string, flags: Flags): string {
  if (verb === "T") return formatText(operand.type, flags);
  switch (operand.type) {
    case "int64":
      return formatInt64(operand, verb, flags);
    case "*big.Int":
      return formatBigInt(operand.value, verb, flags);
    case "float64":
      return formatDouble(operand, verb, flags);
    case "string":
      return formatString(operand, verb, flags);
  }
}

/** The operand is shown with the flags that were meant for the other verb. */
function badVerb(operand: Operand, verb: string, flags: Flags): string {
  return `%!${verb}(${operand.type}=${formatOperand(operand, "v", flags)})`;
}

function formatString(operand: Operand & { readonly type: "string" }, verb: string, flags: Flags): string {
  const { value } = operand;
  switch (verb) {
    case "v":
      return flags.isGoSyntax ? formatQuoted(value, flags) : formatText(value, flags);
    case "s":
      return formatText(value, flags);
    case "q":
      return formatQuoted(value, flags);
    case "x":
      return formatBytes(value, flags);
    case "X":
      return formatBytes(value, flags).toUpperCase();
    default:
      return badVerb(operand, verb, flags);
  }
}

function formatText(text: string, flags: Flags): string {
  return pad(firstCharacters(text, flags.precision), flags);
}

// A raw string literal has neither a back quote nor what an editor would not show.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const RAW: RegExp = /^[^\u0000-\u0008\u000a-\u001f\u007f`\ufeff\ud800-\udfff]*$/u;

function formatQuoted(text: string, flags: Flags): string {
  const short = firstCharacters(text, flags.precision);
  if (flags.sharp && RAW.test(short)) return pad(`\`${short}\``, flags);
  return pad(quote(short, { mark: '"', isAscii: flags.plus }), flags);
}

/** Two digits for each byte; `% x` puts spaces between them, `%#x` a `0x` in front of all or, with both, of each. */
function formatBytes(text: string, flags: Flags): string {
  const bytes = textToBytes(text).subarray(0, flags.precision);
  const prefix = flags.sharp ? "0x" : "";
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  if (pairs.length === 0) return pad("", flags);
  return pad(flags.space ? pairs.map((pair) => prefix + pair).join(" ") : prefix + pairs.join(""), flags);
}

function formatInt64(operand: Operand & { readonly type: "int64" | "*big.Int" }, verb: string, flags: Flags): string {
  const { value } = operand;
  switch (verb) {
    case "v":
    case "d":
      return formatInteger(value, 10, "", flags);
    case "b":
      return formatInteger(value, 2, flags.sharp ? "0b" : "", flags);
    case "o":
    case "O":
      return formatInteger(value, 8, verb === "O" ? "0o" : "", flags);
    case "x":
      return formatInteger(value, 16, flags.sharp ? "0x" : "", flags);
    case "X":
      return formatInteger(value, 16, flags.sharp ? "0x" : "", flags).toUpperCase();
    case "c":
      return pad(characterOf(value), flags);
    case "q":
      return pad(quote(characterOf(value), { mark: "'", isAscii: flags.plus }), flags);
    case "U":
      return formatCodePoint(BigInt.asUintN(64, value), flags);
    default:
      return badVerb(operand, verb, flags);
  }
}

function formatInteger(value: bigint, base: 2 | 8 | 10 | 16, prefix: string, flags: Flags): string {
  const { precision, width } = flags;
  const spaces = { ...flags, zero: false };
  if (precision === 0 && value === 0n) return pad("", { ...spaces, minus: false });
  const sign = signOf(value, flags.plus, flags.space);
  const isZeroPadded = precision === undefined && flags.zero && !flags.minus && width !== undefined;
  const length = precision ?? (isZeroPadded ? width - sign.length : 0);
  const digits = magnitude(value).toString(base).padStart(length, "0");
  const octal = base === 8 && flags.sharp && !digits.startsWith("0") ? "0" : "";
  return pad(sign + prefix + octal + digits, spaces);
}

function formatCodePoint(code: bigint, flags: Flags): string {
  const digits = code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 0, 4), "0");
  const character = characterOf(code);
  const isShown = flags.sharp && code <= CODE_POINT_MAX && !isSurrogate(code) && isPrintable(character);
  return pad(`U+${digits}${isShown ? ` '${character}'` : ""}`, { ...flags, zero: false });
}

const CODE_POINT_MAX = 0x10ffffn;

function isSurrogate(code: bigint): boolean {
  return code >= 0xd800n && code <= 0xdfffn;
}

function characterOf(code: bigint): string {
  const isValid = code >= 0n && code <= CODE_POINT_MAX && !isSurrogate(code);
  return isValid ? String.fromCodePoint(Number(code)) : "\ufffd";
}

/** What is beyond 64 bits formats itself in Go (`big.Int.Format`), and pads a little differently. */
function formatBigInt(value: bigint, verb: string, flags: Flags): string {
  const base = BIG_BASES.get(verb);
  if (base === undefined) return `%!${verb}(big.Int=${value})`;
  const sharp = flags.sharp || flags.isGoSyntax;
  const prefix = verb === "O" ? "0o" : sharp ? (BIG_PREFIXES.get(verb) ?? "") : "";
  const sign = signOf(value, flags.plus || flags.isPlusValue, flags.space);
  const digits = magnitude(value).toString(base);
  const isZeroPadded = flags.precision === undefined && flags.zero && !flags.minus;
  const length = isZeroPadded ? (flags.width ?? 0) - sign.length - prefix.length : (flags.precision ?? 0);
  const padded = (verb === "X" ? digits.toUpperCase() : digits).padStart(length, "0");
  return pad(sign + prefix + padded, { ...flags, zero: false });
}

const BIG_BASES: ReadonlyMap<string, number> = new Map([
  ["b", 2],
  ["o", 8],
  ["O", 8],
  ["d", 10],
  ["s", 10],
  ["v", 10],
  ["x", 16],
  ["X", 16],
]);
const BIG_PREFIXES: ReadonlyMap<string, string> = new Map([
  ["b", "0b"],
  ["o", "0"],
  ["x", "0x"],
  ["X", "0X"],
]);

function formatDouble(operand: Operand & { readonly type: "float64" }, verb: string, flags: Flags): string {
  const form = FLOAT_FORMS.get(verb);
  if (form === undefined) return badVerb(operand, verb, flags);
  const precision = flags.precision ?? form.precision;
  const text = formatFloat(operand.value, form.verb, precision);
  const isNegative = text.startsWith("-");
  const plain = isNegative ? text.slice(1) : text;
  const number = flags.sharp && form.verb !== "b" ? withPoint(plain, verb, precision) : plain;
  const sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (sign === "" || !flags.zero || flags.minus) return pad(sign + number, flags);
  // The sign stands in front of the zeros.
  return sign + number.padStart((flags.width ?? 0) - 1, "0");
}

const FLOAT_FORMS: ReadonlyMap<string, { readonly verb: FloatVerb; readonly precision?: number }> = new Map([
  ["v", { verb: "g" }],
  ["b", { verb: "b" }],
  ["g", { verb: "g" }],
  ["G", { verb: "G" }],
  ["x", { verb: "x" }],
  ["X", { verb: "X" }],
  ["e", { verb: "e", precision: 6 }],
  ["E", { verb: "E", precision: 6 }],
  ["f", { verb: "f", precision: 6 }],
  ["F", { verb: "f", precision: 6 }],
]);

const DECIMAL_PARTS: RegExp = /^([0-9.]*)(e.*)?$/i;
const HEXADECIMAL_PARTS: RegExp = /^(0x[0-9a-f.]*)(p.*)?$/i;

/** `%#g`: the point is always there, and the zeros at the end that the precision asks for. */
function withPoint(text: string, verb: string, precision: number | undefined): string {
  const isHexadecimal = verb === "x" || verb === "X";
  const [, number = "", tail = ""] = (isHexadecimal ? HEXADECIMAL_PARTS : DECIMAL_PARTS).exec(text) ?? [];
  const wanted = "vgGx".includes(verb) ? (precision ?? 6) : 0;
  // Go counts the `x` of `0x` among the digits, and a lone zero as one of them.
  const significant = number.replace(".", "").replace(LEADING_ZEROS, "").length + (number === "0" ? 1 : 0);
  return number + (number.includes(".") ? "" : ".") + "0".repeat(Math.max(wanted - significant, 0)) + tail;
}

const LEADING_ZEROS: RegExp = /^0+/;

function signOf(value: bigint, plus: boolean, space: boolean): string {
  return value < 0n ? "-" : plus ? "+" : space ? " " : "";
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function pad(text: string, { width, minus, zero }: Flags): string {
  if (width === undefined || width === 0) return text;
  const missing = width - countCharacters(text);
  if (missing <= 0) return text;
  return minus ? text + " ".repeat(missing) : (zero ? "0" : " ").repeat(missing) + text;
}
