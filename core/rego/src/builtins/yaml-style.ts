import { resolvePlainScalar } from "./yaml-scalar.ts";

/** How a string is written so that it is read as the same string. */
export type YamlStyle = "plain" | "single" | "double" | "literal";

/** The style that Go's `yaml.v3` picks. */
export function styleOf(text: string): YamlStyle {
  if (UNPRINTABLE.test(text)) return "double";
  if (text.includes("\n")) return text.includes(" \n") || text.endsWith(" ") ? "double" : "literal";
  if (looksOtherwise(text)) return "double";
  return INDICATOR.test(text) || text.startsWith(" ") || text.endsWith(" ") ? "single" : "plain";
}

/** Of the characters YAML 1.1 (§5.1) lets stand, yaml.v3 escapes the tab and those beyond U+FFFF; we, all line ends. */
const UNPRINTABLE: RegExp = /[^\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;

/** What ends a plain scalar or makes it something else (YAML 1.1 §5.3). */
const INDICATOR: RegExp = /^(?:[#,[\]{}&*!|>'"%@`]|[?:-](?: |$)|---|\.\.\.)|:(?: |$)| #/;

/** Other values of this or another version of YAML: numbers, `yes`, timestamps, base 60, and the merge key. */
function looksOtherwise(text: string): boolean {
  return (
    text === "<<" ||
    typeof resolvePlainScalar(text) !== "string" ||
    OLD_BOOLEAN.test(text) ||
    TIMESTAMP.test(text) ||
    BASE_60.test(text)
  );
}

const OLD_BOOLEAN: RegExp = /^(?:[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/;
const TIMESTAMP: RegExp =
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]| +)[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?$/;
const BASE_60: RegExp = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

export function writeSingleQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\0", "\\0"],
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\n", "\\n"],
  ["\v", "\\v"],
  ["\f", "\\f"],
  ["\r", "\\r"],
  ["\u001b", "\\e"],
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\u0085", "\\N"],
  ["\u2028", "\\L"],
  ["\u2029", "\\P"],
]);

export function writeDoubleQuoted(text: string): string {
  let quoted = "";
  for (const character of text)
    quoted += ESCAPES.get(character) ?? (UNPRINTABLE.test(character) ? escapeCode(character) : character);
  return `"${quoted}"`;
}

function escapeCode(character: string): string {
  const code = character.codePointAt(0) as number;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** YAML 1.1 §9.2: the header says how far the text is indented if its start hides that, and which line ends to keep. */
export function writeLiteral(text: string, indent: number): string {
  const indicator = /^[ \n]/.test(text) ? "2" : "";
  const chomping = !text.endsWith("\n") ? "-" : text === "\n" || text.endsWith("\n\n") ? "+" : "";
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  const body = lines.map((line) => (line === "" ? "\n" : `${" ".repeat(indent)}${line}\n`)).join("");
  return `|${indicator}${chomping}\n${body}`;
}
