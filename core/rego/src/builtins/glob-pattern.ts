import { BuiltinFailure, failure } from "./builtin.ts";
import { textToBytes } from "./text-bytes.ts";

/**
 * A glob as a regular expression for the whole of a text (github.com/gobwas/glob, "Syntax"): `*` and `?` stop at
 * delimiters, `**` does not, `[abc]`, `[!abc]`, `[a-z]` and `[!a-z]` are one character, `{a,b}` is either, `\` quotes.
 */
export function globToPattern(glob: string, delimiters: readonly string[]): string | BuiltinFailure {
  const any = delimiters.length === 0 ? "(?s:.)" : `[^${delimiters.map(quote).join("")}]`;
  const characters = Array.from(glob);
  let pattern = "";
  let depth = 0;
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === "*" && characters[at + 1] === "*") {
      pattern += "(?s:.*)";
      at++;
    } else if (character === "*") pattern += `${any}*`;
    else if (character === "?") pattern += any;
    else if (character === "[") {
      const set = readSet(characters, at + 1);
      if (set instanceof BuiltinFailure) return set;
      pattern += set.pattern;
      at = set.end;
    } else if (character === "{") {
      pattern += "(?:";
      depth++;
    } else if (character === "," && depth > 0) pattern += "|";
    else if (character === "}" && depth > 0) {
      pattern += ")";
      depth--;
    } else if (character !== "\\") pattern += quote(character);
    else if (++at < characters.length) pattern += quote(characters[at] as string);
    else return syntaxFailure(characters, at, "trailing backslash");
  }
  return depth > 0 ? syntaxFailure(characters, characters.length, "unclosed `{`") : `\\A(?:${pattern})\\z`;
}

interface GlobSet {
  readonly pattern: string;
  /** Where its `]` is. */
  readonly end: number;
}

/** Either one range or a list of characters, in which `-` is one of them. */
function readSet(characters: readonly string[], start: number): GlobSet | BuiltinFailure {
  const isNegated = characters[start] === "!";
  const first = isNegated ? start + 1 : start;
  const open = isNegated ? "[^" : "[";
  if (characters[first + 1] !== "-") return readList(characters, first, open);
  const [low, high, close] = [characters[first], characters[first + 2], characters[first + 3]];
  if (low === undefined || high === undefined || close === undefined) return endFailure(characters);
  if (close !== "]") return syntaxFailure(characters, first + 4, "expected close range character");
  if ((high.codePointAt(0) as number) < (low.codePointAt(0) as number))
    return syntaxFailure(characters, first + 4, "range hi character is less than lo");
  return { pattern: `${open}${quote(low)}-${quote(high)}]`, end: first + 3 };
}

function readList(characters: readonly string[], first: number, open: string): GlobSet | BuiltinFailure {
  let list = "";
  let at = first;
  for (; at < characters.length && characters[at] !== "]"; at++) {
    if (characters[at] === "\\") at++;
    const character = characters[at];
    if (character !== undefined) list += quote(character);
  }
  if (at >= characters.length) return endFailure(characters);
  return list === ""
    ? syntaxFailure(characters, at + 1, "could not parse range")
    : { pattern: `${open}${list}]`, end: at };
}

function endFailure(characters: readonly string[]): BuiltinFailure {
  return syntaxFailure(characters, characters.length, "unexpected end of input");
}

function syntaxFailure(characters: readonly string[], read: number, what: string): BuiltinFailure {
  const offset = textToBytes(characters.slice(0, read).join("")).length;
  return failure(`glob: syntax error at ${offset}: ${what}`);
}

function quote(character: string): string {
  return /^[0-9A-Za-z]$/.test(character) ? character : `\\x{${(character.codePointAt(0) as number).toString(16)}}`;
}
